"""Puts the mean head together: grid, lids, eyeballs and ears of one half, mirrored into a whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.head import ears, eyes, features, grid, skull
from render.content.head.curves import Array, bump, ramp


@dataclass(frozen=True)
class Head:
    """The mean surface and what the painters need to know about each vertex."""

    points: Array
    """(V, 3) mm."""
    base: Array
    """(V, 3) mm: the same vertices on the featureless head (eyeballs: the points themselves)."""
    triangles: NDArray[np.int64]
    """(T, 3)."""
    partner: NDArray[np.int64]
    """(V,) mirror image of each vertex."""
    part: NDArray[np.int64]
    """(V,) 0 head, 1 lid margin, 2 eyeball, 3 ear."""
    local: Array
    """(V, 2): for an eyeball, distance from its axis; for an ear, ring number and place on the ring."""


class Pieces:
    """Vertices and triangles of half a head, collected piece by piece."""

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.base: list[Array] = []
        self.part: list[NDArray[np.int64]] = []
        self.local: list[Array] = []
        self.triangles: list[NDArray[np.int64]] = []
        self.grid: tuple[NDArray[np.int64], ...] = ()
        self.count = 0

    def add(self, points: Array, base: Array, part: int, local: Array | None = None) -> NDArray[np.int64]:
        """Append vertices; returns their ids."""
        n = len(points)
        self.points.append(points)
        self.base.append(base)
        self.part.append(np.full(n, part))
        self.local.append(np.zeros((n, 2)) if local is None else local)
        self.count += n
        return np.arange(self.count - n, self.count)


def build() -> Head:
    """The mean head."""
    pieces = Pieces()
    around, height = _fitted_grid()
    index = _add_grid(pieces, around, height)
    _add_lids(pieces, index, around, height)
    _add_eyeball(pieces)
    _add_ear(pieces, index)
    points, base = np.concatenate(pieces.points), np.concatenate(pieces.base)
    left, right = (np.concatenate([cells, *pieces.triangles]) for cells in pieces.grid)
    source, flipped, triangles, partner = grid.mirror(points, left, right)
    sign = np.where(flipped, -1.0, 1.0)[:, None] * np.array([1.0, 0, 0]) + np.array([0, 1.0, 1.0])
    return Head(
        points[source] * sign,
        base[source] * sign,
        triangles,
        partner,
        np.concatenate(pieces.part)[source],
        np.concatenate(pieces.local)[source],
    )


def _fitted_grid() -> tuple[Array, Array]:
    """Grid parameters after the rims of the holes and the mouth's row have moved onto their outlines."""
    around, height = grid.parameters()
    height = _bend_to_mouth(around, height)
    rows, columns = grid.EYE_HOLE.rim()
    target = eyes.socket_outline(np.arange(len(rows)) / len(rows))
    at = skull.locate(0, target[:, 0], target[:, 1], around[rows, columns], height[rows, columns])
    around[rows, columns], height[rows, columns] = at
    around, height = grid.relax(around, grid.EYE_HOLE), grid.relax(height, grid.EYE_HOLE)
    rows, columns = grid.EAR_HOLE.rim()
    target = ears.root_outline(*grid.EAR_HOLE.square())
    at = skull.locate(2, target[:, 0], target[:, 1], around[rows, columns], height[rows, columns])
    around[rows, columns], height[rows, columns] = at
    return grid.relax(around, grid.EAR_HOLE), grid.relax(height, grid.EAR_HOLE)


def _bend_to_mouth(around: Array, height: Array) -> Array:
    """Shift rows near the mouth so that one of them runs along the line between the lips."""
    row = grid.MOUTH_ROW
    a, h = around[row], height[row]
    for _ in range(8):
        p = skull.base(a, h)
        slope = (skull.base(a, h + 1e-4)[:, 1] - p[:, 1]) / 1e-4
        h = h + (features.mouth_line(p[:, 0]) - p[:, 1]) / slope
    x = skull.base(a, h)[:, 0]
    near_side = bump(np.clip((x - 18.0) / 40.0, 0.0, 1.0) * np.clip((x - 18.0) / 40.0, 0.0, 1.0))
    share = (np.arange(grid.ROWS) - row) / 16.0
    return height + ((h - height[row]) * near_side * (a < 0.9))[None, :] * bump(share * share)[:, None]


