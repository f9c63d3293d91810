"""The face: the relief of brow, eye sockets, nose, lips and chin over the bare skull, and masks of its parts.

The relief is a height over the front view of the left half: x >= 0 to the subject's left and y up, both in mm on the
head without features. It moves that surface along z, and at the sides outward along x. Masks are (V,) float64 in
0..1 over the vertices of a `Head`.
"""

import numpy as np

from render.content.head import eyes
from render.content.head.exact import Array, bump, pair, ramp, smooth_max, spline, spot
from render.content.head.mesh import SKIN, Head

MOUTH_Y = -68.0
"""Height y of the mouth line, mm."""
MOUTH_HALF = 25.5
"""Half the mouth's width, mm."""
NOSE_KNOTS = (-60, -53, -49, -46.5, -44, -41, -37.5, -33, -26, -18, -9, 0, 8, 16)
"""Heights y at which the profile of the nose is given, mm."""


def mouth_line(x: Array) -> Array:
    """Height y (n,) in mm at which the lips meet, at distances x (n,) in mm from the midline."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.25)
    return MOUTH_Y - 0.8 * bump(u * u * 4.0) + 0.5 * u * u - 2.1 * u * u * u * u


def sculpt(p: Array) -> Array:
    """Points (n, 3) mm of the head without features, moved by the relief of the face."""
    x, y = p[:, 0], p[:, 1]
    z = p[:, 2] + _bones(x, y)
    z = _eye_region(x, y, _nose(x, y, _mouth(x, y, z)))
    # Behind the temples a height over the front view has no meaning; the relief fades out.
    z = p[:, 2] + (z - p[:, 2]) * ramp(p[:, 2], 5.0, 40.0)
    return np.stack([x + _sideways(p), y, z], axis=-1)


def _bones(x: Array, y: Array) -> Array:
    """Height (n,) in mm of the wide, low forms: forehead, brow ridge, cheeks, chin."""
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
    """Outward displacement (n,) in mm of cheekbones and temples."""
    y, z = p[:, 1], p[:, 2]
    out = 2.2 * spot(z, y, 45.0, -14.0, 40.0, 22.0) - 3.0 * spot(z, y, 45.0, 28.0, 32.0, 24.0)
    return out * ramp(p[:, 0], 25.0, 55.0)


def _nose(x: Array, y: Array, z: Array) -> Array:
    """Surface z (n,) with the nose: rounded maxima of paraboloids for bridge, tip, wings and nostril rims."""
    crest = spline(NOSE_KNOTS, (-6, -6, -5, -2.5, 4, 13, 19.5, 21.5, 18.5, 13, 7.5, 3.2, 0.6, -3), y)
    half = spline((-60, -46, -38, -30, -18, -4, 6, 16), (6, 7, 9.5, 10.5, 10.0, 9.0, 9.5, 12), y)
    q = (x / half) * (x / half)
    # The section is round on top and falls off in straight flanks.
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
    """Surface z (n,) with philtrum and lips."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.0)
    v = y - mouth_line(x)
    fade = (1.0 - u * u) * (1.0 + 0.3 * u * u)
    upper = upper_lip_height(x)
    lower = lower_lip_depth(x)
    a = np.clip(v / np.clip(upper, 0.5, None), 0.0, None)
    b = np.clip(-v / np.clip(lower, 0.5, None), 0.0, None)
    z = z + fade * np.where(v > 0, 4.0 * _roll(a), 4.2 * _roll(b))
    crease = bump((v / 2.6) * (v / 2.6))
    z = z - 2.3 * crease * bump(np.clip(x / (MOUTH_HALF + 4.0), 0, 1) * np.clip(x / (MOUTH_HALF + 4.0), 0, 1))
    z = z - 1.3 * spot(x, y, MOUTH_HALF + 1.0, -68.5, 6.0, 6.0)
    return z - 1.1 * spot(x, y, 0.0, -54.5, 5.0, 8.5) + 0.7 * spot(x, y, 6.0, -55.0, 4.5, 9.0)


def _roll(a: Array) -> Array:
    """Cross-section of a lip: 0 at the mouth line (a = 0), fullest at a = 0.5, red until a = 1, 0 from a = 2 on."""
    rest = np.clip(1.0 - 0.5 * a, 0.0, None)
    return 4.74 * a * rest * rest * rest


def upper_lip_height(x: Array) -> Array:
    """Height (n,) in mm of the red of the upper lip above the mouth line, with the cupid's bow."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.0)
    bow = 7.4 * (1.0 - u * u) * (1.0 - 0.25 * u)
    return bow + 1.2 * pair(x, x * 0.0, 5.5, 0.0, 7.5, 1.0) - 0.4 * bump(u * u * 30.0)


def lower_lip_depth(x: Array) -> Array:
    """Depth (n,) in mm of the red of the lower lip below the mouth line."""
    u = np.clip(x / MOUTH_HALF, 0.0, 1.0)
    return 9.0 * (1.0 - u * u) * (1.0 - 0.1 * u * u)


def _eye_region(x: Array, y: Array, z: Array) -> Array:
    """Surface z (n,) with the eye socket, and the lids over the eyeball with the fold above them."""
    cx, cy, _ = eyes.CENTRE
    z = z - 6.5 * spot(x, y, 29.0, 3.0, 27.0, 19.0) - 4.0 * spot(x, y, 17.0, 4.0, 13.0, 15.0)
    # Only near the eye: elsewhere the lids' dome would pierce nose and temple.
    near = (x - cx) * (x - cx) + (y - cy) * (y - cy) < 700.0
    return smooth_max(z, np.where(near, eyes.lid_surface(np.stack([x, y], -1)), -200.0), 2.4 + 3.6 * ramp(y, 4.0, -6.0))


def lip_mask(head: Head) -> Array:
    """Mask of the red of both lips."""
    return np.clip(upper_lip_mask(head) + lower_lip_mask(head), 0.0, 1.0)


def _lip_place(head: Head) -> tuple[Array, Array, Array]:
    """For each vertex (V,): distance from the midline, height above the mouth line, and whether between its corners."""
    x = head.midline_distance
    return x, head.base[:, 1] - mouth_line(x), ramp(x, MOUTH_HALF + 0.5, MOUTH_HALF - 3)


def upper_lip_mask(head: Head) -> Array:
    """Mask of the red of the upper lip."""
    x, v, inside = _lip_place(head)
    height = upper_lip_height(x)
    return inside * ramp(v, height + 1.0, height - 1.0) * (v >= 0) * (head.part == SKIN)


def lower_lip_mask(head: Head) -> Array:
    """Mask of the red of the lower lip."""
    x, v, inside = _lip_place(head)
    depth = lower_lip_depth(x)
    return inside * ramp(-v, depth + 0.9, depth - 0.9) * (v < 0) * (head.part == SKIN)


def mouth_crease_mask(head: Head) -> Array:
    """Mask of the dark line where the lips meet."""
    x, v, _ = _lip_place(head)
    return bump((v / 1.7) * (v / 1.7)) * ramp(x, MOUTH_HALF + 2.5, MOUTH_HALF - 5) * (head.part == SKIN)


def cheek_mask(head: Head) -> Array:
    """Mask of the part of the cheeks that flushes."""
    x, y, z = head.base.T
    return pair(x, y, 42.0, -28.0, 28.0, 24.0) * head.not_eyeball * ramp(z, 10, 40)


def nostril_mask(head: Head) -> Array:
    """Mask of the dark of the nostrils."""
    return np.clip(1.6 * pair(head.base[:, 0], head.base[:, 1], 6.6, -45.8, 4.6, 3.0), 0, 1) * (head.part == SKIN)
