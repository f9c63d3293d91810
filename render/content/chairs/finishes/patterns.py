"""Patterns of wood, metal, plastic, leather, cloth and wickerwork, without colours, and how they are coloured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.chairs.finishes.noise import SIZE, Noise, hump, near, part, places
from render.content.chairs.solids.exact import Array

Texture = NDArray[np.uint8]

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Pattern:
    """A tileable square that a pair of colours makes into a texture."""

    share: Field
    """(SIZE, SIZE) in 0..1: the share of the second colour."""
    shade: Field | None = None
    """(SIZE, SIZE) factor on the mixed colour; None for 1 everywhere."""
    alpha: Texture | None = None
    """(SIZE, SIZE) 0..255; None for a pattern without holes."""

    @classmethod
    def of(cls, share: Array, shade: Array | None = None, alpha: Array | None = None) -> "Pattern":
        """The pattern of fields (SIZE, SIZE) in float64; alpha in 0..1."""
        return cls(
            np.clip(share, 0.0, 1.0).astype(np.float32),
            None if shade is None else shade.astype(np.float32),
            None if alpha is None else np.floor(np.clip(alpha, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8),
        )

    def colored(self, first: tuple[float, ...], second: tuple[float, ...]) -> Texture:
        """Texture (SIZE, SIZE, 4) RGBA, read-only, in two colours (RGB in 0..1)."""
        out = np.full((SIZE, SIZE, 4), 255, np.uint8)
        for k in range(3):
            low, high = np.float32(255.0 * first[k]), np.float32(255.0 * second[k])
            mixed = low + (high - low) * self.share
            if self.shade is not None:
                mixed = np.minimum(mixed * self.shade, np.float32(255.0))
            out[..., k] = (mixed + np.float32(0.5)).astype(np.uint8)
        if self.alpha is not None:
            out[..., 3] = self.alpha
        # Parts of many chairs share the array.
        out.setflags(write=False)
        return out


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
    """Brush strokes along v."""
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


THREADS = 64
"""Threads across the square."""


def _threads() -> Array:
    """Shade (SIZE, SIZE) of a plain weave: 0 in the gaps, 1 on top of the threads."""
    u, v = places()
    over = (np.floor(u * THREADS) + np.floor(v * THREADS)) % 2.0
    return np.asarray(np.where(over > 0.0, hump(u * THREADS), hump(v * THREADS)))


def _woven(share: Array, noise: Noise, depth: float = 0.18) -> Pattern:
    """A share (SIZE, SIZE) of the second colour as a weave: darker in the gaps, and a little uneven."""
    uneven = 0.10 * (noise.field(32, 32) - 0.5) + 0.06 * (noise.field(4, 4) - 0.5)
    return Pattern.of(share, 1.0 - depth * (1.0 - _threads()) + uneven)


def plain(noise: Noise) -> Pattern:
    """Yarn of the first colour, unevenly mixed with the second."""
    return _woven(0.3 * noise.clouds(48, 48, 2) - 0.06, noise)


def tweed(noise: Noise) -> Pattern:
    """Flecks of the second colour, and slubs along both threads."""
    fleck = np.clip(3.0 * noise.field(72, 72) - 1.65, 0.0, 1.0)
    slub = 0.5 * noise.field(64, 10) + 0.5 * noise.field(10, 64)
    return _woven(0.55 * fleck + 0.35 * slub - 0.1, noise, 0.22)


def herringbone(noise: Noise) -> Pattern:
    """Slanted ribs whose direction alternates over eight columns."""
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
    """Gingham: bands across bands."""
    u, v = places()
    return _woven(0.5 * near(4.0 * u, 0.5) + 0.5 * near(4.0 * v, 0.5), noise)


def plaid(noise: Noise) -> Pattern:
    """Wide, weak and narrow, strong bands across each other."""
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
    """Diamonds inside diamonds."""
    u, v = places()
    away = np.abs(2.0 * part(3.0 * u) - 1.0) + np.abs(2.0 * part(2.0 * v) - 1.0)
    ring = np.clip(1.0 - 5.0 * np.abs(away - 1.0), 0.0, 1.0) + np.clip((0.35 - away) * 12.0, 0.0, 1.0)
    return _woven(0.9 * np.clip(ring, 0.0, 1.0), noise)


def velvet(noise: Noise) -> Pattern:
    """Pile that lies in different directions."""
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


def cane(noise: Noise) -> Pattern:
    """Vertical, horizontal and diagonal strands with eight-sided holes; four cells a side."""
    u, v = places()
    straight = np.maximum(near(4.0 * u, 0.24) + 0.0 * v, near(4.0 * v, 0.24) + 0.0 * u)
    aslant = np.maximum(near(4.0 * (u + v), 0.15), near(4.0 * (u - v), 0.15))
    depth = 0.25 * (aslant > straight) + 0.5 * noise.field(48, 48)
    return Pattern.of(depth, alpha=np.maximum(straight, aslant))


def net(noise: Noise) -> Pattern:
    """Net of office chairs: fine vertical strands, and bars across them."""
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
