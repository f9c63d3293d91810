"""Cosine and sine of angles in turns, from polynomials, so that every machine gets the same bits."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TURN = 2.0 * math.pi


def cos_sin(turns: Any) -> tuple[Array, Array]:
    """Cosine and sine of an angle.

    Parameters
    ----------
    turns : float or array
        1 is a full circle. Quarters come out exact.

    Returns
    -------
    two arrays of the same shape, float64
    """
    t = np.asarray(turns, np.float64)
    quarter = np.floor(4.0 * t + 0.5)
    a = (t - quarter / 4.0) * TURN  # -pi/4 to pi/4, where a dozen terms reach the last bit
    q = a * a
    cos, sin = _series(q, 2), _series(q, 3) * a
    turned = quarter - 4.0 * np.floor(quarter / 4.0)
    odd = (turned == 1.0) | (turned == 3.0)
    c = np.where(odd, sin, cos) * np.where((turned == 1.0) | (turned == 2.0), -1.0, 1.0)
    s = np.where(odd, cos, sin) * np.where(turned >= 2.0, -1.0, 1.0)
    return c, s


def _series(q: Array, first: int) -> Array:
    """Sum of (-q)^k over the factorials: the cosine's (first = 2), or the sine's over its angle (first = 3)."""
    total = np.ones_like(q)
    for k in range(first + 14, first - 2, -2):
        total = 1.0 - q / ((k - 1) * k) * total
    return total


def tilted(turns: float) -> tuple[float, float]:
    """Cosine and sine of one angle, as plain floats."""
    c, s = cos_sin(turns)
    return float(c), float(s)


def length(vectors: Array) -> Array:
    """Lengths of vectors (..., k), summed in a fixed order."""
    total = vectors[..., 0] * vectors[..., 0]
    for k in range(1, vectors.shape[-1]):
        total = total + vectors[..., k] * vectors[..., k]
    return np.asarray(np.sqrt(total))
