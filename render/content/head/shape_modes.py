"""Modes of shape: named ways in which heads differ, and random ones, each a displacement at one standard deviation.

All centres and radii are mm on the mean head, on its left side (x > 0) where a mode acts on both. `c` is the deformer
of the mean head.
"""

from collections.abc import Iterator

import numpy as np

from render.content.head import eyes, face, hair
from render.content.head.deformer import Deformer
from render.content.head.exact import SHAPE_KEY, Array, ball, bump, pair, ramp, random_fractions, spot
from render.content.head.mesh import EAR, EYEBALL, SKIN

EYE = (*eyes.CENTRE[:2], eyes.CENTRE[2] + 12.0)
"""Place of the left eye's lids, mm."""
TERMS = 10
"""Bumps of a random field."""


def named_fields(c: Deformer) -> Iterator[tuple[str, Array]]:
    """Name and field (V, 3) mm of every named mode, in a fixed order."""
    yield from _whole(c)
    yield from _sex(c)
    yield from _skull(c)
    yield from _jaw(c)
    yield from _cheeks(c)
    yield from _brows(c)
    yield from _hair(c)
    yield from _eyes(c)
    # Full amplitudes are plausible for a nose alone; on a face that varies too they are a little too much.
    yield from ((name, 0.75 * field) for name, field in _nose(c))
    yield from _mouth(c)
    yield from _ears(c)
    yield from _neck(c)
    yield from _sides(c)


def _whole(c: Deformer) -> Iterator[tuple[str, Array]]:
    p = c.points
    yield "size", p * 0.034
    yield "width", p * np.array([0.058, 0, 0]) - p * np.array([0, 0.012, 0.010])
    y = p[:, 1]
    face = np.stack([0 * y, np.minimum(y - 5.0, 0.0) * 0.080, 0 * y], -1)
    yield "face length", face
    tall = np.stack([0 * y, np.maximum(y - 5.0, 0.0) * 0.074, 0 * y], -1)
    yield "skull height", tall
    yield "profile curve", c.push((0, -20, 110), (200, 70, 110), (0, 0, 4.0)) - p * np.array([0, 0, 0.006])


def _sex(c: Deformer) -> Iterator[tuple[str, Array]]:
    """Changes of jaw, brow ridge, nose and lips that go together in men as against women."""
    field = c.both(c.push((58, -76, 15), (42, 46, 62), (2.2, -1.2, 0)))
    field += c.both(c.push((24, 16, 93), (40, 17, 40), (0, -0.8, 1.5)))
    field += c.push((0, -108, 90), (44, 36, 48), (0, -1.6, 1.4)) + c.both(
        c.push((17, -104, 90), (22, 28, 40), (1.6, 0, 0.4))
    )
    field += c.push((0, -36, 116), (30, 34, 36), (0, -0.6, 1.2)) + c.push((0, -6, 98), (17, 26, 40), (0, 0, 1.2))
    field -= c.push((0, -67, 102), (36, 16, 38), (0, 0, 0.8)) + c.both(c.push(EYE, (44, 38, 70), (0, 0, 0.8)))
    field -= c.both(c.stretch(eyes.CENTRE, (44, 38, 70), (0.035, 0.035, 0.035)))
    field += c.stretch((0, -170, -20), (160, 85, 160), (0.06, 0, 0.05)) - c.push((0, 52, 95), (70, 40, 60), (0, 0, 1.4))
    yield "masculine", field + c.points * 0.008


def _skull(c: Deformer) -> Iterator[tuple[str, Array]]:
    z = c.points[:, 2]
    yield "skull depth", np.stack([0 * z, 0 * z, np.minimum(z - 10.0, 0.0) * 0.09], -1)
    yield "skull width", c.stretch((0, 50, -20), (170, 110, 170), (0.088, 0, 0))
    yield "occiput", c.push((0, 10, -105), (100, 80, 70), (0, 0, -5.0))
    yield "crown", c.push((0, 120, -20), (140, 80, 140), (0, 2.2, 0))
    yield "forehead slope", c.push((0, 78, 85), (120, 62, 90), (0, 0, 5.0))
    yield "forehead bulge", c.push((0, 48, 95), (70, 36, 60), (0, 0, 2.6))
    yield "temples", c.both(c.push((68, 32, 45), (45, 42, 50), (3.0, 0, 0)))


