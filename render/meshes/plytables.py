"""Columns of the elements of a PLY file; every size is checked against the file before memory is allocated."""

from array import array
from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes.limits import MOST_CORNERS, MOST_TRIANGLES
from render.meshes.plyheader import Element, Header
from render.meshes.sources import lines
from render.models.assemble import one_line

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
LISTED = 8 * MOST_TRIANGLES
"""Most values of a column of lists, all lists together."""


class Column(NamedTuple):
    """The values of a property."""

    values: NDArray[np.generic]
    """(n,) values, or the values of all lists, one list after the other."""
    counts: Ints | None
    """(n,) length of each list; None for a column of numbers."""
    type: str
    """Type in the file, such as `u1` or `f4`."""


Tables = dict[str, dict[str, Column]]
"""Columns by name of the element, then of the property."""


def read_tables(data: bytes, header: Header, wanted: Mapping[str, Container[str]]) -> Tables:
    """Read the wanted columns of the elements up to the last of vertex and face.

    Parameters
    ----------
    data : bytes
        The whole file.
    header : Header
    wanted : mapping of str to container of str
        Names of the properties to read, by element.

    Raises
    ------
    MeshError
        When the file ends before the last of their rows, or a row is damaged.
    """
    return _text(data, header, wanted) if header.order is None else _binary(data, header, wanted)


def _needed(header: Header) -> Iterator[Element]:
    """Elements with rows, up to the last of vertex and face."""
    last = max(k for k, element in enumerate(header.elements) if element.name in ("vertex", "face"))
    yield from (element for element in header.elements[: last + 1] if element.count and element.properties)


def _cut(element: Element, rows: int) -> MeshError:
    name = one_line(element.name, 30)
    return MeshError(f"it declares {element.count} rows of {name!r} and ends after {rows}; it is cut short")


def _check_lists(counts: Ints) -> None:
    if len(counts) and (int(counts.min()) < 0 or int(counts.max()) > 2 * MOST_CORNERS or int(counts.sum()) > LISTED):
        raise MeshError(
            f"a face has {counts.max()} corners, all together {counts.sum()}; the most are {MOST_CORNERS} and {LISTED}"
        )


def _binary(data: bytes, header: Header, wanted: Mapping[str, Container[str]]) -> Tables:
    raw, at, tables = np.frombuffer(data, np.uint8), header.start, {}
    for element in _needed(header):
        _check_room(raw, at, element)
        kept = _first_of_each_name(element, wanted.get(element.name, ()))
        if all(p.length is None for p in element.properties):
            table, at = _plain(data, at, element, kept, header.order or "<")
        elif element.name == "vertex":
            raise MeshError("its vertices have lists; expected numbers only")
        else:
            table, at = _with_lists(raw, at, element, kept, header.order or "<")
        tables[element.name] = table
    return tables


