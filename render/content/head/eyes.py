"""Eyes: the outlines of socket and lid opening, the rings of the lids between them, the eyeball, and its masks."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from render.content.head.exact import Array
from render.content.head.mesh import EYEBALL, Head

CENTRE = (32.0, 0.0, 63.5)
"""Centre of the left eyeball, mm."""
RADIUS = 17.0
"""Radius of the eyeball, mm: a little more than life size, so that the corners of the lids still lie on it."""
LID = 1.4
"""Thickness of the lids, mm."""
IRIS, PUPIL = 6.0, 2.3
"""Radii of iris and pupil, mm."""
INNER, OUTER = (18.5, -1.6), (46.5, 0.6)
"""Corners of the left eye's opening: x, y in mm."""
UPPER, LOWER = 5.3, 4.5
"""Height of the opening above and depth below the line between its corners, mm."""
SOCKET = (32.5, 1.5, 23.5, 15.5, 13.0)
"""Outline on which the rings of the lids begin: centre x and y, half width, height above, depth below, mm."""
RINGS = (0.80, 0.62, 0.46, 0.33, 0.22, 0.13, 0.06, 0.0)
"""Places of the rings of the lids: 0 on the opening, 1 on the socket's outline."""


def circle(around: Array) -> tuple[Array, Array]:
    """X and y (n,) of the unit circle at places 0..1 around it, from (-1, 0) through (0, -1), by rational functions."""
    lower = around < 0.5
    q = np.where(lower, 4.0 * around - 1.0, 3.0 - 4.0 * around)
    # Bending q toward the middle first spaces the points of 2 q / (1 + q q) more evenly.
    q = q * (0.83 + 0.17 * q * q)
    below = (1.0 - q * q) / (1.0 + q * q)
    return 2.0 * q / (1.0 + q * q), np.where(lower, -below, below)


def socket_outline(around: Array) -> Array:
    """Socket's outline (n, 2), x and y in mm, at places 0..1 around it from the nasal point downward."""
    x, y = circle(around)
    return np.stack([SOCKET[0] + SOCKET[2] * x, SOCKET[1] + np.where(y > 0, SOCKET[3], SOCKET[4]) * y], -1)


def lid_outline(around: Array, grow: float = 0.0) -> Array:
    """Outline of the eye's opening (n, 2), x and y in mm, from the nasal corner along the lower lid.

    Parameters
    ----------
    around : (n,) float64
        Places 0..1 around the outline.
    grow : float
        Widens the opening on all sides, mm.
    """
    lower = around < 0.5
    u = np.where(lower, 2.0 * around, 2.0 - 2.0 * around)
    # The upper lid is highest on the nasal side, the lower lid lowest on the other.
    bent = u + np.where(lower, -0.16, 0.14) * u * (1.0 - u)
    q = 2.0 * bent - 1.0
    arch = (1.0 - q * q) * (1.0 + 0.35 * q * q)
    line = INNER[1] + (OUTER[1] - INNER[1]) * u
    x = INNER[0] - grow + (OUTER[0] - INNER[0] + 2.0 * grow) * u
    return np.stack([x, line + np.where(lower, -(LOWER + grow), UPPER + grow) * arch], -1)


def on_eyeball(xy: Array, radius: float) -> Array:
    """Points (n, 3) above x and y (n, 2), in front of the left eyeball's centre and `radius` mm from it."""
    dx, dy = xy[:, 0] - CENTRE[0], xy[:, 1] - CENTRE[1]
    depth = np.sqrt(np.clip(radius * radius - dx * dx - dy * dy, 4.0, None))
    return np.stack([xy[:, 0], xy[:, 1], CENTRE[2] + depth], -1)


def lid_surface(xy: Array) -> Array:
    """Height z (n,) in mm of the lids' outer face at x and y (n, 2): a series of the sphere, defined beyond it too."""
    d = (xy[:, 0] - CENTRE[0]) * (xy[:, 0] - CENTRE[0]) + (xy[:, 1] - CENTRE[1]) * (xy[:, 1] - CENTRE[1])
    r = RADIUS + LID
    return CENTRE[2] + r - d / (2.0 * r) - d * d / (8.0 * r * r * r)


EYEBALL_RINGS = (0.0, 1.3, PUPIL - 0.12, PUPIL + 0.12, 4.2, IRIS - 0.3, IRIS + 0.25, 8.2, 10.6, 13.0, 15.8)
"""Distances of the eyeball's rings from its axis, mm: close pairs make crisp edges of pupil and iris."""
SEGMENTS = 32
"""Vertices of a ring."""


def eyeball() -> tuple[Array, NDArray[np.int64], Array]:
    """Mesh of the left eyeball's front.

    Returns
    -------
    points : (n, 3) float64
        mm.
    triangles : (t, 3) int64
    radial : (n,) float64
        Distance of each vertex from the axis, mm.
    """
    cx, cy = circle((np.arange(SEGMENTS) + 0.5) / SEGMENTS)
    rings = [np.array([[CENTRE[0], CENTRE[1]]])]
    rings += [np.stack([CENTRE[0] + r * cx, CENTRE[1] + r * cy], -1) for r in EYEBALL_RINGS[1:]]
    points = on_eyeball(np.concatenate(rings), RADIUS)
    radial = np.repeat(EYEBALL_RINGS, [1] + [SEGMENTS] * (len(rings) - 1))
    first = 1 + SEGMENTS * np.arange(len(rings) - 1)
    k, n = np.arange(SEGMENTS), np.roll(np.arange(SEGMENTS), -1)
    triangles = [np.stack([np.zeros_like(k), 1 + k, 1 + n], -1)]
    for inner, outer in pairwise(first):
        triangles += [np.stack([inner + k, outer + k, outer + n], -1)]
        triangles += [np.stack([inner + k, outer + n, inner + n], -1)]
    return points, np.concatenate(triangles), radial


def iris_mask(head: Head) -> Array:
    """Mask (V,) of the irises without their pupils: 0.0 or 1.0."""
    r = head.local[:, 0]
    return ((head.part == EYEBALL) & (r > PUPIL) & (r < IRIS)).astype(np.float64)


def pupil_mask(head: Head) -> Array:
    """Mask (V,) of the pupils: 0.0 or 1.0."""
    return ((head.part == EYEBALL) & (head.local[:, 0] < PUPIL)).astype(np.float64)
