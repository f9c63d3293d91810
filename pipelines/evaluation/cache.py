"""Arrays that take minutes to compute, kept under the digest of everything that decides them."""

import hashlib
import importlib.resources
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
COMPUTES = (
    ("pipelines.evaluation.metrics", "*.py"),
    ("pipelines.evaluation.metrics.disentanglement", "*.py"),
    ("train.objectives", "*.py"),
    ("train", "trained.py"),
    ("train", "layout.py"),
    ("train", "network.py"),
    ("train", "convpool.py"),
    ("train", "subpixel.py"),
    ("pipelines.evaluation", "measure.py"),
    ("pipelines.evaluation", "analogies.py"),
    ("pipelines.evaluation", "bounds.py"),
    ("pipelines.evaluation", "pairs.py"),
    ("pipelines.evaluation", "recognition.py"),
    ("pipelines.evaluation", "record.py"),
    ("pipelines.evaluation", "turntable.py"),
)
"""Packages and the files in them that decide the arrays."""
LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")
"""Whose versions decide them too."""
KEEP = 6
"""Files of a kind that are kept; the oldest go first."""


def cached(folder: Path, kind: str, key: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """The arrays of `make()`, from `folder` where they are there under this key.

    A file that cannot be read is made again, and a folder that cannot be written to costs only the time.
    """
    path = folder / f"{kind}-{digest(key)[:16]}.npz"
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        pass
    arrays = make()
    try:
        _write(path, arrays)
        _forget(folder, kind)
    except OSError:
        pass
    return arrays


def kept(folder: Path, kind: str, key: Mapping[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The JSON-able numbers of `make()`, as `cached` has arrays."""

    def text() -> Arrays:
        return {"json": np.array(json.dumps(make(), allow_nan=False))}

    found: dict[str, Any] = json.loads(str(cached(folder, kind, key, text)["json"]))
    return found


def digest(key: Mapping[str, Any]) -> str:
    """SHA-256 of a key, and of the code that computes what is kept under it."""
    text = json.dumps(dict(key) | {"code": code_digest()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 of the sources and the libraries that compute what is kept: another version may measure otherwise."""
    found = hashlib.sha256(json.dumps({name: version(name) for name in LIBRARIES}).encode())
    for package, pattern in COMPUTES:
        top = Path(str(importlib.resources.files(package)))
        for path in sorted(top.rglob(pattern)):
            found.update(path.relative_to(top).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def _write(path: Path, arrays: Arrays) -> None:
    """All or nothing: a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for its options
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _forget(folder: Path, kind: str) -> None:
    newest = sorted(folder.glob(f"{kind}-*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[KEEP:]:
        path.unlink(missing_ok=True)
