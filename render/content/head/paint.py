"""The mean albedo: skin, hair, brows, lips and eyes, mixed one over the other through the masks."""

from collections.abc import Sequence

import numpy as np

from render.content.head import draws, eyes, masks
from render.content.head.curves import Array, bump, pair, ramp
from render.content.head.head import Head

SKIN = (0.79, 0.575, 0.470)
HAIR = (0.32, 0.24, 0.187)
BROW = (0.25, 0.175, 0.13)
LIPS = (0.67, 0.36, 0.33)
SCLERA = (0.84, 0.81, 0.79)
IRIS = (0.33, 0.25, 0.18)
LID_MARGIN = (0.64, 0.42, 0.37)
LASHES = (0.16, 0.11, 0.09)


def mix(albedo: Array, color: Sequence[float] | Array, share: Array) -> Array:
    """`albedo` with `color` laid over it, opaque where `share` is 1."""
    return albedo + (np.array(color) - albedo) * share[:, None]


def paint(head: Head) -> Array:
    """(V, 3) mean albedo in 0..1."""
    a = np.tile(np.array(SKIN), (len(head.points), 1))
    a = _flush(a, head)
    a = mix(a, LIPS, 0.85 * masks.lips(head))
    beard = np.array((0.52, 0.44, 0.39))
    a = mix(a, beard, 0.34 * masks.beard(head))
    a = mix(a, HAIR, _cropped(head))
    a = mix(a, BROW, 0.85 * masks.brows(head))
    a = a * _hollows(head)[:, None]
    lashes = (head.part == 1) & (head.points[:, 1] > eyes.CENTRE[1] + 0.5)
    a = mix(mix(a, LID_MARGIN, (head.part == 1) * 1.0), LASHES, 0.8 * lashes)
    return np.clip(_eyeballs(a, head), 0.02, 0.97)


def _cropped(head: Head) -> Array:
    """(V,) how much of the scalp the hair hides: shorter at the sides, uneven from tuft to tuft."""
    draw = draws.uniform(draws.HAIR, 0, (len(head.points),))
    uneven = 0.10 * (draw + draw[head.partner] - 1.0)
    short = 0.22 * ramp(head.base[:, 1], 55.0, -10.0)
    return masks.hair(head) * (0.92 - short + uneven)


def _flush(a: Array, head: Head) -> Array:
    """Blood near the skin: cheeks, tip of the nose, ears; and the thin skin under the eyes."""
    x, y = head.base[:, 0], head.base[:, 1]
    a = mix(a, (0.76, 0.44, 0.37), 0.32 * masks.cheeks(head))
    a = mix(a, (0.75, 0.43, 0.36), 0.22 * pair(x, y, 6.0, -37.0, 16.0, 14.0) * (head.part == 0))
    a = mix(a, (0.76, 0.46, 0.39), 0.45 * masks.ears(head))
    around_eye = pair(x, y, 31.0, -6.0, 21.0, 11.0) + 0.7 * pair(x, y, 32.0, 7.0, 20.0, 8.0)
    return mix(a, (0.60, 0.40, 0.34), 0.40 * np.clip(around_eye, 0.0, 1.0) * (head.part == 0))


def _hollows(head: Head) -> Array:
    """(V,) factor that stands for light which does not reach nostrils, mouth line, lid fold and ear canal."""
    x, y = masks.side(head), head.base[:, 1]
    dark = 1.0 - 0.80 * masks.nostrils(head)
    dark *= 1.0 - 0.62 * masks.mouth_crease(head)
    fold = y - (9.5 - 0.022 * (x - 33.0) * (x - 33.0))
    dark *= 1.0 - 0.22 * bump((fold / 2.2) * (fold / 2.2)) * bump((x - 33.0) * (x - 33.0) / 270.0)
    ring = head.local[:, 0] * (head.part == 3)
    dark *= 1.0 - 0.45 * ramp(ring, 11.0, 16.0) * (head.part == 3)
    dark *= 1.0 - 0.22 * ramp(y, -116.0, -126.0) * ramp(head.base[:, 2], -30.0, 60.0) * (head.part == 0)
    return dark


def _eyeballs(a: Array, head: Head) -> Array:
    """Whites, irises with a dark rim, pupils; shaded under the upper lid."""
    ball = head.part == 2
    r, up = head.local[:, 0], head.points[:, 1] - eyes.CENTRE[1]
    white = np.array(SCLERA) * (1.0 - 0.30 * ramp(r, 6.5, 14.5) - 0.25 * ramp(up, 2.0, 7.0))[:, None]
    a = np.where(ball[:, None], white, a)
    corner = ball * ramp(masks.side(head), eyes.INNER[0] + 5.0, eyes.INNER[0] + 1.0)
    a = mix(a, (0.74, 0.46, 0.42), 0.8 * corner)
    shade = (1.0 - 0.45 * ramp(r, 4.2, 6.0) - 0.25 * ramp(up, 2.0, 6.0))[:, None]
    a = np.where(masks.iris(head)[:, None] > 0, np.array(IRIS) * shade, a)
    return mix(a, (0.03, 0.03, 0.03), masks.pupil(head))
