"""The head's mesh: a rectangular grid over half the head with two holes, and the containers of vertices.

Rows of the grid run from the neck's border to the crown, columns from the front midline over the side to the back
midline. Rings of vertices fill the holes: the eyelids one, the ear the other. Everything is made for the subject's
left half (x >= 0) and mirrored once at the end (`mirror`), so the mean is symmetric to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.head.exact import Array, spline

ROWS = 123
"""Rows of the grid; the pole at the crown is one more vertex."""
ROW_OF_HEIGHT = (
    *((0, 0.0), (3, 1.7), (6, 2.8), (12, 4.2), (21, 5.9), (27, 6.5), (34, 7.0), (41, 7.45), (46, 7.8), (54, 8.2)),
    *((66, 9.0), (78, 10.0), (89, 11.0), (98, 12.0), (105, 13.0), (111, 14.0), (116, 15.0), (120, 16.0), (123, 17.0)),
)
"""Knots (row, height parameter of `skull`): rows are dense at mouth, nose and eyes."""
COLUMN_OF_AROUND = ((0, 0.0), (14, 0.165), (31, 0.44), (42, 0.80), (46, 1.0), (56, 2.0))
"""Knots (column, around parameter of `skull`)."""
CHIN_ROW, FOREHEAD_ROW = 24, 98
"""The rows between which the face has creases."""
MOUTH_ROW = 34
"""The row in which the lips meet."""
SKIN, LID_EDGE, EYEBALL, EAR = range(4)
"""Values of `Head.part`."""


@dataclass(frozen=True)
class Hole:
    """A rectangle of cells left out of the grid, given by the vertex rows and columns of its rim.

    `top - bottom` and `right - left` are even.
    """

    bottom: int
    top: int
    left: int
    right: int
    margin: tuple[int, int]
    """Rows and columns around the rim that `relax` may move after the rim has moved."""

    def rim(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows (n,) and columns (n,) of the rim's vertices, counter-clockwise from the middle of the left edge."""
        middle = (self.bottom + self.top) // 2
        down = [(r, self.left) for r in range(middle, self.bottom, -1)]
        along = [(self.bottom, c) for c in range(self.left, self.right)]
        up = [(r, self.right) for r in range(self.bottom, self.top)]
        back = [(self.top, c) for c in range(self.right, self.left, -1)]
        rest = [(r, self.left) for r in range(self.top, middle, -1)]
        order = np.array(down + along + up + back + rest)
        return order[:, 0], order[:, 1]

    def square(self) -> tuple[Array, Array]:
        """Columns (n,) and rows (n,) of the rim's vertices scaled to -1..1, in the order of `rim`."""
        rows, columns = self.rim()
        across = 2.0 * (columns - self.left) / (self.right - self.left) - 1.0
        return across, 2.0 * (rows - self.bottom) / (self.top - self.bottom) - 1.0


EYE_HOLE = Hole(bottom=70, top=86, left=8, right=28, margin=(9, 7))
EAR_HOLE = Hole(bottom=42, top=78, left=45, right=47, margin=(16, 8))


def parameters() -> tuple[Array, Array]:
    """Surface parameters `around` and `height` (see `skull`) of the grid's vertices, (ROWS, columns) each."""
    height = spline([k for k, _ in ROW_OF_HEIGHT], [h for _, h in ROW_OF_HEIGHT], np.arange(ROWS, dtype=np.float64))
    columns = np.arange(COLUMN_OF_AROUND[-1][0] + 1, dtype=np.float64)
    around = spline([k for k, _ in COLUMN_OF_AROUND], [a for _, a in COLUMN_OF_AROUND], columns)
    return (
        np.repeat(around[None, :], ROWS, axis=0),
        np.repeat(height[:, None], len(around), axis=1),
    )


