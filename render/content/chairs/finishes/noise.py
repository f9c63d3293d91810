"""Tileable noise and periodic waves on a square of pixels, in arithmetic with the same bits everywhere."""

import numpy as np

from render.content.chairs.solids.exact import Array

SIZE = 256
"""Pixels of a side of every texture."""

KEY = 8_140_001
"""First half of the Philox keys of all noise."""


class Noise:
    """A stream of tileable noise fields (SIZE, SIZE), 0..1."""

    def __init__(self, stream: int) -> None:
        self._source = np.random.Philox(key=[KEY, stream])

    def field(self, across: int, along: int) -> Array:
        """Smooth noise (SIZE, SIZE) in 0..1 with cells `across` (columns, u) and `along` (rows, v)."""
        words = self._source.random_raw(across * along)
        cells = (words >> np.uint64(11)).astype(np.float64).reshape(along, across) * 2.0**-53
        return _stretched(_stretched(cells).T).T

    def clouds(self, across: int, along: int, octaves: int = 3) -> Array:
        """Sum of fields (SIZE, SIZE) in 0..1, each twice as fine and half as strong as the one before."""
        total, weight = np.zeros((SIZE, SIZE)), 1.0
        for k in range(octaves):
            total = total + weight * self.field(min(across << k, SIZE), min(along << k, SIZE))
            weight = weight / 2.0
        return np.asarray(total / (2.0 - 2.0 * weight))


def _stretched(cells: Array) -> Array:
    """Cells (m, k) interpolated to (SIZE, k) along the first axis, cyclic, with a smooth step between neighbours."""
    m = len(cells)
    place = np.arange(SIZE) * m / SIZE
    k = np.floor(place).astype(np.int64)
    f = (place - k)[:, None]
    s = f * f * (3.0 - 2.0 * f)
    return np.asarray(cells[k] * (1.0 - s) + cells[(k + 1) % m] * s)


def places() -> tuple[Array, Array]:
    """Coordinates u (1, SIZE) and v (SIZE, 1) of the pixels' centres, 0..1."""
    at = (np.arange(SIZE) + 0.5) / SIZE
    return at[None, :], at[:, None]


def part(x: Array) -> Array:
    """Fractional part of x, 0..1."""
    return np.asarray(x - np.floor(x))


def hump(x: Array) -> Array:
    """A periodic wave of period 1 made of parabolas: 0 at whole numbers, 1 halfway."""
    t = part(x)
    return 4.0 * t * (1.0 - t)


def near(x: Array, width: float) -> Array:
    """Bands of a width around whole numbers: 1 inside, 0 outside, with a soft rim a fifth of the width wide."""
    t = part(x)
    away = np.minimum(t, 1.0 - t)
    return np.clip((width / 2.0 - away) / (0.2 * width) + 0.5, 0.0, 1.0)
