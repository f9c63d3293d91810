"""Kernels that apply textures to covered samples (see `render.texture` for the meaning of a texture).

They work on cells of FULL planes and run from Python between the kernels of `render.cpu.raster`, one call per frame.
`cut` rasterises triangles with holes: alpha decides whether a sample is covered at all, so it must be known when depths
are compared. `paint` then multiplies the albedo of every covered sample by its texture. Neither needs planes for u and
v: a sample's place on its triangle follows from the snapped corners, exactly as it was covered.

Nothing here may depend on the machine: no fastmath, no logarithm, no reduction whose order could change.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from render.cpu.raster import FULL, HALF, LANES, SUBPIXEL
from render.scene import LUMINANCE

_RED, _GREEN, _BLUE = (np.float32(share) for share in LUMINANCE)
_CUT_LEVEL = np.float32(127.5)
"""Alpha in levels below which there is no surface."""


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _folded(u: float, way: int) -> float:
    """A coordinate brought into 0..1: 0 repeats, 1 clamps, 2 mirrors; what is no number becomes 0."""
    if way == 0:
        u -= np.floor(u)
    elif way == 2:
        u -= 2.0 * np.floor(0.5 * u)
        u = 2.0 - u if u > 1.0 else u
    u = u if u > 0.0 else 0.0  # noqa: FURB136 -- NaN fails every comparison
    return u if u < 1.0 else 1.0  # noqa: FURB136


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _neighbours(at: float, size: int, way: int) -> tuple[Any, Any, Any]:
    """Indices of the two texels around a place of -0.5 to size - 0.5, and the share of the second."""
    low = np.floor(at)
    first = int(low)
    second = first + 1
    if first < 0:
        first = size - 1 if way == 0 else 0
    if second >= size:
        second = 0 if way == 0 else size - 1
    return first, second, np.float32(at - low)


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _bilinear(
    texels: NDArray[np.uint8], level: NDArray[np.int32], wrap: NDArray[np.uint8], u: float, v: float
) -> tuple[Any, Any, Any, Any]:
    """RGBA in levels 0..255 of one mip level at (u, v) in 0..1; v = 0 is the bottom."""
    first, rows, columns = level[0], level[1], level[2]
    j0, j1, fx = _neighbours(u * columns - 0.5, columns, wrap[0])
    i0, i1, fy = _neighbours((1.0 - v) * rows - 0.5, rows, wrap[1])
    one = np.float32(1)
    w00, w01, w10, w11 = (one - fy) * (one - fx), (one - fy) * fx, fy * (one - fx), fy * fx
    upper, lower = first + i0 * columns, first + i1 * columns
    a, b, c, d = texels[upper + j0], texels[upper + j1], texels[lower + j0], texels[lower + j1]
    return (
        w00 * np.float32(a[0]) + w01 * np.float32(b[0]) + w10 * np.float32(c[0]) + w11 * np.float32(d[0]),
        w00 * np.float32(a[1]) + w01 * np.float32(b[1]) + w10 * np.float32(c[1]) + w11 * np.float32(d[1]),
        w00 * np.float32(a[2]) + w01 * np.float32(b[2]) + w10 * np.float32(c[2]) + w11 * np.float32(d[2]),
        w00 * np.float32(a[3]) + w01 * np.float32(b[3]) + w10 * np.float32(c[3]) + w11 * np.float32(d[3]),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _slopes(
    corners: tuple[int, int, int],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    uv: NDArray[np.float32],
) -> tuple[Any, Any, Any]:
    """The planes of w, u w and v w of a triangle: value at sample (0, 0), and steps to the right and down.

    All are linear on the screen; they are true up to one common factor.
    """
    a, b, c = corners
    wa, wb, wc = np.float64(w[a]), np.float64(w[b]), np.float64(w[c])
    unit = np.float64(SUBPIXEL)
    right = (
        -unit * np.float64(y[b] - y[c]) * wa,
        -unit * np.float64(y[c] - y[a]) * wb,
        -unit * np.float64(y[a] - y[b]) * wc,
    )
    down = (
        unit * np.float64(x[b] - x[c]) * wa,
        unit * np.float64(x[c] - x[a]) * wb,
        unit * np.float64(x[a] - x[b]) * wc,
    )
    start = (
        _edge(x[c], y[c], x[b], y[b]) * wa,
        _edge(x[a], y[a], x[c], y[c]) * wb,
        _edge(x[b], y[b], x[a], y[a]) * wc,
    )
    us = np.float64(uv[a, 0]), np.float64(uv[b, 0]), np.float64(uv[c, 0])
    vs = np.float64(uv[a, 1]), np.float64(uv[b, 1]), np.float64(uv[c, 1])
    ones = 1.0, 1.0, 1.0
    return (
        (_dot(start, ones), _dot(right, ones), _dot(down, ones)),
        (_dot(start, us), _dot(right, us), _dot(down, us)),
        (_dot(start, vs), _dot(right, vs), _dot(down, vs)),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _edge(x0: Any, y0: Any, x1: Any, y1: Any) -> Any:
    """The edge function of `render.cpu.raster.cover` at sample (0, 0); whole numbers that float64 holds exactly."""
    dx, dy = np.int64(x1) - np.int64(x0), np.int64(y1) - np.int64(y0)
    return np.float64(dx * (HALF - np.int64(y0)) - dy * (HALF - np.int64(x0)))


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _dot(a: tuple[Any, Any, Any], b: tuple[Any, Any, Any]) -> Any:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _sample(
    slopes: tuple[Any, Any, Any],
    column: Any,
    row: Any,
    texels: NDArray[np.uint8],
    levels: NDArray[np.int32],
    wrap: NDArray[np.uint8],
) -> tuple[Any, Any, Any, Any]:
    """RGBA in levels 0..255 of a triangle's texture at a sample, between mip levels."""
    (w0, wx, wy), (u0, ux, uy), (v0, vx, vy) = slopes
    i, j = np.float64(column), np.float64(row)
    share = 1.0 / (w0 + wx * i + wy * j)
    u, v = (u0 + ux * i + uy * j) * share, (v0 + vx * i + vy * j) * share
    rows, columns = np.float64(levels[0, 1]), np.float64(levels[0, 2])
    # Derivatives of u = (u w) / w, in texels.
    dux, dvx = (ux - u * wx) * share * columns, (vx - v * wx) * share * rows
    duy, dvy = (uy - u * wy) * share * columns, (vy - v * wy) * share * rows
    rho = np.sqrt(max(dux * dux + dvx * dvx, duy * duy + dvy * dvy))
    level = 0
    while rho >= 2.0 and level + 1 < len(levels) and levels[level + 1, 1] > 0:
        rho *= 0.5
        level += 1
    u, v = _folded(u, wrap[0]), _folded(v, wrap[1])
    fine = _bilinear(texels, levels[level], wrap, u, v)
    if not rho > 1.0 or level + 1 == len(levels) or levels[level + 1, 1] == 0:
        return fine
    coarse = _bilinear(texels, levels[level + 1], wrap, u, v)
    more = np.float32(min(rho - 1.0, 1.0))
    less = np.float32(1) - more
    return (
        less * fine[0] + more * coarse[0],
        less * fine[1] + more * coarse[1],
        less * fine[2] + more * coarse[2],
        less * fine[3] + more * coarse[3],
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cut(
    first: int,
    triangles: NDArray[np.uint32],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    attributes: NDArray[np.float32],
    uv: NDArray[np.float32],
    texture: NDArray[np.int16],
    texels: NDArray[np.uint8],
    levels: NDArray[np.int32],
    wrap: NDArray[np.uint8],
    two_sided: bool,
    columns: int,
    cells: NDArray[np.float32],
    touched: tuple[int, int, int, int],
) -> tuple[int, int, int, int]:
    """Rasterise triangles from `first` on where their textures are not cut out, as `render.cpu.raster.cover` would."""
    rows = cells.shape[0]
    top_row, last, low, high = touched
    if top_row >= last:
        top_row, last, low, high = rows, 0, cells.shape[1], 0
    for t in range(first, len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        area = np.int64(x[c] - x[a]) * np.int64(y[b] - y[a]) - np.int64(x[b] - x[a]) * np.int64(y[c] - y[a])
        if area == 0 or (area < 0 and not two_sided) or w[a] == 0 or w[b] == 0 or w[c] == 0:
            continue
        if area < 0:
            b, c = c, b
        corners = a, b, c
        left = max((min(x[a], x[b], x[c]) + (HALF - 1)) // SUBPIXEL, 0)
        right = min((max(x[a], x[b], x[c]) - HALF) // SUBPIXEL, columns - 1)
        top = max((min(y[a], y[b], y[c]) + (HALF - 1)) // SUBPIXEL, 0)
        bottom = min((max(y[a], y[b], y[c]) - HALF) // SUBPIXEL, rows - 1)
        if left > right or top > bottom:
            continue
        dxa, dya = np.int64(x[b] - x[c]), np.int64(y[b] - y[c])
        dxb, dyb = np.int64(x[c] - x[a]), np.int64(y[c] - y[a])
        dxc, dyc = np.int64(x[a] - x[b]), np.int64(y[a] - y[b])
        least_a = 0 if dya < 0 or (dya == 0 and dxa > 0) else 1
        least_b = 0 if dyb < 0 or (dyb == 0 and dxb > 0) else 1
        least_c = 0 if dyc < 0 or (dyc == 0 and dxc > 0) else 1
        inverse = np.float32(1) / np.float32(abs(area))
        shares = w[a] * inverse, w[b] * inverse, w[c] * inverse
        k, slopes = texture[t], _slopes(corners, x, y, w, uv)
        for j in range(top, bottom + 1):
            py = np.int64(j) * SUBPIXEL + HALF
            for i in range(left, right + 1):
                px = np.int64(i) * SUBPIXEL + HALF
                ea = dxa * (py - y[c]) - dya * (px - x[c])
                eb = dxb * (py - y[a]) - dyb * (px - x[a])
                ec = dxc * (py - y[b]) - dyc * (px - x[b])
                if ea < least_a or eb < least_b or ec < least_c:
                    continue
                ga, gb, gc = np.float32(ea) * shares[0], np.float32(eb) * shares[1], np.float32(ec) * shares[2]
                near = ga + gb + gc
                tile, lane = i // LANES, i % LANES
                if not near > cells[j, tile, 0, lane]:
                    continue
                if _sample(slopes, i, j, texels, levels[k], wrap[k])[3] < _CUT_LEVEL:
                    continue
                cells[j, tile, 0, lane] = near
                for p in range(6):
                    value = ga * attributes[a, p] + gb * attributes[b, p] + gc * attributes[c, p]
                    cells[j, tile, 1 + p, lane] = value
                cells[j, tile, FULL - 1, lane] = np.float32(t)
        top_row, last = min(top_row, top), max(last, bottom + 1)
        low, high = min(low, left // LANES), max(high, right // LANES + 1)
    return top_row, last, low, high


@numba.njit(nogil=True, cache=True, error_model="numpy")
def paint(
    triangles: NDArray[np.uint32],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    uv: NDArray[np.float32],
    texture: NDArray[np.int16],
    texels: NDArray[np.uint8],
    levels: NDArray[np.int32],
    wrap: NDArray[np.uint8],
    grey: bool,
    cells: NDArray[np.float32],
    touched: tuple[int, int, int, int],
) -> None:
    """Multiply the albedo of every covered sample by its texture; with `grey`, the first of its planes is luminance."""
    first, last, low, high = touched
    share = np.float32(1) / np.float32(255)
    number, k = -1, np.int16(-1)
    zeros = 0.0, 0.0, 0.0
    slopes = zeros, zeros, zeros
    for j in range(first, last):
        for tile in range(low, high):
            for lane in range(LANES):
                if not cells[j, tile, 0, lane] > 0:
                    continue
                t = int(cells[j, tile, FULL - 1, lane])
                if t != number:  # neighbours mostly lie on one triangle
                    number, k = t, texture[t]
                    if k >= 0:
                        slopes = _slopes((triangles[t, 0], triangles[t, 1], triangles[t, 2]), x, y, w, uv)
                r, g, b = cells[j, tile, 4, lane], cells[j, tile, 5, lane], cells[j, tile, 6, lane]
                if k >= 0:
                    shown = _sample(slopes, tile * LANES + lane, j, texels, levels[k], wrap[k])
                    r, g, b = r * shown[0] * share, g * shown[1] * share, b * shown[2] * share
                if grey:
                    cells[j, tile, 4, lane] = _RED * r + _GREEN * g + _BLUE * b
                else:
                    cells[j, tile, 4, lane], cells[j, tile, 5, lane], cells[j, tile, 6, lane] = r, g, b
