"""Reader of STL files, binary and ASCII: triangles without colours; the normals in the file are not read.

The length of a file decides between the two: binary files may begin with `solid` too.
"""

import struct
from array import array

import numpy as np

from render.errors import MeshError
from render.meshes.assemble import Floats, Polygons, check_size, nothing_left, raw_mesh
from render.meshes.limits import MOST_TRIANGLES
from render.meshes.parts import RawMesh
from render.meshes.sources import Source, lines
from render.meshes.weld import distinct
from render.models.assemble import one_line

HEADER, RECORD = 84, 50
"""Bytes before the triangles (the last four are their number), and bytes of each triangle."""


def read(source: Source) -> RawMesh:
    """Read the mesh in the file, all its solids together.

    Raises
    ------
    MeshError
        When it is cut short, or has no triangles.
    """
    data = source.content()
    corners = _binary(source, data) if _is_binary(data) else _ascii(source, data)
    triangles = len(corners) // 3
    if not triangles:
        raise MeshError(nothing_left(0, "no triangles"))
    check_size(len(corners), triangles)
    # Exactly equal corners become one vertex, as in every other format.
    first, vertices = distinct(*corners.T)
    return raw_mesh(source, Polygons(corners[first], np.full(triangles, 3), vertices))


def _count(data: bytes) -> int:
    return int(struct.unpack_from("<I", data, HEADER - 4)[0]) if len(data) >= HEADER else -1


def _is_binary(data: bytes) -> bool:
    count = _count(data)
    if count >= 0 and len(data) == HEADER + RECORD * count:
        return True
    return data[:256].lstrip()[:5].lower() != b"solid" or b"\0" in data[: HEADER + RECORD]


def _binary(source: Source, data: bytes) -> Floats:
    """Corners (3T, 3) of a binary file."""
    count = _count(data)
    if count < 0:
        raise MeshError(f"it has {len(data)} bytes, and neither a binary header nor the word `solid`")
    whole = HEADER + RECORD * count
    if len(data) < whole:
        raise MeshError(
            f"it declares {count} triangles, which take {whole} bytes, and has {len(data)}; it is cut short or not STL"
        )
    if len(data) > whole:
        source.warn(f"{len(data) - whole} bytes behind the last triangle are left out")
    check_size(3 * count, count)
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    return np.frombuffer(data, record, count, HEADER)["corners"].astype(np.float64).reshape(-1, 3)


def _ascii(source: Source, data: bytes) -> Floats:
    """Corners (3T, 3) of an ASCII file."""
    found: array[float] = array("d")
    loop, ended = 0, True
    for number, line in lines(data):
        words = line.split()
        key = words[0].lower() if words else ""
        if key == "vertex":
            try:
                found.extend([float(word) for word in words[1:4]])
            except ValueError as error:
                raise MeshError(f"line {number} cannot be read: {one_line(line, 60)!r}") from error
            loop += 1
        elif key == "endloop" and loop != 3:
            raise MeshError(f"the facet that ends in line {number} has {loop} corners; expected 3")
        elif key in ("solid", "endsolid", "outer"):
            ended = key == "endsolid"
        if key in ("endloop", "outer", "solid"):
            loop = 0
        if key == "vertex" and (len(words) < 4 or loop > 3):
            raise MeshError(f"line {number} cannot be read: {one_line(line, 60)!r}")
        if len(found) > 9 * MOST_TRIANGLES:
            raise MeshError(f"it has more than {MOST_TRIANGLES} triangles (simplify it first)")
    if loop:
        raise MeshError("it ends inside a facet; it is cut short")
    if not ended:
        source.warn("it ends without `endsolid`; it may be cut short")
    return np.asarray(found).reshape(-1, 3)
