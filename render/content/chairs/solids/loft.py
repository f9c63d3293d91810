"""Lofts: surfaces over a stack of rings, of which all other solids are made; turned pieces and bowls. Metres."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from render.content.chairs.solids.exact import Array, cos_sin, length
from render.content.chairs.solids.shape import Shape, join

Point = tuple[float, float, float]


def loft(rings: Array, start: Point | None = None, end: Point | None = None) -> Shape:
    """A closed solid over a stack of rings.

    Parameters
    ----------
    rings : (R, n, 3) float64
        From start to end, counter-clockwise seen from the end; neighbours differ, points of one ring differ.
    start, end : Point or None
        Points at which the caps' triangles meet; by default the middle of the ring, which makes a flat cap.

    Returns
    -------
    Shape
        u runs around the rings, v along the stack.
    """
    return join([_side(rings), _cap(rings[0], start, flip=True), _cap(rings[-1], end, flip=False)])


def disc(rings: Array, end: Point) -> Shape:
    """A surface without thickness over rings (R, n, 3), from its rim to the point `end` in its middle."""
    return join([_side(rings), _cap(rings[-1], end, flip=False)])


def loop(rings: Array) -> Shape:
    """A closed band of rings (R, n, 3), as a tyre: the last ring is followed by the first."""
    return _side(np.concatenate([rings, rings[:1]]))


def _side(rings: Array) -> Shape:
    """Quadrilaterals between rings; a copy of its first point closes each ring, with its own texture coordinates."""
    rings = np.concatenate([rings, rings[:, :1]], axis=1)
    R, n = rings.shape[:2]
    u = np.concatenate([[0.0], np.cumsum(length(rings[:, 1:] - rings[:, :-1]).mean(axis=0))])
    v = np.concatenate([[0.0], np.cumsum(length(rings[1:] - rings[:-1]).mean(axis=1))])
    uv = np.stack([np.tile(u, (R, 1)), np.repeat(v[:, None], n, axis=1)], axis=-1)
    return Shape(rings.reshape(-1, 3), _quads(R, n), uv.reshape(-1, 2))


def _quads(R: int, n: int) -> NDArray[np.int32]:
    corner = (np.arange(R - 1)[:, None] * n + np.arange(n - 1)).reshape(-1, 1)
    return np.concatenate([corner + np.array(k) for k in ((0, 1, n + 1), (0, n + 1, n))]).astype(np.int32)


def _cap(ring: Array, apex: Point | None, flip: bool) -> Shape:
    """A fan of triangles from a ring (n, 3) to the apex, with texture coordinates in the ring's plane."""
    n = len(ring)
    middle = ring.mean(axis=0)
    points = np.concatenate([ring, [middle if apex is None else np.array(apex)]])
    k = np.arange(n)
    after = (k + 1) % n
    fan = np.stack([k, after, np.full(n, n)] if not flip else [after, k, np.full(n, n)], axis=1)
    across = ring[0] - middle
    across = across / length(across)
    normal = np.cross(ring[1] - middle, ring[n // 2] - middle)
    up = np.cross(normal, across)
    up = up / np.maximum(length(up), 1e-12)
    away = points - middle
    uv = np.stack([(away * axis).sum(axis=1) for axis in (across, up)], axis=1)
    return Shape(points, fan.astype(np.int32), uv)


def lathe(profile: Sequence[tuple[float, float]], sides: int = 12) -> Shape:
    """A turned solid about +y, made of (radius, height) pairs from bottom to top.

    Only the first and the last radius may be 0; there the solid ends in a point.
    """
    open_profile = [p for p in profile if p[0] > 0.0]
    start = (0.0, profile[0][1], 0.0) if profile[0][0] <= 0.0 else None
    end = (0.0, profile[-1][1], 0.0) if profile[-1][0] <= 0.0 else None
    ring = circle(sides)
    rings = np.array([[(r * x, y, -r * z) for x, z in ring] for r, y in open_profile])
    return loft(rings, start, end)


def circle(sides: int) -> Array:
    """(sides, 2) points of the unit circle, counter-clockwise, mirrored in both axes when sides are a multiple of 4."""
    return np.stack(cos_sin(np.arange(sides) / sides), axis=1)


def skin(rings: Array, apex: Point, thick: float, grain: str = "y") -> Shape:
    """A bowl or sheet with a thickness: a closed solid whose inner (upper) face goes through the rings.

    Parameters
    ----------
    rings : (R, n, 3) float64
        From the rim to the middle, counter-clockwise seen from inside the bowl.
    apex : Point
        The middle of the inner face.
    thick : float
        Thickness, added on the outer side.
    grain : str
        The axis along which the texture's v runs.
    """
    outward = -_normals(rings, apex)
    outer = rings + thick * outward
    # A ring in the middle of the rim, a little beyond both faces.
    edge = 0.5 * (rings[:1] + outer[:1]) + 0.35 * thick * _over_rim(rings)
    below = (apex[0], apex[1] - thick, apex[2])
    return loft(np.concatenate([outer[::-1], edge, rings]), below, apex).boxed(grain)


def _over_rim(rings: Array) -> Array:
    """Unit vectors (1, n, 3) along the sheet, out over its rim."""
    step = rings[:1] - rings[1:2]
    return np.asarray(step / length(step)[..., None])


def _normals(rings: Array, apex: Point) -> Array:
    """Unit normals (R, n, 3) of the inner face."""
    around = np.roll(rings, -1, axis=1) - np.roll(rings, 1, axis=1)
    whole = np.concatenate([rings, np.broadcast_to(np.array(apex), rings[:1].shape)])
    inward = whole[1:] - np.concatenate([rings[:1], rings[:-1]])
    normal = np.cross(around, inward)
    return np.asarray(normal / length(normal)[..., None])
