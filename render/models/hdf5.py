"""Guarded access to HDF5: the declarations of a file are checked before memory is allocated.

Two writers of face models exist, a C++ and a Scala one, and they store every scalar and string in another way;
`scalar` and `text` take all of them.
"""

import math
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from render.models.assemble import check_size
from render.morphable import ModelError

LONGEST_TEXT = 16 << 20


def child(group: Any, path: str) -> Any:
    """The group or dataset at `path`, or None. Links that lead out of the file are refused."""
    for part in path.split("/"):
        if not isinstance(group, h5py.Group) or part not in group:
            return None
        if isinstance(group.get(part, getlink=True), h5py.ExternalLink):
            raise ModelError(f"{part} is a link to another file, which is not followed")
        group = group[part]
    return group


def dataset(group: Any, path: str) -> Any:
    """The dataset at `path`, after a look at what it declares."""
    found = child(group, path)
    where = f"{group.name}/{path}".lstrip("/")
    if not isinstance(found, h5py.Dataset):
        raise ModelError(f"{where} is missing")
    if found.is_virtual or found.external:
        raise ModelError(f"{where} takes its values from other files, which are not opened")
    size = Path(group.file.filename).stat().st_size
    check_size(where, found.shape or (), found.dtype.itemsize, size)
    if found.chunks:
        # One chunk is unpacked whole, whatever part of it is read.
        check_size(f"a chunk of {where}", found.chunks, found.dtype.itemsize, size)
    return found


def numbers(group: Any, path: str) -> NDArray[Any]:
    """The array at `path`, of whatever number type the file has."""
    found = dataset(group, path)
    if found.dtype.kind not in "iuf" or found.shape is None:
        raise ModelError(f"{found.name} holds {found.dtype} values; numbers are needed")
    return np.asarray(found[()])


def shape(group: Any, path: str) -> tuple[int, ...]:
    """The shape that the dataset at `path` declares."""
    return tuple(dataset(group, path).shape or ())


def scalar(group: Any, path: str) -> float:
    """The number in a dataset of shape () or (1,)."""
    if math.prod(shape(group, path)) != 1:
        raise ModelError(f"{group.name}/{path} should hold one number")
    return float(np.ravel(numbers(group, path))[0])


def text(group: Any, path: str) -> str:
    """The string in a dataset of bytes, str or int8, up to its first NUL."""
    found = dataset(group, path)
    value = _long_text(found) if found.dtype.kind == "O" else found[()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        value = value.tobytes()
    value = value if isinstance(value, bytes | str) else np.ravel(value)[0]
    words = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return words.split("\0", 1)[0]


def _long_text(found: Any) -> bytes:
    """Text of variable length, looked up in the file's global heap by hand.

    The library takes memory, up to 4 GB of it, for whatever length it finds before it looks whether the text is
    there, and in a damaged heap it goes round for ever. The format is small: the value is length, address of a heap
    and number in it; a heap is a header of 16 bytes, and objects that each begin with number and size.
    """
    offset = found.id.get_offset()
    plain = found.file.id.get_create_plist().get_sizes() == (8, 8) and not found.file.userblock_size
    if found.size != 1 or offset is None or not plain:
        raise ModelError(f"{found.name} holds text in a form that is not read here")
    with Path(found.file.filename).open("rb") as file:
        file.seek(offset)
        length, address, wanted = struct.unpack("<IQI", file.read(16))
        file.seek(min(address, Path(found.file.filename).stat().st_size))
        signature, _, size = struct.unpack("<4sIQ", file.read(16))
        heap = file.read(min(size, LONGEST_TEXT)) if signature == b"GCOL" else b""
    at = 0
    while at + 16 <= len(heap):
        number, held = struct.unpack_from("<H6xQ", heap, at)
        if number == wanted and length <= held:
            return heap[at + 16 : at + 16 + length]
        at += 16 + (held + 7) // 8 * 8
    raise ModelError(f"{found.name} names text that is not in the file")


def is_hdf5(path: Path) -> bool:
    """True for a file with the HDF5 signature."""
    return path.is_file() and bool(h5py.is_hdf5(path))
