"""The cache of the built-in head: one file in the user's cache directory, checked by its hash at every load.

The file holds a line of magic, a line of JSON (names, shapes, landmarks, region names, hash), then the arrays' bytes
in the order of the JSON, little-endian. A file whose content does not match its hash is ignored and built again.
"""

import hashlib
import json
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from render.cachedir import directory, write_file
from render.morphable import Block, ModelError, MorphableModel

MAGIC = b"dcign built-in head 1\n"
KEPT = 2
"""Number of files of this kind left in the directory: this version's and the one before."""


def cached(build: Callable[[], MorphableModel]) -> MorphableModel:
    """The model of the cache file, or the result of `build`, which is then written there.

    A cache directory that cannot be used is no error; the model is then built every time.
    """
    try:
        path = place()
    except (OSError, RuntimeError):  # no home directory, or sources that cannot be read
        return build()
    model = load(path)
    if model is None:
        model = build()
        store(model, path)
    return model


def place() -> Path:
    """Path of the cache file of this version's head, which need not exist.

    Raises
    ------
    OSError, RuntimeError
        When there is no home directory, or the sources cannot be read.
    """
    return directory() / f"head-{source_hash()[:16]}.bin"


def source_hash() -> str:
    """SHA-256, in hex, of all source files of this package: a changed source means another cache file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def store(model: MorphableModel, path: Path) -> bool:
    """Write the model to a temporary file and rename it to `path`; returns False if the disk refuses."""
    arrays = _arrays(model)
    header = {
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()],
        "landmarks": dict(model.landmarks),
        "region_names": list(model.region_names),
        "name": model.name,
        "unit": model.unit,
        "sha256": _hash(arrays),
    }
    written = write_file(
        path,
        [MAGIC + json.dumps(header).encode() + b"\n", *(np.ascontiguousarray(a).data for a in arrays.values())],
    )
    if written:
        with suppress(OSError):
            _sweep(path)
    return written


def load(path: Path) -> MorphableModel | None:
    """The model in the file, or None if there is no file or its content does not match its hash."""
    try:
        with path.open("rb") as file:
            return _read(file)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, MemoryError, ModelError):
        return None


def _read(file: BinaryIO) -> MorphableModel | None:
    if file.readline(len(MAGIC)) != MAGIC:
        return None
    header = json.loads(file.readline(1 << 20))
    arrays = {name: _array(file, np.dtype(dtype), shape) for name, dtype, shape in header["arrays"]}
    if _hash(arrays) != header["sha256"] or file.read(1):
        return None
    blocks = {
        name: Block(*(arrays[f"{name}.{part}"] for part in ("mean", "basis", "sigma"))) for name in ("shape", "albedo")
    }
    return MorphableModel(
        header["name"],
        blocks,
        arrays["triangles"],
        header["unit"],
        header["landmarks"],
        arrays["regions"],
        tuple(header["region_names"]),
    )


def _array(file: BinaryIO, dtype: np.dtype[Any], shape: list[int]) -> NDArray[Any]:
    array = np.fromfile(file, dtype, math.prod(shape))
    return array.reshape(shape)  # raises ValueError when the file is truncated


def _arrays(model: MorphableModel) -> dict[str, NDArray[Any]]:
    regions = model.regions if model.regions is not None else np.zeros(model.vertices, np.uint8)
    arrays: dict[str, NDArray[Any]] = {"triangles": model.triangles, "regions": regions}
    for name, block in model.blocks.items():
        arrays |= {f"{name}.mean": block.mean, f"{name}.basis": block.basis, f"{name}.sigma": block.sigma}
    return arrays


def _hash(arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _sweep(path: Path) -> None:
    """Delete all but the newest files of other versions; each has tens of megabytes."""
    files = sorted(path.parent.glob("head-*.bin"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in [p for p in files if p != path][KEPT - 1 :]:
        old.unlink(missing_ok=True)
