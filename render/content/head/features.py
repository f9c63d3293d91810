"""The face's relief: what brow, eyes, nose, lips and chin add to the featureless head.

Everything is a height over the front view: x to the subject's left (x >= 0, half a head), y up, both in mm on
the featureless surface; the answer moves that surface along z, and outward along x at the sides.
"""

import numpy as np

from render.content.head import eyes, scalp
from render.content.head.curves import (
    Array,
    bump,
    pair,
    ramp,
    smooth_max,
    spline,
    spot,
)

MOUTH_Y = -68.0
MOUTH_HALF = 25.5
"""Half the mouth's width, mm."""
NOSE_KNOTS = (-60, -53, -49, -46.5, -44, -41, -37.5, -33, -26, -18, -9, 0, 8, 16)


def mouth_line(x: Array) -> Array:
    """Height y at which the lips meet."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.25)
    return MOUTH_Y - 0.8 * bump(u * u * 4.0) + 0.5 * u * u - 2.1 * u * u * u * u


def sculpt(p: Array) -> Array:
    """The featureless points (n, 3) with all features on them."""
    x, y = p[:, 0], p[:, 1]
    z = p[:, 2] + _bones(x, y)
    z = _eye_region(x, y, _nose(x, y, _mouth(x, y, z)))
    # Behind the temples the front view says nothing any more.
    z = p[:, 2] + (z - p[:, 2]) * ramp(p[:, 2], 5.0, 40.0)
    return np.stack([x + _sideways(p), y, z], axis=-1) + scalp.volume(p)


def _bones(x: Array, y: Array) -> Array:
    """Forehead, brow ridge, cheeks, chin: wide and low."""
    arch = 20.0 - 0.004 * (x - 26.0) * (x - 26.0)
    ridge = bump(((y - arch) / 12.0) * ((y - arch) / 12.0)) * bump((x - 26.0) * (x - 26.0) / 900.0)
    height = 4.2 * ridge + 1.8 * pair(x, y, 9.0, 14.0, 16.0, 16.0)
    height += 2.0 * spot(x, y, 44.0, -22.0, 24.0, 20.0)  # apple of the cheek
    height -= 2.0 * spot(x, y, 44.0, -60.0, 22.0, 32.0)  # hollow below it
    height += 3.4 * pair(x, y, 7.0, -101.0, 17.0, 15.0)
    height -= 2.6 * spot(x, y, 0.0, -84.5, 30.0, 8.5)  # between lower lip and chin
    height += 2.5 * spot(x, y, 0.0, -68.0, 40.0, 26.0)  # the teeth's arch
    return height


def _sideways(p: Array) -> Array:
    """Cheekbones and temples, seen from the front."""
    y, z = p[:, 1], p[:, 2]
    out = 2.2 * spot(z, y, 45.0, -14.0, 40.0, 22.0) - 3.0 * spot(z, y, 45.0, 28.0, 32.0, 24.0)
    return out * ramp(p[:, 0], 25.0, 55.0)


def _nose(x: Array, y: Array, z: Array) -> Array:
    """Bridge, tip, wings and nostrils, by rounded maxima of paraboloids over the cheek's surface."""
    crest = spline(NOSE_KNOTS, (-6, -6, -5, -2.5, 4, 13, 19.5, 21.5, 18.5, 13, 7.5, 3.2, 0.6, -3), y)
    half = spline((-60, -46, -38, -30, -18, -4, 6, 16), (6, 7, 9.5, 10.5, 10.0, 9.0, 9.5, 12), y)
    q = (x / half) * (x / half)
    # Rounded on top, falling off in straight flanks.
    height = crest - (np.clip(crest, 0.0, None) + 5.0) * (q / (0.55 + 0.45 * np.sqrt(1.0 + q)) / 2.2)
    tip = 23.0 - 23.0 * ((x / 10.5) * (x / 10.5) + ((y + 35.5) / 11.0) * ((y + 35.5) / 11.0))
    wing = 12.5 - 12.5 * (((x - 10.7) / 6.7) * ((x - 10.7) / 6.7) + ((y + 39.5) / 8.4) * ((y + 39.5) / 8.4))
    # The rims of the nostrils close the gap between tip and wings.
    sill = 15.5 - 15.5 * (((x - 6.5) / 8.6) * ((x - 6.5) / 8.6) + ((y + 39.2) / 7.8) * ((y + 39.2) / 7.8))
    height = smooth_max(smooth_max(height, tip, 5.0), sill, 3.0)
    height = smooth_max(height, wing, 4.5)
    height = np.maximum(height, -9.0)
    lifted = smooth_max(z, z + height, 3.2)
    lifted = lifted + 2.2 * spot(x, y, 0.0, -44.5, 4.2, 4.5)  # columella
    return lifted - 5.0 * spot(x, y, 6.6, -45.6, 4.2, 2.8)


def _mouth(x: Array, y: Array, z: Array) -> Array:
    """Philtrum and lips, over and under the line where they meet."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.0)
    v = y - mouth_line(x)
    fade = (1.0 - u * u) * (1.0 + 0.3 * u * u)
    upper = upper_lip(x)
    lower = lower_lip(x)
    a = np.clip(v / np.clip(upper, 0.5, None), 0.0, None)
    b = np.clip(-v / np.clip(lower, 0.5, None), 0.0, None)
    z = z + fade * np.where(v > 0, 4.0 * _roll(a), 4.2 * _roll(b))
    crease = bump((v / 2.6) * (v / 2.6))
    z = z - 2.3 * crease * bump(np.clip(x / (MOUTH_HALF + 4.0), 0, 1) * np.clip(x / (MOUTH_HALF + 4.0), 0, 1))
    z = z - 1.3 * spot(x, y, MOUTH_HALF + 1.0, -68.5, 6.0, 6.0)
    return z - 1.1 * spot(x, y, 0.0, -54.5, 5.0, 8.5) + 0.7 * spot(x, y, 6.0, -55.0, 4.5, 9.0)


def _roll(a: Array) -> Array:
    """Cross-section of a lip: 0 where they meet (a = 0), fullest at a = 0.5, red until a = 1, gone at 2."""
    rest = np.clip(1.0 - 0.5 * a, 0.0, None)
    return 4.74 * a * rest * rest * rest


def upper_lip(x: Array) -> Array:
    """Height of the upper lip's red above the mouth line, with the cupid's bow."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.0)
    bow = 7.4 * (1.0 - u * u) * (1.0 - 0.25 * u)
    return bow + 1.2 * pair(x, x * 0.0, 5.5, 0.0, 7.5, 1.0) - 0.4 * bump(u * u * 30.0)


def lower_lip(x: Array) -> Array:
    """Depth of the lower lip's red below the mouth line."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.0)
    return 9.0 * (1.0 - u * u) * (1.0 - 0.1 * u * u)


def _eye_region(x: Array, y: Array, z: Array) -> Array:
    """Socket, and the lids lying over the eyeball with the fold above them."""
    cx, cy, _ = eyes.CENTRE
    z = z - 6.5 * spot(x, y, 29.0, 3.0, 27.0, 19.0) - 4.0 * spot(x, y, 17.0, 4.0, 13.0, 15.0)
    # Only above the eye: elsewhere the dome would pierce nose and temple.
    near = (x - cx) * (x - cx) + (y - cy) * (y - cy) < 700.0
    return smooth_max(z, np.where(near, eyes.lid_surface(np.stack([x, y], -1)), -200.0), 2.4 + 3.6 * ramp(y, 4.0, -6.0))
