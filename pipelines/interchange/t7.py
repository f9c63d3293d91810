"""Torch7's binary `.t7` files -> arrays: files that hold one tensor and nothing else.

A tensor is sizes, strides and an offset into a storage, then the storage: a count, and the numbers. The header is
checked against the size of the file before any number is read, so that a damaged file is an error and never reads
foreign memory.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pipelines.interchange.source import SourceError

TensorFile = str | Path | bytes | BinaryIO
"""A path, the bytes of a file, or an open binary file that can seek."""
TYPES = {"Byte": "u1", "Char": "i1", "Short": "<i2", "Int": "<i4", "Float": "<f4", "Double": "<f8"}
"""Torch7's name of a number type to numpy's."""
TAGS = {0: "nothing", 1: "a number", 2: "a text", 3: "a table", 4: "an object", 5: "true or false", 6: "a function"}
OBJECT = 4
LONGS = ("<i8", "<i4")
"""Possible types of a `long`: 4 bytes where the file was written on Windows or on 32 bits. No file records which."""
MOST_DIMENSIONS, LONGEST_NAME, HEADER_BYTES = 16, 64, 2048


@dataclass(frozen=True)
class Header:
    """The header of a tensor, checked against the size of its file."""

    shape: tuple[int, ...]
    dtype: str
    strides: tuple[int, ...]
    """In elements of the storage, 0 or more."""
    offset: int
    """Index of the first element in the storage, from 0."""
    count: int
    """Number of elements of the storage."""
    start: int
    """Position of the storage's first byte in the file."""


def read_tensor(source: TensorFile) -> NDArray[Any]:
    """Read the tensor of a file as a new, contiguous array.

    Raises
    ------
    SourceError
        The file is damaged, or is not a binary Torch7 file with one full tensor of numbers.
    OSError
        The file cannot be read.
    """
    with _opened(source) as file:
        header = _header(file, _name(source))
        file.seek(header.start)
        item = np.dtype(header.dtype).itemsize
        data = file.read(header.count * item)
    if len(data) != header.count * item:
        raise SourceError(f"{_name(source)} became shorter while it was read; read it again once it is complete")
    strides = [item * stride for stride in header.strides]
    # numpy, too, refuses strides that lead out of the buffer.
    return np.ndarray(header.shape, header.dtype, data, item * header.offset, strides).copy()


def read_header(source: TensorFile) -> Header:
    """Read the header that `read_tensor` would read; raises the same errors."""
    with _opened(source) as file:
        return _header(file, _name(source))


@contextmanager
def _opened(source: TensorFile) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield BytesIO(source)
    elif isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
    else:
        yield source


def _name(source: TensorFile) -> str:
    return str(source) if isinstance(source, str | Path) else "the Torch7 file"


class _Damage(Exception):  # noqa: N818 -- becomes a SourceError where the file's name is known
    """The bytes of a file are not those of a tensor; the text gives the reason."""


@dataclass
class _Cursor:
    """A reader of numbers and texts from the first bytes of a file, one after another."""

    data: bytes
    at: int = 0

    def take(self, length: int) -> bytes:
        """Read the next bytes."""
        if self.at + length > len(self.data):
            raise _Damage("it ends inside its header")
        self.at += length
        return self.data[self.at - length : self.at]

    def numbers(self, form: str, count: int = 1) -> list[int]:
        """Read the next integers, of a type such as `<i4`."""
        return [int(x) for x in np.frombuffer(self.take(count * np.dtype(form).itemsize), form)]

    def text(self) -> str:
        """Read the next text: its length, then its bytes."""
        (length,) = self.numbers("<i4")
        if not 0 <= length <= LONGEST_NAME:
            raise _Damage(f"a name in it claims to have {length} bytes")
        return self.take(length).decode("latin-1")

    def name(self) -> str:
        """Read the class of the next object. Files of the first versions have no version before it."""
        (tag,) = self.numbers("<i4")
        if tag != OBJECT:
            raise _Damage(f"it holds {TAGS.get(tag, f'something with the tag {tag}')} where a tensor should be")
        self.numbers("<i4")  # the object's number in the file: there is only one tensor and its storage
        text = self.text()
        return self.text() if text.startswith("V ") else text


def _header(file: BinaryIO, name: str) -> Header:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(HEADER_BYTES)
    if head.startswith((b"4\n", b"3\n", b"1\n", b"2\n")):
        raise SourceError(f"{name} is a Torch7 file in text form; save it with torch.save(file, tensor, 'binary')")
    try:
        return _parse(_Cursor(head), size)
    except _Damage as damage:
        raise SourceError(f"{name} cannot be read as a Torch7 tensor: {damage}") from None


def _parse(cursor: _Cursor, size: int) -> Header:
    kind = cursor.name()
    number = kind.removeprefix("torch.").removesuffix("Tensor")
    if kind != f"torch.{number}Tensor" or number not in TYPES:
        raise _Damage(f"it holds {kind!r}; expected one of {', '.join(f'torch.{name}Tensor' for name in TYPES)}")
    (dimensions,) = cursor.numbers("<i4")
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise _Damage(f"its tensor has {dimensions} dimensions")
    found = [header for long in LONGS if (header := _with_long(cursor, long, dimensions, number))]
    if not found:
        raise _Damage(f"no torch.{number}Storage follows where its tensor ends")
    if len(found) > 1:
        raise _Damage("its long integers may have 4 bytes or 8; save it again on a 64-bit Linux")
    _check(found[0], size)
    return found[0]


def _with_long(cursor: _Cursor, long: str, dimensions: int, number: str) -> Header | None:
    """Parse the header with this type of `long`; None where no storage follows then."""
    ahead = _Cursor(cursor.data, cursor.at)
    try:
        sizes, strides = (ahead.numbers(long, dimensions) for _ in range(2))
        (offset,) = ahead.numbers(long)
        if ahead.name() != f"torch.{number}Storage":
            return None
        (count,) = ahead.numbers(long)
    except _Damage:
        return None
    # The stride of an axis with one element is never used, and may be any number.
    used = tuple(0 if length == 1 else stride for length, stride in zip(sizes, strides, strict=True))
    return Header(tuple(sizes), TYPES[number], used, offset - 1, count, ahead.at)


def _check(header: Header, size: int) -> None:
    """Refuse a header that does not fit the size of the file."""
    if min(header.shape) < 1 or header.count < 1:
        raise _Damage(f"its tensor is empty: {_sides(header)}")
    if min(header.strides) < 0 or header.offset < 0:
        raise _Damage(f"its strides {header.strides} and offset {header.offset + 1} are impossible")
    there, needed = size - header.start, header.count * np.dtype(header.dtype).itemsize
    if there < needed:
        raise _Damage(f"it is cut short: {there:,} bytes remain for numbers that take {needed:,}")
    if there > needed:
        raise _Damage(f"{there - needed:,} bytes follow its tensor")
    last = header.offset + sum((n - 1) * stride for n, stride in zip(header.shape, header.strides, strict=True))
    if last >= header.count or math.prod(header.shape) > header.count:
        raise _Damage(f"a tensor of {_sides(header)} does not fit into {header.count:,} numbers")


def _sides(header: Header) -> str:
    return " x ".join(str(side) for side in header.shape)
