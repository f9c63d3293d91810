"""Structure of a checkout: files, types, words, imports that climb, and functions that a batch and a step pass.

python benchmarks/structure.py [ROOT] [--json] [--static]

ROOT is any checkout of this project, by default the one of this script. The sources are parsed, never imported. For the
two traces and the public names, child processes import them with ROOT/.venv/bin/python where there is one. Only the
standard library is needed here, and older layouts (pipelines/cli.py) work too, so two versions can be compared.

Definitions
-----------
files, lines
    Python files of the packages render, dataset, train, pipelines and dcign, with comments and blank lines.
Any
    Uses of the name in code and annotations, imports apart.
riddles
    Docstrings, those of attributes included, whose first word is What, Of, Whether, Who or How.
imports that climb
    Two folders import each other: then the direction with fewer import statements climbs, and each of these counts.
    A package's `__init__` that hands out names of its own modules does not count.
one batch to a shard
    Functions of our packages that Python enters while `render-batches` makes a store of one shard with two batches,
    in a process that has done so before (imports and caches are warm). "in a worker" are those of the thread that
    makes the shard. Lambdas, comprehensions and compiled kernels are not counted.
one training step
    The same within the second `Trainer.step` of `train-dcign`; "command" counts the whole command.
"""

import argparse
import ast
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("render", "dataset", "train", "pipelines", "dcign")
RIDDLES = ("What", "Of", "Whether", "Who", "How")
SHORT, LONG = 60, 350


def main() -> None:
    """Print the figures of one checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--static", action="store_true", help="no child processes: neither traces nor public names")
    options = parser.parse_args()
    root = options.root.resolve()
    figures = static_figures(root)
    if not options.static:
        figures |= traces(root) | {"public names": public_names(root)}
    if options.json:
        print(json.dumps(figures, indent=1))
        return
    for name, value in figures.items():
        items = value if isinstance(value, dict) else {"": value}
        for key, one in items.items():
            print(f"{f'{name} {key}'.strip():<58} {one}")


def sources(root: Path) -> dict[Path, str]:
    """Path below ROOT and text of every Python file of the packages."""
    paths = (path for package in PACKAGES for path in sorted((root / package).rglob("*.py")))
    return {path.relative_to(root): path.read_text() for path in paths if "node_modules" not in path.parts}


def static_figures(root: Path) -> dict[str, object]:
    """Everything that parsing the files gives."""
    texts = sources(root)
    trees = {path: ast.parse(text) for path, text in texts.items()}
    lengths = [text.count("\n") for text in texts.values()]
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    words = Counter(text.split()[0] for tree in trees.values() for text in docstrings(tree) if text.split())
    generics = Counter(ast.unparse(node) for node in nodes if isinstance(node, ast.Subscript))
    climbing = climbs(trees)
    return {
        "files": len(texts),
        "median lines": statistics.median(lengths),
        f"files under {SHORT} lines": sum(length < SHORT for length in lengths),
        f"files over {LONG} lines": sum(length > LONG for length in lengths),
        "lines in all": sum(lengths),
        "uses of Any": sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes),
        **{f"uses of {kind}": generics[kind] for kind in ("dict[str, Any]", "Mapping[str, Any]")},
        "riddles": {"in all": sum(words[word] for word in RIDDLES)} | {word: words[word] for word in RIDDLES},
        "imports that climb": {"in all": sum(climbing.values())} | climbing,
    }


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Every string that stands as a statement: of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def climbs(trees: dict[Path, ast.Module]) -> dict[str, int]:
    """Pairs of folders that import each other, with the number of import statements in the rarer direction."""
    counts: Counter[tuple[str, str]] = Counter()
    for path, tree in trees.items():
        here = path.parent
        for module in imported(tree):
            target = found(module, trees)
            hands_out = path.name == "__init__.py" and target is not None and here in target.parents
            if target is not None and target.parent != here and not hands_out:
                counts[here.as_posix(), target.parent.as_posix()] += 1
    up = {}
    for (a, b), count in sorted(counts.items()):
        back = counts.get((b, a), 0)
        if back and (count, a) < (back, b):  # of equal counts one direction, too
            up[f"{a} -> {b}"] = count
    return dict(sorted(up.items(), key=lambda item: -item[1]))


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names of what a file imports; `from a import b` gives `a.b`, which is a module or a name in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield f"{node.module}.{node.names[0].name}"


def found(module: str, trees: dict[Path, ast.Module]) -> Path | None:
    """The file of a dotted name, or of what it is a name in; None for other people's modules."""
    parts = module.split(".")
    for stop in (len(parts), len(parts) - 1):
        for path in (Path(*parts[:stop]).with_suffix(".py"), Path(*parts[:stop]) / "__init__.py") if stop else ():
            if path in trees:
                return path
    return None


