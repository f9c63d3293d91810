"""Patterns of what is plaited: cane and net with holes in them, wicker and cord without."""

import numpy as np

from render.content.chairs.finishes.noise import Noise, hump, near, part, places
from render.content.chairs.finishes.pattern import Pattern


def cane(noise: Noise) -> Pattern:
    """Strands upright, level and both ways aslant, with eight-sided holes; four cells a side."""
    u, v = places()
    straight = np.maximum(near(4.0 * u, 0.24) + 0.0 * v, near(4.0 * v, 0.24) + 0.0 * u)
    aslant = np.maximum(near(4.0 * (u + v), 0.15), near(4.0 * (u - v), 0.15))
    depth = 0.25 * (aslant > straight) + 0.5 * noise.field(48, 48)
    return Pattern.of(depth, alpha=np.maximum(straight, aslant))


def net(noise: Noise) -> Pattern:
    """The taut net of office chairs: fine upright strands, and bars that hold them."""
    u, v = places()
    strand = np.maximum(near(12.0 * u, 0.42) + 0.0 * v, near(12.0 * v, 0.30) + 0.0 * u)
    return Pattern.of(0.5 * noise.field(24, 24), alpha=strand)


def wicker(noise: Noise) -> Pattern:
    """Strands along u, over one stake and under the next; sixteen rows over eight stakes."""
    u, v = places()
    row = np.floor(16.0 * v)
    wave = part(4.0 * u + 0.5 * (row % 2.0))
    over = 4.0 * wave * (1.0 - wave)
    height = (0.35 + 0.65 * over) * (0.35 + 0.65 * hump(16.0 * v))
    return Pattern.of(1.0 - height, (0.55 + 0.45 * height) * (0.92 + 0.16 * noise.field(16, 64)))


def cord(noise: Noise) -> Pattern:
    """Twisted paper cord along u, twenty turns of it side by side."""
    u, v = places()
    height = 0.2 + 0.65 * hump(20.0 * v + 0.0 * u) + 0.15 * hump(20.0 * u + 20.0 * v)
    return Pattern.of(1.0 - height, 0.75 + 0.2 * height + 0.1 * noise.field(16, 40))
