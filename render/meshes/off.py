"""Reader of OFF files (Geomview, ModelNet): polygons, with optional colours of vertices or faces."""

import re
from array import array
from collections.abc import Iterator

import numpy as np

from render.errors import MeshError
from render.meshes.assemble import Floats, Polygons, clean_colors, nothing_left, raw_mesh
from render.meshes.limits import MOST_CORNERS, MOST_TRIANGLES, MOST_VERTICES
from render.meshes.parts import RawMesh
from render.meshes.sources import Source, check_text, lines
from render.models.assemble import one_line

HEADER = re.compile(r"(ST)?(C)?(N)?(4)?(n)?OFF(?![A-Za-z])")
"""First word, with prefixes for texture coordinates, colours, normals, a fourth coordinate, and any dimension."""
WIDEST = 12
"""Most numbers of a vertex: position, normal, colour with alpha, and texture coordinates."""
Lines = Iterator[tuple[int, list[str]]]


def read(source: Source) -> RawMesh:
    """Read the mesh in the file.

    Raises
    ------
    MeshError
        When it is not an OFF file, or has fewer or other lines than its header declares.
    """
    rows = _content(check_text(source.content(), "OFF"))
    prefixes, vertices, faces = _header(rows)
    if not faces or not vertices:
        raise MeshError(nothing_left(vertices, "no faces"))
    table = _vertices(rows, vertices)
    polygons = _faces(source, rows, faces, table[:, :3])
    left = next(rows, None)
    if left is not None:
        source.warn(f"the lines after the last face, from line {left[0]}, are left out")
    extra = table[:, 3:]
    if prefixes[2]:
        extra = extra[:, 3:]
    if extra.shape[1] - 2 * bool(prefixes[0]) >= 3:
        polygons.colors, polygons.face_colors = _scaled(source, extra[:, :3]), None
    return raw_mesh(source, polygons)


def _content(data: bytes) -> Lines:
    """Number and words of each line that is not empty, without comments."""
    for number, line in lines(data):
        words = (line.partition("#")[0] if "#" in line else line).split()
        if words:
            yield number, words


def _header(rows: Lines) -> tuple[tuple[str | None, ...], int, int]:
    """Parse the prefixes and the numbers of vertices and faces; the counts may follow the word without a blank."""
    _, words = next(rows, (0, [""]))
    match = HEADER.match(words[0])
    if match is None:
        raise MeshError(f"it begins with {one_line(words[0], 30)!r}; expected the word OFF")
    if match[4] or match[5] or "BINARY" in words:
        raise MeshError(f"this is the variety {' '.join(words[:2])!r}; expected OFF, COFF, NOFF or CNOFF as text")
    counts = [word for word in (words[0][match.end() :], *words[1:]) if word]
    if not counts:
        counts = next(rows, (0, []))[1]
    if len(counts) not in (2, 3) or not all(re.fullmatch(r"[0-9]{1,12}", word) for word in counts):
        raise MeshError(
            f"{one_line(' '.join(counts), 40)!r} are not counts; expected those of vertices, faces and edges"
        )
    vertices, faces = int(counts[0]), int(counts[1])
    if vertices > MOST_VERTICES or faces > MOST_TRIANGLES:
        raise MeshError(
            f"it declares {vertices} vertices and {faces} faces; the most are {MOST_VERTICES} and {MOST_TRIANGLES}"
        )
    return match.groups(), vertices, faces


def _vertices(rows: Lines, count: int) -> Floats:
    """Vertex table (V, 3 or more); raise MeshError for a line with another number of values than the first."""
    found: array[float] = array("d")
    width = 0
    for _ in range(count):
        number, words = next(rows, (0, []))
        if not words:
            raise MeshError(f"it declares {count} vertices and ends after {len(found) // max(width, 1)}")
        if len(words) != width:
            if width or not 3 <= len(words) <= WIDEST:
                wanted = f"{width}" if width else f"3 to {WIDEST}"
                raise MeshError(f"line {number} has {len(words)} numbers; expected a vertex with {wanted}")
            width = len(words)
        try:
            found.extend(map(float, words))
        except ValueError as error:
            raise MeshError(f"line {number} cannot be read: {one_line(' '.join(words), 60)!r}") from error
    return np.asarray(found).reshape(count, width)


def _faces(source: Source, rows: Lines, count: int, positions: Floats) -> Polygons:
    counts, corners, colors, triangles = array("q"), array("q"), array("d"), 0
    for k in range(count):
        number, words = next(rows, (0, []))
        if not words:
            raise MeshError(f"it declares {count} faces and ends after {k}")
        try:
            size = _size(words)
            corners.extend(map(int, words[1 : size + 1]))
            if len(words) - size in (4, 5):
                colors.extend(map(float, words[size + 1 : size + 4]))
        except (ValueError, OverflowError) as error:
            raise MeshError(f"line {number} is not a face: {one_line(' '.join(words), 40)!r}") from error
        counts.append(size)
        triangles += max(1, size - 2)
        if triangles > MOST_TRIANGLES:
            raise MeshError(f"it has more than {MOST_TRIANGLES} triangles (simplify it first)")
    polygons = Polygons(positions, np.asarray(counts), np.asarray(corners))
    if len(colors) == 3 * count:
        polygons.face_colors = _scaled(source, np.asarray(colors).reshape(count, 3))
    return polygons


def _size(words: list[str]) -> int:
    """Declared number of corners of a face; raise ValueError when the line has fewer."""
    size = int(words[0])
    if not 0 <= size < len(words) or size > MOST_CORNERS:
        raise ValueError
    return size


def _scaled(source: Source, colors: Floats) -> Floats | None:
    """Colours (n, 3) in 0..1; divided by 255 when all are whole numbers and one is more than 1."""
    if np.isfinite(colors).all() and colors.max() > 1 and (colors == np.floor(colors)).all():
        return np.clip(colors / 255, 0, 1)
    return clean_colors(source, colors)