def _jaw(c: Deformer) -> Iterator[tuple[str, Array]]:
    yield "jaw width", c.both(c.push((58, -72, 15), (44, 48, 64), (3.6, 0, 0)))
    yield "jaw angle", c.both(c.push((55, -80, 10), (40, 42, 50), (0, -3.6, 0)))
    yield "jaw taper", c.stretch((0, -100, 75), (80, 55, 75), (0.10, 0, 0))
    yield "chin protrusion", c.push((0, -108, 92), (44, 40, 48), (0, 0, 4.4))
    yield "chin height", c.push((0, -116, 82), (60, 38, 60), (0, -4.4, 0))
    yield "chin width", c.both(c.push((17, -104, 90), (22, 28, 40), (3.0, 0, 0.8)))
    yield "chin cleft", c.push((0, -102, 100), (8, 14, 30), (0, 0, -0.5))
    yield "under the chin", c.push((0, -124, 52), (54, 32, 54), (0, -3.8, 1.6))
    yield "lower face forward", c.push((0, -85, 95), (70, 55, 70), (0, 0, 3.2))


def _cheeks(c: Deformer) -> Iterator[tuple[str, Array]]:
    yield "fullness", c.both(c.push((54, -58, 45), (44, 54, 64), (4.0, 0, 1.8)))
    yield "cheek hollow", c.both(c.push((46, -52, 62), (26, 28, 40), (1.2, 0, 1.9)))
    yield "cheekbone width", c.both(c.push((62, -16, 45), (38, 30, 52), (3.0, 0.5, 0.6)))
    yield "cheekbone forward", c.both(c.push((42, -20, 78), (28, 24, 40), (0.6, 0, 2.6)))
    yield "cheekbone height", c.both(c.push((48, -22, 70), (32, 28, 50), (0, 3.2, 0)))
    x, y = np.abs(c.head.base[:, 0]), c.head.base[:, 1]
    line = x - (20.0 + (-36.0 - y) * 0.42)
    fold = bump(line * line / 30.0) * ramp(y, -74.0, -58.0) * ramp(y, -34.0, -44.0)
    yield "fold from nose to mouth", np.stack([0 * x, 0 * x, -0.8 * fold], -1)
    yield "jowls", c.both(c.push((42, -92, 55), (26, 26, 42), (1.8, -1.2, 0.8)))


def _brows(c: Deformer) -> Iterator[tuple[str, Array]]:
    yield "brow ridge", c.both(c.push((24, 17, 93), (38, 17, 40), (0, 0, 2.0)))
    yield "brow height", c.both(c.push((30, 22, 90), (46, 22, 54), (0, 2.0, 0)))
    yield "inner brow", c.both(c.push((12, 18, 95), (20, 17, 42), (0, 1.5, 0)))
    yield "outer brow", c.both(c.push((46, 20, 82), (22, 17, 44), (0, 2.0, 0)))
    yield "glabella", c.push((0, 15, 96), (18, 18, 40), (0, 0, 1.5))


def _hair(c: Deformer) -> Iterator[tuple[str, Array]]:
    """Thickness of the hair, and the hairline: vertices slide along the surface and take their colour with them."""
    x, y, z = c.head.base[:, 0], c.head.base[:, 1], c.head.base[:, 2]
    scalp = (c.head.part == SKIN)[:, None]
    yield "hair on top", hair.volume(c.head.base, 0.3, 3.0) * scalp
    yield "hair at the sides", hair.volume(c.head.base, 1.4, 0.2) * scalp
    yield "quiff", c.push((0, 92, 62), (75, 42, 60), (0, 2.6, 2.2)) * hair.scalp_mask(c.head)[:, None]
    yield "hairline", c.slide(5.0 * spot(x, y, 0.0, 68.0, 85.0, 46.0) * ramp(z, 10.0, 40.0), "up")
    yield "receding temples", c.slide(3.6 * pair(x, y, 46.0, 54.0, 38.0, 36.0) * ramp(z, 10.0, 40.0), "up")
    # Only in front of the ears, which do not move.
    in_front = ramp(z, 2.0, 14.0) * (c.head.part == SKIN) * ramp(abs(x), 40.0, 55.0)
    yield "sideburns", c.slide(6.0 * spot(z, y, 14.0, -8.0, 28.0, 30.0) * in_front, "up")
    v = y - hair.brow_line(abs(x))
    thick = v * bump(v * v / 110.0) * pair(x, y, 30.0, 18.0, 32.0, 24.0)
    yield "brow thickness", c.slide(0.13 * thick, "up")


