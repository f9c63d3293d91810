"""Spindle backs: spindles that stand in the seat, under a hoop or a crest rail."""

import numpy as np

from render.content.chairs.parts.back_frame import CRESTS, Back
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.curves import evenly, spline
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.outlines import flat
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import round_section, tube


def arch(back: Back, low: float, shoulder: float = 0.80) -> Array:
    """Flat points (n, 2) of a hoop from its left foot over the top to its right foot, symmetric about x = 0."""
    h, wide = back.height, back.high
    half = [(back.low, low), (0.5 * (back.low + wide), 0.3 * h), (wide, 0.58 * h), (0.93 * wide, shoulder * h)]
    half += [(0.66 * wide, 0.945 * h), (0.28 * wide, 0.995 * h), (0.0, h)]
    right = spline(half, 4)
    left = right[:-1] * np.array([-1.0, 1.0])
    return np.concatenate([left, right[::-1]])


def height_under(curve: Array, x: float) -> float:
    """Height of a hoop (n, 2) above the place x >= 0."""
    top = len(curve) // 2
    right = curve[top:]
    k = int(np.searchsorted(right[: int(np.argmax(right[:, 0])) + 1, 0], x))
    k = max(k, 1)
    share = (x - right[k - 1, 0]) / (right[k, 0] - right[k - 1, 0])
    return float(right[k - 1, 1] + share * (right[k, 1] - right[k - 1, 1]))


def spindle(foot: tuple[float, float], top: tuple[float, float], radius: float, swell: float) -> Shape:
    """One spindle, drawn flat; it is thickest at a third of its height."""
    share = np.arange(8) / 7
    path = flat(np.array(foot) + (np.array(top) - np.array(foot)) * share[:, None])
    rest = 1.0 - share
    size = 1.0 + (swell - 1.0) * 6.75 * share * rest * rest
    return tube(path, round_section(radius, 6), size)


def hoop_back(rng: Sampler, back: Back, seat: float) -> list[Shape]:
    """A bent hoop with spindles under it."""
    low = seat - back.seat
    curve = arch(back, low, rng.between(0.74, 0.84))
    r, swell = rng.between(0.0055, 0.0075), rng.between(1.0, 1.7)
    hoop = tube(flat(evenly(curve, 41)), round_section(rng.between(0.010, 0.013), 8))
    count = rng.whole(6, 9)
    out = [hoop]
    for k in range(count):
        share = (2 * k + 1) / count - 1.0
        x = 0.86 * share * back.high
        out.append(spindle((0.80 * share * back.low, low), (x, height_under(curve, abs(x))), r, swell))
    return back.place(*out)


def comb(rng: Sampler, back: Back, seat: float) -> list[Shape]:
    """Spindles that all end in a crest rail."""
    low = seat - back.seat
    crest = CRESTS[rng.pick(("straight", "arched", "yoke", "blade"))](rng, back, 0.02)
    count, r, swell = rng.whole(6, 9), rng.between(0.006, 0.0085), rng.between(1.0, 1.6)
    out = [crest.shape]
    for k in range(count):
        share = 2 * k / (count - 1) - 1.0
        top = 0.97 * share * float(back.half(crest.opening))
        out.append(spindle((0.95 * share * back.low, low), (top, crest.opening + 0.012), r, swell))
    return back.place(*out)


def fan(rng: Sampler, back: Back, seat: float) -> list[Shape]:
    """Two thick stiles, thin spindles between them that spread upward, and a crest rail."""
    low = seat - back.seat
    crest = CRESTS[rng.pick(("yoke", "blade", "arched"))](rng, back, 0.022)
    end = crest.opening + 0.014
    edge = float(back.half(end))
    out = [crest.shape]
    out += [spindle((side * back.low, low), (side * 0.95 * edge, end), 0.0105, 1.25) for side in (-1.0, 1.0)]
    count, r = rng.whole(4, 7), rng.between(0.005, 0.007)
    close = rng.between(0.55, 0.78)
    for k in range(count):
        share = (2 * k + 1) / count - 1.0
        out.append(spindle((close * share * back.low, low), (0.84 * share * edge, end), r, 1.2))
    return back.place(*out)
