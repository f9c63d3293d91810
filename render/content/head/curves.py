"""Smooth scalar functions made of +, -, *, / and square roots only.

Those five are exact to the last bit on every processor; powers and exponentials are not, for numpy picks other
vector code for them on other CPUs. All geometry and colour of the built-in head goes through this module, which
is why its bytes are the same everywhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def spline_slopes(knots: Sequence[float], values: Sequence[float]) -> list[float]:
    """Second derivatives of the natural cubic spline through the values (Thomas algorithm on plain floats)."""
    n = len(knots)
    second = [0.0] * n
    carry = [0.0] * n
    for i in range(1, n - 1):
        left, right = knots[i] - knots[i - 1], knots[i + 1] - knots[i]
        ratio = left / (left + right)
        pivot = ratio * second[i - 1] + 2.0
        second[i] = (ratio - 1.0) / pivot
        bend = (values[i + 1] - values[i]) / right - (values[i] - values[i - 1]) / left
        carry[i] = (6.0 * bend / (left + right) - ratio * carry[i - 1]) / pivot
    for i in range(n - 2, -1, -1):
        second[i] = second[i] * second[i + 1] + carry[i]
    return second


def spline(knots: Sequence[float], values: Sequence[float], at: Array) -> Array:
    """Natural cubic spline through (knots, values); the end values are held outside.

    Parameters
    ----------
    knots : increasing numbers
    values : as many numbers
    at : any shape, float64

    Returns
    -------
    the shape of `at`, float64
    """
    x, y = np.array(knots, np.float64), np.array(values, np.float64)
    second = np.array(spline_slopes(list(map(float, knots)), list(map(float, values))))
    p = np.clip(at, x[0], x[-1])
    i = np.clip(np.searchsorted(x, p, side="right") - 1, 0, len(x) - 2)
    step = x[i + 1] - x[i]
    a, b = (x[i + 1] - p) / step, (p - x[i]) / step
    bent = (a * a * a - a) * second[i] + (b * b * b - b) * second[i + 1]
    return a * y[i] + b * y[i + 1] + bent * step * step / 6.0


def bump(q: Array) -> Array:
    """(1 - q)^3 for q in 0..1, zero beyond: 1 in the middle, twice differentiable at the rim. q is r squared."""
    rest = np.clip(1.0 - q, 0.0, None)
    return rest * rest * rest


def spot(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    """Bump over an ellipse with centre (cx, cy) and radii (rx, ry)."""
    u, v = (x - cx) / rx, (y - cy) / ry
    return bump(u * u + v * v)


def pair(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    """A spot and its mirror image in x = 0, added up."""
    return spot(x, y, cx, cy, rx, ry) + spot(x, y, -cx, cy, rx, ry)


def ball(p: Array, centre: Any, radii: Any) -> Array:
    """Bump over an ellipsoid: p is (..., 3)."""
    q = sum(((p[..., k] - centre[k]) / radii[k]) * ((p[..., k] - centre[k]) / radii[k]) for k in range(3))
    return bump(np.asarray(q))


def ramp(x: Any, low: Any, high: Any) -> Array:
    """Smooth step from 0 at `low` to 1 at `high` (which may be the smaller of the two)."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * s * (s * (s * 6.0 - 15.0) + 10.0)


def smooth_max(a: Any, b: Any, width: Any) -> Array:
    """Maximum with the corner rounded over differences up to `width`."""
    h = np.clip(width - np.abs(a - b), 0.0, None) / width
    return np.asarray(np.maximum(a, b) + h * h * h * (width / 6.0))


def smooth_min(a: Any, b: Any, width: Any) -> Array:
    """Minimum with the corner rounded over differences up to `width`."""
    return -smooth_max(-np.asarray(a), -np.asarray(b), width)
