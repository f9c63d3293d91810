"""Curved sheets with a thickness over rings around a middle: bowls and tubs."""

import numpy as np

from render.content.chairs.solids.loft import Point, loft
from render.content.chairs.solids.shape import Shape, length
from render.content.chairs.solids.turns import Array


def skin(rings: Array, apex: Point, thick: float, grain: str = "y") -> Shape:
    """A closed solid whose inner (upper) face runs through the rings.

    Parameters
    ----------
    rings : (R, n, 3) float64
        From the rim to the middle, counter-clockwise seen from inside the bowl.
    apex : Point
        The middle of the inner face.
    thick : float
        Metres, outward.
    grain : str
        Axis along which the texture's v runs.
    """
    outward = -_normals(rings, apex)
    outer = rings + thick * outward
    # Halfway round the rim, a little beyond both faces.
    edge = 0.5 * (rings[:1] + outer[:1]) + 0.35 * thick * _away(rings)
    below = (apex[0], apex[1] - thick, apex[2])
    return loft(np.concatenate([outer[::-1], edge, rings]), below, apex).boxed(grain)


def _away(rings: Array) -> Array:
    """(1, n, 3) unit steps by which the sheet would go on beyond its rim."""
    step = rings[:1] - rings[1:2]
    return np.asarray(step / length(step)[..., None])


def _normals(rings: Array, apex: Point) -> Array:
    """(R, n, 3) unit normals of the inner face."""
    around = np.roll(rings, -1, axis=1) - np.roll(rings, 1, axis=1)
    whole = np.concatenate([rings, np.broadcast_to(np.array(apex), rings[:1].shape)])
    inward = whole[1:] - np.concatenate([rings[:1], rings[:-1]])
    normal = np.cross(around, inward)
    return np.asarray(normal / length(normal)[..., None])
