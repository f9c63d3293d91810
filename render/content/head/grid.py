"""The topology: one rectangular grid over half the head, with two holes that rings of eyelid and ear fill.

Rows run from the neck's border to the crown, columns from the front midline over the side to the back midline.
Everything is made for the subject's left half (x >= 0) and mirrored once at the end (`mirror`), which makes the
mean symmetric to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.head.curves import Array, spline

ROWS = 123
"""Rows of the grid; the crown's pole is one vertex more."""
ROW_OF_HEIGHT = (
    *((0, 0.0), (3, 1.7), (6, 2.8), (12, 4.2), (21, 5.9), (27, 6.5), (34, 7.0), (41, 7.45), (46, 7.8), (54, 8.2)),
    *((66, 9.0), (78, 10.0), (89, 11.0), (98, 12.0), (105, 13.0), (111, 14.0), (116, 15.0), (120, 16.0), (123, 17.0)),
)
"""Which height parameter a row has: rows are close where mouth, nose and eyes are."""
COLUMN_OF_AROUND = ((0, 0.0), (14, 0.165), (31, 0.44), (42, 0.80), (46, 1.0), (56, 2.0))
CHIN_ROW, FOREHEAD_ROW = 24, 98
"""Between these rows the face has creases."""
MOUTH_ROW = 34
"""The row in which the lips meet."""


