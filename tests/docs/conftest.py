"""Documents as programs: their fenced blocks, what each is expected to print, and a small home to run them in.

    console   `$ command` lines, run as they stand; what follows each is its output. `...` is any text in a line,
              and a line of its own any number of lines
    sh        commands whose words must be ours; under `<!-- toy -->` they are run too, with options that make them small
    python    run, page by page in one namespace; a `text` block right after is what it prints

`<!-- not run: reason -->` before a block leaves it out.
"""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines import cli
from pipelines.inference import problem

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n+)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
TOY = {
    "render-batches": "--n 4 --size 48 --samples 1",
    "render-sweeps": "--identities 4",
    "train-dcign": "--maps 8 --latents 8 --batches 12 --precision float32",
    "infer-scene": "--chains 2 --iterations 8",
}
"""Options that make a documented command small; the last of two that are given counts."""


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
        words = [shlex.split(re.sub(r"\s#.*$", "", line)) for line in lines]
        words = [line[1:] if line[:1] == ["dcign"] else line for line in words]
        return [line for line in words if line and line[0] in cli.VERBS]

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
    return re.fullmatch("".join(lines), printed.strip() + "\n") is not None


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


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """What the examples speak of, at toy size: a store, sweeps, a finished run, its entangled twin, and a portrait."""
    folder = tmp_path_factory.mktemp("docs")
    with contextlib.chdir(folder):
        for line in (
            "render-batches --factor all",
            "render-sweeps --like faces.zarr",
            "train-dcign --preset quick",
            "train-dcign --preset quick --objective random",
        ):
            words = [*line.split(), *TOY[line.split()[0]].split()]
            code, printed = call(words)
            assert code == 0, printed
        from pipelines.pictures import save_picture
        from dataset import open_store

        save_picture(open_store("sweeps.zarr").read("test", "azimuth", 0).images[35], Path("portrait.jpg"))
    return folder


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty folder to run in, with the costly beginning of infer-scene made short."""
    monkeypatch.setattr(problem, "DRAWS", 60)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def furnished(fresh, home):
    """A copy of the home: examples may change what they work on."""
    shutil.copytree(home, fresh, dirs_exist_ok=True)
    return fresh