def _lid_weight(c: Deformer, upper: bool) -> Array:
    """Weight (V,): 1 at the middle of a lid's edge, falling to its corners and the socket, 0 on the eyeball."""
    p = c.points
    x = (np.abs(p[:, 0]) - 32.5) / 15.0
    y = p[:, 1] - eyes.CENTRE[1]
    across = ramp(y, 15.0, 5.0) * ramp(y, 0.3, 3.5) if upper else ramp(y, -14.0, -4.0) * ramp(y, -0.5, -3.0)
    return np.where(c.head.part < EYEBALL, bump(x * x) * across * ramp(p[:, 2], 55.0, 65.0), 0.0)


def _lid(c: Deformer, upper: bool, by: float) -> Array:
    """Slide a lid up over the eyeball by so many mm."""
    w = _lid_weight(c, upper)
    slope = (c.points[:, 1] - eyes.CENTRE[1]) / np.clip(c.points[:, 2] - eyes.CENTRE[2], 8.0, None)
    return np.stack([0 * w, w * by, -w * by * slope], -1)


def _eyes(c: Deformer) -> Iterator[tuple[str, Array]]:
    around = (42.0, 38.0, 60.0)
    yield "eye distance", c.both(c.carry(EYE, around, (1.8, 0, -0.3)))
    yield "eye height", c.both(c.carry(EYE, around, (0, 1.5, 0)))
    yield "eye depth", c.both(c.carry(EYE, (42, 36, 60), (0, 0, 1.7)))
    yield "eye size", c.both(c.stretch(eyes.CENTRE, (44, 38, 70), (0.065, 0.065, 0.065)))
    yield "eye length", c.both(c.stretch(EYE, (44, 34, 70), (0.06, -0.01, 0)))
    yield "eye tilt", c.both(c.turn(EYE, (44, 34, 70), (0, 0, 0.06)))
    yield "upper lid", _lid(c, True, 0.55)
    yield "lower lid", _lid(c, False, -0.5)
    yield "hooded lids", _hood(c)
    yield "bags", _front(c, 31, -11, 19, 8, 1.2)


def _front(c: Deformer, cx: float, cy: float, rx: float, ry: float, by: float) -> Array:
    """Raise the skin by so many mm along z over an ellipse of the front view, on both sides, without the eyeballs."""
    x, y = (np.abs(c.head.base[:, 0]) - cx) / rx, (c.head.base[:, 1] - cy) / ry
    w = np.where(c.head.part == SKIN, bump(x * x + y * y), 0.0) * ramp(c.head.base[:, 2], 20.0, 50.0)
    return np.stack([0 * w, 0 * w, by * w], -1)


def _hood(c: Deformer) -> Array:
    """Make the fold above the upper lid heavier and lower."""
    raised = _front(c, 36, 12, 21, 9, 1.1)
    return raised + raised[:, [0, 2, 1]] * np.array([0, -0.6, 0])


