"""The built-in head as a morphable model: mean head, its labels, and orthonormal bases of shape and albedo.

The bases come from Gram-Schmidt in a fixed order with sums in a fixed order: linear algebra of a library would give
other bits on other machines.
"""

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from render.content.head import albedo_modes, shape_modes
from render.content.head.deformer import Deformer
from render.content.head.exact import Array
from render.content.head.labels import landmarks, regions
from render.content.head.mean_albedo import mean_albedo
from render.content.head.mean_shape import mean_head
from render.morphable import Block, MorphableModel

COMPONENTS = 199
"""Components of shape and of albedo each, as in the Basel Face Model."""
SPREAD = 0.98
"""Factor on every shape field: each alone is plausible, but two hundred at once are a little too much."""


def build_head() -> MorphableModel:
    """Build the built-in head in a few seconds; the same bytes on every machine.

    Returns
    -------
    MorphableModel
        In mm, with 199 components of shape and 199 of albedo, landmarks and regions.
    """
    head = mean_head()
    deformer, color = Deformer.of(head), mean_albedo(head)
    shape = [field for _, field in shape_modes.named_fields(deformer)]
    shape += list(shape_modes.random_fields(deformer, COMPONENTS - len(shape)))
    shape = [field * SPREAD for field in shape]
    albedo = [field for _, field in albedo_modes.named_fields(head, color)]
    albedo += list(albedo_modes.random_fields(head, albedo_modes.bare_skin(head), COMPONENTS - len(albedo)))
    labels, names = regions(head)
    return MorphableModel(
        name="procedural",
        blocks={
            "shape": Block(head.points.astype(np.float32), *orthonormal_basis(shape)),
            "albedo": Block(color.astype(np.float32), *orthonormal_basis(albedo)),
        },
        triangles=head.triangles.astype(np.int32),
        unit="mm",
        landmarks=landmarks(head),
        regions=labels,
        region_names=names,
    )


def orthonormal_basis(fields: Sequence[Array]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Orthonormal basis and standard deviations whose samples are nearly sums of the fields with normal weights.

    Fields are taken by falling length. Each keeps what the ones before it cannot express, so the broad fields stay
    whole and the fine ones change.

    Parameters
    ----------
    fields : sequence of K arrays (V, 3) float64
        The change of every vertex at one standard deviation of each mode.

    Returns
    -------
    basis : (K, V, 3) float32
        Rows of unit length, orthogonal to one another.
    sigma : (K,) float32
        Standard deviations, falling.
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
    """Scalar product in four interleaved partial sums: a fixed order that is still fast."""
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
    """Orthonormalise rows (K, n) in place, and write each row's squared length before scaling into `squares` (K,).

    One pass of the modified Gram-Schmidt process; in float64 the rows are orthogonal far beyond float32.
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
