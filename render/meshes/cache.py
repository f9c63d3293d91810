"""Cache file of a drawable mesh, mapped into memory: converted once, shared by every process that renders it.

Layout: a line of magic, a line of JSON (names, types, shapes, offsets, hash), padding, then the bytes of the arrays,
each at a multiple of 64. A file that does not match its hash is treated as missing.
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

from render.cachedir import write_file
from render.scene import Mesh
from render.texture import Skin, Textures

MAGIC = b"dcign mesh 1\n"
ALIGNMENT = 64
MOST_HEADER = 1 << 16


def save(mesh: Mesh, path: Path) -> bool:
    """Write a mesh under a temporary name and rename it; return False where it cannot be written."""
    arrays = _arrays(mesh)
    table, place = [], 0
    for name, array in arrays.items():
        table.append([name, array.dtype.str, list(array.shape), place])
        place += _padded(array.nbytes)
    header = {"arrays": table, "two_sided": mesh.two_sided, "sha256": _hash(arrays)}
    head = MAGIC + json.dumps(header).encode() + b"\n"
    body = (array.tobytes().ljust(_padded(array.nbytes), b"\0") for array in arrays.values())
    return write_file(path, [head.ljust(_padded(len(head)), b" "), *body])


def load(path: Path) -> Mesh | None:
    """Read the mesh in the file; return None where there is no file, or it is damaged or does not match its hash."""
    try:
        with path.open("rb") as file:
            # Copy on write, although nothing writes: kernels are compiled once, for writable arrays.
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return _read(mapped)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def nbytes(mesh: Mesh) -> int:
    """Total size of a mesh's arrays in bytes."""
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
    """Arrays of a mesh by name, in the order of the file."""
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
