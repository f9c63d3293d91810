"""Polylines: centre lines of tubes and rails, and the curves along which flat shapes are bent."""

from collections.abc import Sequence

import numpy as np

from render.content.chairs.solids.exact import Array, length


def fillet(points: Sequence[Sequence[float]], radius: float | Sequence[float], steps: int = 5) -> Array:
    """A polyline with its corners rounded by circular arcs.

    Parameters
    ----------
    points : (n, k)
        Corners; neighbours differ.
    radius : float or (n - 2) floats
        Radius at each inner corner, metres; it is reduced where a side of the corner is too short for it.
    steps : int
        Number of chords of each arc.

    Returns
    -------
    (m, k) float64
    """
    p = np.array(points, np.float64)
    radii = [radius] * (len(p) - 2) if isinstance(radius, float) else radius
    out = [p[:1]]
    for before, corner, after, r in zip(p[:-2], p[1:-1], p[2:], radii, strict=True):
        out.append(_arc(before, corner, after, r, steps))
    return np.concatenate([*out, p[-1:]])


def _arc(before: Array, corner: Array, after: Array, radius: float, steps: int) -> Array:
    """Points of a rounded corner: a rational quadratic Bezier curve, with this weight an exact circular arc."""
    back, ahead = before - corner, after - corner
    long_back, long_ahead = float(length(back)), float(length(ahead))
    back, ahead = back / long_back, ahead / long_ahead
    cosine = -float((back * ahead).sum())  # of the turn
    if cosine > 0.9999 or radius <= 0.0:
        return corner[None]
    cut = min(radius * float(np.sqrt((1.0 - cosine) / (1.0 + cosine))), 0.49 * long_back, 0.49 * long_ahead)
    weight = float(np.sqrt((1.0 + cosine) / 2.0))
    t = (np.arange(steps + 1) / steps)[:, None]
    a, b, c = (1 - t) * (1 - t), 2.0 * weight * t * (1 - t), t * t
    return np.asarray((a * (corner + cut * back) + b * corner + c * (corner + cut * ahead)) / (a + b + c))


def spline(points: Sequence[Sequence[float]], steps: int = 6, closed: bool = False) -> Array:
    """Catmull-Rom curve through points (n, k), `steps` chords between neighbours."""
    p = np.array(points, np.float64)
    if closed:
        p = np.concatenate([p[-1:], p, p[:2]])
    else:
        p = np.concatenate([2.0 * p[:1] - p[1:2], p, 2.0 * p[-1:] - p[-2:-1]])
    t = (np.arange(steps) / steps)[:, None]
    out = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        bent = t * (c - a) + t * t * (2.0 * a - 5.0 * b + 4.0 * c - d) + t * t * t * (3.0 * (b - c) + d - a)
        out.append(b + 0.5 * bent)
    return np.concatenate(out if closed else [*out, p[-2:-1]])


def along(points: Array, at: Array) -> Array:
    """Points of a polyline (n, k) at distances from its start; its ends are continued straight."""
    step = points[1:] - points[:-1]
    run = np.concatenate([[0.0], np.cumsum(length(step))])
    k = np.clip(np.searchsorted(run, at, side="right") - 1, 0, len(step) - 1)
    share = (at - run[k]) / (run[k + 1] - run[k])
    return np.asarray(points[k] + share[..., None] * step[k])


def evenly(points: Array, count: int) -> Array:
    """`count` points at equal distances along a polyline (n, k), both ends included."""
    return along(points, total(points) * np.arange(count) / (count - 1))


def total(points: Array) -> float:
    """Length of a polyline (n, k)."""
    return float(np.cumsum(length(points[1:] - points[:-1]))[-1])


def stations(start: float, stop: float, count: int) -> Array:
    """`count` numbers from start to stop, symmetric about their middle to the last bit."""
    k = np.arange(count)
    return np.asarray((start * (count - 1 - k) + stop * k) / (count - 1))


def lerp(knots: Sequence[tuple[float, float]], at: Array) -> Array:
    """Linear interpolation at `at` between (place, value) pairs with rising places, constant beyond the ends."""
    x, y = np.array(knots, np.float64).T
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    share = np.clip((at - x[k]) / (x[k + 1] - x[k]), 0.0, 1.0)
    return np.asarray(y[k] + share * (y[k + 1] - y[k]))


class Bend:
    """A plane curve parametrised by its length, along which flat shapes are bent.

    Parameters
    ----------
    path : (n, 2) float64
        Continued straight beyond its ends.
    start : float
        Distance from the path's start that is 0 of the flat shape, metres.
    """

    def __init__(self, path: Array, start: float = 0.0) -> None:
        legs = path[1:] - path[:-1]
        ways = legs / length(legs)[:, None]
        mean = np.concatenate([ways[:1], ways[1:] + ways[:-1], ways[-1:]])
        mean = mean / length(mean)[:, None]
        run = np.concatenate([[0.0], np.cumsum(length(legs))])
        self.start, self.long = start, float(run[-1])
        self._path = path
        # Normals are interpolated over the same lengths as points.
        self._run, self._normals = run, np.stack([-mean[:, 1], mean[:, 0]], axis=1)

    def place(self, at: Array, left: Array) -> Array:
        """Points (..., 2) at distances along the curve and distances to its left, metres."""
        at = at + self.start
        k = np.clip(np.searchsorted(self._run, at, side="right") - 1, 0, len(self._run) - 2)
        share = np.clip((at - self._run[k]) / (self._run[k + 1] - self._run[k]), 0.0, 1.0)[..., None]
        normal = self._normals[k] * (1.0 - share) + self._normals[k + 1] * share
        normal = normal / length(normal)[..., None]
        return np.asarray(along(self._path, at) + left[..., None] * normal)

    def profile(self, points: Array) -> Array:
        """Points (V, 3) bent along a (y, z) curve: y becomes the distance along it, z the distance beside it."""
        yz = self.place(points[:, 1], points[:, 2])
        return np.column_stack([points[:, 0], yz])

    def plan(self, points: Array) -> Array:
        """Points (V, 3) bent along an (x, z) curve: x becomes the distance along it, z the distance beside it."""
        xz = self.place(points[:, 0], points[:, 2])
        return np.column_stack([xz[:, 0], points[:, 1], xz[:, 1]])