def _add_grid(pieces: Pieces, around: Array, height: Array) -> NDArray[np.int64]:
    """The grid without the insides of the holes, and the pole; returns (ROWS + 1, columns) vertex ids."""
    keep = np.ones(around.shape, bool)
    for hole in (grid.EYE_HOLE, grid.EAR_HOLE):
        keep[hole.bottom + 1 : hole.top, hole.left + 1 : hole.right] = False
    base = skull.base(around[keep], height[keep])
    midline = (np.arange(around.shape[1]) == 0) | (np.arange(around.shape[1]) == around.shape[1] - 1)
    base[np.broadcast_to(midline, around.shape)[keep], 0] = 0.0
    ids = pieces.add(features.sculpt(base), base, 0)
    index = np.full((grid.ROWS + 1, around.shape[1]), -1)
    index[:-1][keep] = ids
    pole = skull.base(np.zeros(1), np.full(1, skull.CROWN))
    pole[:, 0] = 0.0
    index[-1] = pieces.add(features.sculpt(pole), pole, 0)[0]
    pieces.grid = (grid.grid_triangles(index, mirrored=False), grid.grid_triangles(index, mirrored=True))
    return index


def _add_lids(pieces: Pieces, index: NDArray[np.int64], around: Array, height: Array) -> None:
    """Rings from the socket's outline to the opening, over the lid's edge and in behind it."""
    rows, columns = grid.EYE_HOLE.rim()
    place = np.arange(len(rows)) / len(rows)
    outer, opening = eyes.socket_outline(place), eyes.lid_outline(place)
    ring = index[rows, columns]
    at = around[rows, columns], height[rows, columns]
    for share in eyes.RINGS:
        xy = opening + (outer - opening) * share
        at = skull.locate(0, xy[:, 0], xy[:, 1], *at)
        base = skull.base(*at)
        points = features.sculpt(base)
        # The edge of the lids lies on the eyeball all round, also where the nose's flank would cover it.
        points[:, 2] += (eyes.lid_surface(xy) - points[:, 2]) * ramp(np.float64(share), 0.42, 0.02)
        new = pieces.add(points, base, 0)
        pieces.triangles.append(grid.strip(ring, new))
        ring = new
    for grow, lift in ((-0.25, 0.9), (-0.3, 0.15), (2.0, 0.25)):
        points = eyes.on_eyeball(eyes.lid_outline(place, grow), eyes.RADIUS + lift)
        new = pieces.add(points, points, 1)
        pieces.triangles.append(grid.strip(ring, new))
        ring = new


def _add_eyeball(pieces: Pieces) -> None:
    points, triangles, radial = eyes.eyeball()
    ids = pieces.add(points, points, 2, np.stack([radial, radial * 0.0], -1))
    pieces.triangles.append(triangles + ids[0])


def _add_ear(pieces: Pieces, index: NDArray[np.int64]) -> None:
    """Rings from the hole in the side of the head to the ear's canal."""
    ring = index[grid.EAR_HOLE.rim()]
    place = np.arange(len(ring)) / len(ring)
    root = np.concatenate(pieces.points)[ring]
    for k, points in enumerate(ears.rings(place, root)):
        new = pieces.add(points, points, 3, np.stack([np.full_like(place, k), place], -1))
        pieces.triangles.append(grid.strip(ring, new))
        ring = new
    canal = ears.canal()
    last = float(len(ears.RINGS) + 3)
    pieces.triangles.append(grid.fan(ring, int(pieces.add(canal, canal, 3, np.array([[last, 0.0]]))[0])))