def relax(values: Array, hole: Hole, rounds: int = 300) -> Array:
    """Smooth a parameter around a hole after its rim has moved: Jacobi steps of the discrete Laplace equation.

    `values` is (ROWS, columns) float64 with the rim's new values in place. Vertices beyond the hole's margin keep
    theirs. Returns a new array.
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
    """Triangles (T, 3) of the grid's cells outside the holes, two a cell.

    On the face, the diagonals of both halves run from inside above to outside below, as its creases do. Elsewhere
    they all turn the same way round the head. Mirrored diagonals would meet at the midline with more triangles above
    a vertex than below; its normal would tilt, and a seam would show on chin and throat.

    Parameters
    ----------
    index : (ROWS + 1, columns) int64
        Vertex ids; the last row holds the pole.
    mirrored : bool
        True for the triangles that `mirror` turns into the right half.
    """
    rows, columns = index.shape
    keep = np.ones((rows - 1, columns - 1), bool)
    for hole in (EYE_HOLE, EAR_HOLE):
        keep[hole.bottom : hole.top, hole.left : hole.right] = False
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    row, column = np.indices(keep.shape)
    face = (row > CHIN_ROW) & (row < FOREHEAD_ROW)
    # Along the midline of the face the diagonals alternate; the rows are too dense there for it to show.
    other = np.where(face, (column == 0) & (row % 2 == 0), mirrored)
    first = np.where(other[..., None], np.stack([a, b, c], -1), np.stack([a, b, d], -1))
    second = np.where(other[..., None], np.stack([a, c, d], -1), np.stack([b, c, d], -1))
    triangles = np.concatenate([first[keep], second[keep]])
    # In the last row, whose upper vertices are all the pole, one triangle of each cell has no area.
    p, q, r = triangles.T
    return triangles[(p != q) & (q != r) & (r != p)]


def strip(outer: NDArray[np.int64], inner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Triangles (2n, 3) between two closed rings of n vertex ids each, both counter-clockwise."""
    o, n = np.roll(outer, -1), np.roll(inner, -1)
    return np.concatenate([np.stack([outer, o, n], -1), np.stack([outer, n, inner], -1)])


def fan(ring: NDArray[np.int64], centre: int) -> NDArray[np.int64]:
    """Triangles (n, 3) from a counter-clockwise ring of n vertex ids to a centre vertex."""
    return np.stack([ring, np.roll(ring, -1), np.full_like(ring, centre)], -1)


def mirror(
    points: Array, triangles: NDArray[np.int64], to_mirror: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Index arrays that make a whole head of its left half.

    Parameters
    ----------
    points : (H, 3) float64
        Vertices of the left half; those with x = 0 belong to both halves.
    triangles : (T, 3) int64
        Triangles of the left half.
    to_mirror : (T, 3) int64
        Triangles whose mirror images form the right half; diagonals may differ from `triangles`.

    Returns
    -------
    source : (V,) int64
        For each vertex of the whole, the vertex of the half that it is a copy of.
    flipped : (V,) bool
        True where the copy's x changes sign.
    triangles : (2T, 3) int64
    partner : (V,) int64
        For each vertex of the whole, its mirror image.
    """
    half = len(points)
    off = np.flatnonzero(points[:, 0] != 0.0)
    source = np.concatenate([np.arange(half), off])
    flipped = np.arange(len(source)) >= half
    image = np.arange(half)
    image[off] = half + np.arange(len(off))
    partner = np.concatenate([image, off])
    return source, flipped, np.concatenate([triangles, image[to_mirror][:, ::-1]]), partner


@dataclass(frozen=True)
class Head:
    """The mean surface, and for each vertex what masks and modes are computed from."""

    points: Array
    """(V, 3) mm."""
    base: Array
    """(V, 3) mm: the same vertices on the head without features; of lid edges, eyeballs and ears the points."""
    triangles: NDArray[np.int64]
    """(T, 3) vertex ids, counter-clockwise seen from outside."""
    partner: NDArray[np.int64]
    """(V,) id of each vertex's mirror image."""
    part: NDArray[np.int64]
    """(V,) SKIN, LID_EDGE, EYEBALL or EAR."""
    local: Array
    """(V, 2): of an eyeball, distance from its axis in mm and 0; of an ear, ring number and place 0..1 on the ring."""

    @property
    def midline_distance(self) -> Array:
        """(V,) distance from the midline plane in mm: |x| on the head without features."""
        return np.abs(self.base[:, 0])

    @property
    def not_eyeball(self) -> Array:
        """(V,) 1.0 everywhere but on the eyeballs, where it is 0.0."""
        return (self.part != EYEBALL).astype(np.float64)


class Pieces:
    """Vertices and triangles of half a head while they are collected, piece by piece."""

    def __init__(self) -> None:
        self.points: list[Array] = []
        self.base: list[Array] = []
        self.part: list[NDArray[np.int64]] = []
        self.local: list[Array] = []
        self.triangles: list[NDArray[np.int64]] = []
        self.grid: tuple[NDArray[np.int64], ...] = ()
        self.count = 0

    def add(self, points: Array, base: Array, part: int, local: Array | None = None) -> NDArray[np.int64]:
        """Append n vertices and return their ids (n,)."""
        n = len(points)
        self.points.append(points)
        self.base.append(base)
        self.part.append(np.full(n, part))
        self.local.append(np.zeros((n, 2)) if local is None else local)
        self.count += n
        return np.arange(self.count - n, self.count)
