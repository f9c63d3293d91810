"""Patterns of cloth: weaves whose threads show, and prints."""

import numpy as np

from render.content.chairs.finishes.noise import SIZE, Noise, hump, near, part, places
from render.content.chairs.finishes.pattern import Pattern
from render.content.chairs.solids.turns import Array

THREADS = 64
"""Across the square."""


def _threads() -> Array:
    """Shade (SIZE, SIZE) of a plain weave: 0 in the gaps, 1 on the threads' backs."""
    u, v = places()
    over = (np.floor(u * THREADS) + np.floor(v * THREADS)) % 2.0
    return np.asarray(np.where(over > 0.0, hump(u * THREADS), hump(v * THREADS)))


def _woven(share: Array, noise: Noise, depth: float = 0.18) -> Pattern:
    """A mixture (SIZE, SIZE) woven: darker in the gaps, and a little uneven."""
    uneven = 0.10 * (noise.field(32, 32) - 0.5) + 0.06 * (noise.field(4, 4) - 0.5)
    return Pattern.of(share, 1.0 - depth * (1.0 - _threads()) + uneven)


def plain(noise: Noise) -> Pattern:
    """Yarn of one colour, uneven toward the second."""
    return _woven(0.3 * noise.clouds(48, 48, 2) - 0.06, noise)


def tweed(noise: Noise) -> Pattern:
    """Flecks of the second colour, and slubs along both threads."""
    fleck = np.clip(3.0 * noise.field(72, 72) - 1.65, 0.0, 1.0)
    slub = 0.5 * noise.field(64, 10) + 0.5 * noise.field(10, 64)
    return _woven(0.55 * fleck + 0.35 * slub - 0.1, noise, 0.22)


def herringbone(noise: Noise) -> Pattern:
    """Slanted ribs that turn in every column, eight columns."""
    u, v = places()
    fold = np.abs(2.0 * part(4.0 * u) - 1.0)
    rib = hump(16.0 * v + 4.0 * fold)
    return _woven(np.clip(2.0 * rib - 0.6, 0.0, 1.0) * 0.75, noise, 0.1)


def stripes(noise: Noise) -> Pattern:
    """Broad and narrow stripes along v."""
    u, v = places()
    band = np.maximum(near(3.0 * u, 0.30), near(3.0 * u + 0.5, 0.08)) + 0.0 * v
    return _woven(band, noise)


def check(noise: Noise) -> Pattern:
    """Bands across bands: gingham."""
    u, v = places()
    return _woven(0.5 * near(4.0 * u, 0.5) + 0.5 * near(4.0 * v, 0.5), noise)


def plaid(noise: Noise) -> Pattern:
    """Wide and narrow bands across each other, the narrow ones strong."""
    u, v = places()
    band = 0.4 * near(2.0 * u, 0.4) + 0.4 * near(2.0 * v, 0.4)
    line = np.maximum(near(2.0 * u + 0.5, 0.06) + 0.0 * v, near(2.0 * v + 0.5, 0.06) + 0.0 * u)
    return _woven(np.maximum(band, 0.9 * line), noise)


def dots(noise: Noise) -> Pattern:
    """Round spots in staggered rows."""
    u, v = places()
    shift = 0.5 * (np.floor(6.0 * v) % 2.0)
    a, b = part(6.0 * u + shift) - 0.5, part(6.0 * v) - 0.5
    inside = np.clip((0.085 - (a * a + b * b)) * 30.0, 0.0, 1.0)
    return _woven(0.9 * inside, noise)


def diamonds(noise: Noise) -> Pattern:
    """Lozenges in lozenges, a print of the fifties."""
    u, v = places()
    away = np.abs(2.0 * part(3.0 * u) - 1.0) + np.abs(2.0 * part(2.0 * v) - 1.0)
    ring = np.clip(1.0 - 5.0 * np.abs(away - 1.0), 0.0, 1.0) + np.clip((0.35 - away) * 12.0, 0.0, 1.0)
    return _woven(0.9 * np.clip(ring, 0.0, 1.0), noise)


def velvet(noise: Noise) -> Pattern:
    """Pile that was stroked this way and that."""
    stroke = noise.clouds(5, 4, 3)
    pile = noise.field(128, 128)
    return Pattern.of(0.75 * stroke + 0.12 * pile - 0.25)


def boucle(noise: Noise) -> Pattern:
    """Small loops."""
    loops = noise.field(56, 56)
    curl = np.abs(2.0 * noise.field(80, 80) - 1.0)
    return Pattern.of(0.65 * (1.0 - loops) + 0.4 * curl - 0.2)


def ribbed(noise: Noise) -> Pattern:
    """Corduroy: cords along v."""
    u, v = places()
    cord = hump(24.0 * u + 0.0 * v)
    return Pattern.of(0.7 * (1.0 - cord) + 0.3 * noise.field(24, 48) - 0.1)


assert SIZE % THREADS == 0  # or the weave would not meet itself at the border of the square
