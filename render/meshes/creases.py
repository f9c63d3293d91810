"""Normals that are smooth across the edges between faces at a small angle, and split at sharp edges.

The windings of files are unreliable: neighbours often disagree. So faces are first reversed to agree with their
neighbours, and then corners at one position are gathered into groups through the edges they share. Both are
components of a graph in which every face, or corner, is two nodes, one for each of its sides: an edge between two
faces joins the sides that agree.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from render.meshes.weld import distinct

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

COS_CREASE = 0.766044443118978
"""Cosine of the crease angle, 40 degrees. Legs with 8 sides (45 degrees) have sharp edges, with 12 they are round."""
MOST_AT_EDGE = 8
"""Most faces at one edge that are smoothed across it."""


def face_vectors(positions: Floats, triangles: Ints) -> Floats:
    """Vectors (T, 3) along the normals of triangles, of twice their area; without BLAS, so that bits agree."""
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    (ux, uy, uz), (vx, vy, vz) = (b - a).T, (c - a).T
    return np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx], axis=1)


def corner_normals(positions: Floats, triangles: Ints, places: Ints) -> tuple[Ints, Floats, Ints]:
    """Compute the normal of each corner of each triangle.

    Parameters
    ----------
    positions : (V, 3) float64
        Positions, of about unit size.
    triangles : (T, 3) int64
        Triangles with an area, in any winding.
    places : (V,) int64
        Numbers that are equal for vertices at one position.

    Returns
    -------
    triangles : (T, 3) int64
        The triangles, with agreeing windings of neighbours, those of closed surfaces counter-clockwise from outside.
    normals : (T, 3, 3) float64
        Unit vectors; corners at one position whose faces join smoothly have the area-weighted mean of these faces.
    group : (T, 3) int64
        Numbers that are equal for corners with the same normal.
    """
    edges = _Edges(places[triangles])
    flipped = _disagreeing(positions, triangles, edges)
    triangles = np.where(flipped[:, None], triangles[:, [0, 2, 1]], triangles)
    edges = _Edges(places[triangles])
    vectors = face_vectors(positions, triangles)
    group, turned = _groups(vectors, edges, len(triangles))
    return triangles, *_means(vectors, group, turned)


class _Edges:
    """Pairs of faces that share an edge between two positions.

    Attributes
    ----------
    faces : (2, n)
        The two faces of each pair.
    corners : (2, 2, n)
        Corners of the two faces at the lower and at the higher end: three times the face, plus 0, 1 or 2.
    agree : (n,) bool
        True where the faces traverse the edge in opposite directions, as neighbours with one winding do.
    alone : (n,) bool
        True where no third face is at the edge.
    """

    def __init__(self, places: Ints):
        start, end = places.reshape(-1), places[:, [1, 2, 0]].reshape(-1)
        corner = np.arange(len(start))
        following = corner - corner % 3 + (corner + 1) % 3
        rising = start < end
        _, kind = distinct(np.where(rising, start, end), np.where(rising, end, start))
        order = np.argsort(kind, kind="stable")
        kind, size = kind[order], np.bincount(kind)
        first, second = [], []
        for step in range(1, MOST_AT_EDGE):
            same = np.flatnonzero((kind[:-step] == kind[step:]) & (size[kind[:-step]] <= MOST_AT_EDGE))
            first.append(same)
            second.append(same + step)
        one, other = np.concatenate(first), np.concatenate(second)
        self.alone = size[kind[one]] == 2
        sides = (order[one], order[other])
        self.faces = np.stack([side // 3 for side in sides])
        self.agree = rising[sides[0]] != rising[sides[1]]
        low = np.stack([np.where(rising[side], side, following[side]) for side in sides])
        high = np.stack([np.where(rising[side], following[side], side) for side in sides])
        self.corners = np.stack([low, high], axis=1)


def _components(pairs: tuple[Ints, Ints], agree: NDArray[np.bool_], count: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Components (count,) of items that are joined in pairs, and a mask of the items reversed within theirs.

    Where no choice of sides agrees (a Moebius strip), each item is a component of its own.
    """
    one, other = pairs
    shift = np.where(agree, 0, count)
    rows = np.concatenate([one, one + count])
    columns = np.concatenate([other + shift, other + count - shift])
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(2 * count, 2 * count))
    found = connected_components(graph, directed=False)[1].astype(np.int64)
    front, back = found[:count], found[count:]
    torn = front == back
    component = np.where(torn, 2 * count + np.arange(count), np.minimum(front, back))
    return distinct(component)[1], (front > back) & ~torn


def _disagreeing(positions: Floats, triangles: Ints, edges: _Edges) -> NDArray[np.bool_]:
    """Mask (T,) of the faces to reverse, so that neighbours agree and the volume under each surface is positive."""
    one, other = edges.faces[:, edges.alone]
    surface, turned = _components((one, other), edges.agree[edges.alone], len(triangles))
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    # Measured from a point of the surface, not from the origin: an open surface has a side too, though no volume.
    _, start = np.unique(surface, return_index=True)
    origin = a[start][surface]
    x, y, z = face_vectors(positions, triangles).T
    (px, py, pz) = (a + b + c - 3 * origin).T
    volume = (px * x + py * y + pz * z) * np.where(turned, -1.0, 1.0)
    inside_out = np.bincount(surface, volume) < -1e-12  # below rounding a surface is flat and stays as it is
    return turned != inside_out[surface]


def _groups(vectors: Floats, edges: _Edges, faces: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Groups (T, 3) of corners that join smoothly, and a mask (T, 3) of the corners reversed within their group."""
    x, y, z = vectors.T
    length = np.sqrt(x * x + y * y + z * z)
    one, other = edges.faces
    cosine = (x[one] * x[other] + y[one] * y[other] + z[one] * z[other]) / (length[one] * length[other])
    smooth = np.where(edges.agree, cosine, -cosine) >= COS_CREASE
    pairs = edges.corners[:, :, smooth].reshape(2, -1)
    agree = np.tile(edges.agree[smooth], 2)
    group, turned = _components((pairs[0], pairs[1]), agree, 3 * faces)
    return group.reshape(faces, 3), turned.reshape(faces, 3)


def _means(vectors: Floats, group: Ints, turned: NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """Unit normals (T, 3, 3), and numbers (T, 3) that are equal where the normals are.

    A normal is the sum of the vectors of a group, on the side of each corner's own face. Where the faces around a
    position cancel, each corner has the normal of its face.
    """
    side = np.where(turned, -1.0, 1.0)
    sums = [np.bincount(group.reshape(-1), (side * vectors[:, None, k]).reshape(-1)) for k in range(3)]
    x, y, z = (total[group] * side for total in sums)
    length = np.sqrt(x * x + y * y + z * z)
    mean = np.stack([x, y, z], axis=-1)
    x, y, z = vectors.T
    area = np.sqrt(x * x + y * y + z * z)
    nothing = length <= 1e-6 * area[:, None]
    own = (vectors / area[:, None])[:, None]
    normals = np.where(nothing[..., None], own, mean / np.where(nothing, 1.0, length)[..., None])
    alone = 2 * group.size + np.arange(group.size).reshape(group.shape)
    return normals, np.where(nothing, alone, 2 * group + turned)
