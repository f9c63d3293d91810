"""Solids that are drawn flat: slabs of any outline (seats, panels, cushions) and planks (rails, slats). Metres."""

from dataclasses import replace
from typing import Any

import numpy as np

from render.content.chairs.solids.exact import Array, cos_sin
from render.content.chairs.solids.loft import disc, loft
from render.content.chairs.solids.shape import Shape

CHAMFER = 0.006
"""Edges of up to this radius, metres, are chamfered by one face; larger ones are rounded."""


def slab(
    outline: Array,
    thickness: float,
    edge: float = 0.004,
    inner: int = 0,
    crown: float = 0.0,
    belly: float = 0.0,
    grain: str = "y",
) -> Shape:
    """A solid between z = 0 and z = thickness with an outline in the xy plane.

    Parameters
    ----------
    outline : (n, 2) float64
        Counter-clockwise and star-shaped about the middle of its bounding box.
    thickness, edge : float
        `edge` is the radius of the rounded rim, at most half the thickness.
    inner : int
        Number of rings inside the rim of each face; a face that is bent needs some.
    crown, belly : float
        Height by which the upper and the lower face swell in the middle; negative for hollow faces.
    grain : str
        The axis, x or y, along which the texture's v runs.
    """
    edge = min(edge, thickness / 2)
    low, high = outline.min(axis=0), outline.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    below = [*_face(inner, edge, 0.0, -belly)[::-1], *_rim(edge)]
    above = [(share, inset, thickness - z) for share, inset, z in _rim(edge)[::-1]]
    above += _face(inner, edge, thickness, crown)
    if thickness - 2.0 * edge < 1e-4:
        above = above[1:]
    rings = [
        np.column_stack([middle + (outline - middle) * (share * (1.0 - inset / half)), np.full(len(outline), z)])
        for share, inset, z in below + above
    ]
    tips = [(float(middle[0]), float(middle[1]), z) for z in (-belly, thickness + crown)]
    return loft(np.array(rings), *tips).boxed(grain)


def _rim(edge: float) -> list[tuple[float, float, float]]:
    """Share of the outline, inset and height of each ring of the lower rim, from the face outward."""
    steps = 1 if edge <= CHAMFER else 2 if edge <= 0.015 else 3 if edge <= 0.04 else 4
    cos, sin = cos_sin(np.arange(steps + 1) / steps / 4.0)
    return [(1.0, edge * (1.0 - float(s)), edge * (1.0 - float(c))) for c, s in zip(cos, sin, strict=True)]


def _face(inner: int, edge: float, level: float, swell: float) -> list[tuple[float, float, float]]:
    """Share of the outline, inset and height of each ring inside a face, from the rim inward."""
    shares = [1.0 - k / (inner + 1) for k in range(1, inner + 1)]
    return [(r, edge, level + swell * (1.0 - r * r * r * r)) for r in shares]


def plank(at: Array, low: Any, high: Any, thick: Any, bevel: float = 0.004, grain: str = "x") -> Shape:
    """A board along x, symmetric about z = 0.

    Parameters
    ----------
    at : (m,) float64
        Rising places along x.
    low, high, thick : float or (m,)
        Lower and upper edge (y) and thickness (z) at each place.
    bevel : float
        Size of the chamfer of its edges.
    grain : str
        The axis, x or y, along which the texture's v runs.
    """
    m = len(at)
    low, high, thick = (np.broadcast_to(np.asarray(v, np.float64), (m,)) for v in (low, high, thick))
    c = np.minimum(bevel, 0.3 * np.minimum(high - low, thick))
    front, y = thick / 2, [low, low + c, high - c, high]
    corners = [
        (y[3], c - front), (y[3], front - c), (y[2], front), (y[1], front),
        (y[0], front - c), (y[0], c - front), (y[1], -front), (y[2], -front),
    ]  # fmt: skip
    rings = np.stack([np.stack([at, a, b], axis=1) for a, b in corners], axis=1)
    return loft(_chamfered(rings, bevel)).boxed(grain)


def _chamfered(rings: Array, bevel: float) -> Array:
    """Rings (R, n, 3) with a smaller first and last ring, which chamfer the ends."""
    first, last = rings[0], rings[-1]
    out = []
    for ring, inward in ((first, 1.0), (last, -1.0)):
        middle = ring.mean(axis=0)
        size = np.maximum(np.abs(ring - middle).max(axis=0), 1e-9)
        small = middle + (ring - middle) * np.maximum(1.0 - bevel / size, 0.5)
        moved = ring + np.array([inward * bevel, 0.0, 0.0])
        out.append(np.stack([small, moved]))
    return np.concatenate([out[0], rings[1:-1], out[1][::-1]])


def block(width: float, height: float, depth: float, edge: float = 0.003, grain: str = "y") -> Shape:
    """A box about the origin with chamfered edges; width, height and depth are along x, y and z."""
    w, h = width / 2, height / 2
    outline = np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
    return slab(outline, depth, min(edge, 0.3 * width, 0.3 * height), grain=grain).moved(z=-depth / 2)


def web(outline: Array, inner: int = 3) -> Shape:
    """The outline as a surface in z = 0 without thickness, facing +z: for textures with holes."""
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    shares = 1.0 - np.arange(inner + 1) / (inner + 1.0)
    rings = middle + (outline - middle) * shares[:, None, None]
    flat = np.concatenate([rings, np.zeros((*rings.shape[:2], 1))], axis=2)
    shape = disc(flat, (float(middle[0]), float(middle[1]), 0.0))
    return replace(shape, uv=shape.positions[:, :2].copy())
