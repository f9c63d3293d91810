"""Displacement fields: smooth local pushes, stretches and turns of the mean head, as (V, 3) mm.

They act on space, not on single parts: a field that reaches an eye moves the ball and the lids before it alike,
so that the two never part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.head.curves import Array, ball
from render.content.head.head import Head


@dataclass(frozen=True)
class Canvas:
    """The mean head, ready to be pushed about."""

    head: Head
    points: Array
    """(V, 3) mm."""
    partner: NDArray[np.int64]
    normals: Array
    """(V, 3) unit."""

    @classmethod
    def of(cls, head: Head) -> "Canvas":
        """The canvas of a head."""
        return cls(head, head.points, head.partner, unit_normals(head.points, head.triangles))

    def weight(self, centre: Sequence[float], radii: Sequence[float]) -> Array:
        """(V, 1) bump over an ellipsoid."""
        return ball(self.points, centre, radii)[:, None]

    def push(self, centre: Sequence[float], radii: Sequence[float], by: Sequence[float]) -> Array:
        """Move what is near a place."""
        return self.weight(centre, radii) * np.array(by, np.float64)

    def carry(self, centre: Sequence[float], radii: Sequence[float], by: Sequence[float]) -> Array:
        """Move what is near a place, all that is very near by the same amount."""
        weight = self.weight(centre, radii)
        return weight * (2.0 - weight) * np.array(by, np.float64)

    def stretch(self, centre: Sequence[float], radii: Sequence[float], by: Sequence[float]) -> Array:
        """Scale what is near a place about that place, by so much (0.1: ten percent) along x, y, z."""
        return self.weight(centre, radii) * (self.points - np.array(centre)) * np.array(by, np.float64)

    def turn(self, centre: Sequence[float], radii: Sequence[float], about: Sequence[float]) -> Array:
        """Turn what is near a place, by a small rotation vector in radians."""
        r, (a, b, c) = self.points - np.array(centre), about
        turned = [b * r[:, 2] - c * r[:, 1], c * r[:, 0] - a * r[:, 2], a * r[:, 1] - b * r[:, 0]]
        return self.weight(centre, radii) * np.stack(turned, -1)

    def slide(self, by: Array, along: str) -> Array:
        """Move along the skin, `by` (V,) mm up (or back), so that colours shift and the form stays."""
        way = np.array({"up": (0.0, 1.0, 0.0), "back": (0.0, 0.0, -1.0)}[along])
        across = (self.normals * way).sum(axis=1)[:, None]
        return by[:, None] * (way - self.normals * across)

    def mirrored(self, field: Array) -> Array:
        """The field of the other side."""
        return field[self.partner] * np.array([-1.0, 1.0, 1.0])

    def both(self, field: Array) -> Array:
        """A field of the left side on both sides."""
        return field + self.mirrored(field)

    def against(self, field: Array) -> Array:
        """A field of the left side, and its opposite on the right."""
        return field - self.mirrored(field)


def unit_normals(points: Array, triangles: NDArray[np.int64]) -> Array:
    """(V, 3) area-weighted vertex normals of unit length."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    out = np.zeros_like(points)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        area = u[:, i] * v[:, j] - u[:, j] * v[:, i]
        for corner in range(3):
            out[:, k] += np.bincount(triangles[:, corner], weights=area, minlength=len(points))
    length = np.sqrt(out[:, 0] * out[:, 0] + out[:, 1] * out[:, 1] + out[:, 2] * out[:, 2])
    return out / np.clip(length, 1e-12, None)[:, None]