def _nose(c: Deformer) -> Iterator[tuple[str, Array]]:
    yield "nose length", c.push((0, -40, 112), (30, 34, 40), (0, -3.4, 0))
    yield "nose protrusion", c.push((0, -36, 118), (30, 34, 34), (0, 0, 3.4))
    yield "nose width", c.both(c.push((16, -40, 104), (17, 18, 32), (2.0, 0, 0)))
    yield "bridge height", c.push((0, -4, 98), (17, 28, 40), (0, 0, 2.4))
    yield "bridge width", c.both(c.push((9, -10, 96), (11, 24, 30), (1.3, 0, 0.3)))
    yield "nose hump", c.push((0, -16, 106), (15, 15, 34), (0, 0, 1.9))
    yield "tip turned up", c.push((0, -37, 118), (20, 19, 28), (0, 2.6, 0.3))
    yield "tip size", c.stretch((0, -36, 110), (19, 17, 30), (0.13, 0.10, 0.06))
    yield "wings up", c.both(c.push((15, -41, 104), (13, 14, 26), (0.2, 1.6, 0)))
    yield "wings flare", c.both(c.push((16, -41, 104), (10, 12, 26), (1.0, 0.2, 1.0)))
    yield "root depth", c.push((0, 6, 94), (18, 14, 40), (0, 0, 1.6))
    yield "columella", c.push((0, -45, 108), (8, 9, 26), (0, -1.4, 0.5))


def _mouth(c: Deformer) -> Iterator[tuple[str, Array]]:
    x, v = np.abs(c.head.base[:, 0]), c.head.base[:, 1] - face.mouth_line(np.abs(c.head.base[:, 0]))
    u = np.clip(x / face.MOUTH_HALF, 0.0, 1.0)
    middle = (1.0 - u * u) * (c.head.part == SKIN) * ramp(c.head.base[:, 2], 30, 60)
    # Both weights end at the mouth line, so that neither lip moves the other.
    up, down = bump((v - 6.0) * (v - 6.0) / 36.0), bump((v + 6.5) * (v + 6.5) / 42.25)
    red_up = ramp(v, 0.0, 7.0) * ramp(v, 20.0, 8.0)
    red_down = ramp(v, 0.0, -8.5) * ramp(v, -19.0, -9.0)
    zero = 0 * x
    yield "mouth width", c.both(c.push((24, -69, 92), (24, 20, 34), (2.8, 0, -0.6)))
    yield "mouth height", c.push((0, -68, 100), (48, 28, 44), (0, 2.3, 0))
    yield "lips forward", c.push((0, -67, 102), (38, 25, 38), (0, 0, 2.4))
    yield "upper lip full", np.stack([zero, 1.1 * middle * red_up, 0.9 * middle * up], -1)
    yield "lower lip full", np.stack([zero, -1.4 * middle * red_down, 1.0 * middle * down], -1)
    yield "corners of the mouth", c.both(c.push((25, -69, 90), (15, 15, 30), (0, 1.5, 0)))
    yield "upper lip over lower", np.stack([zero, zero, 0.8 * middle * (up - down)], -1)
    yield "philtrum length", c.push((0, -52, 100), (26, 13, 36), (0, 1.4, 0))
    yield "philtrum depth", c.push((0, -55, 100), (6, 10, 30), (0, 0, -0.7))
    yield "under the lower lip", c.push((0, -84, 96), (32, 11, 34), (0, 0, -1.6))
    yield "cupid's bow", c.both(c.push((6, -61, 100), (7.5, 8, 30), (0, 0.7, 0.2)))


def _ears(c: Deformer) -> Iterator[tuple[str, Array]]:
    ear = (c.head.part == EAR)[:, None]
    root = np.array([74.0, -15.0, -6.0])
    sign = np.where(c.points[:, :1] >= 0, 1.0, -1.0) * np.array([1.0, 0, 0]) + np.array([0, 1.0, 1.0])
    r = c.points * sign - root
    loose = np.clip(-r[:, 2:] / 24.0, 0.0, 1.0) * ear
    loose = loose * loose * (3.0 - 2.0 * loose)
    yield "ear size", loose * r * 0.085 * sign
    yield "ear length", loose * r * np.array([0, 0.09, -0.02]) * sign
    yield "ear flare", loose * np.stack([-r[:, 2] * 0.06, 0 * r[:, 1], np.abs(r[:, 0]) * 0.05], -1) * sign
    yield "ear tilt", loose * np.stack([0 * r[:, 0], r[:, 2] * 0.06, -r[:, 1] * 0.06], -1) * sign
    yield "lobe", c.both(c.push((80, -46, -14), (24, 17, 22), (0.8, -3.0, 0))) * loose
    yield "ear top", c.both(c.push((86, 15, -26), (24, 17, 24), (1.8, 2.4, -0.9))) * loose
    yield "ear height", c.both(c.push((74, -15, -15), (46, 60, 62), (0, 3.2, 0)))
    yield "ear back", c.both(c.push((74, -15, -15), (46, 60, 62), (0, 0, 3.0)))