TRACER = '''
import json, sys, tempfile, threading
from importlib import import_module
from pathlib import Path

root, packages = Path(sys.argv[1]), tuple(sys.argv[2].split(","))
sys.path.insert(0, str(root))
try:
    load = import_module("pipelines.console.cli").load
except ModuleNotFoundError:
    load = import_module("pipelines.cli").load
prefixes = tuple(f"{root / package}/" for package in packages)
OPTIMIZED = 1  # of functions; modules and classes are no functions


def is_ours(code):
    return code.co_filename.startswith(prefixes) and code.co_flags & OPTIMIZED and not code.co_name.startswith("<")


def traced(verb, *words):
    """(file, function) of everything entered, by the whole command, by other threads, and in the second step."""
    command, entered, elsewhere, step = load(verb), set(), set(), set()
    state = {"steps": 0, "inside": False}

    def look(frame, event, _):
        code = frame.f_code
        if event == "call" and is_ours(code):
            name = code.co_filename, code.co_qualname
            entered.add(name)
            if threading.current_thread() is not threading.main_thread():
                elsewhere.add(name)
            elif code.co_qualname == "Trainer.step":
                state["steps"] += 1
                state["inside"] = state["steps"] == 2
            if state["inside"] and threading.current_thread() is threading.main_thread():
                step.add(name)
        elif event == "return" and code.co_qualname == "Trainer.step":
            state["inside"] = False

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        command.main([str(word) for word in words], standalone_mode=False)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return entered, elsewhere, step


def size(names):
    return f"{len(names)} functions in {len({file for file, _ in names})} files"


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    render = ["--factor", "azimuth", "--n", 2, "--size", 48, "--workers", 1, "--store"]
    train = ["--preset", "quick", "--batches", 2, "--maps", 4, "--factors", "azimuth", "--device", "cpu"]
    train += ["--precision", "float32", "--store", folder / "0.zarr", "--run"]
    for k in range(2):  # the first time for imports and caches
        whole, worker, _ = traced("render-batches", *render, folder / f"{k}.zarr")
    for k in range(2):
        command, _, step = traced("train-dcign", *train, folder / f"run{k}")
shard = {"command": size(whole), "in a worker": size(worker)}
print(json.dumps({"one batch to a shard": shard, "one training step": {"command": size(command), "step": size(step)}}))
'''


def child(root: Path, code: str, *words: str) -> str:
    """The last line that Python code prints, run from outside ROOT with ROOT's own interpreter."""
    own = root / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    environment = os.environ | {"PYTHONPATH": str(root), "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            [python, "-c", code, *words], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{python} could not measure {root}:\n{done.stderr}")
    return done.stdout.strip().splitlines()[-1]


def traces(root: Path) -> dict[str, object]:
    """Functions and files that one shard and one step pass."""
    result: dict[str, object] = json.loads(child(root, TRACER, str(root), ",".join(PACKAGES)))
    return result


PUBLIC = """
import importlib, inspect, json, sys
package = importlib.import_module(sys.argv[1])
names = [name for name in dir(package) if not name.startswith("_")]
lazy = getattr(package, "__all__", ())
print(json.dumps([name for name in names if name in lazy or not inspect.ismodule(getattr(package, name))]))
"""


def public_names(root: Path) -> dict[str, str]:
    """Public names of each package that are no modules, as `dir` gives them."""
    found = {p: json.loads(child(root, PUBLIC, p)) for p in PACKAGES if (root / p / "__init__.py").exists()}
    return {f"dir({package})": f"{len(names)}: {', '.join(names)}" for package, names in found.items()}


if __name__ == "__main__":
    main()
