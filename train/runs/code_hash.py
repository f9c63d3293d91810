"""A hash of the code that computes something: the sources it imports, and the versions of the libraries they use.

Sources are parsed, never imported, so that the hash of code whose libraries are not installed can be taken too.
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
            found.update(f"{name} {len(reached[name].text)}\n".encode() + reached[name].text)
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
    """One module's bytes and the full names that it imports, with the packages around them."""

    text: bytes
    imports: frozenset[str]
    """Some may be attributes of modules, not modules."""


def _read_source(module: str, file: Path) -> _Source:
    text = file.read_bytes()
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    names = {name for node in ast.walk(ast.parse(text)) for name in _names(node, package)}
    return _Source(text, frozenset(around for name in names for around in _with_packages(name)))


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
