"""Closed outlines in the plane: trapezoids, ellipses and free curves. Metres.

An outline is (n, 2) float64, counter-clockwise, and symmetric in x = 0 to the last bit. Its right half starts in the
middle of the front edge (negative y) and ends in the middle of the back edge. The outline of a seat has the back at
positive y.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from render.content.chairs.solids.curves import evenly, fillet, spline
from render.content.chairs.solids.exact import Array, cos_sin, length

STEP = 0.06
"""Greatest distance of points on a straight edge, metres: dense enough to bend it."""


def mirrored(half: Array) -> Array:
    """The outline made of its right half (m, 2), whose ends lie on x = 0."""
    left = half[-2:0:-1] * np.array([-1.0, 1.0])
    return np.concatenate([half, left])


def trapezoid(
    front: float, back: float, depth: float, radius: float | Sequence[float], bow: float = 0.0, step: float = STEP
) -> Array:
    """A trapezoid with rounded corners.

    Parameters
    ----------
    front, back, depth : float
        Widths and depth; the middle lies in the origin.
    radius : float or (front, back)
        Radii of the corners.
    bow : float
        Distance by which the middle of the front edge is pushed out.
    step : float
        Greatest length of a straight segment.
    """
    corners = [(0.0, -depth / 2), (front / 2, -depth / 2), (back / 2, depth / 2), (0.0, depth / 2)]
    half = _dense(fillet(corners, radius), step)
    share = np.clip(-2.0 * half[:, 1] / depth, 0.0, 1.0) * (1.0 - 4.0 * half[:, 0] * half[:, 0] / (front * front))
    return mirrored(np.stack([half[:, 0], half[:, 1] - bow * share], axis=1))


def rectangle(width: float, depth: float, radius: float, step: float = STEP) -> Array:
    """A rectangle with rounded corners."""
    return trapezoid(width, width, depth, radius, step=step)


def ellipse(width: float, depth: float, points: int = 32) -> Array:
    """An ellipse of an even number of points."""
    cos, sin = cos_sin(np.arange(points // 2 + 1) / points - 0.25)
    return mirrored(np.stack([cos * (width / 2), sin * (depth / 2)], axis=1))


def squircle(width: float, depth: float, points: int = 40) -> Array:
    """A superellipse of exponent 4, between an ellipse and a rectangle, of an even number of points."""
    cos, sin = cos_sin(np.arange(81) / 160 - 0.25)
    x = np.sqrt(np.clip(cos, 0.0, None)) * (width / 2)
    y = np.sqrt(np.abs(sin)) * np.where(sin < 0.0, -depth / 2, depth / 2)
    return mirrored(_pinned(evenly(np.stack([x, y], axis=1), points // 2 + 1)))


def curve(half: Sequence[Sequence[float]], points: int = 40) -> Array:
    """A smooth outline of an even number of points through those of its right half, the first and last on x = 0."""
    given = np.array(half, np.float64)
    left = given[-2:0:-1] * np.array([-1.0, 1.0])
    whole = spline(np.concatenate([given, left]).tolist(), 8, closed=True)
    return mirrored(_pinned(evenly(whole[: 8 * (len(given) - 1) + 1], points // 2 + 1)))


def flat(points: Array) -> Array:
    """Points (n, 2) as points (n, 3) of the plane z = 0."""
    return np.column_stack([points, np.zeros(len(points))])


def level(points: Array, height: float) -> Array:
    """Points (n, 2) as points (n, 3) of a horizontal plane at a height; their y becomes -z."""
    return np.column_stack([points[:, 0], np.full(len(points), height), -points[:, 1]])


def _pinned(half: Array) -> Array:
    """The half outline (m, 2) with its ends on x = 0 to the last bit."""
    out = half.copy()
    out[[0, -1], 0] = 0.0
    return out


def _dense(points: Array, step: float) -> Array:
    """The polyline (n, 2) with segments longer than `step` cut into equal ones."""
    out = []
    for a, b in itertools.pairwise(points):
        pieces = int(float(length(b - a)) / step) + 1
        out.append(a + (b - a) * (np.arange(pieces) / pieces)[:, None])
    return np.concatenate([*out, points[-1:]])
