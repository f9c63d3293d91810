"""Patterns of what is hard: wood, paint, metal, plastic; and of leather, which is soft but looks it."""

import numpy as np

from render.content.chairs.finishes.noise import Noise, part, places
from render.content.chairs.finishes.pattern import Pattern


def wood(noise: Noise) -> Pattern:
    """Grain along v: year rings cut lengthwise, fibres, pores."""
    u, _ = places()
    year = part(5.0 * u + 3.0 * noise.clouds(2, 1, 3))
    ring = np.where(year < 0.8, year / 0.8, (1.0 - year) / 0.2)
    fibre, broad = noise.clouds(48, 3, 3), noise.field(3, 2)
    pores = np.clip(noise.field(160, 12) - 0.8, 0.0, None)
    return Pattern.of(0.42 * ring * ring + 0.38 * fibre + 0.35 * broad - 0.08 + 2.2 * pores)


def plain_wood(noise: Noise) -> Pattern:
    """Quiet grain along v: fibres and few shades, as beech and maple have."""
    fibre, broad = noise.clouds(40, 2, 3), noise.field(4, 2)
    flecks = np.clip(noise.field(72, 40) - 0.72, 0.0, None)
    return Pattern.of(0.55 * fibre + 0.5 * broad - 0.1 + 1.2 * flecks)


def paint(noise: Noise) -> Pattern:
    """Brushed on along v."""
    return Pattern.of(0.35 * noise.clouds(24, 2, 2) + 0.25 * noise.field(3, 3))


def metal(noise: Noise) -> Pattern:
    """Fine scratches along v over broad bands of reflection."""
    return Pattern.of(0.45 * noise.field(128, 2) + 0.55 * noise.field(5, 1))


def plastic(noise: Noise) -> Pattern:
    """One colour with a fine grain."""
    return Pattern.of(0.35 * noise.field(128, 128) + 0.3 * noise.field(4, 4))


def leather(noise: Noise) -> Pattern:
    """Grain of small cells between creases, over patches of wear."""
    cells = 1.0 - np.abs(2.0 * noise.field(40, 40) - 1.0)
    fold = 1.0 - np.abs(2.0 * noise.clouds(6, 6, 2) - 1.0)
    return Pattern.of(0.35 * cells * cells + 0.55 * noise.clouds(3, 3, 2) + 0.35 * fold - 0.25)
