"""The mean albedo: colours of skin, hair, brows, lips and eyes, mixed over one another through masks."""

from collections.abc import Sequence

import numpy as np

from render.content.head import ears, eyes, face, hair
from render.content.head.exact import HAIR_KEY, Array, bump, pair, ramp, random_fractions
from render.content.head.mesh import EAR, EYEBALL, LID_EDGE, SKIN, Head

SKIN_COLOR = (0.79, 0.575, 0.470)
HAIR_COLOR = (0.32, 0.24, 0.187)
BROW_COLOR = (0.25, 0.175, 0.13)
LIP_COLOR = (0.67, 0.36, 0.33)
SCLERA_COLOR = (0.84, 0.81, 0.79)
IRIS_COLOR = (0.33, 0.25, 0.18)
LID_EDGE_COLOR = (0.64, 0.42, 0.37)
LASH_COLOR = (0.16, 0.11, 0.09)
BEARD_COLOR = (0.52, 0.44, 0.39)
"""RGB in 0..1."""


def mix(albedo: Array, color: Sequence[float] | Array, share: Array) -> Array:
    """`albedo` (V, 3) with a colour mixed over it: opaque where `share` (V,) is 1."""
    return albedo + (np.array(color) - albedo) * share[:, None]


def mean_albedo(head: Head) -> Array:
    """Albedo (V, 3) float64 of the mean head, RGB in 0..1."""
    a = np.tile(np.array(SKIN_COLOR), (len(head.points), 1))
    a = _flush(a, head)
    a = mix(a, LIP_COLOR, 0.85 * face.lip_mask(head))
    a = mix(a, BEARD_COLOR, 0.34 * hair.beard_mask(head))
    a = mix(a, HAIR_COLOR, _cropped(head))
    a = mix(a, BROW_COLOR, 0.85 * hair.brow_mask(head))
    a = a * _hollows(head)[:, None]
    lashes = (head.part == LID_EDGE) & (head.points[:, 1] > eyes.CENTRE[1] + 0.5)
    a = mix(mix(a, LID_EDGE_COLOR, (head.part == LID_EDGE) * 1.0), LASH_COLOR, 0.8 * lashes)
    return np.clip(_eyeballs(a, head), 0.02, 0.97)


def _cropped(head: Head) -> Array:
    """Opacity (V,) of the hair over the scalp: lower at the sides, where it is shorter, and uneven."""
    random_tone = random_fractions(HAIR_KEY, 0, (len(head.points),))
    uneven = 0.10 * (random_tone + random_tone[head.partner] - 1.0)
    short = 0.22 * ramp(head.base[:, 1], 55.0, -10.0)
    return hair.scalp_mask(head) * (0.92 - short + uneven)


def _flush(a: Array, head: Head) -> Array:
    """Albedo `a` (V, 3) with redder cheeks, tip of the nose and ears, and darker skin around the eyes."""
    x, y = head.base[:, 0], head.base[:, 1]
    a = mix(a, (0.76, 0.44, 0.37), 0.32 * face.cheek_mask(head))
    a = mix(a, (0.75, 0.43, 0.36), 0.22 * pair(x, y, 6.0, -37.0, 16.0, 14.0) * (head.part == SKIN))
    a = mix(a, (0.76, 0.46, 0.39), 0.45 * ears.ear_mask(head))
    around_eye = pair(x, y, 31.0, -6.0, 21.0, 11.0) + 0.7 * pair(x, y, 32.0, 7.0, 20.0, 8.0)
    return mix(a, (0.60, 0.40, 0.34), 0.40 * np.clip(around_eye, 0.0, 1.0) * (head.part == SKIN))


def _hollows(head: Head) -> Array:
    """Factor (V,) below 1 where little light arrives: nostrils, mouth line, lid fold, ear canal, under the chin."""
    x, y = head.midline_distance, head.base[:, 1]
    dark = 1.0 - 0.80 * face.nostril_mask(head)
    dark *= 1.0 - 0.62 * face.mouth_crease_mask(head)
    fold = y - (9.5 - 0.022 * (x - 33.0) * (x - 33.0))
    dark *= 1.0 - 0.22 * bump((fold / 2.2) * (fold / 2.2)) * bump((x - 33.0) * (x - 33.0) / 270.0)
    ring = head.local[:, 0] * (head.part == EAR)
    dark *= 1.0 - 0.45 * ramp(ring, 11.0, 16.0) * (head.part == EAR)
    dark *= 1.0 - 0.22 * ramp(y, -116.0, -126.0) * ramp(head.base[:, 2], -30.0, 60.0) * (head.part == SKIN)
    return dark


def _eyeballs(a: Array, head: Head) -> Array:
    """Albedo `a` (V, 3) with the eyeballs: whites, irises with a dark rim, pupils; shaded under the upper lid."""
    ball = head.part == EYEBALL
    r, up = head.local[:, 0], head.points[:, 1] - eyes.CENTRE[1]
    white = np.array(SCLERA_COLOR) * (1.0 - 0.30 * ramp(r, 6.5, 14.5) - 0.25 * ramp(up, 2.0, 7.0))[:, None]
    a = np.where(ball[:, None], white, a)
    corner = ball * ramp(head.midline_distance, eyes.INNER[0] + 5.0, eyes.INNER[0] + 1.0)
    a = mix(a, (0.74, 0.46, 0.42), 0.8 * corner)
    shade = (1.0 - 0.45 * ramp(r, 4.2, 6.0) - 0.25 * ramp(up, 2.0, 6.0))[:, None]
    a = np.where(eyes.iris_mask(head)[:, None] > 0, np.array(IRIS_COLOR) * shade, a)
    return mix(a, (0.03, 0.03, 0.03), eyes.pupil_mask(head))