def _neck(c: Deformer) -> Iterator[tuple[str, Array]]:
    yield "neck width", c.stretch((0, -170, -20), (160, 85, 160), (0.16, 0, 0.08))
    yield "neck forward", c.push((0, -175, -20), (160, 80, 150), (0, 0, 6.0))
    yield "throat", c.push((0, -138, 45), (16, 20, 40), (0, 0, 1.8))
    yield "nape", c.push((0, -110, -85), (90, 60, 60), (0, 0, -4.0))


def _sides(c: Deformer) -> Iterator[tuple[str, Array]]:
    """Differences between left and right."""
    yield "jaw aside", c.push((0, -95, 75), (90, 60, 90), (1.5, 0, 0))
    yield "nose aside", c.push((0, -34, 112), (24, 30, 34), (0.9, 0, 0))
    yield "nose bent", c.push((0, -16, 104), (16, 20, 34), (0.8, 0, 0))
    yield "mouth tilted", c.turn((0, -68, 98), (46, 30, 44), (0, 0, 0.018))
    yield "mouth aside", c.push((0, -68, 98), (44, 26, 40), (0.9, 0, 0))
    yield "eyes uneven", c.opposed(c.carry(EYE, (40, 34, 60), (0, 0.4, 0)))
    yield "brows uneven", c.opposed(c.push((30, 22, 90), (44, 20, 50), (0, 0.9, 0)))
    yield "cheeks uneven", c.opposed(c.push((54, -55, 45), (42, 52, 62), (1.3, 0, 0.6)))
    yield "jaw uneven", c.opposed(c.push((56, -78, 12), (40, 44, 56), (1.4, -0.8, 0)))
    yield "skull skewed", c.push((0, 40, -60), (150, 110, 100), (2.0, 0, 0))
    yield "ears uneven", c.opposed(c.push((80, -15, -18), (40, 55, 40), (0.8, 1.4, 0)))
    yield "face twisted", c.turn((0, -40, 0), (150, 110, 170), (0, 0.014, 0))
    yield "lids uneven", _lid(c, True, 0.3) * np.where(c.points[:, :1] >= 0, 1.0, -1.0)


def random_fields(c: Deformer, count: int) -> Iterator[Array]:
    """Unnamed modes: `count` smooth random displacements (V, 3) mm at one standard deviation, from broad to fine.

    Each is a sum of compact bumps with random places, sizes and directions: a sample path of a Gaussian process with
    a compact kernel, cut off after `TERMS` terms (after Luethi et al. 2017). Every third is asymmetric.
    """
    face = c.points[(c.head.part == SKIN) & (c.points[:, 0] >= 0) & (c.points[:, 1] > -125)]
    for k in range(count):
        share = k / max(count - 1, 1)
        field = np.zeros_like(c.points)
        for where, sizes, way in random_fractions(SHAPE_KEY, k, (TERMS, 3, 3)):
            centre = face[int(where[0] * len(face))]
            radii = (62.0 - 40.0 * share) * (0.8 + 0.5 * sizes)
            field += ball(c.points, centre, radii)[:, None] * (2.0 * way - 1.0)
        asymmetric = k % 3 == 2
        whole = c.opposed(field) if asymmetric else c.both(field)
        largest = float(np.sqrt((whole * whole).sum(axis=1).max()))
        yield whole * ((1.6 - 1.1 * share) * (0.5 if asymmetric else 1.0) / largest)
