"""The measures that seats, legs, backs and arms share."""

from dataclasses import dataclass

import numpy as np

from render.content.chairs.solids.bend import Bend
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.turns import Array


@dataclass(frozen=True)
class Plan:
    """A seat seen from above, its middle over the origin. Metres."""

    height: float
    """Of its upper face at the rim."""
    front: float
    """Width."""
    back: float
    """Width."""
    depth: float

    def corner(self, ahead: bool, inset: float, y: float) -> Point:
        """The right-hand corner (+x) in front or at the back, drawn in, at a height."""
        x = (self.front if ahead else self.back) / 2 - inset
        z = self.depth / 2 - inset
        return x, y, z if ahead else -z

    def shrunk(self, by: float) -> "Plan":
        """Smaller by so much on each side."""
        return Plan(self.height, self.front - 2 * by, self.back - 2 * by, self.depth - 2 * by)


@dataclass(frozen=True)
class Back:
    """The curved sheet that a back is built in: drawn flat, x across, y up from the seat, z toward the sitter."""

    seat: float
    """Height (y) where the flat drawing has y = 0."""
    behind: float
    """The z there."""
    low: float
    """Half the width between the posts' middles at the seat."""
    high: float
    """The same at the top."""
    height: float
    """Of the top above the seat along the sheet."""
    slopes: tuple[float, float]
    """Metres back per metre up, at the seat and at the top."""
    bow: float = 0.0
    """Metres by which the middle lies behind the posts."""

    def half(self, y: Array | float) -> Array:
        """Half the width between the posts' middles."""
        return np.asarray(self.low + (self.high - self.low) * np.asarray(y) / self.height)

    def bend(self, points: Array) -> Array:
        """Flat (V, 3) to metres in the chair."""
        x = points[:, 0] / np.maximum(self.half(points[:, 1]), 0.02)
        flat = points.copy()
        flat[:, 2] -= self.bow * np.clip(1.0 - x * x, -0.3, 1.0)
        return self._curve().profile(flat)

    def place(self, *shapes: Shape) -> list[Shape]:
        """Flat shapes, bent."""
        return [shape.bent(self.bend) for shape in shapes]

    def at(self, x: float, y: float, z: float = 0.0) -> Point:
        """One flat point, bent."""
        a, b, c = self.bend(np.array([[x, y, z]]))[0].tolist()
        return a, b, c

    def _curve(self) -> Bend:
        up = 1.1 * self.height * np.arange(15) / 14
        first, last = self.slopes
        back = first * up + (last - first) * up * up / (2.0 * self.height)
        return Bend(np.stack([self.seat + up, self.behind - back], axis=1))
