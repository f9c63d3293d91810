"""Smooth vertex normals: the sum of the area vectors of the triangles around a vertex."""

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def vertex_normals(positions: NDArray[np.float32], triangles: NDArray[np.int32]) -> NDArray[np.float32]:
    """Area-weighted vertex normals, not normalised: the rasteriser normalises each sample.

    Parameters
    ----------
    positions : (V, 3) float32
    triangles : (T, 3) int32
        Counter-clockwise seen from outside.

    Returns
    -------
    (V, 3) float32
        Sums of (b - a) x (c - a) in the order of the triangles; zero for a vertex without area around it.
    """
    normals = np.zeros_like(positions)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = positions[b, 0] - positions[a, 0]
        uy = positions[b, 1] - positions[a, 1]
        uz = positions[b, 2] - positions[a, 2]
        vx = positions[c, 0] - positions[a, 0]
        vy = positions[c, 1] - positions[a, 1]
        vz = positions[c, 2] - positions[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    return normals
