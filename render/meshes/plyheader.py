"""Parser of the header of a PLY file."""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from render.errors import MeshError
from render.meshes.limits import MOST_TRIANGLES, MOST_VERTICES
from render.meshes.sources import as_text
from render.models.assemble import one_line

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float": "f4", "double": "f8", "float32": "f4", "float64": "f8",
}  # fmt: skip
LONGEST_HEADER, MOST_PROPERTIES, MOST_LISTS = 1 << 16, 64, 4
ORDERS = {"ascii": None, "binary_little_endian": "<", "binary_big_endian": ">"}
END = re.compile(rb"[\r\n]end_header[ \t]*(\r\n|\n|\r)")


class Property(NamedTuple):
    """One column: a number for each row, or a list of numbers."""

    name: str
    type: str
    length: str | None
    """Type of the length of a list; None for a number."""


@dataclass(frozen=True)
class Element:
    """One table of a PLY file."""

    name: str
    count: int
    properties: tuple[Property, ...]


@dataclass
class Header:
    """The declarations in the header of a PLY file."""

    order: str | None
    """Byte order, `<` or `>`; None for text."""
    elements: list[Element]
    start: int
    """Offset of the data in bytes."""
    texture: str | None = None
    """The picture that MeshLab names in a comment."""


def parse_header(data: bytes) -> Header:
    """Parse the header of a file.

    Raises
    ------
    MeshError
        When it does not begin as a PLY file, or declares more than `limits` allows.
    """
    if not data.startswith((b"ply\n", b"ply\r")):
        raise MeshError("it does not begin with the word `ply`")
    end = END.search(data, 0, LONGEST_HEADER)
    if end is None:
        raise MeshError("its header has no `end_header`; it is cut short")
    text = re.split(r"\r\n|\n|\r", data[: end.start()].decode("latin-1"))
    found, order, texture = [], "", None
    for line in text[1:]:
        words = line.split() or [""]
        if words[0] == "format":
            order = words[1] if len(words) > 1 else ""
        elif words[0] == "element":
            found.append(_element(words))
        elif words[0] == "property":
            _add_property(found, words)
        elif words[:2] == ["comment", "TextureFile"]:
            texture = as_text(line.strip().split(None, 2)[2]) if len(words) > 2 else None
        elif words[0] not in ("comment", "obj_info", ""):
            raise MeshError(f"its header has the line {one_line(line, 60)!r}")
    if order not in ORDERS:
        raise MeshError(f"its format is {one_line(order, 30)!r}; expected one of {', '.join(ORDERS)}")
    return Header(ORDERS[order], found, end.end(), texture)


def _element(words: list[str]) -> Element:
    if len(words) != 3 or not re.fullmatch(r"[0-9]{1,12}", words[2]):
        raise MeshError(f"its header has the line {one_line(' '.join(words), 60)!r}")
    most = MOST_TRIANGLES if words[1] == "face" else MOST_VERTICES
    if int(words[2]) > most:
        raise MeshError(f"it declares {words[2]} rows of {one_line(words[1], 30)!r}; the most are {most}")
    return Element(words[1], int(words[2]), ())


def _add_property(found: list[Element], words: list[str]) -> None:
    listed = words[1:2] == ["list"]
    types = [TYPES.get(word, "") for word in words[1 + listed : -1]]
    wrong = not found or len(types) != 1 + listed or not all(types) or (listed and types[0][0] == "f")
    if wrong:
        raise MeshError(f"its header has the line {one_line(' '.join(words), 60)!r}")
    last = found[-1]
    added = (*last.properties, Property(words[-1], types[-1], types[0] if listed else None))
    if len(added) > MOST_PROPERTIES or sum(p.length is not None for p in added) > MOST_LISTS:
        raise MeshError(f"an element has more than {MOST_PROPERTIES} properties, {MOST_LISTS} of them lists")
    found[-1] = replace(last, properties=added)