def _check_room(raw: Bytes, at: int, element: Element) -> None:
    """Raise MeshError when the file is too short for the rows, even if all lists were empty."""
    least = sum(np.dtype(p.length or p.type).itemsize for p in element.properties)
    if element.count * least > len(raw) - at:
        raise _cut(element, max(0, len(raw) - at) // least)


def _first_of_each_name(element: Element, wanted: Container[str]) -> list[int]:
    names = [p.name for p in element.properties]
    return [k for k, name in enumerate(names) if name in wanted and names.index(name) == k]


def _plain(data: bytes, at: int, element: Element, kept: list[int], order: str) -> tuple[dict[str, Column], int]:
    """Columns of an element without lists, and the offset of its end."""
    record = np.dtype([(f"p{k}", order + p.type) for k, p in enumerate(element.properties)])
    rows = np.frombuffer(data, record, element.count, at)
    chosen = [(element.properties[k], rows[f"p{k}"]) for k in kept]
    return {p.name: Column(values, None, p.type) for p, values in chosen}, at + rows.nbytes


def _with_lists(raw: Bytes, at: int, element: Element, kept: list[int], order: str) -> tuple[dict[str, Column], int]:
    """Columns of an element with lists, and the offset of its end."""
    item = np.array([np.dtype(p.type).itemsize for p in element.properties])
    length = np.array([np.dtype(p.length).itemsize if p.length else 0 for p in element.properties])
    column = np.full(len(item), -1)
    column[kept] = np.arange(len(kept))
    places, counts, rows, end = _walk(raw, at, element.count, item, length, column, order == ">")
    if rows < element.count:
        raise _cut(element, rows)
    table = {}
    for k, p in enumerate(element.properties[j] for j in kept):
        lengths = None if p.length is None else counts[:, k].astype(np.int64)
        table[p.name] = Column(_gathered(raw, places[:, k], lengths, np.dtype(order + p.type)), lengths, p.type)
    return table, end


def _gathered(raw: Bytes, places: Ints, lengths: Ints | None, kind: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Values at the offsets `places` (n,), or the `lengths` (n,) values of each list there."""
    if lengths is not None:
        _check_lists(lengths)
    sizes = kind.itemsize * (np.ones_like(places) if lengths is None else lengths)
    return _copied(raw, places, sizes).view(kind)


@numba.njit(nogil=True, cache=True)
def _copied(raw: Bytes, places: Ints, sizes: Ints) -> Bytes:
    """Concatenate `sizes[k]` bytes from each offset `places[k]`."""
    out = np.empty(sizes.sum(), np.uint8)
    at = 0
    for k in range(len(places)):
        for byte in range(sizes[k]):
            out[at + byte] = raw[places[k] + byte]
        at += sizes[k]
    return out


@numba.njit(nogil=True, cache=True)
def _walk(
    raw: Bytes, at: int, count: int, item: Ints, length: Ints, column: Ints, big: bool
) -> tuple[Ints, NDArray[np.int32], int, int]:
    """Step through rows with lists.

    Parameters
    ----------
    raw : (bytes,) uint8
    at : int
        Where the first row starts.
    item, length : (P,) int64
        Bytes of each property's values, and of its list's length (0 for a single value).
    column : (P,) int64
        Column of the results for each property, -1 for none.
    big : bool
        Whether the first byte of a number counts most.

    Returns
    -------
    places : (n, K) int64
        Where the property's values start.
    counts : (n, K) int32
        How many there are; lists beyond 2**30 do not fit into any file.
    rows, end : int
        Rows that are in the file, and where they end.
    """
    width = column.max() + 1
    places, counts = np.zeros((count, width), np.int64), np.ones((count, width), np.int32)
    for row in range(count):
        for k in range(len(item)):
            n = np.int64(1)
            if length[k]:
                if at + length[k] > len(raw):
                    return places, counts, row, at
                n = np.int64(0)
                for byte in range(length[k]):
                    n |= np.int64(raw[at + byte]) << (8 * (length[k] - 1 - byte if big else byte))
                at += length[k]
            if column[k] >= 0:
                places[row, column[k]] = at
                counts[row, column[k]] = min(n, 1 << 30)
            at += n * item[k]
        if at > len(raw):
            return places, counts, row, at
    return places, counts, count, at


def _text(data: bytes, header: Header, wanted: Mapping[str, Container[str]]) -> Tables:
    rows = ((number, line) for number, line in lines(data, header.start) if line and not line.isspace())
    tables = {}
    for element in _needed(header):
        columns = _Columns(element, _first_of_each_name(element, wanted.get(element.name, ())))
        for row in range(element.count):
            number, line = next(rows, (0, ""))
            if not line:
                raise _cut(element, row)
            try:
                columns.add(line.split())
            except (ValueError, IndexError, OverflowError) as error:
                raise MeshError(f"data line {number} cannot be read: {one_line(line, 60)!r}") from error
        tables[element.name] = columns.finished()
    return tables


class _Columns:
    """Collector of the columns `kept` from the rows of a text file."""

    def __init__(self, element: Element, kept: list[int]):
        self.properties = element.properties
        self.values = {k: array("d") for k in kept}
        self.counts = [array("q") for _ in element.properties]
        listed = any(p.length is not None for p in element.properties)
        self.add = self._add_lists if listed else self._add_numbers

    def _add_numbers(self, words: list[str]) -> None:
        if len(words) < len(self.properties):
            raise IndexError
        for k, values in self.values.items():
            values.append(float(words[k]))

    def _add_lists(self, words: list[str]) -> None:
        at = 0
        for k, p in enumerate(self.properties):
            size = 1
            if p.length is not None:
                size = int(words[at])
                at += 1
                if not 0 <= size <= 2 * MOST_CORNERS:
                    raise MeshError(f"a list has {size} values; the most are {2 * MOST_CORNERS}")
                self.counts[k].append(size)
            if at + size > len(words):
                raise IndexError
            if k in self.values:
                self.values[k].extend(map(float, words[at : at + size]))
                if len(self.values[k]) > LISTED:
                    raise MeshError(f"its lists have more than {LISTED} values (simplify it first)")
            at += size

    def finished(self) -> dict[str, Column]:
        """Return the columns by the name of their property."""
        table = {}
        for k, values in self.values.items():
            p = self.properties[k]
            counts = None if p.length is None else np.asarray(self.counts[k])
            table[p.name] = Column(np.asarray(values), counts, p.type)
        return table
