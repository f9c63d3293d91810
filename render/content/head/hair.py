"""Hair: where it grows on scalp, brows and jaw, and how far it stands off the skull.

Masks are (V,) float64 in 0..1 over the vertices of a `Head`.
"""

import numpy as np

from render.content.head.exact import Array, bump, ramp, spline
from render.content.head.face import lip_mask
from render.content.head.mesh import SKIN, Head

LINE_Y = (-90, -76, -62, -48, -34, -24, -16, -10, 0, 10, 18, 26, 34, 42, 48, 55, 64, 72, 84)
LINE_Z = (-110, -72, -56, -46, -40, -32, -8, 8, 13, 19, 28, 35, 38, 41, 47, 62, 84, 96, 140)
"""The hairline in side view, mm: hair grows where z is below the curve. Sideburns at y = -16, the nape at -80."""
EDGE = 5.0
"""Half the width of the soft edge of the hair, mm."""
SIDES, TOP = 3.6, 7.0
"""Thickness of the mean head's hair at the sides and on top, mm."""


def scalp_mask(head: Head) -> Array:
    """Mask of the close-cropped hair of the scalp."""
    y, z = head.base[:, 1], head.base[:, 2]
    inside = spline(LINE_Y, LINE_Z, y) - z
    return ramp(inside, -EDGE, EDGE) * ramp(y, -84.0, -60.0) * (head.part == SKIN)


def volume(base: Array, sides: float = SIDES, top: float = TOP) -> Array:
    """Displacement (n, 3) in mm of the scalp by its hair, away from the middle of the skull.

    Parameters
    ----------
    base : (n, 3) float64
        Points of the head without features, mm.
    sides, top : float
        Thickness of the hair, mm.
    """
    share = ramp(spline(LINE_Y, LINE_Z, base[:, 1]) - base[:, 2], -5.0, 26.0) * ramp(base[:, 1], -70.0, -25.0)
    # No hair around the ears, which it would bury.
    y, z = base[:, 1] + 12.0, base[:, 2] + 14.0
    near_ear = ramp(y * y / 1600.0 + z * z / 700.0, 2.2, 0.8)
    thickness = sides + (top - sides) * ramp(base[:, 1], 25.0, 90.0)
    away = base / abs(base).max(axis=1, keepdims=True)
    return away * (thickness * share * (1.0 - near_ear))[:, None]


def brow_line(x: Array) -> Array:
    """Height y (n,) in mm of the middle of the brows at distances x (n,) in mm from the midline."""
    return spline((4, 12, 24, 36, 46, 56), (15.0, 16.2, 18.6, 20.0, 17.6, 12.8), x)


def brow_mask(head: Head) -> Array:
    """Mask of the brows."""
    x, y = head.midline_distance, head.base[:, 1]
    half = spline((6, 12, 24, 36, 46, 54), (2.2, 3.7, 3.6, 3.0, 2.1, 1.2), x)
    v = (y - brow_line(x)) / (half * 1.35)
    along = ramp(x, 8.0, 14.0) * ramp(x, 53.0, 42.0)
    return np.clip(1.25 * bump(v * v), 0.0, 1.0) * along * (head.part == SKIN)


def beard_mask(head: Head) -> Array:
    """Mask of where a beard grows: upper lip, chin, jaw, and up to the hair in front of the ears."""
    x, y, z = head.midline_distance, head.base[:, 1], head.base[:, 2]
    top = spline((0, 12, 26, 34, 44, 54, 62, 72), (-52, -51, -56, -64, -60, -48, -28, -10), x)
    jaw = ramp(y, top + 8.0, top - 8.0) * ramp(z, -18.0, 2.0) * ramp(y, -140.0, -116.0)
    return jaw * (1.0 - lip_mask(head)) * (head.part == SKIN)
