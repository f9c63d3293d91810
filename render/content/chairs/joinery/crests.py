"""Top rails of backs, drawn flat in the sheet of a `Back`."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.draws import Draws
from render.content.chairs.joinery.plan import Back
from render.content.chairs.solids.paths import lerp, stations
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.slab import plank
from render.content.chairs.solids.turns import Array

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


def straight(d: Draws, back: Back, post: float) -> Crest:
    """Level, between the posts or over them."""
    past = d.pick((BESIDE, BESIDE, post + 0.012))
    flat = np.zeros(POINTS)
    return _rail(back, past, d.between(0.040, 0.10), d.between(0.020, 0.026), flat, flat)


def arched(d: Draws, back: Back, post: float) -> Crest:
    """Higher in the middle."""
    rise = d.between(0.015, 0.045)
    arch = rise * (1.0 - _share() * _share())
    return _rail(back, d.pick((BESIDE, 0.8 * post)), d.between(0.045, 0.08), 0.022, 0.6 * arch, arch)


def yoke(d: Draws, back: Back, post: float) -> Crest:
    """Ears that reach beyond the posts, a crown between them."""
    rise = d.between(0.010, 0.026)
    high = rise * lerp([(0, 1.0), (0.3, 0.8), (0.62, -0.3), (0.85, 0.2), (1, 0.6)], _share())
    low = rise * lerp([(0, -0.3), (0.5, -0.6), (0.8, 0.2), (1, 1.6)], _share())
    return _rail(back, post + d.between(0.005, 0.03), d.between(0.05, 0.075), 0.022, low, high)


def blade(d: Draws, back: Back, post: float) -> Crest:
    """Broad in the middle, narrow at its ends, over the posts."""
    height = d.between(0.07, 0.13)
    share = _share()
    low, high = 0.30 * height * share * share, -0.22 * height * share * share
    return _rail(back, post + d.between(0.0, 0.02), height, 0.020, low, high)


CRESTS: dict[str, Callable[[Draws, Back, float], Crest]] = {
    "straight": straight,
    "arched": arched,
    "yoke": yoke,
    "blade": blade,
}
