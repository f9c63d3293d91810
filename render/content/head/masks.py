"""Where on the head what is: soft masks in 0..1 for lips, brows, hair and so on, shared by painters and modes."""

import numpy as np

from render.content.head import eyes, features, scalp
from render.content.head.curves import Array, bump, pair, ramp, spline
from render.content.head.head import Head


def side(head: Head) -> Array:
    """(V,) the distance from the midline, |x| on the featureless head."""
    return np.abs(head.base[:, 0])


def skin(head: Head) -> Array:
    """1 everywhere but on the eyeballs."""
    return (head.part != 2).astype(np.float64)


def hair(head: Head, raised: float = 0.0) -> Array:
    """Close-cropped hair; `raised` (mm) lifts the hairline over the forehead."""
    return scalp.hair(head.base, raised) * (head.part == 0)


def brow_line(x: Array) -> Array:
    """Height y of the middle of the brows."""
    return spline((4, 12, 24, 36, 46, 56), (15.0, 16.2, 18.6, 20.0, 17.6, 12.8), x)


def brows(head: Head, thick: float = 1.0, up: float = 0.0) -> Array:
    """The brows' hair."""
    x, y = side(head), head.base[:, 1]
    half = spline((6, 12, 24, 36, 46, 54), (2.2, 3.7, 3.6, 3.0, 2.1, 1.2), x) * thick
    v = (y - brow_line(x) - up) / (half * 1.35)
    along = ramp(x, 8.0, 14.0) * ramp(x, 53.0, 42.0)
    return np.clip(1.25 * bump(v * v), 0.0, 1.0) * along * (head.part == 0)


def lips(head: Head) -> Array:
    """The red of both lips."""
    return np.clip(upper_lip(head) + lower_lip(head), 0.0, 1.0)


def _lip_place(head: Head) -> tuple[Array, Array, Array]:
    x = side(head)
    return x, head.base[:, 1] - features.mouth_line(x), ramp(x, features.MOUTH_HALF + 0.5, features.MOUTH_HALF - 3)


def upper_lip(head: Head) -> Array:
    """The red of the upper lip."""
    x, v, inside = _lip_place(head)
    return inside * ramp(v, features.upper_lip(x) + 1.0, features.upper_lip(x) - 1.0) * (v >= 0) * (head.part == 0)


def lower_lip(head: Head) -> Array:
    """The red of the lower lip."""
    x, v, inside = _lip_place(head)
    return inside * ramp(-v, features.lower_lip(x) + 0.9, features.lower_lip(x) - 0.9) * (v < 0) * (head.part == 0)


def mouth_crease(head: Head) -> Array:
    """The dark line where the lips meet."""
    x, v, _ = _lip_place(head)
    return bump((v / 1.7) * (v / 1.7)) * ramp(x, features.MOUTH_HALF + 2.5, features.MOUTH_HALF - 5) * (head.part == 0)


def beard(head: Head) -> Array:
    """Where a beard grows: upper lip, chin, jaw and up to the hair in front of the ears."""
    x, y, z = side(head), head.base[:, 1], head.base[:, 2]
    top = spline((0, 12, 26, 34, 44, 54, 62, 72), (-52, -51, -56, -64, -60, -48, -28, -10), x)
    jaw = ramp(y, top + 8.0, top - 8.0) * ramp(z, -18.0, 2.0) * ramp(y, -140.0, -116.0)
    return jaw * (1.0 - lips(head)) * (head.part == 0)


def cheeks(head: Head) -> Array:
    """The part of the cheeks that flushes."""
    return pair(head.base[:, 0], head.base[:, 1], 42.0, -28.0, 28.0, 24.0) * skin(head) * ramp(head.base[:, 2], 10, 40)


def ears(head: Head) -> Array:
    """The ears."""
    return (head.part == 3).astype(np.float64)


def iris(head: Head) -> Array:
    """The irises without their pupils."""
    r = head.local[:, 0]
    return ((head.part == 2) & (r > eyes.PUPIL) & (r < eyes.IRIS)).astype(np.float64)


def pupil(head: Head) -> Array:
    """The pupils."""
    return ((head.part == 2) & (head.local[:, 0] < eyes.PUPIL)).astype(np.float64)


def nostrils(head: Head) -> Array:
    """The dark of the nostrils."""
    return np.clip(1.6 * pair(head.base[:, 0], head.base[:, 1], 6.6, -45.8, 4.6, 3.0), 0, 1) * (head.part == 0)
