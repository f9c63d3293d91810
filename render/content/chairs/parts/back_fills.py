"""Fillings of backs between two posts: drawn flat in the sheet of a `Back`, and bent by the caller."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.parts.back_frame import Back
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import plank, slab, web
from render.content.chairs.solids.curves import lerp, spline, stations
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.outlines import ellipse, trapezoid
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import flat_section, round_section, straps, tube

Pieces = list[tuple[str, Shape]]
"""Material ("wood", "soft", "cane", "strap") and flat shape of each piece."""


@dataclass(frozen=True)
class Gap:
    """The opening to be filled, in the flat sheet of a back. Metres."""

    back: Back
    low: float
    """Upper edge of the rail, or of the seat, below it."""
    high: float
    """Lower edge of the rail above it."""
    post: float
    """Width of the posts."""

    @property
    def tall(self) -> float:
        """Height of the opening."""
        return self.high - self.low

    @property
    def middle(self) -> float:
        """Height y of the opening's middle."""
        return (self.low + self.high) / 2

    def half(self, y: float) -> float:
        """Half the clear width at a height y."""
        return float(self.back.half(y)) - self.post / 2

    def outline(self, inset: float, radius: float) -> Array:
        """Outline (n, 2) of the opening, made smaller by `inset` on all sides (negative: larger)."""
        below, above = (2 * (self.half(y) - inset) for y in (self.low, self.high))
        return trapezoid(below, above, self.tall - 2 * inset, radius) + np.array([0.0, self.middle])


def upright(at: Array, left: Array | float, right: Array | float, thick: float) -> Shape:
    """A board along y at heights `at` (m,), between two edges in x."""
    return plank(at, -np.asarray(right), -np.asarray(left), thick).turned("z", 0.25)


def level(gap: Gap, low: float, height: float, thick: float, arch: float = 0.0, past: float = 0.0) -> Shape:
    """A rail from post to post, its upper edge raised by `arch` in the middle; it ends `past` the posts' middles."""
    half = float(gap.back.half(low + height / 2)) + past
    x = stations(-half, half, 11)
    share = x / half
    return plank(x, low, low + height + arch * (1.0 - share * share), thick)


def spread(gap: Gap, count: int, y: float, width: float) -> list[float]:
    """Places x of `count` uprights of a width, with equal spaces between them, symmetric about 0."""
    space = (2 * gap.half(y) - count * width) / (count + 1)
    return [(k - (count - 1) / 2) * (width + space) for k in range(count)]


def slats(rng: Sampler, gap: Gap) -> Pieces:
    """Upright boards of equal width."""
    thick = rng.between(0.009, 0.014)
    wide = rng.between(0.022, 0.050)
    count = max(2, min(rng.whole(3, 7), int(gap.half(gap.low) * 2 / (wide * 1.45))))
    reach = stations(gap.low - 0.008, gap.high + 0.008, 6)
    lean = gap.half(gap.high) / gap.half(gap.low)
    out: Pieces = []
    for x in spread(gap, count, gap.low, wide):
        middle = x * (1.0 + (lean - 1.0) * (reach - gap.low) / gap.tall)
        out.append(("wood", upright(reach, middle - wide / 2, middle + wide / 2, thick)))
    return out


def spindles(rng: Sampler, gap: Gap) -> Pieces:
    """Round uprights, straight or swelling in the middle."""
    r, swell = rng.between(0.005, 0.009), rng.between(1.0, 1.7)
    count = rng.whole(5, 9)
    lean = gap.half(gap.high) / gap.half(gap.low)
    share = stations(0.0, 1.0, 7)
    size = 1.0 + (swell - 1.0) * 4.0 * share * (1.0 - share)
    out: Pieces = []
    for x in spread(gap, count, gap.low, 2 * r):
        path = np.stack([x * (1 + (lean - 1) * share), gap.low - 0.008 + (gap.tall + 0.016) * share, 0 * share], axis=1)
        out.append(("wood", tube(path, round_section(r, 6), size)))
    return out


