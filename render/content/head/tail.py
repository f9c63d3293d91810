"""The unnamed rest: smooth random fields from fixed keys, from broad to fine, after Lüthi et al. 2017.

Each is a handful of compact bumps with random places, sizes and directions: a sample path of a Gaussian process
with a compact kernel, cut off after a few dozen terms.
"""

from collections.abc import Iterator

import numpy as np

from render.content.head import draws
from render.content.head.curves import Array, ball, ramp
from render.content.head.warps import Canvas

TERMS = 10
"""Bumps of a displacement field."""


def shape_fields(c: Canvas, count: int) -> Iterator[Array]:
    """Displacements (V, 3) mm at one standard deviation, amplitudes and sizes falling; every third is lopsided."""
    face = c.points[(c.head.part == 0) & (c.points[:, 0] >= 0) & (c.points[:, 1] > -125)]
    for k in range(count):
        share = k / max(count - 1, 1)
        field = np.zeros_like(c.points)
        for where, sizes, way in draws.uniform(draws.SHAPE, k, (TERMS, 3, 3)):
            centre = face[int(where[0] * len(face))]
            radii = (62.0 - 40.0 * share) * (0.8 + 0.5 * sizes)
            field += ball(c.points, centre, radii)[:, None] * (2.0 * way - 1.0)
        lopsided = k % 3 == 2
        whole = c.against(field) if lopsided else c.both(field)
        largest = float(np.sqrt((whole * whole).sum(axis=1).max()))
        yield whole * ((1.6 - 1.1 * share) * (0.5 if lopsided else 1.0) / largest)


def albedo_fields(c: Canvas, skin: Array, count: int) -> Iterator[Array]:
    """Changes of albedo (V, 3) at one standard deviation: shades of the skin, from broad to freckle-like."""
    face = c.points[(c.head.part == 0) & (c.points[:, 2] > 0) & (c.points[:, 1] > -125)]
    for k in range(count):
        share = k / max(count - 1, 1)
        size = 58.0 - 51.0 * float(ramp(share, 0.0, 1.0))
        field = np.zeros(len(c.points))
        # The first row of numbers is the tint's, the others are the bumps'.
        rows = draws.uniform(draws.ALBEDO, k, (1 + TERMS + int(40 * share), 5))
        for where, strength, *sizes in rows[1:]:
            radii = size * (0.7 + 0.6 * np.array(sizes))
            field += ball(c.points, face[int(where * len(face))], radii) * (2.0 * strength - 1.0)
        color = np.array([1.0, 0.80, 0.68]) + 0.05 * (2.0 * rows[0, :3] - 1.0)
        largest = float(np.abs(field).max())
        yield (field * skin / largest)[:, None] * color * (0.034 - 0.024 * share)
