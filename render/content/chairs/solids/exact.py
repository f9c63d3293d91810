"""Cosine, sine and length whose bits are the same on every machine. Angles are in turns."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TURN = 2.0 * math.pi


def cos_sin(turns: Any) -> tuple[Array, Array]:
    """Cosine and sine of angles, by polynomials.

    Parameters
    ----------
    turns : float or (...) array
        1 is a full circle. Results at quarters are exact.

    Returns
    -------
    cosine, sine : (...) float64
    """
    t = np.asarray(turns, np.float64)
    quarter = np.floor(4.0 * t + 0.5)
    a = (t - quarter / 4.0) * TURN  # radians in -pi/4..pi/4, where a dozen terms reach the last bit
    q = a * a
    cos, sin = _series(q, 2), _series(q, 3) * a
    turned = quarter - 4.0 * np.floor(quarter / 4.0)
    odd = (turned == 1.0) | (turned == 3.0)
    c = np.where(odd, sin, cos) * np.where((turned == 1.0) | (turned == 2.0), -1.0, 1.0)
    s = np.where(odd, cos, sin) * np.where(turned >= 2.0, -1.0, 1.0)
    return c, s


def _series(q: Array, first: int) -> Array:
    """Taylor series in q, the squared angle: of the cosine (first = 2), or of the sine over its angle (first = 3)."""
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