def ladder(rng: Sampler, gap: Gap) -> Pieces:
    """Level boards, arched or straight, often broader toward the top."""
    count = max(1, min(rng.whole(2, 4), int(gap.tall / 0.09)))
    thick, arch = rng.between(0.010, 0.016), rng.pick((0.0, 0.0, 0.012, 0.022))
    grow = rng.between(0.0, 0.25)
    each = gap.tall / (count + 0.5)
    out: Pieces = []
    for k in range(count):
        height = each * growing(0.42, grow, k, count)
        out.append(("wood", level(gap, gap.low + (k + 0.5) * each, height, thick, arch)))
    return out


def growing(first: float, grow: float, k: int, count: int) -> float:
    """The share for number `k` of `count`: `first` for k = 0, growing linearly by the factor 1 + `grow`."""
    return first * (1.0 + grow * k / max(count - 1, 1))


def bars(rng: Sampler, gap: Gap) -> Pieces:
    """Thin level bars."""
    count, thick = rng.whole(4, 8), rng.between(0.010, 0.014)
    each = gap.tall / (count + 1)
    return [("wood", level(gap, gap.low + (k + 1) * each - thick / 2, thick, thick)) for k in range(count)]


def cross(rng: Sampler, gap: Gap) -> Pieces:
    """Two crossing diagonal bars, sometimes with a disc on the crossing."""
    wide, thick = rng.between(0.018, 0.032), rng.between(0.010, 0.014)
    share = stations(0.0, 1.0, 9)
    low, high = gap.half(gap.low) + 0.006, gap.half(gap.high) + 0.006
    x = -low + (low + high) * share
    path = np.stack([x, gap.low - 0.004 + (gap.tall + 0.008) * share, 0.0 * share], axis=1)
    one = tube(path, flat_section(wide, thick), up=(-1.0, 1.0, 0.0))
    out: Pieces = [("wood", one), ("wood", one.mirrored())]
    if rng.chance(0.35):
        size = rng.between(0.05, 0.09)
        out.append(("wood", slab(ellipse(size, size, 20), 0.02, 0.004).moved(y=gap.middle, z=-0.010)))
    return out


SPLATS = {
    "vase": ((0, 0.62), (0.12, 0.50), (0.24, 0.42), (0.42, 0.80), (0.6, 1.0), (0.76, 0.86), (0.88, 0.58), (1, 0.74)),
    "fiddle": ((0, 0.80), (0.14, 0.70), (0.3, 0.86), (0.44, 0.66), (0.54, 0.56), (0.7, 0.90), (0.86, 1.0), (1, 0.86)),
    "tapered": ((0, 0.50), (0.5, 0.75), (1, 1.0)),
    "waisted": ((0, 1.0), (0.25, 0.74), (0.5, 0.60), (0.75, 0.74), (1, 1.0)),
    "straight": ((0, 1.0), (1, 1.0)),
}
"""Outlines of a single broad upright: (share of the height, share of the greatest half width)."""


def splat(rng: Sampler, gap: Gap) -> Pieces:
    """One broad upright with a curved outline."""
    half = min(rng.between(0.065, 0.11), 0.62 * gap.half(gap.low))
    knots = spline([list(k) for k in SPLATS[rng.pick(tuple(SPLATS))]], 4)
    share = stations(0.0, 1.0, 17)
    width = half * lerp([(float(a), float(b)) for a, b in knots], share)
    return [("wood", upright(gap.low - 0.008 + (gap.tall + 0.016) * share, -width, width, rng.between(0.009, 0.013)))]


def panel(rng: Sampler, gap: Gap) -> Pieces:
    """A board that fills the gap, or one with space around it."""
    air = rng.pick((-0.006, -0.006, 0.03))
    if air > 0.0:
        return [("wood", _held(gap, air)), *_pins(gap, air)]
    return [("wood", slab(gap.outline(-0.006, 0.0), 0.012, 0.003, inner=3).moved(z=-0.006))]


def _held(gap: Gap, air: float) -> Shape:
    return slab(gap.outline(air, 0.02), 0.014, 0.004, inner=3).moved(z=-0.007)


