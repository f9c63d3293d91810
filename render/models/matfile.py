"""A small reader of numeric arrays in MATLAB files of versions 5 to 7.

scipy's reader is not used: a damaged type number in a file makes it read outside its table of types and crashes the
process (SciPy 1.17). This one supports full arrays of numbers only.
"""

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.models.assemble import check_size
from render.morphable import ModelError

HEADER = 128
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""NumPy type of each data type number."""
MATRIX, COMPRESSED = 14, 15
NUMERIC = range(6, 16)
"""Array classes that hold numbers: double, single, and the eight integers."""
MOST_VARIABLES = 10_000


@dataclass(frozen=True)
class Variable:
    """Location, shape and type of one array in the file."""

    name: str
    shape: tuple[int, ...]
    kind: int
    """Array class; see NUMERIC."""
    start: int
    stop: int
    packed: bool
    order: str
    """Byte order, `<` or `>`."""


def is_matlab(path: Path) -> bool:
    """Return True for a header of version 5 to 7: two bytes of version, then IM or MI for the byte order."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(HEADER)[124:] in (b"\x00\x01IM", b"\x01\x00MI")


def variables(path: Path) -> dict[str, Variable]:
    """List the arrays of the file by name; the list ends at the first damaged one."""
    found: dict[str, Variable] = {}
    size = path.stat().st_size
    with path.open("rb") as file:
        order = "<" if file.read(HEADER).endswith(b"IM") else ">"
        start = HEADER
        while start + 8 <= size and len(found) < MOST_VARIABLES:
            file.seek(start)
            kind, count = struct.unpack(f"{order}II", file.read(8))
            if kind not in (MATRIX, COMPRESSED):
                break
            head = file.read(min(count, 4096))
            try:
                head = zlib.decompressobj().decompress(head, 4096)[8:] if kind == COMPRESSED else head
                name, shape, array_class, _ = _parse(head, order)
            except (ValueError, zlib.error, struct.error):
                break
            found[name] = Variable(name, shape, array_class, start + 8, start + 8 + count, kind == COMPRESSED, order)
            start += 8 + count
    return found


def load(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """Read the named arrays, in MATLAB's shapes and column order, in the number types of the file.

    Raises
    ------
    ModelError
        When one is missing, is not an array of numbers, is cut short, or declares more than the file can contain.
    """
    known = variables(path)
    missing = [name for name in names if name not in known]
    if missing:
        raise ModelError(f"the variables {', '.join(missing)} are missing (the file may be cut short)")
    return {name: _array(path, known[name]) for name in names}


def _array(path: Path, variable: Variable) -> NDArray[np.generic]:
    name, shape = variable.name, variable.shape
    if variable.kind not in NUMERIC or min(shape, default=0) < 1:
        raise ModelError(f"{name} is not a full array of numbers")
    size = path.stat().st_size
    check_size(name, shape, 8, size)
    with path.open("rb") as file:
        file.seek(variable.start)
        data = file.read(min(variable.stop, size) - variable.start)
    if variable.packed:
        # The bound stops a small file from unpacking to more than its own header admits.
        data = zlib.decompressobj().decompress(data, math.prod(shape) * 8 + 65536)[8:]
    _, _, _, at = _parse(data, variable.order)
    kind, start, stop, _ = _tag(data, at, variable.order)
    if kind not in TYPES:
        raise ModelError(f"{name} has values of an unknown type ({kind})")
    dtype = np.dtype(variable.order + TYPES[kind])
    count = math.prod(shape)
    if stop - start != count * dtype.itemsize or stop > len(data):
        there = max(min(stop, len(data)) - start, 0)
        raise ModelError(f"{name} has {there} bytes; expected values of shape {shape} (the file may be cut short)")
    return np.frombuffer(data, dtype, count, start).reshape(shape, order="F")


def _parse(data: bytes, order: str) -> tuple[str, tuple[int, ...], int, int]:
    """Name, shape, class and offset of the values of a matrix element; raise ValueError when it is damaged."""
    kind, start, stop, at = _tag(data, 0, order)
    if kind != 6 or stop - start != 8:
        raise ValueError("no array flags")
    (flags,) = struct.unpack_from(f"{order}I", data, start)
    kind, start, stop, at = _tag(data, at, order)
    if kind != 5 or not 0 < stop - start <= 32 * 4 or stop > len(data):
        raise ValueError("no dimensions")
    shape = struct.unpack_from(f"{order}{(stop - start) // 4}i", data, start)
    kind, start, stop, at = _tag(data, at, order)
    if kind not in (1, 2) or stop - start > 256:
        raise ValueError("no name")
    return data[start:stop].decode("latin-1"), shape, flags & 0xFF, at


def _tag(data: bytes, at: int, order: str) -> tuple[int, int, int, int]:
    """Type, start and stop of the element at `at`, and the offset of the next one."""
    kind, count = struct.unpack_from(f"{order}II", data, at)
    if kind >> 16:  # up to four bytes are packed into the tag itself
        return kind & 0xFFFF, at + 4, at + 4 + (kind >> 16), at + 8
    return kind, at + 8, at + 8 + count, at + 8 + (count + 7) // 8 * 8
