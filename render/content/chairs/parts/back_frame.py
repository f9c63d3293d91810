"""The measures that seats, legs, backs and arms share."""

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


POINTS = 17
"""Stations along a rail."""

BESIDE = 0.006
"""Metres beyond the posts' middles to which a rail between them reaches."""


@dataclass(frozen=True)
class Crest:
    """A top rail and what must know of it."""

    shape: Shape
    """Flat."""
    opening: float
    """Height below which what fills the back may show."""
    posts: float
    """Height at which the posts end: above the rail that is between them, inside the one that is over them."""


def _rail(back: Back, past: float, height: float, thick: float, low: Array, high: Array) -> Crest:
    """A rail that ends so far beyond the posts' middles, with edges that differ from a straight one's by so much."""
    edge = back.height - height
    half = float(back.half(edge)) + past
    rail = plank(stations(-half, half, POINTS), edge + low, back.height + high, thick)
    over = past > BESIDE
    return Crest(rail, edge + float(low.max()), edge + 0.3 * height if over else back.height + 0.004)


def _share() -> Array:
    return np.abs(stations(-1.0, 1.0, POINTS))


def straight(rng: Sampler, back: Back, post: float) -> Crest:
    """Level, between the posts or over them."""
    past = rng.pick((BESIDE, BESIDE, post + 0.012))
    flat = np.zeros(POINTS)
    return _rail(back, past, rng.between(0.040, 0.10), rng.between(0.020, 0.026), flat, flat)


def arched(rng: Sampler, back: Back, post: float) -> Crest:
    """Higher in the middle."""
    rise = rng.between(0.015, 0.045)
    arch = rise * (1.0 - _share() * _share())
    return _rail(back, rng.pick((BESIDE, 0.8 * post)), rng.between(0.045, 0.08), 0.022, 0.6 * arch, arch)


def yoke(rng: Sampler, back: Back, post: float) -> Crest:
    """Ears that reach beyond the posts, a crown between them."""
    rise = rng.between(0.010, 0.026)
    high = rise * lerp([(0, 1.0), (0.3, 0.8), (0.62, -0.3), (0.85, 0.2), (1, 0.6)], _share())
    low = rise * lerp([(0, -0.3), (0.5, -0.6), (0.8, 0.2), (1, 1.6)], _share())
    return _rail(back, post + rng.between(0.005, 0.03), rng.between(0.05, 0.075), 0.022, low, high)


def blade(rng: Sampler, back: Back, post: float) -> Crest:
    """Broad in the middle, narrow at its ends, over the posts."""
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