@dataclass(frozen=True)
class Hole:
    """A rectangle of cells left out of the grid: vertex rows and columns of its rim, both even numbers apart."""

    bottom: int
    top: int
    left: int
    right: int
    margin: tuple[int, int]
    """Rows and columns around the rim that give way when the rim is moved onto its outline."""

    def rim(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of the rim's vertices, counter-clockwise from the middle of the left edge."""
        middle = (self.bottom + self.top) // 2
        down = [(r, self.left) for r in range(middle, self.bottom, -1)]
        along = [(self.bottom, c) for c in range(self.left, self.right)]
        up = [(r, self.right) for r in range(self.bottom, self.top)]
        back = [(self.top, c) for c in range(self.right, self.left, -1)]
        rest = [(r, self.left) for r in range(self.top, middle, -1)]
        order = np.array(down + along + up + back + rest)
        return order[:, 0], order[:, 1]

    def square(self) -> tuple[Array, Array]:
        """Column and row of the rim's vertices scaled to -1..1, in the order of `rim`."""
        rows, columns = self.rim()
        across = 2.0 * (columns - self.left) / (self.right - self.left) - 1.0
        return across, 2.0 * (rows - self.bottom) / (self.top - self.bottom) - 1.0


EYE_HOLE = Hole(bottom=70, top=86, left=8, right=28, margin=(9, 7))
EAR_HOLE = Hole(bottom=42, top=78, left=45, right=47, margin=(16, 8))


def parameters() -> tuple[Array, Array]:
    """`around` and `height` (see `skull`) of the grid's vertices, (ROWS, columns) each."""
    height = spline([k for k, _ in ROW_OF_HEIGHT], [h for _, h in ROW_OF_HEIGHT], np.arange(ROWS, dtype=np.float64))
    columns = np.arange(COLUMN_OF_AROUND[-1][0] + 1, dtype=np.float64)
    around = spline([k for k, _ in COLUMN_OF_AROUND], [a for _, a in COLUMN_OF_AROUND], columns)
    return (
        np.repeat(around[None, :], ROWS, axis=0),
        np.repeat(height[:, None], len(around), axis=1),
    )


def relax(values: Array, hole: Hole, rounds: int = 300) -> Array:
    """Move the grid around a hole so that it follows the rim: the discrete Laplace equation by Jacobi steps.

    `values` is (ROWS, columns) with the rim's new values in place; vertices further than the margin stay.
    The offset from the old grid is what is smoothed, so that its spacing survives.
    """
    window = (
        slice(hole.bottom - hole.margin[0], hole.top + hole.margin[0] + 1),
        slice(max(hole.left - hole.margin[1], 0), hole.right + hole.margin[1] + 1),
    )
    v = values[window].copy()
    fixed = np.zeros(v.shape, bool)
    top, left = hole.bottom - window[0].start, hole.left - window[1].start
    fixed[top : top + hole.top - hole.bottom + 1, left : left + hole.right - hole.left + 1] = True
    fixed[0], fixed[-1], fixed[:, 0], fixed[:, -1] = True, True, True, True
    for _ in range(rounds):
        mean = 0.25 * ((v[:-2, 1:-1] + v[2:, 1:-1]) + (v[1:-1, :-2] + v[1:-1, 2:]))
        v[1:-1, 1:-1] = np.where(fixed[1:-1, 1:-1], v[1:-1, 1:-1], mean)
    out = values.copy()
    out[window] = v
    return out


def grid_triangles(index: NDArray[np.int64], mirrored: bool) -> NDArray[np.int64]:
    """Triangles of the grid's cells that lie outside the holes.

    Cells of the face are cut from inside above to outside below, as its creases run, on both sides. Elsewhere all
    are cut one way round the whole head: where cuts that mirror one another meet, more triangles pull a normal up
    than down, and a seam would show on chin and throat.

    Parameters
    ----------
    index : (ROWS + 1, columns) vertex ids
    mirrored : bool
        Whether the triangles are about to be mirrored.
    """
    rows, columns = index.shape
    keep = np.ones((rows - 1, columns - 1), bool)
    for hole in (EYE_HOLE, EAR_HOLE):
        keep[hole.bottom : hole.top, hole.left : hole.right] = False
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    row, column = np.indices(keep.shape)
    face = (row > CHIN_ROW) & (row < FOREHEAD_ROW)
    # Along the midline of the face the cuts alternate; rows are so close there that it does not show.
    other = np.where(face, (column == 0) & (row % 2 == 0), mirrored)
    first = np.where(other[..., None], np.stack([a, b, c], -1), np.stack([a, b, d], -1))
    second = np.where(other[..., None], np.stack([a, c, d], -1), np.stack([b, c, d], -1))
    triangles = np.concatenate([first[keep], second[keep]])
    # In the row that meets in the pole one triangle of each cell has no area.
    p, q, r = triangles.T
    return triangles[(p != q) & (q != r) & (r != p)]


def strip(outer: NDArray[np.int64], inner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles between two closed rings of equally many vertices, both counter-clockwise."""
    o, n = np.roll(outer, -1), np.roll(inner, -1)
    return np.concatenate([np.stack([outer, o, n], -1), np.stack([outer, n, inner], -1)])


def fan(ring: NDArray[np.int64], centre: int) -> NDArray[np.int64]:
    """Triangles that close a counter-clockwise ring at a centre."""
    return np.stack([ring, np.roll(ring, -1), np.full_like(ring, centre)], -1)


def mirror(
    points: Array, triangles: NDArray[np.int64], to_mirror: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """The right half from the left one.

    Parameters
    ----------
    points : (H, 3)
        Vertices with x = 0 are shared by the halves.
    triangles : (T, 3)
        Of the left half.
    to_mirror : (T, 3)
        The same, as the right half takes them.

    Returns
    -------
    source : (V,) vertex of the half that each vertex of the whole comes from
    flipped : (V,) whether its x changes sign
    triangles : (2T, 3)
    partner : (V,) the mirror image of each vertex of the whole
    """
    half = len(points)
    off = np.flatnonzero(points[:, 0] != 0.0)
    source = np.concatenate([np.arange(half), off])
    flipped = np.arange(len(source)) >= half
    image = np.arange(half)
    image[off] = half + np.arange(len(off))
    partner = np.concatenate([image, off])
    return source, flipped, np.concatenate([triangles, image[to_mirror][:, ::-1]]), partner
