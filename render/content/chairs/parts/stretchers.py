"""Bars between the legs of four-legged seats."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import bar, round_section, tube


@dataclass(frozen=True)
class Legs:
    """The middle lines of the right-hand (+x) legs; the left-hand legs are their mirror images. Metres."""

    front_foot: Point
    front_top: Point
    back_foot: Point
    back_top: Point

    def front(self, y: float) -> Point:
        """The point of the front leg at the height `y`."""
        return level(self.front_foot, self.front_top, y)

    def back(self, y: float) -> Point:
        """The point of the back leg at the height `y`."""
        return level(self.back_foot, self.back_top, y)


@dataclass(frozen=True)
class BarStyle:
    """The section of stretchers."""

    round: bool
    thick: float
    """Thickness in metres; of square ones, the smaller side."""
    swell: float = 1.0
    """Factor on the thickness of a round one in its middle."""

    def make(self, start: Point, end: Point) -> Shape:
        """One bar."""
        if not self.round:
            return bar(start, end, 1.5 * self.thick, self.thick)
        share = np.arange(9) / 8
        a, b = np.array(start), np.array(end)
        size = 1.0 + (self.swell - 1.0) * 4.0 * share * (1.0 - share)
        return tube(a + (b - a) * share[:, None], round_section(self.thick / 2, 8), size, up=(0.0, 1.0, 0.0))


def level(foot: Point, top: Point, y: float) -> Point:
    """The point at which a straight leg has the height `y`."""
    share = (y - foot[1]) / (top[1] - foot[1])
    return foot[0] + share * (top[0] - foot[0]), y, foot[2] + share * (top[2] - foot[2])


def mirrored(point: Point) -> Point:
    """The mirror image of a point in x = 0."""
    return -point[0], point[1], point[2]


def middle(a: Point, b: Point) -> Point:
    """The middle of two points."""
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2


def none(_draws: Sampler, _legs: Legs, _style: BarStyle) -> list[Shape]:
    """No bars."""
    return []


def box(rng: Sampler, legs: Legs, style: BarStyle) -> list[Shape]:
    """A bar on each of the four sides; those in front and behind are higher or lower than the others."""
    low = rng.between(0.10, 0.18)
    other = low + rng.pick((-0.05, 0.05, 0.09))
    side = style.make(legs.back(low), legs.front(low))
    front = style.make(mirrored(legs.front(other)), legs.front(other))
    back = style.make(mirrored(legs.back(other)), legs.back(other))
    return [side, side.mirrored(), front, back]


def sides(rng: Sampler, legs: Legs, style: BarStyle) -> list[Shape]:
    """Bars at the left and right side."""
    y = rng.between(0.10, 0.20)
    side = style.make(legs.back(y), legs.front(y))
    return [side, side.mirrored()]


def letter_h(rng: Sampler, legs: Legs, style: BarStyle) -> list[Shape]:
    """Bars at the left and right side, and one between those."""
    y = rng.between(0.12, 0.20)
    side = style.make(legs.back(y), legs.front(y))
    half = middle(legs.back(y), legs.front(y))
    return [side, side.mirrored(), style.make(mirrored(half), half)]


def letter_x(rng: Sampler, legs: Legs, style: BarStyle) -> list[Shape]:
    """Two bars from corner to corner."""
    y = rng.between(0.10, 0.18)
    one = style.make(legs.back(y), mirrored(legs.front(y)))
    return [one, one.mirrored()]


def rungs(rng: Sampler, legs: Legs, style: BarStyle) -> list[Shape]:
    """Two bars at each side and in front, one behind."""
    out = []
    low = rng.between(0.10, 0.14)
    for y in (low, low + rng.between(0.09, 0.14)):
        side = style.make(legs.back(y), legs.front(y))
        out += [side, side.mirrored(), style.make(mirrored(legs.front(y + 0.03)), legs.front(y + 0.03))]
    return [*out, style.make(mirrored(legs.back(low + 0.03)), legs.back(low + 0.03))]


STRETCHERS: dict[str, Callable[[Sampler, Legs, BarStyle], list[Shape]]] = {
    "none": none,
    "box": box,
    "sides": sides,
    "H": letter_h,
    "X": letter_x,
    "rungs": rungs,
}
