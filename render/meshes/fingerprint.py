"""A hash of a shape that does not depend on the file that it came from.

The same chair as OBJ and as glTF has other vertex orders, seams, triangles of its quads and roundings. Hashing
rounded vertices would not do: among hundreds of coordinates some always lie at the border between two roundings. So
what is hashed is the number of different places, and moments of them: sums over all places, in which the roundings
of a file cancel out (to some 1e-7), rounded a thousand times more coarsely.

What equal hashes promise: as many places, and all moments up to the third the same within 1e-4 of the shape's
spread, and areas within about half a per cent. Chairs of which a twentieth of the vertices was moved by a thousandth
of the size kept their hash in 1 of 176 trials. What is not promised: that the same shape from two files has one hash,
as one of the sixteen numbers may lie just at a border. Of files that were scaled, shifted and written with six decimals
(box of 1), 1 in 200 got another hash; with five decimals, 1 in 18.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from render.meshes.creases import face_vectors
from render.meshes.prepare import CELL, PreparedMesh
from render.meshes.weld import distinct

Floats = NDArray[np.float64]

STEP, AREA_STEP = 1e-4, 0.05
"""Rounding steps of moments and area; the unit is the places' root mean square distance from their centre."""
POWERS = [
    (i, j, n - i - j)
    for n in (2, 3)
    for i in range(n, -1, -1)
    for j in range(n - i, -1, -1)
    if (i, j) != (0, 0) or n == 3
]
"""Exponents of x, y and z of the moments; the second moment of z follows from those of x and y."""


def geometry_hash(mesh: PreparedMesh) -> str:
    """Hexadecimal SHA-256 of the shape in its axes: neither order, nor seams, nor texture, nor scale count.

    A mirrored or turned shape is another one.
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
    """Mean of the rows, summed from the first to the last, which gives the same bits on every machine."""
    return np.cumsum(values, axis=0)[-1] / len(values)


def _area(positions: Floats, triangles: NDArray[np.int64]) -> float:
    x, y, z = face_vectors(positions, triangles).T
    return float(np.cumsum(np.sqrt(x * x + y * y + z * z))[-1]) / 2
