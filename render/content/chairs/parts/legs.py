"""Legs from the floor to a point under the seat, cut level at both ends, and short feet of upholstered seats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.curves import lerp, spline
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point, circle, lathe, loft
from render.content.chairs.solids.shape import Shape, join
from render.content.chairs.solids.tubes import flat_section, rod

TURNINGS = {
    "colonial": (
        (0, 0.50), (0.04, 0.62), (0.10, 0.66), (0.13, 0.50), (0.15, 0.50), (0.17, 0.74), (0.20, 0.74), (0.22, 0.55),
        (0.42, 0.88), (0.54, 0.98), (0.60, 0.84), (0.62, 0.60), (0.64, 0.60), (0.66, 0.92), (0.70, 0.92), (0.72, 0.66),
        (0.78, 0.86), (1.0, 0.72),
    ),
    "baluster": (
        (0, 0.55), (0.06, 0.72), (0.12, 0.55), (0.16, 0.46), (0.36, 0.62), (0.50, 0.92), (0.58, 1.0), (0.65, 0.84),
        (0.70, 0.52), (0.73, 0.52), (0.76, 0.84), (0.80, 0.84), (0.83, 0.62), (1.0, 0.80),
    ),
    "bobbin": (
        (0, 0.60), (0.05, 0.82), (0.10, 0.60), (0.16, 0.90), (0.22, 0.60), (0.29, 0.94), (0.36, 0.62), (0.43, 0.96),
        (0.50, 0.64), (0.57, 0.98), (0.64, 0.64), (0.71, 0.98), (0.78, 0.66), (0.86, 0.9), (1.0, 0.8),
    ),
    "vase": (
        (0, 0.44), (0.10, 0.50), (0.34, 0.70), (0.46, 0.98), (0.52, 1.0), (0.60, 0.72), (0.66, 0.56), (0.80, 0.72),
        (1.0, 0.70),
    ),
    "bamboo": (
        (0, 0.66), (0.10, 0.70), (0.28, 0.80), (0.295, 0.70), (0.32, 0.84), (0.52, 0.92), (0.535, 0.82), (0.56, 0.98),
        (0.78, 0.92), (0.795, 0.80), (0.82, 0.86), (1.0, 0.80),
    ),
}  # fmt: skip
"""Profiles of turned legs: (share of the height, share of the greatest radius), from foot to top."""

Maker = Callable[[Point, Point], Shape]


@dataclass(frozen=True)
class LegStyle:
    """One kind of leg at one thickness."""

    kind: str
    width: float
    """Metres across at the top."""
    make: Maker
    """Makes the leg from its foot to its top."""
    round: bool = True


def column(centres: Array, section: Array, scale: Array | float = 1.0) -> Shape:
    """A solid of level cross-sections, its ends a little smaller.

    Parameters
    ----------
    centres : (R, 3) float64
        Middles of the cross-sections, rising.
    section : (n, 2) float64
        x and -z, counter-clockwise seen from above.
    scale : float or (R,)
        Factor on the section at each centre.
    """
    size = np.broadcast_to(np.asarray(scale, np.float64), (len(centres),))
    lean = float(np.abs(section).max())
    ends = []
    for end, neighbour in ((0, 1), (-1, -2)):
        step = centres[neighbour] - centres[end]
        share = min(0.15 * lean / abs(float(step[1])), 0.3)
        ends.append((centres[end] + share * step)[None])
    centres = np.concatenate([centres[:1], ends[0], centres[1:-1], ends[1], centres[-1:]])
    size = np.concatenate([0.88 * size[:1], size, 0.88 * size[-1:]])
    flat = np.column_stack([section[:, 0], np.zeros(len(section)), -section[:, 1]])
    return loft(centres[:, None] + flat * size[:, None, None])


def between(foot: Point, top: Point, shares: Array) -> Array:
    """Points (n, 3) of the line from foot to top at shares (n,) of the way."""
    a, b = np.array(foot), np.array(top)
    return np.asarray(a + (b - a) * shares[:, None])


def tapering(section: Array, profile: list[tuple[float, float]]) -> Maker:
    """Maker of straight legs: their section is scaled by (share of the height, factor) pairs."""
    shares, sizes = np.array(profile).T

    def make(foot: Point, top: Point) -> Shape:
        return column(between(foot, top, shares), section, sizes)

    return make


def square(rng: Sampler) -> LegStyle:
    """A straight post."""
    w = rng.between(0.030, 0.046)
    return LegStyle("square", w, tapering(flat_section(w, w, 0.003), [(0, 1), (0.18, 1), (1, 1)]), round=False)


def tapered(rng: Sampler) -> LegStyle:
    """A square post, thinner toward the floor."""
    w, foot = rng.between(0.034, 0.050), rng.between(0.45, 0.75)
    profile = [(0, foot), (0.18, foot + 0.18 * (1 - foot)), (rng.between(0.7, 0.9), 1), (1, 1)]
    return LegStyle("tapered", w, tapering(flat_section(w, w, 0.003), profile), round=False)


def tapered_round(rng: Sampler) -> LegStyle:
    """A round leg, thickest near the top."""
    w, foot = rng.between(0.032, 0.048), rng.between(0.40, 0.65)
    profile = [(0, foot), (0.18, foot + 0.2 * (1 - foot)), (0.5, 0.5 + 0.5 * foot + 0.06), (0.75, 1), (1, 0.86)]
    return LegStyle("tapered round", w, tapering(w / 2 * circle(12), profile))


def turned(rng: Sampler) -> LegStyle:
    """A turned leg."""
    w, kind = rng.between(0.036, 0.052), rng.pick(tuple(TURNINGS))
    return LegStyle(kind, w, tapering(w / 2 * circle(12), list(TURNINGS[kind])))


def cabriole(rng: Sampler) -> LegStyle:
    """A cabriole leg: its knee and foot bend outward, its ankle inward."""
    w, swing = rng.between(0.040, 0.054), rng.between(0.016, 0.028)
    heights = np.arange(15) / 14
    out = lerp([(0, 0.55), (0.06, 0.2), (0.2, -0.45), (0.42, -0.25), (0.72, 0.8), (0.86, 1.0), (1, 0.35)], heights)
    size = lerp([(0, 0.62), (0.05, 0.66), (0.12, 0.42), (0.3, 0.46), (0.7, 0.85), (0.86, 1.0), (1, 1.0)], heights)

    def make(foot: Point, top: Point) -> Shape:
        centres = between(foot, top, heights)
        aslant = np.array([0.7 if foot[0] > 0 else -0.7, 0.0, 0.7 if foot[2] > 0 else -0.7])
        smooth = spline((centres + aslant * swing * out[:, None]).tolist(), 1)
        return column(smooth, w / 2 * circle(10), size)

    return LegStyle("cabriole", w, make)


def metal_tube(rng: Sampler) -> LegStyle:
    """A steel tube."""
    r = rng.between(0.010, 0.016)
    return LegStyle("tube", 2 * r, tapering(r * circle(10), [(0, 1), (0.1, 1), (1, 1)]))


def hairpin(rng: Sampler) -> LegStyle:
    """Two thin rods that meet at the floor."""
    r, gap = rng.between(0.005, 0.007), rng.between(0.035, 0.055)

    def make(foot: Point, top: Point) -> Shape:
        x, y, z = top
        side, ahead = (-gap if top[0] > 0 else gap), (-gap if top[2] > 0 else gap)
        meet = between(foot, top, np.array([0.012]))[0]
        first = rod((float(meet[0]), 0.0, float(meet[2])), (x + side, y, z), r, 6)
        second = rod((float(meet[0]), 0.0, float(meet[2])), (x, y, z + ahead), r, 6)
        return join([first, second])

    return LegStyle("hairpin", 2 * gap, make)


def add_legs_with_tips(rng: Sampler, chair: Chair, surface: Finish, legs: Sequence[Shape]) -> None:
    """Add legs to a chair; some wooden legs get tips of metal or paint."""
    if surface.recipe == "metal" or rng.chance(0.82):
        chair.add("leg", surface, *legs)
        return
    shoes = finish.metal(rng) if rng.chance(0.5) else finish.paint(rng)
    height = rng.between(0.05, 0.13)
    for leg in legs:
        low, high = leg.cut("y", height)
        chair.add("leg", surface, high)
        chair.add("leg", shoes, low)


WOODEN = {"square": square, "tapered": tapered, "tapered round": tapered_round, "turned": turned, "cabriole": cabriole}

METAL = {"tube": metal_tube, "hairpin": hairpin}


def peg(rng: Sampler, height: float) -> Shape:
    """A foot that is a cone on its thin end, about the y axis."""
    r = rng.between(0.019, 0.026)
    return lathe([(0.55 * r, 0.0), (0.6 * r, 0.004), (r, height - 0.01), (0.9 * r, height)], 12)


def splayed(rng: Sampler, height: float) -> Shape:
    """A foot that is a cone leaning toward +x and +z."""
    r, out = rng.between(0.018, 0.024), rng.between(0.2, 0.35) * height
    centres = np.array([[out, 0.0, out], [0.5 * out, 0.5 * height, 0.5 * out], [0.0, height, 0.0]])
    return column(centres, r * circle(12), np.array([0.58, 0.8, 1.0]))


def block(rng: Sampler, height: float) -> Shape:
    """A foot that is a square block, thinner below."""
    w = rng.between(0.036, 0.060)
    centres = np.array([[0.0, 0.0, 0.0], [0.0, 0.5 * height, 0.0], [0.0, height, 0.0]])
    return column(centres, flat_section(w, w, 0.004), np.array([rng.between(0.6, 1.0), 0.9, 1.0]))


def bun(rng: Sampler, height: float) -> Shape:
    """A foot that is a flattened ball."""
    r = rng.between(0.032, 0.042)
    shape = [(0.6, 0.0), (0.86, 0.14), (1.0, 0.42), (0.92, 0.70), (0.66, 0.9), (0.66, 1.0)]
    return lathe([(r * x, height * y) for x, y in shape], 14)


FEET: dict[str, Callable[[Sampler, float], Shape]] = {"peg": peg, "splayed": splayed, "block": block, "bun": bun}
