"""Seat and back in one moulded piece: an outline drawn flat, bent along a profile, its sides raised a little."""

from dataclasses import dataclass

import numpy as np

from render.content.chairs.draws import Draws
from render.content.chairs.solids.bend import Bend
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.outlines import curve
from render.content.chairs.solids.paths import fillet, lerp
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.slab import slab
from render.content.chairs.solids.turns import Array

RINGS = 11
"""Inside the rim of a shell: what it takes to bend it smoothly."""


@dataclass(frozen=True)
class Shell:
    """The bent sheet: flat x is across, y the way from the front edge over the seat and up the back."""

    bend: Bend
    outline: Array
    """(n, 2) flat."""
    deep: float
    """Way from the front edge to the crease between seat and back."""
    hollow: tuple[float, float]
    """Metres by which the sides stand out of seat and back at the widest place."""

    @property
    def widest(self) -> float:
        """Half the greatest width, flat."""
        return float(self.outline[:, 0].max())

    def way(self, points: Array) -> Array:
        """Flat (V, 3) to metres in the chair."""
        x, y, t = points[:, 0], points[:, 1], points[:, 2]
        seat, back = self.hollow
        side = x / self.widest
        cup = lerp([(0, 0.2 * seat), (0.14, seat), (self.deep, 0.5 * (seat + back)), (self.deep + 0.2, back)], y)
        return self.bend.profile(np.column_stack([x, y, t + cup * side * side]))

    def solid(self, thick: float, inset: float = 0.0, lift: float = 0.0) -> tuple[Shape, Shape]:
        """Seat and back with a thickness, rims rounded; the whole drawn in and lifted for a lining."""
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        middle, half = (low + high) / 2, (high - low) / 2
        outline = middle + (self.outline - middle) * (1.0 - inset / half)
        seat, back = slab(outline, thick, thick / 2, inner=RINGS).moved(z=lift).cut("y", self.deep + 0.03)
        return seat.bent(self.way), back.bent(self.way)

    def at(self, x: float, y: float, t: float) -> Point:
        """One flat point, bent."""
        a, b, c = self.way(np.array([[x, y, t]]))[0].tolist()
        return a, b, c


def profile(d: Draws, height: float, deep: float, tall: float) -> Array:
    """(n, 2) y and z from the front edge back and up; the seat's middle at `height`."""
    drop, dip = d.between(0.010, 0.03), d.between(0.008, 0.022)
    lean, sweep = d.between(0.10, 0.20), d.between(0.0, 0.10)
    front = deep / 2
    corners = [
        (height - drop, front + 0.01),
        (height + 0.004, front - 0.06),
        (height - dip, -front + 0.02),
        (height + 0.45 * tall, -front - 0.02 - 0.45 * tall * lean),
        (height + tall, -front - 0.02 - tall * (lean + sweep)),
    ]
    return fillet(corners, [0.09, d.between(0.08, 0.13), 0.5], 7)


def bucket(d: Draws, height: float) -> Shell:
    """A shell of any proportions: wide or narrow waist, square or round top."""
    deep, tall = d.between(0.40, 0.45), d.between(0.34, 0.46)
    path = profile(d, height, deep, tall)
    bend = Bend(path)
    long = bend.long
    front, waist, top = d.between(0.19, 0.23), d.between(0.16, 0.215), d.between(0.15, 0.215)
    square = d.between(0.45, 0.9)
    half = [(0.0, 0.0), (0.7 * front, 0.006), (front, 0.07), (0.5 * (front + waist), 0.5 * deep), (waist, deep)]
    half += [(0.5 * (waist + top), 0.55 * long + 0.2 * deep), (top, long - 0.10)]
    half += [(top * (0.62 + 0.25 * square), long - 0.030), (0.45 * top, long - 0.006 * square), (0.0, long)]
    hollow = d.between(0.006, 0.018), d.between(0.015, 0.05)
    return Shell(bend, curve(half, 56), deep, hollow)


def underside(shell: Shell, reach: float) -> float:
    """The lowest point of the sheet around the middle of the seat."""
    steps = np.array([-reach, 0.0, reach])
    x, y = np.meshgrid(steps, 0.5 * shell.deep + steps)
    points = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    return float(shell.way(points)[:, 1].min())
