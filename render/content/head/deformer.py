"""Displacement fields (V, 3) mm of the mean head: smooth local pushes, stretches and turns.

The fields act on space, not on single parts. A field that reaches an eye moves the eyeball and the lids in front of
it alike, so that they do not separate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.head.exact import Array, ball
from render.content.head.mesh import Head


@dataclass(frozen=True)
class Deformer:
    """Makes displacement fields (V, 3) of the mean head, in mm.

    A place is an ellipsoid: its `centre` (x, y, z) and three `radii`, mm. A field is greatest at the centre and 0
    from the ellipsoid on.
    """

    head: Head
    points: Array
    """(V, 3) mm."""
    partner: NDArray[np.int64]
    """(V,) id of each vertex's mirror image."""
    normals: Array
    """(V, 3) unit."""

    @classmethod
    def of(cls, head: Head) -> "Deformer":
        """The deformer of a head."""
        return cls(head, head.points, head.partner, unit_normals(head.points, head.triangles))

    def weight(self, centre: Sequence[float], radii: Sequence[float]) -> Array:
        """Bump (V, 1) over a place: 1 at its centre, 0 beyond it."""
        return ball(self.points, centre, radii)[:, None]

    def push(self, centre: Sequence[float], radii: Sequence[float], by: Sequence[float]) -> Array:
        """Move a place by a vector in mm."""
        return self.weight(centre, radii) * np.array(by, np.float64)

    def carry(self, centre: Sequence[float], radii: Sequence[float], by: Sequence[float]) -> Array:
        """Move a place by a vector in mm, nearly rigidly around its centre."""
        weight = self.weight(centre, radii)
        return weight * (2.0 - weight) * np.array(by, np.float64)

    def stretch(self, centre: Sequence[float], radii: Sequence[float], by: Sequence[float]) -> Array:
        """Scale a place about its centre by shares along x, y, z (0.1: ten percent larger)."""
        return self.weight(centre, radii) * (self.points - np.array(centre)) * np.array(by, np.float64)

    def turn(self, centre: Sequence[float], radii: Sequence[float], about: Sequence[float]) -> Array:
        """Turn a place about its centre by a small rotation vector in radians."""
        r, (a, b, c) = self.points - np.array(centre), about
        turned = [b * r[:, 2] - c * r[:, 1], c * r[:, 0] - a * r[:, 2], a * r[:, 1] - b * r[:, 0]]
        return self.weight(centre, radii) * np.stack(turned, -1)

    def slide(self, by: Array, along: str) -> Array:
        """Move vertices along the surface by (V,) mm, so that colours shift and the form stays.

        `along` is "up" (+y) or "back" (-z).
        """
        way = np.array({"up": (0.0, 1.0, 0.0), "back": (0.0, 0.0, -1.0)}[along])
        across = (self.normals * way).sum(axis=1)[:, None]
        return by[:, None] * (way - self.normals * across)

    def mirrored(self, field: Array) -> Array:
        """The mirror image (V, 3) of a field."""
        return field[self.partner] * np.array([-1.0, 1.0, 1.0])

    def both(self, field: Array) -> Array:
        """The sum of a field and its mirror image: a change of the left side made on both sides."""
        return field + self.mirrored(field)

    def opposed(self, field: Array) -> Array:
        """The field minus its mirror image: a change of the left side, and its opposite on the right."""
        return field - self.mirrored(field)


def unit_normals(points: Array, triangles: NDArray[np.int64]) -> Array:
    """Area-weighted vertex normals (V, 3) of unit length, summed in a fixed order."""
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
