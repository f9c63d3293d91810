"""The mean head's surface: grid, lids, eyeball and ear of the left half, mirrored into a whole."""

import numpy as np
from numpy.typing import NDArray

from render.content.head import ears, eyes, face, hair, mesh, skull
from render.content.head.exact import Array, bump, ramp
from render.content.head.mesh import EAR, EYEBALL, LID_EDGE, SKIN, Head, Pieces


def mean_head() -> Head:
    """Build the mean head; the same bytes on every machine."""
    pieces = Pieces()
    around, height = _fitted_grid()
    index = _add_grid(pieces, around, height)
    _add_lids(pieces, index, around, height)
    _add_eyeball(pieces)
    _add_ear(pieces, index)
    points, base = np.concatenate(pieces.points), np.concatenate(pieces.base)
    left, right = (np.concatenate([cells, *pieces.triangles]) for cells in pieces.grid)
    source, flipped, triangles, partner = mesh.mirror(points, left, right)
    sign = np.where(flipped, -1.0, 1.0)[:, None] * np.array([1.0, 0, 0]) + np.array([0, 1.0, 1.0])
    return Head(
        points[source] * sign,
        base[source] * sign,
        triangles,
        partner,
        np.concatenate(pieces.part)[source],
        np.concatenate(pieces.local)[source],
    )


def _with_features(base: Array) -> Array:
    """Points (n, 3) of the head without features, moved to where face and hair put them."""
    return face.sculpt(base) + hair.volume(base)


def _fitted_grid() -> tuple[Array, Array]:
    """Grid parameters (ROWS, columns) each, with the holes' rims and the mouth's row on their outlines."""
    around, height = mesh.parameters()
    height = _bend_to_mouth(around, height)
    rows, columns = mesh.EYE_HOLE.rim()
    target = eyes.socket_outline(np.arange(len(rows)) / len(rows))
    at = skull.locate(0, target[:, 0], target[:, 1], around[rows, columns], height[rows, columns])
    around[rows, columns], height[rows, columns] = at
    around, height = mesh.relax(around, mesh.EYE_HOLE), mesh.relax(height, mesh.EYE_HOLE)
    rows, columns = mesh.EAR_HOLE.rim()
    target = ears.root_outline(*mesh.EAR_HOLE.square())
    at = skull.locate(2, target[:, 0], target[:, 1], around[rows, columns], height[rows, columns])
    around[rows, columns], height[rows, columns] = at
    return mesh.relax(around, mesh.EAR_HOLE), mesh.relax(height, mesh.EAR_HOLE)


def _bend_to_mouth(around: Array, height: Array) -> Array:
    """Height parameters (ROWS, columns) with rows near the mouth shifted so that one follows the mouth line."""
    row = mesh.MOUTH_ROW
    a, h = around[row], height[row]
    for _ in range(8):
        p = skull.base(a, h)
        slope = (skull.base(a, h + 1e-4)[:, 1] - p[:, 1]) / 1e-4
        h = h + (face.mouth_line(p[:, 0]) - p[:, 1]) / slope
    x = skull.base(a, h)[:, 0]
    near_side = bump(np.clip((x - 18.0) / 40.0, 0.0, 1.0) * np.clip((x - 18.0) / 40.0, 0.0, 1.0))
    share = (np.arange(mesh.ROWS) - row) / 16.0
    return height + ((h - height[row]) * near_side * (a < 0.9))[None, :] * bump(share * share)[:, None]


def _add_grid(pieces: Pieces, around: Array, height: Array) -> NDArray[np.int64]:
    """Add the grid without the insides of the holes, and the pole; returns vertex ids (ROWS + 1, columns)."""
    keep = np.ones(around.shape, bool)
    for hole in (mesh.EYE_HOLE, mesh.EAR_HOLE):
        keep[hole.bottom + 1 : hole.top, hole.left + 1 : hole.right] = False
    base = skull.base(around[keep], height[keep])
    midline = (np.arange(around.shape[1]) == 0) | (np.arange(around.shape[1]) == around.shape[1] - 1)
    base[np.broadcast_to(midline, around.shape)[keep], 0] = 0.0
    ids = pieces.add(_with_features(base), base, SKIN)
    index = np.full((mesh.ROWS + 1, around.shape[1]), -1)
    index[:-1][keep] = ids
    pole = skull.base(np.zeros(1), np.full(1, skull.CROWN))
    pole[:, 0] = 0.0
    index[-1] = pieces.add(_with_features(pole), pole, SKIN)[0]
    pieces.grid = (mesh.grid_triangles(index, mirrored=False), mesh.grid_triangles(index, mirrored=True))
    return index


def _add_lids(pieces: Pieces, index: NDArray[np.int64], around: Array, height: Array) -> None:
    """Add rings from the socket's outline to the eye's opening, over the lid's edge and in behind it."""
    rows, columns = mesh.EYE_HOLE.rim()
    place = np.arange(len(rows)) / len(rows)
    outer, opening = eyes.socket_outline(place), eyes.lid_outline(place)
    ring = index[rows, columns]
    at = around[rows, columns], height[rows, columns]
    for share in eyes.RINGS:
        xy = opening + (outer - opening) * share
        at = skull.locate(0, xy[:, 0], xy[:, 1], *at)
        base = skull.base(*at)
        points = _with_features(base)
        # The lids' edge lies on the eyeball all round, also where the nose's flank would cover it.
        points[:, 2] += (eyes.lid_surface(xy) - points[:, 2]) * ramp(np.float64(share), 0.42, 0.02)
        new = pieces.add(points, base, SKIN)
        pieces.triangles.append(mesh.strip(ring, new))
        ring = new
    for grow, lift in ((-0.25, 0.9), (-0.3, 0.15), (2.0, 0.25)):
        points = eyes.on_eyeball(eyes.lid_outline(place, grow), eyes.RADIUS + lift)
        new = pieces.add(points, points, LID_EDGE)
        pieces.triangles.append(mesh.strip(ring, new))
        ring = new


def _add_eyeball(pieces: Pieces) -> None:
    """Add the front of the left eyeball."""
    points, triangles, radial = eyes.eyeball()
    ids = pieces.add(points, points, EYEBALL, np.stack([radial, radial * 0.0], -1))
    pieces.triangles.append(triangles + ids[0])


def _add_ear(pieces: Pieces, index: NDArray[np.int64]) -> None:
    """Add rings from the hole in the side of the head to the ear's canal."""
    ring = index[mesh.EAR_HOLE.rim()]
    place = np.arange(len(ring)) / len(ring)
    root = np.concatenate(pieces.points)[ring]
    for k, points in enumerate(ears.rings(place, root)):
        new = pieces.add(points, points, EAR, np.stack([np.full_like(place, k), place], -1))
        pieces.triangles.append(mesh.strip(ring, new))
        ring = new
    canal = ears.canal()
    last = float(len(ears.RINGS) + 3)
    pieces.triangles.append(mesh.fan(ring, int(pieces.add(canal, canal, EAR, np.array([[last, 0.0]]))[0])))
