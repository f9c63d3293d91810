"""Hash of the shape of a mesh, independent of the file format that it came from.

The same chair as OBJ and as glTF differs in vertex order, seams, triangles of its quads and rounding. Hashing rounded
vertices would fail: among hundreds of coordinates some always lie at the border between two rounded values. So the
hash covers the number of distinct positions, the area, and moments of the positions: sums in which the rounding errors
of a file cancel out (to some 1e-7), rounded a thousand times more coarsely.

Equal hashes mean: the same number of positions, all moments up to the third equal within 1e-4 of the shape's spread,
and areas equal within about half a per cent. Chairs of which a twentieth of the vertices was moved by a thousandth of
the size had an unchanged hash in 1 of 176 trials. The same shape from two files need not have the same hash, as one of
the sixteen numbers may lie at a border: of files that were scaled, shifted and written with six decimals (box of 1),
1 in 200 got another hash; with five decimals, 1 in 18.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from render.meshes.creases import face_vectors
from render.meshes.prepare import CELL, PreparedMesh
from render.meshes.weld import distinct

Floats = NDArray[np.float64]

STEP, AREA_STEP = 1e-4, 0.05
"""Rounding steps of the moments and of the area; the unit is the RMS distance of positions from their mean."""
POWERS = [
    (i, j, n - i - j)
    for n in (2, 3)
    for i in range(n, -1, -1)
    for j in range(n - i, -1, -1)
    if (i, j) != (0, 0) or n == 3
]
"""Exponents of x, y and z of the moments; the second moment of z follows from those of x and y."""


def geometry_hash(mesh: PreparedMesh) -> str:
    """Hexadecimal SHA-256 of the shape in its axes, independent of vertex order, seams, textures and scale.

    A mirrored or rotated shape has another hash.
    """
    positions, triangles = mesh.positions.astype(np.float64), mesh.triangles.astype(np.int64)
    places = positions[distinct(*np.floor(positions / CELL + 0.5).astype(np.int64).T)[0]]
    centred = places - _mean(places)
    spread = float(np.sqrt(_mean(centred * centred).sum()))
    numbers = [len(places), round(_area(positions, triangles) / spread**2 / AREA_STEP)]
    numbers += [round(moment / STEP) for moment in moments(centred / spread)]
    return hashlib.sha256(" ".join(map(str, numbers)).encode()).hexdigest()


def moments(places: Floats) -> list[float]:
    """Means of the products of coordinates that `POWERS` lists, for places (N, 3)."""
    x, y, z = places.T
    powers = [[np.ones_like(x)] * 4 for _ in range(3)]
    for axis, values in enumerate((x, y, z)):
        for n in (1, 2, 3):
            powers[axis][n] = powers[axis][n - 1] * values
    return [float(_mean((powers[0][i] * powers[1][j] * powers[2][k])[:, None])[0]) for i, j, k in POWERS]


def _mean(values: Floats) -> Floats:
    """Mean of the rows (N, K) -> (K,), summed from first to last, so that it is the same on every machine."""
    return np.cumsum(values, axis=0)[-1] / len(values)


def _area(positions: Floats, triangles: NDArray[np.int64]) -> float:
    x, y, z = face_vectors(positions, triangles).T
    return float(np.cumsum(np.sqrt(x * x + y * y + z * z))[-1]) / 2
