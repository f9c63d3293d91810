"""Reader of PLY files, ASCII and binary of either byte order: polygons, colours and texture coordinates."""

from collections.abc import Container

import numpy as np

from render.errors import MeshError
from render.meshes.assemble import PLAIN, WHITE, Floats, Polygons, clean_colors, clean_uv, nothing_left, raw_mesh
from render.meshes.limits import LARGEST_PICTURE
from render.meshes.parts import Material, RawMesh
from render.meshes.pictures import HALF, Pictures, texture
from render.meshes.plyheader import Header, parse_header
from render.meshes.plytables import Column, read_tables
from render.meshes.sources import Source

PLACES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
"""Names of texture coordinates that different writers use."""
COLORS = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
CORNERS = ("vertex_indices", "vertex_index")
WEDGES = "texcoord"
"""Name of MeshLab's list of u and v of the corners of a face."""
Columns = dict[str, Column]


def read(source: Source) -> RawMesh:
    """Read the mesh in the file.

    Raises
    ------
    MeshError
        When it is not a PLY file, is cut short, or has no faces.
    """
    data = source.content()
    header = parse_header(data)
    rows = {element.name: element.count for element in header.elements}
    if not rows.get("face") or not rows.get("vertex"):
        strips = "triangle strips and no faces" if rows.get("tristrips") else "no faces"
        raise MeshError(nothing_left(rows.get("vertex", 0), strips))
    tables = read_tables(data, header, _wanted(header))
    vertices, faces = tables.get("vertex", {}), tables.get("face", {})
    polygons = _polygons(vertices, faces)
    polygons.colors = _colors(source, vertices)
    if polygons.colors is None:
        polygons.face_colors = _colors(source, faces)
    _texture_places(source, vertices, faces, polygons)
    return raw_mesh(source, polygons, [_material(source, header.texture, polygons)])


def _wanted(header: Header) -> dict[str, set[str]]:
    """Names of the columns to read of vertices and faces; of alternative names, the first that the file has."""
    names = {element.name: {p.name for p in element.properties} for element in header.elements}
    vertex, face = names["vertex"], names["face"]
    corners = {name for name in CORNERS if name in face}
    return {
        "vertex": {"x", "y", "z", *_first(PLACES, vertex), *_first(COLORS, vertex)},
        "face": {WEDGES, *sorted(corners)[:1], *_first(COLORS, face)},
    }


def _first(choices: tuple[tuple[str, ...], ...], names: Container[str]) -> tuple[str, ...]:
    return next((choice for choice in choices if all(name in names for name in choice)), ())


def _polygons(vertices: Columns, faces: Columns) -> Polygons:
    missing = [name for name in "xyz" if name not in vertices or vertices[name].counts is not None]
    if missing:
        raise MeshError(f"its vertices have no {' and '.join(missing)}")
    corners = next((faces[name] for name in CORNERS if name in faces), None)
    if corners is None or corners.counts is None:
        raise MeshError(f"its faces have no list {' or '.join(CORNERS)}")
    index = corners.values.astype(np.int64)
    if not (index == corners.values).all():
        raise MeshError("its faces refer to vertices by numbers that are not whole")
    positions = np.stack([vertices[name].values.astype(np.float64) for name in "xyz"], axis=1)
    return Polygons(positions, corners.counts, index)


def _colors(source: Source, columns: Columns) -> Floats | None:
    """Colours (n, 3) in 0..1, or None; integers are divided by the greatest value of their type."""
    for names in COLORS:
        if all(name in columns and columns[name].counts is None for name in names):
            kind = columns[names[0]].type
            table = np.stack([columns[name].values.astype(np.float64) for name in names], axis=1)
            most = {"u1": 255, "i1": 127, "u2": 65535, "i2": 32767}.get(kind, 1 if kind[0] == "f" else 255)
            return clean_colors(source, table / most)
    return None


def _texture_places(source: Source, vertices: Columns, faces: Columns, polygons: Polygons) -> None:
    wedges = faces.get(WEDGES)
    if wedges is not None and wedges.counts is not None and (wedges.counts == 2 * polygons.counts).all():
        polygons.uv = clean_uv(source, wedges.values.astype(np.float64).reshape(-1, 2))
        polygons.uv_corners = np.arange(len(polygons.corners))
        return
    for names in PLACES:
        if all(name in vertices and vertices[name].counts is None for name in names):
            table = np.stack([vertices[name].values.astype(np.float64) for name in names], axis=1)
            polygons.uv = clean_uv(source, table)
            return


def _material(source: Source, picture: str | None, polygons: Polygons) -> Material:
    """White material with the texture that the header names, or the default material."""
    if picture is not None and polygons.uv is not None:
        try:
            image = Pictures().open(source.beside(picture, source.path.parent, LARGEST_PICTURE))
        except MeshError as error:
            source.warn(f"the texture is left out: {error}")
        else:
            surface = texture(image, HALF)
            return Material(WHITE.color, surface.rgba, cut_below=surface.cut_below)
    return PLAIN
