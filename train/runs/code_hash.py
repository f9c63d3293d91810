"""A hash of the code that computes something: the sources that it imports, and the versions of their libraries.

Sources are parsed, never imported, so that the hash works where the libraries are not installed. They are compared as
syntax trees without docstrings: comments, docstrings and line breaks change no result. The text of a tree is the same
for every version of Python, unlike that of `ast.dump`.
"""

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from operator import itemgetter
from pathlib import Path

PACKAGES = ("render", "dataset", "train", "pipelines")
"""Our top-level packages: their sources are hashed, of all others the versions."""


@cache
def code_hash(*modules: str) -> str:
    """SHA-256, in hexadecimal, of the sources that the named modules import and of the libraries' versions.

    A module is named in full, such as "train.engine.step". The order of the names has no influence. Raises ValueError
    for a name that is no module of our packages.
    """
    return _installed().hash(*modules)


@cache
def closure(*modules: str) -> tuple[str, ...]:
    """The sorted names of all our modules that the named ones import, directly or through others, and of themselves."""
    return _installed().closure(*modules)


@dataclass(frozen=True)
class SourceTree:
    """The sources of some top-level packages, and what they import."""

    folders: Mapping[str, Path]
    """The folder of each top-level package, by its name."""

    def closure(self, *modules: str) -> tuple[str, ...]:
        """Sorted names of the modules and of everything of these packages that they import, at any level of a file.

        A package counts with its `__init__`, which runs when anything below it is imported.
        """
        return tuple(sorted(self._reach(modules)))

    def hash(self, *modules: str) -> str:
        """SHA-256 of the closure's sources and of the versions of the installed libraries that it imports."""
        reached = self._reach(modules)
        found = hashlib.sha256()
        for name in sorted(reached):
            found.update(f"{name} {reached[name].code}\n".encode())
        libraries = {name.partition(".")[0] for source in reached.values() for name in source.imports}
        libraries -= {*self.folders, *sys.stdlib_module_names}
        found.update(json.dumps(_versions(libraries), sort_keys=True).encode())
        return found.hexdigest()

    def file(self, module: str) -> Path | None:
        """The source of a module or of a package's `__init__`, or None where these packages have no such module."""
        top, *parts = module.split(".")
        if top not in self.folders:
            return None
        stem = self.folders[top].joinpath(*parts)
        package = stem / "__init__.py"
        source = stem.with_name(f"{stem.name}.py")
        if package.is_file():
            return package
        return source if parts and source.is_file() else None

    def _reach(self, modules: tuple[str, ...]) -> dict[str, "_Source"]:
        """The sources of the modules and of all they import, by name."""
        for name in modules:
            if self.file(name) is None:
                raise ValueError(f"expected the full name of a module of {', '.join(self.folders)}; got {name!r}")
        found: dict[str, _Source] = {}
        waiting = {name for module in modules for name in _with_packages(module)}
        while waiting:
            module = waiting.pop()
            file = self.file(module)
            if file is not None:
                found[module] = _read_source(module, file)
                waiting |= found[module].imports - found.keys()
        return found


@dataclass(frozen=True)
class _Source:
    """One module's code and the full names that it imports, with the packages around them."""

    code: str
    """Its syntax tree without docstrings, as text of `_text`."""
    imports: frozenset[str]
    """Some may be attributes of modules, not modules."""


def _read_source(module: str, file: Path) -> _Source:
    return _parsed(module if file.name == "__init__.py" else module.rpartition(".")[0], file.read_bytes())


@cache
def _parsed(package: str, text: bytes) -> _Source:
    """What a module in `package` holds; cached, because many hashes share most of their modules."""
    tree = ast.parse(text)
    names = {name for node in ast.walk(tree) for name in _names(node, package)}
    imports = frozenset(around for name in names for around in _with_packages(name))
    return _Source(_text(_WithoutTexts().visit(tree)), imports)


def _text(node: object) -> str:
    """A syntax tree as text: the class of every node with its fields, but for those that are empty.

    Versions of Python differ in the fields that they add, which are empty where a source does not use them; in the
    parts that they divide the text of an f-string into; and in the characters that `repr` shows as they are.
    """
    if isinstance(node, list):
        return f"[{','.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return ascii(node)
    filled = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
    if isinstance(node, ast.JoinedStr):
        filled = [("values", _joined(node.values))]
    parts = (f"{name}={_text(value)}" for name, value in sorted(filled, key=itemgetter(0)) if name != "kind")
    return f"{type(node).__name__}({','.join(parts)})"


def _joined(parts: list[ast.expr]) -> list[object]:
    """The parts of an f-string, with texts that follow one another as one."""
    found: list[object] = []
    for part in parts:
        text = part.value if isinstance(part, ast.Constant) else None
        if isinstance(text, str) and found and isinstance(found[-1], str):
            found[-1] += text
        else:
            found.append(part if text is None else text)
    return [part for part in found if part != ""]


class _WithoutTexts(ast.NodeTransformer):
    """Removes statements that are a text alone: the docstrings of modules, classes, functions and attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Drop a text; keep any other expression."""
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else node


def _names(node: ast.AST, package: str) -> Iterator[str]:
    """Full names of what one node of a syntax tree imports, in a module of this package."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _with_packages(module: str) -> list[str]:
    """A module's name and the names of all packages around it: a, a.b and a.b.c for a.b.c."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _versions(libraries: set[str]) -> dict[str, str]:
    """Versions of the distributions that bring these top-level modules, of those that are installed."""
    found = {}
    distributions = _distributions()
    for name in sorted({one for library in libraries for one in distributions.get(library, [])}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # its record is damaged
            continue
    return found


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Names of the installed distributions, by the top-level modules they bring."""
    return packages_distributions()


@cache
def _installed() -> SourceTree:
    """Our packages where this process would import them from."""
    folders = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            folders[name] = Path(next(iter(spec.submodule_search_locations)))
    return SourceTree(folders)
