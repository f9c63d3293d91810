"""Every example of the documents runs, and prints what the page says.

    console   `$ command` lines, run as they stand; what follows each is its output. `...` is any text in a line,
              and a line of its own any number of lines
    sh        commands whose words must be ours; under `<!-- toy -->` they run too, with options that keep them small
    python    run, page by page in one namespace; a `text` block right after is what it prints

`<!-- not run: reason -->` before a block leaves it out.
"""

import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from filelock import FileLock

from dataset import open_store
from pipelines.console import cli
from pipelines.console.pictures import save_picture
from pipelines.inference import problem

# The first test runs a whole page, and others wait for it.
pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n+)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
COMMANDS = ROOT / "docs" / "commands.md"
"""The page that begins in an empty folder; the others go on where it ends."""
TOY = {
    "render-batches": "--n 5 --size 48 --samples 1",
    "render-sweeps": "--identities 4",
    "train-dcign": "--maps 8 --latents 8 --batches 12 --precision float32",
    "infer-scene": "--chains 2 --iterations 8",
}
"""Options that make a documented command small; the last of two that are given counts."""
ONCE = ("evaluate-dcign",)
"""Commands that are run on their own page only: they take long, however small the data."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def where(self):
        return f"{self.page.name}:{self.line}"

    @property
    def commands(self):
        """Lines of a `sh` block that call one of our commands, as words."""
        lines = re.sub(r"\\\n\s*", " ", self.text).splitlines()
        # Comments go, and what a shell would put in becomes 0.
        words = [shlex.split(re.sub(r"\$\w+", "0", re.sub(r"\s#.*$", "", line))) for line in lines]
        words = [line[1:] if line[:1] == ["dcign"] else line for line in words]
        return [line for line in words if line and line[0] in cli.BY_NAME]

    @property
    def dialogue(self):
        """(command, expected output) pairs of a `console` block."""
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        parts = [re.sub(r"\\\n\s*", " ", part).partition("\n") for part in parts]
        return [(command, expected) for command, _, expected in parts]


def blocks(page):
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["text"],
            found["mark"] or "",
        )
        for found in FENCE.finditer(text)
    ]


def matches(expected, printed):
    """Whether what was printed is what the page shows, where `...` stands for anything."""
    lines = []
    for line in expected.strip().splitlines():
        pieces = [re.escape(piece) for piece in line.rstrip().split("...")]
        lines.append(r"(?:[^\n]*\n)*?" if line.strip() == "..." else r"[^\n]*".join(pieces) + r"[ ]*\n")
    return re.fullmatch("".join(lines), printed.strip() and f"{printed.strip()}\n") is not None


def call(words):
    """Call one of our commands in this process; its exit code, and all that it prints."""
    printed, before = io.StringIO(), sys.argv
    sys.argv = words
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            cli.run(cli.load(words[0]), words[0])
    except SystemExit as stop:
        return int(stop.code or 0), printed.getvalue()
    finally:
        sys.argv = before
    raise AssertionError("a command always exits")


def shell(line):
    """Run a line that is not one of ours in a shell; exit code, and all that it prints."""
    done = subprocess.run(
        ["bash", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="session", autouse=True)
def _quick(few_scored_images):
    """Every evaluation here scores few images."""


class Runner:
    """Runs the blocks of one page, in order, and compares what they print."""

    def __init__(self):
        self.names, self.printed = {"__name__": "__main__"}, ""

    def run(self, block):
        getattr(self, block.language, lambda _: None)(block)

    def console(self, block):
        for command, expected in block.dialogue:
            words = shlex.split(command)
            code, printed = call(words) if words[0] in cli.BY_NAME else shell(command)
            assert matches(expected, printed), f"{block.where}: $ {command}\nprinted\n{printed}\nnot\n{expected}"
            assert (code != 0) == ("Error: " in expected), f"{block.where}: $ {command} gave exit code {code}"

    def sh(self, block):
        for words in block.commands:
            if block.mark == "toy" and words[0] not in ONCE:
                code, printed = call([*words, *TOY.get(words[0], "").split()])
                assert code == 0, f"{block.where}: {shlex.join(words)}\n{printed}"

    def python(self, block):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * block.line + block.text, str(block.page), "exec"), self.names)
        self.printed = printed.getvalue()

    def text(self, block):
        assert matches(block.text, self.printed), f"{block.where}: printed\n{self.printed}\nnot\n{block.text}"


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Where docs/commands.md was run, for the other pages to go on from: by the first worker that comes here."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "docs-home"
    with FileLock(f"{folder}.lock"), pytest.MonkeyPatch.context() as patch:
        if not folder.exists():
            begun = folder.with_name("docs-home-begun")
            if begun.exists():
                pytest.fail("docs/commands.md did not run to its end, and the other pages go on from there")
            begun.mkdir()
            patch.chdir(begun)
            patch.setattr(problem, "PRIOR_SAMPLES", 60)  # infer-scene starts with 3,000 renders otherwise
            run_page(COMMANDS)
            save_picture(open_store("sweeps.zarr").read("test", "azimuth", 0)["image"][35], Path("portrait.jpg"))
            begun.rename(folder)
    return folder


@pytest.fixture
def furnished(tmp_path, monkeypatch, home):
    """A copy of the home to run in: examples may change what they work on."""
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(problem, "PRIOR_SAMPLES", 60)


def run_page(page):
    """Run the blocks of a page, in order, where one is."""
    runner = Runner()
    for block in blocks(page):
        if not block.mark.startswith("not run: "):
            runner.run(block)


def test_the_page_of_commands_does_what_it_says(home):
    assert (home / "faces.zarr").is_dir()


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("page", [page for page in PAGES if page != COMMANDS], ids=lambda page: page.name)
def test_a_page_does_what_it_says(page):
    run_page(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_is_one_that_can_be_typed(page):
    for block in blocks(page):
        for words in block.commands if block.language == "sh" else ():
            assert not misunderstood(words), f"{block.where}: {shlex.join(words)}: {misunderstood(words)}"


def misunderstood(words):
    """What is wrong with the words of a command, but for files that only a reader has."""
    try:
        cli.load(words[0]).make_context(words[0], words[1:])
    except click.UsageError as error:
        return None if re.search("does not exist|No such file|there is no", str(error)) else str(error)
    return None


def test_every_verb_has_a_worked_example():
    page = ROOT / "docs" / "commands.md"
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert {section.split("\n")[0] for section in sections} >= set(cli.BY_NAME)
    shown = {
        shlex.split(command)[0]
        for block in blocks(page)
        if block.language == "console"
        for command, _ in block.dialogue
    }
    assert shown >= set(cli.BY_NAME)


def test_the_reader_of_the_store_format_knows_nothing_of_this_project(home):
    first, shown = _reader()
    code = first.text + "\nimport sys\nprint(sorted({'dataset', 'render', 'train', 'pipelines'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=home, capture_output=True, text=True, check=True)
    assert matches(shown.text, done.stdout.rsplit("[]", 1)[0])
    assert done.stdout.endswith("[]\n")
    statements = [
        line for line in first.text.splitlines() if line.strip() and not line.strip().startswith(('"""', "#"))
    ]
    assert len(statements) - 2 <= 10  # but for the two that print


def _reader():
    page = blocks(ROOT / "docs" / "store-format.md")
    at = next(k for k, block in enumerate(page) if block.language == "python")
    return page[at], page[at + 1]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a ... c", "a b c", True),
        ("a ... c", "a b\nc", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a\n...\nd", "a\nd", True),
        ("a\n...", "a\nb", True),
        ("a", "a\nb", False),
        ("(1.5)", "(145)", False),
        ("", "a", False),
        ("", "", True),
    ],
)
def test_what_is_shown_and_what_is_printed_are_compared(expected, printed, same):
    assert matches(expected, printed) is same


def test_a_page_that_is_wrong_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n\n```console\n$ echo no\nyes\n```\n")
    python, text, console = blocks(page)
    runner = Runner()
    runner.run(python)
    for block, line in ((text, 5), (console, 9)):
        with pytest.raises(AssertionError, match=f"page.md:{line}"):
            runner.run(block)
