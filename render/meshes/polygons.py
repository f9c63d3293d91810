"""Triangulation of polygons in space: quads and convex outlines in vectorised code, the rest by ear clipping."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes import earclip
from render.meshes.limits import MOST_STEPS

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Triangles(NamedTuple):
    """Triangles of a list of polygons, in the order of the polygons."""

    corners: Ints
    """(T, 3) rows of the list of corners, with the winding of the polygon."""
    faces: Ints
    """(T,) number of the polygon of each triangle."""
    crossing: int
    """Number of polygons whose outline crosses itself; their triangles cover them only roughly."""


def triangulate(points: Floats, counts: Ints) -> Triangles:
    """Cut every polygon into triangles, in the order of the polygons.

    A triangle stays as it is. A quad is cut from its first corner to its third, or from its second to its fourth
    where the first cut would lie outside. Other polygons are cut as a fan where they are convex, else ear by ear.

    Parameters
    ----------
    points : (C, 3) float64
        Corners of the polygons, one polygon after the other; finite.
    counts : (F,) int64
        Corners of each polygon, 3 or more.

    Raises
    ------
    MeshError
        When cutting the concave polygons takes more than `limits.MOST_STEPS` comparisons (minutes).
    """
    if (counts == 3).all():
        return Triangles(np.arange(len(points)).reshape(-1, 3), np.arange(len(counts)), 0)
    starts = np.cumsum(counts) - counts
    pieces: list[tuple[Ints, Ints]] = []
    concave: list[Ints] = []
    for n in np.unique(counts):
        faces = np.flatnonzero(counts == n)
        corners = starts[faces][:, None] + np.arange(n)
        if n == 3:
            pieces.append((corners[:, None], faces))
        elif n == 4:
            pieces.append((_quads(points, corners), faces))
        else:
            convex = _convex(points, corners)
            pieces.append((corners[convex][:, _fan(int(n))], faces[convex]))
            concave.append(faces[~convex])
    clipped = np.sort(np.concatenate(concave)) if concave else np.zeros(0, np.int64)
    cut, owner, crossing = _clipped(points, starts, counts, clipped)
    corners = np.concatenate([*(piece.reshape(-1, 3) for piece, _ in pieces), cut])
    faces = np.concatenate([*(np.repeat(face, piece.shape[1]) for piece, face in pieces), owner])
    order = np.argsort(faces, kind="stable")
    return Triangles(corners[order], faces[order], crossing)


def _fan(n: int) -> Ints:
    """(n - 2, 3) corners of a fan from the first corner."""
    k = np.arange(1, n - 1)
    return np.stack([np.zeros_like(k), k, k + 1], axis=1)


def _cross(u: Floats, v: Floats) -> Floats:
    x = u[..., 1] * v[..., 2] - u[..., 2] * v[..., 1]
    y = u[..., 2] * v[..., 0] - u[..., 0] * v[..., 2]
    z = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return np.stack([x, y, z], axis=-1)


def _dot(u: Floats, v: Floats) -> Floats:
    return u[..., 0] * v[..., 0] + u[..., 1] * v[..., 1] + u[..., 2] * v[..., 2]


def _quads(points: Floats, corners: Ints) -> Ints:
    """Halves (F, 2, 3) of quads: cut from corner 0 to 2, or from 1 to 3 where the halves would be on opposite sides."""
    a, b, c, d = (points[corners[:, k]] for k in range(4))
    outside = _dot(_cross(b - a, c - a), _cross(c - a, d - a)) < 0
    halves = np.where(outside[:, None, None], [[1, 2, 3], [1, 3, 0]], [[0, 1, 2], [0, 2, 3]])
    return np.take_along_axis(corners[:, None], halves.reshape(len(corners), 1, 6), axis=2).reshape(-1, 2, 3)


def _normals(at: Floats) -> Floats:
    """(F, 3) from outlines (F, n, 3): twice the area vectors, by Newell's sum from the first corner."""
    spokes = at[:, 1:] - at[:, :1]
    # A running sum has one order of addition on every machine.
    return np.cumsum(_cross(spokes[:, :-1], spokes[:, 1:]), axis=1)[:, -1]


def _convex(points: Floats, corners: Ints) -> NDArray[np.bool_]:
    """Mask (F,) of the outlines in which every corner clearly turns with the normal, and which go round once."""
    at = points[corners]
    normal = _normals(at)
    into, out = at - np.roll(at, 1, axis=1), np.roll(at, -1, axis=1) - at
    turns = _dot(_cross(into, out), normal[:, None])
    strict = (turns > 1e-9 * np.abs(turns).max(axis=1, keepdims=True)).all(axis=1)
    # A star that goes round twice turns one way everywhere, but the spokes from its first corner go back and forth.
    spokes = at[:, 1:] - at[:, :1]
    return strict & (_dot(_cross(spokes[:, :-1], spokes[:, 1:]), normal[:, None]) > 0).all(axis=1)


def _clipped(points: Floats, starts: Ints, counts: Ints, faces: Ints) -> tuple[Ints, Ints, int]:
    """Corners (T, 3), faces (T,) and the number of crossing outlines of the polygons `faces`."""
    sizes = counts[faces] - 2
    out = np.zeros((int(sizes.sum()), 3), np.int64)
    crossing = earclip.clip_all(points, starts[faces], counts[faces], out, MOST_STEPS)
    if crossing < 0:
        raise MeshError("its concave polygons have too many corners to be cut in time; triangulate it first")
    return out, np.repeat(faces, sizes), crossing
