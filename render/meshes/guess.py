"""Guess of the up and front axes of a chair from its shape alone; results must be reported as a guess.

A chair stands on feet that are far apart and have little area, and carries a seat or back of another outline; so the
part at the ground has a wide outline, the part at the top a narrow one (or, for stools, a filled one), and top and
bottom differ more than left and right. The back rest is the highest part; the front is opposite to it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from render.meshes.creases import face_vectors
from render.meshes.parts import RawMesh

Floats = NDArray[np.float64]
DIRECTIONS = ("+y", "+z", "+x", "-y", "-z", "-x")
"""Candidate directions, the usual ones first; of directions with equal scores, the first is taken."""
POINTS = 20_000
SLAB, CELLS, BINS = 0.04, 16, 12
"""Share of the height that counts as touching the ground; cells along a side of an outline, and of the bounding box."""
BACK, LEAST_OFFSET = 0.7, 0.1
"""Relative height above which only the back rest is, and its least offset from the middle in half depths."""


class Guess(NamedTuple):
    """Guessed axes of a file, such as `+z`."""

    up: str
    front: str | None
    """None where no back rest determines it."""


def guess_axes(raw: RawMesh, up: str | None = None) -> Guess:
    """Guess the up and front axes among the six directions of the file's own axes.

    Both were right for all of the 21 shapes (in 49 files) that the rule was developed on: plain, swivel and arm
    chairs, sofas, stools and a bench. Its accuracy on other shapes has not been measured.

    Parameters
    ----------
    raw : RawMesh
    up : str, optional
        The up axis, if it is known; then only the front is guessed.
    """
    points = surface_points(raw)
    low, high = points.min(axis=0), points.max(axis=0)
    places = (points - low) / np.where(high > low, high - low, 1.0)
    asymmetry = [_asymmetry(places, axis) for axis in range(3)]
    # An object that is the same from both ends does not stand on one of them.
    if up is None:
        scores = [_standing(places, name) * asymmetry["xyz".index(name[1])] for name in DIRECTIONS]
        up = DIRECTIONS[int(np.argmax(scores))]
    return Guess(up, _front(places, up, asymmetry))


def surface_points(raw: RawMesh) -> Floats:
    """Points (20000, 3) spread over the surface by area, the same in every call."""
    positions = np.concatenate([part.positions for part in raw.parts])
    starts = np.cumsum([0] + [len(part.positions) for part in raw.parts[:-1]])
    triangles = np.concatenate([part.triangles + start for part, start in zip(raw.parts, starts, strict=True)])
    used = positions[triangles.reshape(-1)]
    low, high = used.min(axis=0), used.max(axis=0)
    positions = (positions - low) / max(float((high - low).max()), 1e-300)
    x, y, z = face_vectors(positions, triangles).T
    total = np.cumsum(np.sqrt(x * x + y * y + z * z))
    k = np.arange(POINTS)
    chosen = np.minimum(np.searchsorted(total, (k + 0.5) / POINTS * total[-1]), len(triangles) - 1)
    # The two fractions of a low-discrepancy sequence fill a parallelogram evenly; its other half is folded back.
    u, v = (k * 0.7548776662466927 + 0.5) % 1, (k * 0.5698402909980532 + 0.5) % 1
    outside = u + v > 1
    u, v = np.where(outside, 1 - u, u)[:, None], np.where(outside, 1 - v, v)[:, None]
    a, b, c = (positions[triangles[chosen, corner]] for corner in range(3))
    return a + u * (b - a) + v * (c - a)


def _asymmetry(places: Floats, axis: int) -> float:
    """Share (0..1) of surface points (N, 3), in 0..1, that have no counterpart when the axis is mirrored."""
    cells = np.minimum(places * BINS, BINS - 1).astype(np.int64)
    count = np.bincount((cells * (1, BINS, BINS * BINS)).sum(axis=1), minlength=BINS**3).reshape(BINS, BINS, BINS)
    return float(np.abs(count - np.flip(count, 2 - axis)).sum()) / (2 * len(places))


def _standing(places: Floats, up: str) -> float:
    """Score of a candidate up axis for surface points (N, 3) in 0..1; higher is more plausible."""
    axis = "xyz".index(up[1])
    height = 1 - places[:, axis] if up[0] == "-" else places[:, axis]
    plane = np.delete(places, axis, axis=1)
    (wide, full), (wide_above, full_above) = (_outline(plane[h < SLAB]) for h in (height, 1 - height))
    return 0.5 + wide - wide_above + (full_above - full) / 2


def _outline(plane: Floats) -> tuple[float, float]:
    """Area of the convex hull of points (N, 2) in the unit square, and the share of cells that hold a point."""
    cells = np.minimum(plane * CELLS, CELLS - 1).astype(np.int64)
    full = len(np.unique(cells[:, 0] * CELLS + cells[:, 1])) / CELLS**2
    try:
        return float(ConvexHull(plane).volume), full
    except (QhullError, ValueError):
        return 0.0, full  # points on one line, or no points


def _front(places: Floats, up: str, asymmetry: list[float]) -> str | None:
    axis = "xyz".index(up[1])
    depth = max((k for k in range(3) if k != axis), key=lambda k: asymmetry[k])
    height = 1 - places[:, axis] if up[0] == "-" else places[:, axis]
    back = places[height > BACK, depth]
    offset = 2 * float(back.mean()) - 1 if len(back) else 0.0
    if abs(offset) < LEAST_OFFSET:
        return None
    return f"{'-' if offset > 0 else '+'}{'xyz'[depth]}"
