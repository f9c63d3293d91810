"""The built model as one file in the user's cache directory, checked by hash whenever it is loaded.

File: a line of magic, a line of JSON (names, shapes, landmarks, regions' names, hash), then the arrays' bytes in
the order the JSON lists them, little-endian. A file that does not fit its hash is as good as none.
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

from render.cachedir import directory, keep
from render.morphable import Block, ModelError, MorphableModel

MAGIC = b"dcign built-in head 1\n"
KEPT = 2
"""Files of this kind that stay in the directory: this version's and the one before."""


def cached(build: Callable[[], MorphableModel]) -> MorphableModel:
    """The model from the cache, else built and left there; a cache that cannot be used costs time, nothing else."""
    try:
        path = place()
    except (OSError, RuntimeError):  # no home, or sources that cannot be read
        return build()
    model = load(path)
    if model is None:
        model = build()
        store(model, path)
    return model


def place() -> Path:
    """The file of this version's head, whether or not it is there yet.

    Raises
    ------
    OSError, RuntimeError
        When there is no home, or the sources cannot be read.
    """
    return directory() / f"head-{source_hash()[:16]}.bin"


def source_hash() -> str:
    """Hash of the code that builds the head: other code, other file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def store(model: MorphableModel, path: Path) -> bool:
    """Write the model under a temporary name and rename it; False where the disk refuses."""
    arrays = _arrays(model)
    header = {
        "arrays": [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()],
        "landmarks": dict(model.landmarks),
        "region_names": list(model.region_names),
        "name": model.name,
        "unit": model.unit,
        "sha256": _hash(arrays),
    }
    written = keep(
        path,
        [MAGIC + json.dumps(header).encode() + b"\n", *(np.ascontiguousarray(a).data for a in arrays.values())],
    )
    if written:
        with suppress(OSError):
            _sweep(path)
    return written


def load(path: Path) -> MorphableModel | None:
    """The model in the file, or None where there is none, or not one that fits its hash."""
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
    return array.reshape(shape)  # which fails when the file is cut short


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
    """Delete all but the newest files of other versions: each takes tens of megabytes."""
    files = sorted(path.parent.glob("head-*.bin"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in [p for p in files if p != path][KEPT - 1 :]:
        old.unlink(missing_ok=True)
