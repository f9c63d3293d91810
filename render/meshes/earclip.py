"""Triangulation of polygons of any shape by ear clipping, in compiled code."""

import numba
import numpy as np
from numpy.typing import NDArray

FULL, CROSSING, GAVE_UP = 0, 1, 2
"""Outcomes of `clip`: the outline is cut into ears, it crosses itself (some cuts are no ears), or it took too long."""
ROUNDING = 1e-12
"""Twice an area below this share of an outline's squared extent is zero but for rounding errors."""


@numba.njit(nogil=True, cache=True)
def _cross(points: NDArray[np.float64], a: int, b: int, c: int) -> float:
    """Twice the area of the triangle, positive counter-clockwise."""
    return (points[b, 0] - points[a, 0]) * (points[c, 1] - points[a, 1]) - (points[b, 1] - points[a, 1]) * (
        points[c, 0] - points[a, 0]
    )


@numba.njit(nogil=True, cache=True)
def _same(points: NDArray[np.float64], a: int, b: int) -> bool:
    return points[a, 0] == points[b, 0] and points[a, 1] == points[b, 1]


@numba.njit(nogil=True, cache=True)
def _blocked(points: NDArray[np.float64], after: NDArray[np.int64], p: int, i: int, q: int) -> tuple[bool, int]:
    """Test if another remaining corner lies in or on the triangle p, i, q; also count the comparisons made.

    Corners at the position of p, i or q do not block: a hole is joined to its outline by two coincident edges.
    """
    steps = 1
    r = after[q]
    while r != p:
        steps += 1
        if (
            _cross(points, p, i, r) >= 0
            and _cross(points, i, q, r) >= 0
            and _cross(points, q, p, r) >= 0
            and not (_same(points, r, p) or _same(points, r, i) or _same(points, r, q))
        ):
            return True, steps
        r = after[r]
    return False, steps


@numba.njit(nogil=True, cache=True)
def clip(points: NDArray[np.float64], most_steps: int, triangles: NDArray[np.int64]) -> tuple[int, int]:
    """Cut a polygon into triangles of its own corners.

    Parameters
    ----------
    points : (n, 2) float64
        The outline, counter-clockwise, n >= 3. A position may appear twice, where a hole is joined to the outline.
    most_steps : int
        Comparisons after which to give up.
    triangles : (n - 2, 3) int64
        Output: corner numbers, counter-clockwise.

    Returns
    -------
    outcome, steps : int
        One of `FULL`, `CROSSING` and `GAVE_UP`, and the comparisons made. Corners on a straight line give triangles
        without area; where the polygon is not flat, these have an area in space. Where rounding errors alone keep
        such corners from being ears, the outcome is still `FULL`.
    """
    n = len(points)
    extent = np.abs(points - points[0]).max()
    flat = ROUNDING * extent * extent
    after, before = np.arange(1, n + 1), np.arange(-1, n - 1)
    after[n - 1], before[0] = 0, n - 1
    left, count, steps, outcome = n, 0, 0, FULL
    i, stop, leniency = 0, 0, 0
    while left > 3:
        if steps > most_steps:
            return GAVE_UP, steps
        p, q = before[i], after[i]
        turn = _cross(points, p, i, q)
        if leniency == 0:
            ear = turn > 0
            if ear:
                blocked, looked = _blocked(points, after, p, i, q)
                steps += looked
                ear = not blocked
        elif leniency == 1:
            ear = turn == 0
        elif leniency == 2:
            ear = turn > 0
        else:
            ear = True
        steps += 1
        if ear:
            triangles[count, 0], triangles[count, 1], triangles[count, 2] = p, i, q
            count += 1
            if leniency >= 2 and abs(turn) > flat:
                outcome = CROSSING
            after[p], before[q] = q, p
            left -= 1
            # Continuing behind the neighbour spreads the ears round the outline; staying would give fans of slivers.
            i, leniency = after[q], 0
            stop = i
        else:
            i = after[i]
            if i == stop:
                leniency += 1
    p, q = before[i], after[i]
    triangles[count, 0], triangles[count, 1], triangles[count, 2] = p, i, q
    if _cross(points, p, i, q) < -flat:
        outcome = CROSSING
    return outcome, steps


@numba.njit(nogil=True, cache=True)
def _flat(points: NDArray[np.float64], start: int, n: int) -> NDArray[np.float64]:
    """Project the outline of n corners from `start` on along the main axis of its normal: (n, 2), counter-clockwise."""
    normal = np.zeros(3)
    for k in range(1, n - 1):
        u, v = points[start + k] - points[start], points[start + k + 1] - points[start]
        normal[0] += u[1] * v[2] - u[2] * v[1]
        normal[1] += u[2] * v[0] - u[0] * v[2]
        normal[2] += u[0] * v[1] - u[1] * v[0]
    axis = np.abs(normal).argmax()
    flat = np.empty((n, 2))
    for k in range(n):
        flat[k, 0] = points[start + k, (axis + 1) % 3] - points[start, (axis + 1) % 3]
        flat[k, 1] = points[start + k, (axis + 2) % 3] - points[start, (axis + 2) % 3]
        if normal[axis] < 0:
            flat[k, 0] = -flat[k, 0]
    return flat


@numba.njit(nogil=True, cache=True)
def clip_all(
    points: NDArray[np.float64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    triangles: NDArray[np.int64],
    most_steps: int,
) -> int:
    """Cut polygons in space into triangles of their own corners, with the winding of each polygon.

    Parameters
    ----------
    points : (C, 3) float64
        Corners; those of one polygon follow one another. Other corners may stand between the polygons.
    starts, counts : (F,) int64
        The first corner of each polygon, and its number of corners.
    triangles : (sum of counts - 2, 3) int64
        Output: rows of `points`.
    most_steps : int
        Comparisons, for all polygons together, after which to give up.

    Returns
    -------
    int
        Number of outlines that cross themselves; -1 when `most_steps` was exceeded.
    """
    at, crossing = 0, 0
    for face in range(len(starts)):
        n = counts[face]
        own = triangles[at : at + n - 2]
        outcome, steps = clip(_flat(points, starts[face], n), most_steps, own)
        most_steps -= steps
        if outcome == GAVE_UP:
            return -1
        crossing += outcome == CROSSING
        own += starts[face]
        at += n - 2
    return crossing
