"""The frame of a back: the curved sheet in which it is built, and the crest rails at its top."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import plank
from render.content.chairs.solids.curves import Bend, lerp, stations
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.shape import Shape


@dataclass(frozen=True)
class Back:
    """The curved sheet of a back. Shapes are drawn flat (x across, y up from the seat, z forward) and bent. Metres."""

    seat: float
    """Height (y) in the chair of y = 0 of the flat drawing."""
    behind: float
    """The z in the chair of y = 0 of the flat drawing."""
    low: float
    """Half the width between the posts' middles at the seat."""
    high: float
    """Half the width between the posts' middles at the top."""
    height: float
    """Distance from the seat to the top, along the sheet."""
    slopes: tuple[float, float]
    """Slopes at the seat and at the top: metres backward per metre upward."""
    bow: float = 0.0
    """Distance of the middle behind the posts."""

    def half(self, y: Array | float) -> Array:
        """Half the width between the posts' middles at heights y of the flat drawing."""
        return np.asarray(self.low + (self.high - self.low) * np.asarray(y) / self.height)

    def bend(self, points: Array) -> Array:
        """Points (V, 3) of the flat drawing, bent to their place in the chair."""
        x = points[:, 0] / np.maximum(self.half(points[:, 1]), 0.02)
        flat = points.copy()
        flat[:, 2] -= self.bow * np.clip(1.0 - x * x, -0.3, 1.0)
        return self._curve().profile(flat)

    def place(self, *shapes: Shape) -> list[Shape]:
        """Shapes of the flat drawing, bent to their place in the chair."""
        return [shape.bent(self.bend) for shape in shapes]

    def at(self, x: float, y: float, z: float = 0.0) -> Point:
        """One point of the flat drawing, bent to its place in the chair."""
        a, b, c = self.bend(np.array([[x, y, z]]))[0].tolist()
        return a, b, c

    def _curve(self) -> Bend:
        up = 1.1 * self.height * np.arange(15) / 14
        first, last = self.slopes
        back = first * up + (last - first) * up * up / (2.0 * self.height)
        return Bend(np.stack([self.seat + up, self.behind - back], axis=1))


POINTS = 17
"""Number of stations along a rail."""

BESIDE = 0.006
"""Distance in metres beyond the posts' middles at which a rail between them ends."""


@dataclass(frozen=True)
class Crest:
    """A top rail, and the heights at which posts and filling end because of it."""

    shape: Shape
    """The rail, drawn flat."""
    opening: float
    """Height of the rail's lower edge, up to which the filling reaches."""
    posts: float
    """Height at which the posts end: above the rail that is between them, inside the one that is over them."""


def _rail(back: Back, past: float, height: float, thick: float, low: Array, high: Array) -> Crest:
    """A rail that ends `past` metres beyond the posts' middles; `low` and `high` (POINTS,) are added to its edges."""
    edge = back.height - height
    half = float(back.half(edge)) + past
    rail = plank(stations(-half, half, POINTS), edge + low, back.height + high, thick)
    over = past > BESIDE
    return Crest(rail, edge + float(low.max()), edge + 0.3 * height if over else back.height + 0.004)


def _share() -> Array:
    return np.abs(stations(-1.0, 1.0, POINTS))


def straight(rng: Sampler, back: Back, post: float) -> Crest:
    """A straight rail, between the posts or over them."""
    past = rng.pick((BESIDE, BESIDE, post + 0.012))
    flat = np.zeros(POINTS)
    return _rail(back, past, rng.between(0.040, 0.10), rng.between(0.020, 0.026), flat, flat)


def arched(rng: Sampler, back: Back, post: float) -> Crest:
    """A rail that is higher in the middle."""
    rise = rng.between(0.015, 0.045)
    arch = rise * (1.0 - _share() * _share())
    return _rail(back, rng.pick((BESIDE, 0.8 * post)), rng.between(0.045, 0.08), 0.022, 0.6 * arch, arch)


def yoke(rng: Sampler, back: Back, post: float) -> Crest:
    """A rail whose ends reach beyond the posts and rise, as its middle does."""
    rise = rng.between(0.010, 0.026)
    high = rise * lerp([(0, 1.0), (0.3, 0.8), (0.62, -0.3), (0.85, 0.2), (1, 0.6)], _share())
    low = rise * lerp([(0, -0.3), (0.5, -0.6), (0.8, 0.2), (1, 1.6)], _share())
    return _rail(back, post + rng.between(0.005, 0.03), rng.between(0.05, 0.075), 0.022, low, high)


def blade(rng: Sampler, back: Back, post: float) -> Crest:
    """A rail over the posts, broad in the middle and narrow at its ends."""
    height = rng.between(0.07, 0.13)
    share = _share()
    low, high = 0.30 * height * share * share, -0.22 * height * share * share
    return _rail(back, post + rng.between(0.0, 0.02), height, 0.020, low, high)


CRESTS: dict[str, Callable[[Sampler, Back, float], Crest]] = {
    "straight": straight,
    "arched": arched,
    "yoke": yoke,
    "blade": blade,
}
