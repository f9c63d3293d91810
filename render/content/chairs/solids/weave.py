"""Straps plaited over and under one another."""

import itertools

import numpy as np

from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tube import tube

THICK = 0.003
"""Of a strap, metres."""


def straps(width: float, height: float, columns: int, rows: int, share: float = 0.72) -> list[Shape]:
    """Bands in the xy plane about the origin: `columns` upright, `rows` level, each crossing lies over or under.

    Parameters
    ----------
    width, height : float
        Metres.
    columns, rows : int
        Odd, so that the weave is its own mirror image.
    share : float
        Width of a band in the space it has.
    """
    x, y = _middles(width, columns), _middles(height, rows)
    out = []
    for i, at in enumerate(x):
        over = [1.0 if (i + j) % 2 else -1.0 for j in range(rows)]
        run, lift = _wave(y, height, over)
        path = np.stack([np.full(len(run), at), run, lift], axis=1)
        out.append(tube(path, _band(width / columns * share), up=(1.0, 0.0, 0.0)))
    for j, at in enumerate(y):
        over = [-1.0 if (i + j) % 2 else 1.0 for i in range(columns)]
        run, lift = _wave(x, width, over)
        path = np.stack([run, np.full(len(run), at), lift], axis=1)
        out.append(tube(path, _band(height / rows * share), up=(0.0, 1.0, 0.0)))
    return out


def _middles(size: float, count: int) -> list[float]:
    step = size / count
    return [(k - (count - 1) / 2) * step for k in range(count)]


def _wave(crossings: list[float], size: float, over: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Places and heights along a strap: at its ends, at each crossing and halfway between crossings."""
    halves = [(a + b) / 2 for a, b in itertools.pairwise(crossings)]
    places = sorted([*crossings, *halves, -size / 2, size / 2])
    heights = {at: lift * 0.75 * THICK for at, lift in zip(crossings, over, strict=True)}
    return np.array(places), np.array([heights.get(at, 0.0) for at in places])


def _band(width: float) -> np.ndarray:
    a, b = width / 2, THICK / 2
    return np.array([(a, b), (-a, b), (-a, -b), (a, -b)])
