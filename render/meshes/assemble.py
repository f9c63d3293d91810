"""Assembly of a `RawMesh` from the polygons of a file, shared by all readers of polygon formats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes.limits import FARTHEST, MOST_TRIANGLES, MOST_VERTICES
from render.meshes.parts import Material, Part, RawMesh
from render.meshes.polygons import triangulate
from render.meshes.sources import Source
from render.meshes.weld import distinct

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


PLAIN, WHITE = Material(), Material((1.0, 1.0, 1.0))
"""Materials of faces without one: in a file without colours, and under vertex or face colours."""


@dataclass
class Polygons:
    """Faces as a file lists them, with the attributes of their corners."""

    positions: Floats
    """(V, 3); may hold NaN."""
    counts: Ints
    """(F,) corners of each face."""
    corners: Ints
    """(C,) vertex index of each corner, one face after the other; may be out of range."""
    colors: Floats | None = None
    """(V, 3) RGB, 0..1, display-referred."""
    uv: Floats | None = None
    """(U, 2); v = 0 at the bottom."""
    uv_corners: Ints | None = None
    """(C,) row of `uv` of each corner, -1 for none; None when `uv` has a row per vertex."""
    face_colors: Floats | None = None
    """(F, 3); instead of `colors`."""
    materials: Ints | None = None
    """(F,) number of the material of each face; None means 0 for all."""


def raw_mesh(source: Source, polygons: Polygons, materials: Sequence[Material] = (PLAIN,)) -> RawMesh:
    """Cut the faces into triangles and make one part for each material that is used.

    Faces with fewer than three different corners, and faces with a vertex that is not finite (NaN, infinite, or
    beyond `limits.FARTHEST`), are left out with a warning.

    Parameters
    ----------
    source : Source
        The file being read; it collects the warnings.
    polygons : Polygons
    materials : sequence of Material
        The materials that `polygons.materials` numbers.

    Raises
    ------
    MeshError
        When a face refers to a vertex that does not exist, or no face is left.
    """
    corners, faces = _cut(source, polygons)
    number = np.zeros(len(polygons.counts), np.int64) if polygons.materials is None else polygons.materials
    order = np.argsort(number[faces], kind="stable")
    used, starts = np.unique(number[faces[order]], return_index=True)
    parts = [
        _part(polygons, corners[chosen], faces[chosen], materials[k])
        for k, chosen in zip(used, np.split(order, starts[1:]), strict=True)
        if len(chosen)
    ]
    if not parts:
        raise MeshError(nothing_left(len(polygons.positions), "no face with an area"))
    return RawMesh(tuple(parts), source.all_warnings())


def _cut(source: Source, polygons: Polygons) -> tuple[Ints, Ints]:
    """Triangles of the usable faces: rows (T, 3) of the list of corners, and the face (T,) of each."""
    keep = _usable(source, polygons)
    owner = np.repeat(np.arange(len(polygons.counts)), polygons.counts)
    kept = np.flatnonzero(keep[owner])
    cut = triangulate(polygons.positions[polygons.corners[kept]], polygons.counts[keep])
    if cut.crossing:
        source.warn(f"{cut.crossing} polygons cross themselves; their triangles are a guess")
    corners = kept[cut.corners]
    check_size(len(polygons.positions), len(corners))
    a, b, c = polygons.corners[corners].T
    flat = (a == b) | (b == c) | (c == a)
    if flat.any():
        source.warn(f"{int(flat.sum())} triangles use one vertex twice and are left out")
        corners = corners[~flat]
    return corners, owner[corners[:, 0]]


def nothing_left(vertices: int, what: str) -> str:
    """Error message for a file without faces; `what` describes what it holds instead."""
    return f"it holds {what} ({vertices} vertices); expected a surface of triangles or polygons"


def check_size(vertices: int, triangles: int) -> None:
    """Raise MeshError for more vertices or triangles than `limits` allows, before anything is built of them."""
    if vertices > MOST_VERTICES or triangles > MOST_TRIANGLES:
        raise MeshError(
            f"it has {vertices} vertices and {triangles} triangles; the most are {MOST_VERTICES} and {MOST_TRIANGLES} "
            "(simplify it first)"
        )


def finite_rows(positions: Floats) -> NDArray[np.bool_]:
    """Mask (V,) of the rows of (V, n) positions that are neither NaN, nor infinite, nor beyond `limits.FARTHEST`."""
    near: NDArray[np.bool_] = np.abs(positions) < FARTHEST
    return np.logical_and.reduce(near, axis=1)


def _usable(source: Source, polygons: Polygons) -> NDArray[np.bool_]:
    """Mask (F,) of the faces with three or more corners, all at finite vertices; the others give a warning."""
    counts, corners = polygons.counts, polygons.corners
    vertices = len(polygons.positions)
    if not len(counts):
        raise MeshError(nothing_left(vertices, "no faces"))
    if len(corners) and (corners.min() < 0 or corners.max() >= vertices):
        wrong = corners[(corners < 0) | (corners >= vertices)][0]
        raise MeshError(f"a face refers to vertex {wrong} (counted from 0); there are {vertices} vertices")
    wide = counts >= 3
    if not wide.all():
        source.warn(f"{int((~wide).sum())} faces with fewer than three corners are left out")
    not_finite = ~finite_rows(polygons.positions)
    bad = np.zeros(len(counts), bool)
    bad[np.repeat(np.arange(len(counts)), counts)[not_finite[corners]]] = True
    if (bad & wide).any():
        source.warn(f"{int((bad & wide).sum())} faces at vertices that are not finite are left out")
    return wide & ~bad


def _part(polygons: Polygons, corners: Ints, faces: Ints, material: Material) -> Part:
    """Part made of triangles: their `corners` (T, 3) in the list of corners, and their `faces` (T,)."""
    vertices = polygons.corners[corners].reshape(-1)
    # A vertex of the file becomes one vertex per texture coordinate, or else per face colour, that it has.
    by_corner = polygons.uv_corners is not None
    if polygons.uv_corners is not None:
        rows = polygons.uv_corners[corners].reshape(-1)
    elif polygons.face_colors is not None:
        rows = distinct(*polygons.face_colors.T)[1][np.repeat(faces, 3)]
    else:
        rows = np.zeros_like(vertices)
    first, triangles = distinct(vertices, rows)
    uv, colors, at = polygons.uv, polygons.colors, vertices[first]
    if uv is not None:
        uv = np.where(rows[first, None] < 0, 0.0, uv[rows[first]]) if by_corner else uv[at]
    if polygons.face_colors is not None and not by_corner:
        colors = polygons.face_colors[np.repeat(faces, 3)[first]]
    elif colors is not None:
        colors = colors[at]
    return Part(
        np.ascontiguousarray(polygons.positions[at]),
        triangles.reshape(-1, 3).astype(np.int32),
        WHITE if material is PLAIN and colors is not None else material,
        None if uv is None else uv.astype(np.float32),
        None if colors is None else colors.astype(np.float32),
    )


def clean_uv(source: Source, uv: Floats) -> Floats:
    """Replace texture coordinates (U, 2) that are not finite by 0, with a warning."""
    wrong = ~finite_rows(uv)
    if wrong.any():
        source.warn(f"{int(wrong.sum())} texture coordinates are not finite and are set to 0")
        uv = np.where(wrong[:, None], 0.0, uv)
    return uv


def clean_colors(source: Source, colors: Floats) -> Floats | None:
    """Colours (V, 3) clipped to 0..1; None, with a warning, when some are not finite."""
    if not np.isfinite(colors).all():
        source.warn("vertex colours are not finite and are left out")
        return None
    if len(colors) and colors.max() > 1.001:
        source.warn("vertex colours go beyond 1; they are taken as 0 to 255")
        colors = colors / 255
    return np.clip(colors, 0, 1)
