"""Checked access to HDF5: the declared sizes are checked before memory is allocated.

Two writers of face models exist, one in C++ and one in Scala, which store scalars and strings in different ways;
`scalar` and `text` accept all of them.
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
    """Return the group or dataset at `path`, or None; raise ModelError for a link that leads out of the file."""
    for part in path.split("/"):
        if not isinstance(group, h5py.Group) or part not in group:
            return None
        if isinstance(group.get(part, getlink=True), h5py.ExternalLink):
            raise ModelError(f"{part} is a link to another file, which is not followed")
        group = group[part]
    return group


def dataset(group: Any, path: str) -> Any:
    """Return the dataset at `path` after checking its declared size; raise ModelError when missing or too large."""
    found = child(group, path)
    where = f"{group.name}/{path}".lstrip("/")
    if not isinstance(found, h5py.Dataset):
        raise ModelError(f"{where} is missing")
    if found.is_virtual or found.external:
        raise ModelError(f"{where} takes its values from other files, which are not opened")
    size = Path(group.file.filename).stat().st_size
    check_size(where, found.shape or (), found.dtype.itemsize, size)
    if found.chunks:
        # A chunk is always decompressed as a whole.
        check_size(f"a chunk of {where}", found.chunks, found.dtype.itemsize, size)
    return found


def numbers(group: Any, path: str) -> NDArray[Any]:
    """Return the array at `path` in the number type of the file; raise ModelError for other types."""
    found = dataset(group, path)
    if found.dtype.kind not in "iuf" or found.shape is None:
        raise ModelError(f"{found.name} has {found.dtype} values; expected numbers")
    return np.asarray(found[()])


def shape(group: Any, path: str) -> tuple[int, ...]:
    """Return the declared shape of the dataset at `path`."""
    return tuple(dataset(group, path).shape or ())


def scalar(group: Any, path: str) -> float:
    """Return the number in a dataset of shape () or (1,)."""
    if math.prod(shape(group, path)) != 1:
        raise ModelError(f"{group.name}/{path} has shape {shape(group, path)}; expected one number")
    return float(np.ravel(numbers(group, path))[0])


def text(group: Any, path: str) -> str:
    """Return the string in a dataset of bytes, str or int8, up to its first NUL."""
    found = dataset(group, path)
    value = _long_text(found) if found.dtype.kind == "O" else found[()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        value = value.tobytes()
    value = value if isinstance(value, bytes | str) else np.ravel(value)[0]
    words = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return words.split("\0", 1)[0]


def _long_text(found: Any) -> bytes:
    """Text of variable length, read directly from the file's global heap.

    The library allocates the declared length, up to 4 GB, before it checks that the text exists, and loops forever in
    a damaged heap. The format is small: the value is length, address of a heap and number in it; a heap is a header
    of 16 bytes, and objects that each begin with number and size.
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
    raise ModelError(f"{found.name} refers to text that is not in the file")


def is_hdf5(path: Path) -> bool:
    """Return True when the file has the HDF5 signature."""
    return path.is_file() and bool(h5py.is_hdf5(path))
