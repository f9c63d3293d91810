"""The hash of code follows what the code imports, and nothing else."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.runs import code_hash as subject
from train.runs.code_hash import PACKAGES, SourceTree, closure, code_hash

FILES = {
    "top/__init__.py": "",
    "top/start.py": "import json\nfrom top.deep import leaf, VALUE\n\ndef later():\n    import other.lazy\n",
    "top/deep/__init__.py": "VALUE = 1\n",
    "top/deep/leaf.py": "from . import sibling\nfrom ..loop import one\nimport numpy as np\n",
    "top/deep/sibling.py": "",
    "top/loop/__init__.py": "",
    "top/loop/one.py": "from top.loop import two\n",
    "top/loop/two.py": "import top.loop.one, top.start\n",
    "top/unused.py": "import torch\n",
    "other/__init__.py": "",
    "other/lazy.py": "class Lazy:\n    def use(self):\n        from other import lazier as l\n",
    "other/lazier.py": "import nowhere_installed\n",
    "other/unused.py": "",
}
REACHED = {
    "top",
    "top.start",
    "top.deep",
    "top.deep.leaf",
    "top.deep.sibling",
    "top.loop",
    "top.loop.one",
    "top.loop.two",
    "other",
    "other.lazy",
    "other.lazier",
}


@pytest.fixture
def tree(tmp_path):
    return written(tmp_path)


def written(root):
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SourceTree({"top": root / "top", "other": root / "other"})


def test_the_closure_follows_functions_packages_and_cycles(tree):
    assert set(tree.closure("top.start")) == REACHED
    assert tree.closure("top.start") == tuple(sorted(REACHED))
    assert tree.closure("other.unused") == ("other", "other.unused")
    assert tree.closure("top.loop.two") == tree.closure("top.start")


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_hash_changes_with_a_statement_of_the_closure_and_with_no_other(tree, tmp_path, name):
    before = tree.hash("top.start")
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b"\nANOTHER = 1\n")
    module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert (tree.hash("top.start") != before) == (module in REACHED)


@pytest.mark.parametrize("text", ["# a comment\n", '"""A docstring."""\n', "\n\n"])
def test_comments_docstrings_and_line_breaks_do_not_change_the_hash(tree, tmp_path, text):
    before = tree.hash("top.start")
    path = tmp_path / "top/start.py"
    path.write_text(text + path.read_text() + text)
    assert tree.hash("top.start") == before


SOURCE = r'''"""A module of what versions of Python parse in different ways, or could."""
import json as j
from dataclasses import dataclass

@dataclass(frozen=True)
class Point(list):
    """A docstring."""
    x: float = 1e-3
    """Another."""

async def f(a, /, b=(1, 2.5, 3j, -4, True, None, ...), *rest, key=None, **more):
    async with a as b, b: ...
    with (open("a") as g, g): await b
    for i, *k in a[1:, ::2, b]: yield i
    else: return
    text = f"a{b!r:>{key}}b" "c" f"{key=} \N{EM DASH} {{}}" u"d" f"", b"\x00", r"\n" "\U0001fae8é" f""
    match a:
        case {"k": [1, *_], **more} | Point(x=0): pass
        case None if (n := lambda *p, q=1: {**p, q: 2}): del n
    try: raise ValueError from None
    except (OSError, TypeError) as error: print({x for x in a if x if not x})
    finally: assert a < b <= i is not k, "no"
'''


def test_the_hash_is_the_same_for_every_version_of_python(tmp_path):
    """The constant is what 3.10 to 3.13 give; they differ in `ast.dump`, and in the parts of f-strings."""
    (tmp_path / "__init__.py").write_text(SOURCE, encoding="utf-8")
    expected = "1ededa9a170ce312bbc97853d8655352e1a658fedccbf74c263548ef0c29f69e"
    assert SourceTree({"one": tmp_path}).hash("one") == expected


def test_formatting_does_not_change_the_hash_and_a_value_does(tmp_path):
    file, tree = tmp_path / "__init__.py", SourceTree({"one": tmp_path})
    hashes = []
    for text in (
        "def f(a):\n    return [a, f'{a}bc']\n",
        "def f(a):  # of a\n\n  return [\n    a,\n    f'{a}b' \"c\",\n  ]\n",
        "def f(a):\n\t'''Text.'''\n\treturn ([a, f\"\"\"{a}bc\"\"\"])",
        "def f(a):\n    return [a, f'{a}bd']\n",
        "def f(a):\n    return [a, '{a}bc']\n",
        "def f(a):\n    return [a, f'{a!r}bc']\n",
        "def f(a):\n    return [a, (f'{a}bc',)]\n",
        "def f(a=None):\n    return [a, f'{a}bc']\n",
    ):
        file.write_text(text)
        hashes.append(tree.hash("one"))
    assert len(set(hashes[:3])) == 1
    assert len(set(hashes[2:])) == 6


@given(st.permutations(["top.start", "other.unused", "top.unused"]))
def test_the_hash_is_of_the_set_of_modules(tmp_path_factory, names):
    tree = written(tmp_path_factory.getbasetemp() / "tree")
    assert tree.hash(*names) == tree.hash("top.start", "other.unused", "top.unused")
    assert tree.hash(*names) != tree.hash("top.start", "other.unused")


def test_a_file_that_moves_changes_the_hash_and_another_root_does_not(tree, tmp_path):
    before = tree.hash("top.start")
    shutil.copytree(tmp_path, tmp_path / "copy")
    copied = SourceTree({"top": tmp_path / "copy" / "top", "other": tmp_path / "copy" / "other"})
    assert copied.hash("top.start") == before
    (tmp_path / "top" / "start.py").write_text(FILES["top/start.py"].replace("deep import leaf", "loop import one"))
    (tmp_path / "top" / "loop" / "__init__.py").write_text("VALUE = 1\n")
    assert tree.hash("top.start") != before


def test_the_versions_of_installed_libraries_count(tree, monkeypatch):
    before, unused = tree.hash("top.start"), tree.hash("other.unused")
    monkeypatch.setattr(subject, "version", lambda name: "9.9" if name == "numpy" else version(name))
    assert tree.hash("top.start") != before
    assert tree.hash("other.unused") == unused


@pytest.mark.parametrize("name", ["top.nothing", "numpy", "top.deep.VALUE", ""])
def test_what_is_no_module_of_ours_is_refused_by_name(tree, name):
    with pytest.raises(ValueError, match=f"expected the full name of a module of top, other; got '{name}'"):
        tree.closure(name)
    with pytest.raises(ValueError, match="expected the full name of a module"):
        tree.hash("top.start", name)


def test_our_own_training_step_is_hashed_with_what_it_imports():
    reached = closure("train.engine.step")
    assert "train.networks.authors" in reached
    assert not {name for name in reached if name.startswith("pipelines")}
    assert len(code_hash("train.engine.step")) == 64
    assert code_hash("train.engine.step") != code_hash("train.engine.loop")


def test_nothing_is_imported_for_it(tmp_path):
    code = (
        "import sys; from train.runs.code_hash import code_hash; print(code_hash('pipelines.commands.train_dcign'));"
        "print(*{name.split('.')[0] for name in sys.modules} & {'torch', 'numpy', 'pipelines', 'render'})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [code_hash("pipelines.commands.train_dcign")]


def test_every_module_of_ours_can_be_named():
    root = Path(subject.__file__).parents[2]
    tree = SourceTree({package: root / package for package in PACKAGES})
    for package in PACKAGES:
        for path in (root / package).rglob("*.py"):
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            assert tree.file(name) == path
