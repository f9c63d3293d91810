"""Shapes: triangles with texture coordinates, and how they are moved, turned, mirrored, bent, cut and joined."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from render.content.chairs.solids.exact import Array, tilted

BOX_AXES = {"x": ((2, 1), (2, 0), (1, 0)), "y": ((2, 1), (0, 2), (0, 1)), "z": ((1, 2), (0, 2), (0, 1))}
"""For each axis of the grain: the indices of the coordinates that become u and v on faces across x, y and z."""


@dataclass(frozen=True)
class Shape:
    """A surface of triangles, counter-clockwise seen from outside. All methods return a new shape."""

    positions: Array
    """(V, 3) metres."""
    triangles: NDArray[np.int32]
    """(T, 3) vertex indices."""
    uv: Array
    """(V, 2) metres on the surface: u across the grain, v along it."""

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> "Shape":
        """The shape shifted by metres along each axis."""
        return replace(self, positions=self.positions + np.array([x, y, z]))

    def turned(self, axis: str, turns: float) -> "Shape":
        """The shape turned about an axis ("x", "y" or "z") through the origin, right-handed, by an angle in turns."""
        cos, sin = tilted(turns)
        k = "xyz".index(axis)
        i, j = (k + 1) % 3, (k + 2) % 3
        out = self.positions.copy()
        out[:, i] = cos * self.positions[:, i] - sin * self.positions[:, j]
        out[:, j] = sin * self.positions[:, i] + cos * self.positions[:, j]
        return replace(self, positions=out)

    def lying(self) -> "Shape":
        """A shape of the xy plane laid flat: y becomes -z (backward), its thickness z becomes y (upward)."""
        return self.turned("x", -0.25)

    def along_z(self) -> "Shape":
        """A shape drawn along x, laid along z: x becomes z, y becomes x, its thickness z becomes y (upward)."""
        return replace(self, positions=self.positions[:, [1, 2, 0]])

    def on_edge(self) -> "Shape":
        """A shape drawn along x, turned to run along z: y stays up, its thickness z points to the side."""
        return self.turned("y", -0.25)

    def mirrored(self) -> "Shape":
        """The mirror image in x = 0."""
        return replace(self, positions=self.positions * np.array([-1.0, 1.0, 1.0]), triangles=self.triangles[:, ::-1])

    def bent(self, way: Callable[[Array], Array]) -> "Shape":
        """The shape with its points moved by a function from (V, 3) to (V, 3); texture coordinates stay."""
        return replace(self, positions=way(self.positions))

    def boxed(self, grain: str) -> "Shape":
        """The shape with texture coordinates from the side that each triangle faces most, the grain along an axis.

        Vertices are split where the side changes.
        """
        a, b, c = (self.positions[self.triangles[:, k]] for k in range(3))
        # Ties go to the last axis, which is the thickness of shapes that are drawn flat.
        side = 2 - np.argmax(np.abs(np.cross(b - a, c - a))[:, ::-1] + 1e-12 * np.array([2.0, 1.0, 0.0]), axis=1)
        used, corner = np.unique(self.triangles * 3 + side[:, None], return_inverse=True)
        points, facing = self.positions[used // 3], used % 3
        u, v = (np.array([axes[k] for axes in BOX_AXES[grain]])[facing] for k in (0, 1))
        rows = np.arange(len(points))
        uv = np.stack([points[rows, u], points[rows, v]], axis=1)
        return Shape(points, corner.reshape(-1, 3).astype(np.int32), uv)

    def _part(self, chosen: NDArray[np.bool_]) -> "Shape":
        """The shape of the chosen triangles (T,), without unused vertices."""
        used, corner = np.unique(self.triangles[chosen], return_inverse=True)
        return Shape(self.positions[used], corner.reshape(-1, 3).astype(np.int32), self.uv[used])

    def cut(self, axis: str, at: float) -> tuple["Shape", "Shape"]:
        """The parts below and above the coordinate `at` of an axis; both are open at the straight seam."""
        side = self.positions[:, "xyz".index(axis)] - at
        # Vertices within half a millimetre of the cut count as on it, so that no slivers arise.
        side = np.where(np.abs(side) < 5e-4, 0.0, side)
        corner = side[self.triangles]
        below = np.asarray((corner <= 0.0).all(axis=1))
        above = np.asarray((corner >= 0.0).all(axis=1) & ~below)
        crossing = [_cut_triangle(self, side, triangle) for triangle in self.triangles[~(below | above)].tolist()]
        parts = []
        for chosen, k in ((below, 0), (above, 1)):
            pieces = [piece[k] for piece in crossing]
            parts.append(join([self._part(chosen), *pieces]) if chosen.any() else join(pieces))
        return parts[0], parts[1]


def _cut_triangle(shape: Shape, side: Array, triangle: list[int]) -> tuple[Shape, Shape]:
    """The two parts of one triangle, below and above the cut, as fans."""
    fans: tuple[list[Array], list[Array]] = ([], [])
    for i, j in zip(triangle, triangle[1:] + triangle[:1], strict=True):
        here = np.concatenate([shape.positions[i], shape.uv[i]])
        for fan, sign in zip(fans, (-1.0, 1.0), strict=True):
            if side[i] * sign >= 0.0:
                fan.append(here)
        if side[i] * side[j] < 0.0:
            # Always from below to above, so that both triangles at the edge find the same point.
            low, high = (i, j) if side[i] < 0.0 else (j, i)
            share = side[low] / (side[low] - side[high])
            ends = [np.concatenate([shape.positions[k], shape.uv[k]]) for k in (low, high)]
            for fan in fans:
                fan.append(ends[0] + share * (ends[1] - ends[0]))
    return _fan(fans[0]), _fan(fans[1])


def _fan(corners: list[Array]) -> Shape:
    """Triangles of a convex polygon whose corners are x, y, z, u, v."""
    points = np.stack(corners)
    triangles = np.array([(0, k, k + 1) for k in range(1, len(points) - 1)], np.int32)
    return Shape(points[:, :3], triangles, points[:, 3:])


def join(shapes: Iterable[Shape]) -> Shape:
    """One shape of all triangles of several."""
    shapes = list(shapes)
    starts = np.cumsum([0] + [len(s.positions) for s in shapes[:-1]])
    return Shape(
        np.concatenate([s.positions for s in shapes]),
        np.concatenate([s.triangles + np.int32(k) for s, k in zip(shapes, starts, strict=True)]),
        np.concatenate([s.uv for s in shapes]),
    )
