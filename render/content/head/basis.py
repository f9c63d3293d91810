"""From fields to an orthonormal basis: Gram-Schmidt in a fixed order, summed in a fixed order."""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from render.content.head.curves import Array


def orthonormal(fields: Sequence[Array]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Basis and standard deviations whose samples are (nearly) sums of the fields with normal weights.

    Fields are taken by falling length, so that the broad ones stay whole and the fine ones give way; each keeps
    what the ones before it cannot express.

    Parameters
    ----------
    fields : K arrays (V, 3)
        What one standard deviation does.

    Returns
    -------
    basis : (K, V, 3) float32, unit rows
    sigma : (K,) float32, falling
    """
    rows = np.stack([np.ascontiguousarray(f, np.float64).reshape(-1) for f in fields])
    lengths = np.array([_dot(row, row) for row in rows])
    rows = rows[np.argsort(-lengths, kind="stable")]
    squares = np.zeros(len(rows))
    _gram_schmidt(rows, squares)
    order = np.argsort(-squares, kind="stable")
    basis = rows[order].reshape(len(rows), -1, 3).astype(np.float32)
    return basis, np.sqrt(squares[order]).astype(np.float32)


@numba.njit(nogil=True, cache=True)
def _dot(a: Array, b: Array) -> float:
    """Sum of products in four interleaved partial sums: a fixed order that still fills a pipeline."""
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    whole = len(a) - len(a) % 4
    for i in range(0, whole, 4):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
    for i in range(whole, len(a)):
        s0 += a[i] * b[i]
    return (s0 + s1) + (s2 + s3)


@numba.njit(nogil=True, cache=True)
def _gram_schmidt(rows: Array, squares: Array) -> None:
    """Orthonormalise in place; `squares` gets each row's squared length before scaling.

    One pass of the modified form: in float64 that leaves the rows orthogonal far beyond float32.
    """
    for k in range(len(rows)):
        for j in range(k):
            share = _dot(rows[j], rows[k])
            for i in range(rows.shape[1]):
                rows[k, i] -= share * rows[j, i]
        squares[k] = _dot(rows[k], rows[k])
        scale = 1.0 / np.sqrt(squares[k])
        for i in range(rows.shape[1]):
            rows[k, i] *= scale
