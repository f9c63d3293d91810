"""Modes of albedo: named ways in which colouring differs, and random ones, each a change at one standard deviation."""

from collections.abc import Iterator

import numpy as np

from render.content.head import ears, eyes, face, hair
from render.content.head.exact import ALBEDO_KEY, Array, ball, pair, ramp, random_fractions, spot
from render.content.head.mesh import EYEBALL, LID_EDGE, SKIN, Head

TERMS = 10
"""Bumps of the broadest random field; finer ones have up to 40 more."""


def named_fields(head: Head, mean: Array) -> Iterator[tuple[str, Array]]:
    """Name and change of albedo (V, 3) of every named mode, in a fixed order; `mean` is the mean albedo (V, 3)."""
    yield from _skin(head, mean)
    yield from _hair(head)
    yield from _face(head)
    yield from _eyes(head)


def _tint(mask: Array, color: tuple[float, float, float]) -> Array:
    """A colour (R, G, B) times a mask (V,), as (V, 3)."""
    return mask[:, None] * np.array(color)


def bare_skin(head: Head) -> Array:
    """Mask (V,) of bare skin: 0 on eyeballs and hair, low on the brows, lower on the lips."""
    return (
        head.not_eyeball
        * (1 - hair.scalp_mask(head))
        * (1 - 0.8 * hair.brow_mask(head))
        * (1 - 0.35 * face.lip_mask(head))
    )


def _skin(head: Head, mean: Array) -> Iterator[tuple[str, Array]]:
    skin = bare_skin(head)
    # Darker skin mostly comes with darker hair, brows and eyes.
    dark = hair.scalp_mask(head) + 0.8 * hair.brow_mask(head) + 0.6 * eyes.iris_mask(head)
    yield "skin tone", skin[:, None] * mean * np.array([0.185, 0.225, 0.250]) + _tint(dark, (0.068, 0.054, 0.043))
    yield "skin redness", _tint(skin, (0.006, -0.010, -0.010))
    yield "skin yellowness", _tint(skin, (0.002, 0.000, -0.016))
    y, z = head.base[:, 1], head.base[:, 2]
    yield "forehead shade", _tint(skin * ramp(y, 10, 60) * ramp(z, 0, 40), (0.046, 0.036, 0.030))
    yield "lower face shade", _tint(skin * ramp(y, -30, -90) * ramp(z, 0, 40), (0.044, 0.034, 0.028))
    yield "neck shade", _tint(skin * ramp(y, -100, -135), (0.048, 0.036, 0.030))
    yield "middle of the face", _tint(skin * spot(head.base[:, 0], y, 0, -25, 45, 70), (0.043, 0.033, 0.028))


def _hair(head: Head) -> Iterator[tuple[str, Array]]:
    scalp, brows, beard = hair.scalp_mask(head), hair.brow_mask(head), hair.beard_mask(head)
    yield "hair lightness", _tint(scalp + 0.25 * brows, (0.183, 0.150, 0.120))
    yield "hair redness", _tint(scalp + 0.4 * brows, (0.033, 0.006, -0.006))
    yield "hair grey", _tint(scalp + 0.3 * brows, (0.004, 0.012, 0.018))
    yield "beard", _tint(-beard, (0.084, 0.072, 0.063))
    x, y = head.midline_distance, head.base[:, 1]
    yield "moustache", _tint(-beard * ramp(y, -72, -64) * ramp(x, 34, 24), (0.0675, 0.057, 0.048))
    yield "goatee", _tint(-beard * ramp(y, -70, -78) * ramp(x, 34, 20), (0.0675, 0.057, 0.048))
    side = scalp * ramp(y, 70, 30)
    yield "cropped sides", _tint(side, (0.075, 0.057, 0.045))


def _face(head: Head) -> Iterator[tuple[str, Array]]:
    x, y, front = head.base[:, 0], head.base[:, 1], ramp(head.base[:, 2], 20, 50)
    lips, brows = face.lip_mask(head), hair.brow_mask(head)
    yield "lip redness", _tint(lips, (0.008, -0.022, -0.018))
    yield "lip lightness", _tint(lips, (0.045, 0.032, 0.028))
    yield "upper lip shade", _tint(face.upper_lip_mask(head), (-0.024, -0.018, -0.016))
    yield "brow darkness", _tint(brows, (0.1275, 0.108, 0.093))
    yield "joined brows", _tint(spot(x, y, 0, 14.5, 14, 6) * front, (-0.035, -0.030, -0.026))
    yield "cheek flush", _tint(face.cheek_mask(head), (0.012, -0.034, -0.030))
    yield "nose flush", _tint(pair(x, y, 6, -37, 18, 16) * front, (0.008, -0.020, -0.018))
    yield "ear flush", _tint(ears.ear_mask(head), (0.008, -0.018, -0.016))
    yield (
        "shade under the eyes",
        _tint(pair(x, y, 30, -10, 20, 9) * front * (head.part == SKIN), (-0.045, -0.040, -0.030)),
    )
    yield "lid shade", _tint(pair(x, y, 33, 9, 20, 8) * front * (head.part == SKIN), (-0.042, -0.036, -0.028))
    yield "lash line", _tint((head.part == LID_EDGE) * 1.0, (0.06, 0.05, 0.045))


def _eyes(head: Head) -> Iterator[tuple[str, Array]]:
    iris = eyes.iris_mask(head)
    yield "iris blue to brown", _tint(iris, (-0.025, 0.022, 0.065))
    yield "iris lightness", _tint(iris, (0.055, 0.050, 0.045))
    yield "iris green", _tint(iris, (-0.006, 0.010, -0.005))
    white = (head.part == EYEBALL) * (1.0 - iris) * (1.0 - eyes.pupil_mask(head))
    yield "white of the eyes", _tint(white, (0.025, 0.028, 0.032))


def random_fields(head: Head, skin: Array, count: int) -> Iterator[Array]:
    """Unnamed modes: `count` smooth random changes of albedo (V, 3) at one standard deviation.

    They are shades of the skin, from broad to freckle-like, and sums of compact bumps as in `shape_modes`.

    Parameters
    ----------
    head : Head
        The mean head.
    skin : (V,) float64
        Mask of bare skin.
    """
    face = head.points[(head.part == SKIN) & (head.points[:, 2] > 0) & (head.points[:, 1] > -125)]
    for k in range(count):
        share = k / max(count - 1, 1)
        size = 58.0 - 51.0 * float(ramp(share, 0.0, 1.0))
        field = np.zeros(len(head.points))
        # The first row of numbers is for the tint, the others are for the bumps.
        rows = random_fractions(ALBEDO_KEY, k, (1 + TERMS + int(40 * share), 5))
        for where, strength, *sizes in rows[1:]:
            radii = size * (0.7 + 0.6 * np.array(sizes))
            field += ball(head.points, face[int(where * len(face))], radii) * (2.0 * strength - 1.0)
        color = np.array([1.0, 0.80, 0.68]) + 0.05 * (2.0 * rows[0, :3] - 1.0)
        largest = float(np.abs(field).max())
        yield (field * skin / largest)[:, None] * color * (0.034 - 0.024 * share)
