"""Solids that are drawn flat: outlines with a thickness (seats, panels, cushions) and planks (rails, slats)."""

from dataclasses import replace
from typing import Any

import numpy as np

from render.content.chairs.solids.exact import Array, cos_sin
from render.content.chairs.solids.loft import disc, loft
from render.content.chairs.solids.shape import Shape

CHAMFER = 0.006
"""Edges up to this radius, metres, are cut by one face rather than rounded."""


def slab(
    outline: Array,
    thickness: float,
    edge: float = 0.004,
    inner: int = 0,
    crown: float = 0.0,
    belly: float = 0.0,
    grain: str = "y",
) -> Shape:
    """An outline of the xy plane made solid between z = 0 and z = thickness.

    Parameters
    ----------
    outline : (n, 2) float64
        Counter-clockwise and star-shaped about the middle of its box.
    thickness, edge : float
        Metres; `edge` is the radius of the rounded rim, at most half the thickness.
    inner : int
        Rings inside the rim of each face: what a face needs to be bent.
    crown, belly : float
        Metres by which the upper (lower) face swells in its middle; below zero it is hollow.
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
    """(share of the way out, inset, height) of the rings of the lower rim, from the face outward."""
    steps = 1 if edge <= CHAMFER else 2 if edge <= 0.015 else 3 if edge <= 0.04 else 4
    cos, sin = cos_sin(np.arange(steps + 1) / steps / 4.0)
    return [(1.0, edge * (1.0 - float(s)), edge * (1.0 - float(c))) for c, s in zip(cos, sin, strict=True)]


def _face(inner: int, edge: float, level: float, swell: float) -> list[tuple[float, float, float]]:
    """The rings inside a face, from the rim inward."""
    shares = [1.0 - k / (inner + 1) for k in range(1, inner + 1)]
    return [(r, edge, level + swell * (1.0 - r * r * r * r)) for r in shares]


def plank(at: Array, low: Any, high: Any, thick: Any, bevel: float = 0.004, grain: str = "x") -> Shape:
    """A board along x, symmetric about z = 0.

    Parameters
    ----------
    at : (m,) float64
        Rising places along x, metres.
    low, high, thick : float or (m,)
        Its lower and upper edge (y) and its thickness there.
    bevel : float
        Metres by which its edges are broken.
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
    """With the first and the last ring drawn in by the bevel."""
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
    """A box about the origin with broken edges, metres along x, y and z."""
    w, h = width / 2, height / 2
    outline = np.array([(-w, -h), (w, -h), (w, h), (-w, h)])
    return slab(outline, depth, min(edge, 0.3 * width, 0.3 * height), grain=grain).moved(z=-depth / 2)


def web(outline: Array, inner: int = 3) -> Shape:
    """The outline as a surface without thickness in z = 0, facing +z: what a cut-out texture is put on."""
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    shares = 1.0 - np.arange(inner + 1) / (inner + 1.0)
    rings = middle + (outline - middle) * shares[:, None, None]
    flat = np.concatenate([rings, np.zeros((*rings.shape[:2], 1))], axis=2)
    shape = disc(flat, (float(middle[0]), float(middle[1]), 0.0))
    return replace(shape, uv=shape.positions[:, :2].copy())
