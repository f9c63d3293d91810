"""Ears: closed rings from the hole in the side of the head over the ear's back, helix and concha to the canal.

The left ear is built in its own frame: p backward, q up, n outward, in mm from the middle of the auricle.
"""

import numpy as np

from render.content.head.exact import Array, bump, ramp
from render.content.head.eyes import circle
from render.content.head.mesh import EAR, Head

ORIGIN = np.array([78.0, -15.0, -17.0])
P = np.array([0.53, -0.16, -0.833])
Q = np.array([-0.03, 0.978, -0.207])
N = np.array([P[1] * Q[2] - P[2] * Q[1], P[2] * Q[0] - P[0] * Q[2], P[0] * Q[1] - P[1] * Q[0]])
"""Origin (mm) and axes of the ear's frame in head coordinates."""
CANAL = (-5.5, -5.0)
"""p and q of the canal, toward which the inner rings shrink, mm."""
RINGS = (
    # share of the way in: free part, front part | height n: free, front, lobe
    (-0.02, 0.05, -2.0, 0.3, -1.6),
    (-0.03, 0.08, 0.2, 0.8, 0.2),
    (0.00, 0.11, 2.2, 1.3, 1.6),
    (0.06, 0.16, 2.8, 1.8, 2.2),
    (0.12, 0.21, 2.0, 2.3, 2.3),
    (0.17, 0.26, -0.8, 2.8, 2.2),
    (0.25, 0.31, -1.4, 3.2, 2.0),
    (0.34, 0.36, 1.2, 3.4, 1.8),
    (0.42, 0.41, 2.2, 3.0, 2.0),
    (0.49, 0.46, 1.0, 1.0, 2.2),
    (0.54, 0.50, -2.2, -1.5, 0.6),
    (0.66, 0.60, -3.8, -4.0, -2.5),
    (0.84, 0.80, -5.0, -5.4, -4.6),
)
"""The rings from the rim to the canal; "free" is where the ear stands off the head, "front" where it is grown to it."""


def _place(p: Array, q: Array, n: Array) -> Array:
    """Head coordinates (m, 3) of ear coordinates p, q, n (m,)."""
    return ORIGIN + p[:, None] * P + q[:, None] * Q + n[:, None] * N


def rim(around: Array) -> tuple[Array, Array]:
    """P and q (n,) in mm of the auricle's outline at places 0..1, from its front over the lobe and the back."""
    cx, cy = circle(around)
    width = 17.0 + 2.6 * cy - 2.2 * ramp(cy, -0.35, -1.0)
    return 3.0 + width * cx + 1.2 * cy, 31.5 * cy - 1.5 * ramp(cx, -0.2, -1.0) * cy


def root_outline(across: Array, up: Array) -> Array:
    """Z and y (n, 2) in mm on the head of the outline from which the ear grows.

    `across` and `up` (n,) run around a square, -1..1, which is stretched and rounded.
    """
    # The outline is narrow below, so that the lobe hangs free.
    low = np.clip(-up, 0.0, 1.0) * np.clip(-up, 0.0, 1.0)
    p = -9.0 + 2.4 * low + across * (5.2 - 1.5 * up * up - 1.2 * low)
    q = -1.0 + 21.5 * up * (1.0 - 0.07 * across * across)
    return _place(p, q, 0.0 * p)[:, [2, 1]]


def freedom(around: Array) -> Array:
    """Weight (n,) at places 0..1 of the outline: 0 where the ear is grown to the cheek, 1 where it stands free."""
    cx, cy = circle(around)
    return ramp(cx + 0.35 * np.abs(cy), -0.68, 0.12)


def rings(around: Array, base: Array) -> list[Array]:
    """Rings of vertices from the root to the innermost one, each (n, 3) mm.

    Parameters
    ----------
    around : (n,) float64
        Places 0..1 on each ring.
    base : (n, 3) float64
        The root: the rim of the hole in the head, mm.
    """
    _, cy = circle(around)
    free = freedom(around)[:, None]
    lobe = ramp(cy, -0.55, -0.9)
    p, q = rim(around)
    # Behind, the first rings lead from the root outward, close to the head.
    back = _place(p, q, -2.6 + 0.0 * p)
    canal_at = _place(np.full_like(p, CANAL[0]), np.full_like(p, CANAL[1]), 0.0 * p)
    # In front, where the ear does not stand free, the same rings are small steps toward the canal.
    out = [
        base + (canal_at - base) * ((1.0 - free) * share * 0.03) + (back - base) * (free * share)
        for share in (0.3, 0.62, 0.9)
    ]
    tragus = 0.55 + 0.9 * bump((cy + 0.12) * (cy + 0.12) / 0.16)
    for inward, front_inward, n_free, n_front, n_lobe in RINGS:
        n = n_free + (n_lobe - n_free) * lobe
        loose = _place(p + (CANAL[0] - p) * inward, q + (CANAL[1] - q) * inward, n)
        lift = np.where(n_front > 0, n_front * tragus, n_front)
        near = base + (canal_at - base) * front_inward
        grown = near + lift[:, None] * N
        out.append(grown + (loose - grown) * free)
    return out


def canal() -> Array:
    """Middle of the innermost ring, (1, 3) mm."""
    return _place(np.array([CANAL[0]]), np.array([CANAL[1]]), np.array([-5.6]))


def ear_mask(head: Head) -> Array:
    """Mask (V,) of the ears: 0.0 or 1.0."""
    return (head.part == EAR).astype(np.float64)
