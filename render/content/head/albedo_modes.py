"""The named ways in which colouring differs: each a change of albedo at one standard deviation."""

from collections.abc import Iterator

import numpy as np

from render.content.head import masks
from render.content.head.curves import Array, pair, ramp, spot
from render.content.head.head import Head


def named(head: Head, mean: Array) -> Iterator[tuple[str, Array]]:
    """Name and field (V, 3) of every mode, in a fixed order."""
    yield from _skin(head, mean)
    yield from _hair(head)
    yield from _face(head)
    yield from _eyes(head)


def _tint(mask: Array, color: tuple[float, float, float]) -> Array:
    return mask[:, None] * np.array(color)


def bare(head: Head) -> Array:
    """Skin that shows: neither eyeballs, hair nor brows, and the lips half."""
    return masks.skin(head) * (1 - masks.hair(head)) * (1 - 0.8 * masks.brows(head)) * (1 - 0.35 * masks.lips(head))


def _skin(head: Head, mean: Array) -> Iterator[tuple[str, Array]]:
    skin = bare(head)
    # Whoever is darker mostly has darker hair, brows and eyes too.
    dark = masks.hair(head) + 0.8 * masks.brows(head) + 0.6 * masks.iris(head)
    yield "skin tone", skin[:, None] * mean * np.array([0.185, 0.225, 0.250]) + _tint(dark, (0.068, 0.054, 0.043))
    yield "skin redness", _tint(skin, (0.006, -0.010, -0.010))
    yield "skin yellowness", _tint(skin, (0.002, 0.000, -0.016))
    y, z = head.base[:, 1], head.base[:, 2]
    yield "forehead shade", _tint(skin * ramp(y, 10, 60) * ramp(z, 0, 40), (0.046, 0.036, 0.030))
    yield "lower face shade", _tint(skin * ramp(y, -30, -90) * ramp(z, 0, 40), (0.044, 0.034, 0.028))
    yield "neck shade", _tint(skin * ramp(y, -100, -135), (0.048, 0.036, 0.030))
    yield "middle of the face", _tint(skin * spot(head.base[:, 0], y, 0, -25, 45, 70), (0.043, 0.033, 0.028))


def _hair(head: Head) -> Iterator[tuple[str, Array]]:
    hair, brows, beard = masks.hair(head), masks.brows(head), masks.beard(head)
    yield "hair lightness", _tint(hair + 0.25 * brows, (0.183, 0.150, 0.120))
    yield "hair redness", _tint(hair + 0.4 * brows, (0.033, 0.006, -0.006))
    yield "hair grey", _tint(hair + 0.3 * brows, (0.004, 0.012, 0.018))
    yield "beard", _tint(-beard, (0.084, 0.072, 0.063))
    x, y = masks.side(head), head.base[:, 1]
    yield "moustache", _tint(-beard * ramp(y, -72, -64) * ramp(x, 34, 24), (0.0675, 0.057, 0.048))
    yield "goatee", _tint(-beard * ramp(y, -70, -78) * ramp(x, 34, 20), (0.0675, 0.057, 0.048))
    side = hair * ramp(y, 70, 30)
    yield "cropped sides", _tint(side, (0.075, 0.057, 0.045))


def _face(head: Head) -> Iterator[tuple[str, Array]]:
    x, y, front = head.base[:, 0], head.base[:, 1], ramp(head.base[:, 2], 20, 50)
    lips, brows = masks.lips(head), masks.brows(head)
    yield "lip redness", _tint(lips, (0.008, -0.022, -0.018))
    yield "lip lightness", _tint(lips, (0.045, 0.032, 0.028))
    yield "upper lip shade", _tint(masks.upper_lip(head), (-0.024, -0.018, -0.016))
    yield "brow darkness", _tint(brows, (0.1275, 0.108, 0.093))
    yield "joined brows", _tint(spot(x, y, 0, 14.5, 14, 6) * front, (-0.035, -0.030, -0.026))
    yield "cheek flush", _tint(masks.cheeks(head), (0.012, -0.034, -0.030))
    yield "nose flush", _tint(pair(x, y, 6, -37, 18, 16) * front, (0.008, -0.020, -0.018))
    yield "ear flush", _tint(masks.ears(head), (0.008, -0.018, -0.016))
    yield "shade under the eyes", _tint(pair(x, y, 30, -10, 20, 9) * front * (head.part == 0), (-0.045, -0.040, -0.030))
    yield "lid shade", _tint(pair(x, y, 33, 9, 20, 8) * front * (head.part == 0), (-0.042, -0.036, -0.028))
    yield "lash line", _tint((head.part == 1) * 1.0, (0.06, 0.05, 0.045))


def _eyes(head: Head) -> Iterator[tuple[str, Array]]:
    iris = masks.iris(head)
    yield "iris blue to brown", _tint(iris, (-0.025, 0.022, 0.065))
    yield "iris lightness", _tint(iris, (0.055, 0.050, 0.045))
    yield "iris green", _tint(iris, (-0.006, 0.010, -0.005))
    white = (head.part == 2) * (1.0 - iris) * (1.0 - masks.pupil(head))
    yield "white of the eyes", _tint(white, (0.025, 0.028, 0.032))
