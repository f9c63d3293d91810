"""A cache of arrays that take minutes to compute, under the hash of everything that decides them.

The key of a file holds the hash of the code that computed it (train.runs.code_hash): the sources that the computing
module imports, and the versions of the libraries they use. Another version of the code computes its own.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.runs.code_hash import code_hash

Arrays = dict[str, NDArray[Any]]
KEEP = 6
"""Files of a kind that stay; older ones are deleted."""


def cached(folder: Path, kind: str, key: Mapping[str, Any], make: Callable[[], Arrays], module: str) -> Arrays:
    """The arrays of `make()`, read from a file in `folder` where an earlier call wrote one under the same key.

    A file that cannot be read is computed and written again. A folder that cannot be written to is no error.

    Parameters
    ----------
    folder : where the files lie; it is created
    kind : the first part of the file's name
    key : JSON-able values that decide the arrays, such as hashes of weights and data
    make : computes the arrays
    module : full name of the module that `make` belongs to: the code of all it imports is part of the key
    """
    path = folder / f"{kind}-{_digest(key, module)[:16]}.npz"
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        pass
    arrays = make()
    try:
        _write(path, arrays)
        _remove_old(folder, kind)
    except OSError:
        pass
    return arrays


def cached_json(
    folder: Path, kind: str, key: Mapping[str, Any], make: Callable[[], dict[str, Any]], module: str
) -> dict[str, Any]:
    """The JSON-able numbers of `make()`, cached as `cached` does it for arrays."""

    def text() -> Arrays:
        return {"json": np.array(json.dumps(make(), allow_nan=False))}

    found: dict[str, Any] = json.loads(str(cached(folder, kind, key, text, module)["json"]))
    return found


def _digest(key: Mapping[str, Any], module: str) -> str:
    """SHA-256 of a key and of the code that computes what is cached under it."""
    text = json.dumps(dict(key) | {"code": code_hash(module)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _write(path: Path, arrays: Arrays) -> None:
    """Write a file whole or not at all: under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes the names for its options
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_old(folder: Path, kind: str) -> None:
    """Delete all but the newest `KEEP` files of a kind."""
    newest = sorted(folder.glob(f"{kind}-*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[KEEP:]:
        path.unlink(missing_ok=True)
