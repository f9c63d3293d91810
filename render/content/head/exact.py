"""Smooth functions and random numbers whose bits are the same on every processor.

The functions use +, -, *, / and square roots only. IEEE 754 rounds these five exactly; powers, exponentials and
trigonometry are not so defined, and numpy runs different vector code for them on different CPUs. All geometry and
colour of the built-in head is computed with this module, so its bytes are the same everywhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHAPE_KEY, ALBEDO_KEY, HAIR_KEY = 7_190_001, 7_190_002, 7_190_003
"""First halves of the Philox keys of `random_fractions`, one for each use."""


def spline_slopes(knots: Sequence[float], values: Sequence[float]) -> list[float]:
    """Second derivatives, one a knot, of the natural cubic spline through (knots, values), by the Thomas algorithm."""
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
    """Natural cubic spline through (knots, values), constant beyond the first and the last knot.

    Parameters
    ----------
    knots : sequence of K floats
        Strictly increasing.
    values : sequence of K floats
    at : (...) float64

    Returns
    -------
    (...) float64
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
    """Compact bump (1 - q)^3 of a squared distance q >= 0: 1 at q = 0, 0 from q = 1 on, twice differentiable."""
    rest = np.clip(1.0 - q, 0.0, None)
    return rest * rest * rest


def spot(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    """Bump over the ellipse with centre (cx, cy) and radii (rx, ry), all in the unit of x and y."""
    u, v = (x - cx) / rx, (y - cy) / ry
    return bump(u * u + v * v)


def pair(x: Array, y: Array, cx: float, cy: float, rx: float, ry: float) -> Array:
    """Sum of a `spot` and its mirror image in x = 0."""
    return spot(x, y, cx, cy, rx, ry) + spot(x, y, -cx, cy, rx, ry)


def ball(p: Array, centre: Any, radii: Any) -> Array:
    """Bump (...) of points p (..., 3) over the ellipsoid with a centre and three radii."""
    q = sum(((p[..., k] - centre[k]) / radii[k]) * ((p[..., k] - centre[k]) / radii[k]) for k in range(3))
    return bump(np.asarray(q))


def ramp(x: Any, low: Any, high: Any) -> Array:
    """Smooth step from 0 at `low` to 1 at `high`, twice differentiable; `high` may be the smaller of the two."""
    s = np.clip((x - low) / (high - low), 0.0, 1.0)
    return s * s * s * (s * (s * 6.0 - 15.0) + 10.0)


def smooth_max(a: Any, b: Any, width: Any) -> Array:
    """Maximum of a and b, its corner rounded where they differ by less than `width`."""
    h = np.clip(width - np.abs(a - b), 0.0, None) / width
    return np.asarray(np.maximum(a, b) + h * h * h * (width / 6.0))


def random_fractions(key: int, stream: int, shape: tuple[int, ...]) -> Array:
    """Random numbers in [0, 1) with 53 bits each, a function of the key and the stream's number.

    The words are those of the Philox algorithm. They become fractions here, since numpy may change from one version
    to the next how `Generator.random` and `Generator.integers` convert them.
    """
    words = np.random.Philox(key=[key, stream]).random_raw(int(np.prod(shape)))
    return (words >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53
