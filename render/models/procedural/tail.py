"""The unnamed rest: smooth random fields from fixed keys, from broad to fine, after Lüthi et al. 2017.

Each is a handful of compact bumps with random places, sizes and directions: a sample path of a Gaussian process
with a compact kernel, cut off after a few dozen terms.
"""

from collections.abc import Iterator

import numpy as np

from render.models.procedural.curves import Array, ball, ramp
from render.models.procedural.warps import Canvas

SHAPE_KEY, ALBEDO_KEY = 7_190_001, 7_190_002
TERMS = 10


def shape_fields(c: Canvas, count: int) -> Iterator[Array]:
    """Displacements (V, 3) mm at one standard deviation, amplitudes and sizes falling; every third is lopsided."""
    face = np.flatnonzero((c.head.part == 0) & (c.points[:, 0] >= 0) & (c.points[:, 1] > -125))
    for k in range(count):
        draw = np.random.Generator(np.random.Philox(key=[SHAPE_KEY, k]))
        share = k / max(count - 1, 1)
        size = 62.0 - 40.0 * share
        field = np.zeros_like(c.points)
        for _ in range(TERMS):
            centre = c.points[face[int(draw.integers(len(face)))]]
            radii = size * (0.8 + 0.5 * draw.random(3))
            field += ball(c.points, centre, radii)[:, None] * (2.0 * draw.random(3) - 1.0)
        whole = c.against(field) if k % 3 == 2 else c.both(field)
        largest = float(np.sqrt((whole * whole).sum(axis=1).max()))
        yield whole * ((1.6 - 1.1 * share) * (0.5 if k % 3 == 2 else 1.0) / largest)


def albedo_fields(c: Canvas, skin: Array, count: int) -> Iterator[Array]:
    """Changes of albedo (V, 3) at one standard deviation: shades of the skin, from broad to freckle-like."""
    face = np.flatnonzero((c.head.part == 0) & (c.points[:, 2] > 0) & (c.points[:, 1] > -125))
    for k in range(count):
        draw = np.random.Generator(np.random.Philox(key=[ALBEDO_KEY, k]))
        share = k / max(count - 1, 1)
        size = 58.0 - 51.0 * ramp(np.float64(share), 0.0, 1.0)
        field = np.zeros(len(c.points))
        for _ in range(TERMS + int(40 * share)):
            centre = c.points[face[int(draw.integers(len(face)))]]
            radii = size * (0.7 + 0.6 * draw.random(3))
            field += ball(c.points, centre, radii) * (2.0 * draw.random() - 1.0)
        color = np.array([1.0, 0.80, 0.68]) + 0.05 * (2.0 * draw.random(3) - 1.0)
        largest = float(np.abs(field).max())
        yield (field * skin / largest)[:, None] * color * (0.034 - 0.024 * share)
