"""A prepared mesh as one file that is mapped into memory: converted once, shared by all processes.

File: a line of magic, a line of JSON (names, types, shapes, places, hash), padding, then the arrays' bytes, each on a
multiple of 64. A file that does not fit its hash is as good as none.
"""

import hashlib
import json
import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.cachedir import keep
from render.scene import Mesh
from render.texture import Skin, Textures

MAGIC = b"dcign mesh 1\n"
ALIGNMENT = 64
MOST_HEADER = 1 << 16


def save(mesh: Mesh, path: Path) -> bool:
    """Write a mesh under a temporary name and rename it; False where the disk refuses."""
    arrays = _arrays(mesh)
    table, place = [], 0
    for name, array in arrays.items():
        table.append([name, array.dtype.str, list(array.shape), place])
        place += _padded(array.nbytes)
    header = {"arrays": table, "two_sided": mesh.two_sided, "sha256": _hash(arrays)}
    head = MAGIC + json.dumps(header).encode() + b"\n"
    body = (array.tobytes().ljust(_padded(array.nbytes), b"\0") for array in arrays.values())
    return keep(path, [head.ljust(_padded(len(head)), b" "), *body])


def load(path: Path) -> Mesh | None:
    """The mesh in the file, or None where there is none, or not one that fits its hash."""
    try:
        with path.open("rb") as file:
            # Copied on writing, which nobody does: kernels are compiled once, for arrays that can be written.
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return _read(mapped)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def nbytes(mesh: Mesh) -> int:
    """Bytes of a mesh's arrays."""
    return sum(array.nbytes for array in _arrays(mesh).values())


def _read(mapped: mmap.mmap) -> Mesh | None:
    end = mapped.find(b"\n", len(MAGIC), MOST_HEADER)
    if mapped[: len(MAGIC)] != MAGIC or end < 0:
        return None
    header = json.loads(mapped[len(MAGIC) : end])
    start = _padded(end + 1)
    arrays = {name: _mapped(mapped, start + place, dtype, shape) for name, dtype, shape, place in header["arrays"]}
    if _hash(arrays) != header["sha256"]:
        return None
    skin = None
    if "texels" in arrays:
        textures = Textures(*(arrays.pop(name) for name in ("texels", "levels", "wrap", "cut")))
        skin = Skin(textures, arrays.pop("uv"), arrays.pop("index"))
    return Mesh(**arrays, two_sided=bool(header["two_sided"]), skin=skin)


def _mapped(mapped: mmap.mmap, place: int, dtype: str, shape: list[int]) -> NDArray[Any]:
    kind, count = np.dtype(dtype), math.prod(shape)
    if kind.hasobject or min([*shape, place]) < 0 or place + count * kind.itemsize > len(mapped):
        raise ValueError("an array lies outside the file")
    return np.frombuffer(mapped, kind, count, place).reshape(shape)


def _arrays(mesh: Mesh) -> dict[str, NDArray[Any]]:
    """The arrays of a file, in its order."""
    arrays: dict[str, NDArray[Any] | None] = {
        "positions": mesh.positions,
        "normals": mesh.normals,
        "albedo": mesh.albedo,
        "triangles": mesh.triangles,
        "region": mesh.region,
    }
    if mesh.skin is not None:
        textures = mesh.skin.textures
        arrays |= {"texels": textures.texels, "levels": textures.levels, "wrap": textures.wrap, "cut": textures.cut}
        arrays |= {"uv": mesh.skin.uv, "index": mesh.skin.index}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None}


def _hash(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()


def _padded(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