def _pins(gap: Gap, air: float) -> Pieces:
    """Short bars that hold a board with space around it."""
    out: Pieces = []
    for y, down in ((gap.low, -0.006), (gap.high, 0.006)):
        for x in (-0.5 * gap.half(y), 0.5 * gap.half(y)):
            ends = np.array([[x, y + down, 0.0], [x, y - (air + 0.008) * (1 if down > 0 else -1), 0.0]])
            out.append(("wood", tube(ends, round_section(0.006, 6))))
    return out


def cushioned(rng: Sampler, gap: Gap) -> Pieces:
    """An upholstered pad between the posts."""
    thick = rng.between(0.030, 0.055)
    outline = gap.outline(-0.004, rng.between(0.01, 0.04))
    return [("soft", slab(outline, thick, 0.45 * thick, inner=4, crown=0.010, belly=0.004).moved(z=-0.4 * thick))]


def caned(rng: Sampler, gap: Gap) -> Pieces:
    """Cane between the posts, sometimes with an upright bar in its middle."""
    out: Pieces = [("cane", web(gap.outline(-0.006, 0.0), 4))]
    if rng.chance(0.3):
        y = stations(gap.low - 0.006, gap.high + 0.006, 6)
        out.append(("wood", upright(y, -0.011, 0.011, 0.014)))
    return out


def strapped(rng: Sampler, gap: Gap) -> Pieces:
    """Woven straps."""
    columns, rows = rng.pick((5, 7)), max(3, 2 * int(gap.tall / 0.11) + 1)
    width = 2 * min(gap.half(gap.low), gap.half(gap.high)) + 0.012

    def flared(points: Array) -> Array:
        """Points (V, 3) whose x is scaled so that the weave is as wide at every height as the posts are apart."""
        room = np.asarray(gap.back.half(points[:, 1])) - gap.post / 2 + 0.006
        return np.column_stack([points[:, 0] * (2.0 * room / width), points[:, 1:]])

    woven = straps(width, gap.tall + 0.012, columns, rows)
    return [("strap", shape.moved(y=gap.middle).bent(flared)) for shape in woven]


def grid(rng: Sampler, gap: Gap) -> Pieces:
    """A grid of thin bars."""
    bar_ = 0.009
    across, up = rng.whole(4, 7), rng.whole(2, 5)
    y = stations(gap.low - 0.006, gap.high + 0.006, 6)
    out: Pieces = [("wood", upright(y, x - bar_ / 2, x + bar_ / 2, bar_)) for x in spread(gap, across, gap.low, bar_)]
    each = gap.tall / (up + 1)
    return out + [("wood", level(gap, gap.low + (k + 1) * each, bar_, bar_)) for k in range(up)]


def window(rng: Sampler, gap: Gap) -> Pieces:
    """One broad rail alone."""
    height = min(rng.between(0.05, 0.11), 0.5 * gap.tall)
    at = gap.low + (gap.tall - height) * rng.between(0.35, 0.65)
    return [("wood", level(gap, at, height, rng.between(0.012, 0.018), rng.pick((0.0, 0.012))))]


def oval(rng: Sampler, gap: Gap) -> Pieces:
    """A padded oval in a ring of wood, held above and below."""
    width, tall = 2 * gap.half(gap.middle) * rng.between(0.74, 0.88), gap.tall * 0.98
    ring = slab(ellipse(width, tall, 32), 0.022, 0.008, inner=2).moved(y=gap.middle, z=-0.012)
    soft = slab(ellipse(width * 0.82, tall * 0.84, 32), 0.03, 0.013, inner=3, crown=0.008)
    out: Pieces = [("wood", ring), ("soft", soft.moved(y=gap.middle, z=-0.004))]
    for y in (gap.low - 0.006, gap.high - 0.02):
        out.append(("wood", upright(stations(y, y + 0.026, 2), -0.03, 0.03, 0.016)))
    return out


FILLS: dict[str, Callable[[Sampler, Gap], Pieces]] = {
    "slats": slats,
    "spindles": spindles,
    "ladder": ladder,
    "bars": bars,
    "cross": cross,
    "splat": splat,
    "panel": panel,
    "cushion": cushioned,
    "cane": caned,
    "straps": strapped,
    "grid": grid,
    "window": window,
    "oval": oval,
}
