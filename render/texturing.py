"""Kernels that put textures on what the rasteriser has covered (see `render.texture` for what a texture shows).

They work on cells of FULL planes and run from Python between the kernels of `render.raster`, one call a frame. `cut`
draws triangles with holes: alpha decides whether a sample is covered at all, so it must be known when depths are
compared. `paint` then multiplies the albedo of every covered sample by its texture. Neither needs planes for u and v:
a sample's place on its triangle follows from the snapped corners, exactly as it was covered.

Nothing here may depend on the machine: no fastmath, no logarithm, no reduction whose order could change.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from render.raster import FULL, HALF, LANES, SUBPIXEL
from render.scene import LUMINANCE

_RED, _GREEN, _BLUE = (np.float32(share) for share in LUMINANCE)
_CUT_LEVEL = np.float32(127.5)
"""Alpha in levels below which there is no surface."""


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _place(
    corners: tuple[int, int, int],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    px: Any,
    py: Any,
) -> tuple[Any, Any, Any]:
    """For one sample: each corner's share of w (unnormalised), its step one sample to the right, and one down."""
    a, b, c = corners
    wa, wb, wc = np.float64(w[a]), np.float64(w[b]), np.float64(w[c])
    dxa, dya = np.int64(x[b] - x[c]), np.int64(y[b] - y[c])
    dxb, dyb = np.int64(x[c] - x[a]), np.int64(y[c] - y[a])
    dxc, dyc = np.int64(x[a] - x[b]), np.int64(y[a] - y[b])
    ea = np.float64(dxa * (py - y[c]) - dya * (px - x[c]))
    eb = np.float64(dxb * (py - y[a]) - dyb * (px - x[a]))
    ec = np.float64(dxc * (py - y[b]) - dyc * (px - x[b]))
    unit = np.float64(SUBPIXEL)
    shares = ea * wa, eb * wb, ec * wc
    right = -unit * dya * wa, -unit * dyb * wb, -unit * dyc * wc
    down = unit * dxa * wa, unit * dxb * wb, unit * dxc * wc
    return shares, right, down


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _step(step: Any, u: tuple[Any, Any, Any], here: Any, whole: Any) -> Any:
    """Derivative of a coordinate that is `here`, along a step of the shares."""
    return (step[0] * u[0] + step[1] * u[1] + step[2] * u[2] - here * (step[0] + step[1] + step[2])) / whole


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _wrapped(at: int, size: int, way: int) -> int:
    """Index of a texel that may lie outside: 0 repeats, 1 clamps, 2 mirrors."""
    if way == 1:
        return min(max(at, 0), size - 1)
    if way == 2:
        at = at % (2 * size)
        return at if at < size else 2 * size - 1 - at
    return at % size


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _bilinear(
    texels: NDArray[np.uint8],
    level: NDArray[np.int32],
    wrap: NDArray[np.uint8],
    u: float,
    v: float,
) -> tuple[Any, Any, Any, Any]:
    """RGBA in levels 0..255 of one mip level at (u, v); v = 0 is the bottom."""
    first, rows, columns = level[0], level[1], level[2]
    across, along = u * columns - 0.5, (1.0 - v) * rows - 0.5
    # Beyond this a coordinate in float32 has no fraction left; and the conversion to an integer must not overflow.
    if not (abs(across) < 1e9 and abs(along) < 1e9):
        across, along = 0.0, 0.0
    left, top = np.floor(across), np.floor(along)
    fx, fy = np.float32(across - left), np.float32(along - top)
    j0, j1 = _wrapped(int(left), columns, wrap[0]), _wrapped(int(left) + 1, columns, wrap[0])
    i0, i1 = _wrapped(int(top), rows, wrap[1]), _wrapped(int(top) + 1, rows, wrap[1])
    one = np.float32(1)
    w00, w01, w10, w11 = (one - fy) * (one - fx), (one - fy) * fx, fy * (one - fx), fy * fx
    p00, p01 = first + i0 * columns + j0, first + i0 * columns + j1
    p10, p11 = first + i1 * columns + j0, first + i1 * columns + j1
    r = w00 * texels[p00, 0] + w01 * texels[p01, 0] + w10 * texels[p10, 0] + w11 * texels[p11, 0]
    g = w00 * texels[p00, 1] + w01 * texels[p01, 1] + w10 * texels[p10, 1] + w11 * texels[p11, 1]
    b = w00 * texels[p00, 2] + w01 * texels[p01, 2] + w10 * texels[p10, 2] + w11 * texels[p11, 2]
    a = w00 * texels[p00, 3] + w01 * texels[p01, 3] + w10 * texels[p10, 3] + w11 * texels[p11, 3]
    return np.float32(r), np.float32(g), np.float32(b), np.float32(a)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _sample(
    corners: tuple[int, int, int],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    px: Any,
    py: Any,
    uv: NDArray[np.float32],
    texels: NDArray[np.uint8],
    levels: NDArray[np.int32],
    wrap: NDArray[np.uint8],
) -> tuple[Any, Any, Any, Any]:
    """RGBA in levels 0..255 of a triangle's texture at a sample, between mip levels."""
    a, b, c = corners
    shares, right, down = _place(corners, x, y, w, px, py)
    whole = shares[0] + shares[1] + shares[2]
    us = np.float64(uv[a, 0]), np.float64(uv[b, 0]), np.float64(uv[c, 0])
    vs = np.float64(uv[a, 1]), np.float64(uv[b, 1]), np.float64(uv[c, 1])
    u = (shares[0] * us[0] + shares[1] * us[1] + shares[2] * us[2]) / whole
    v = (shares[0] * vs[0] + shares[1] * vs[1] + shares[2] * vs[2]) / whole
    rows, columns = levels[0, 1], levels[0, 2]
    ux, vx = _step(right, us, u, whole) * columns, _step(right, vs, v, whole) * rows
    uy, vy = _step(down, us, u, whole) * columns, _step(down, vs, v, whole) * rows
    rho = np.sqrt(max(ux * ux + vx * vx, uy * uy + vy * vy))
    level = 0
    while rho >= 2.0 and level + 1 < len(levels) and levels[level + 1, 1] > 0:
        rho *= 0.5
        level += 1
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
    """Draw the triangles from `first` on where their textures are not cut out, as `render.raster.cover` would."""
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
        k = texture[t]
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
                if _sample(corners, x, y, w, px, py, uv, texels, levels[k], wrap[k])[3] < _CUT_LEVEL:
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
    for j in range(first, last):
        py = np.int64(j) * SUBPIXEL + HALF
        for tile in range(low, high):
            for lane in range(LANES):
                if not cells[j, tile, 0, lane] > 0:
                    continue
                t = int(cells[j, tile, FULL - 1, lane])
                k = texture[t]
                r, g, b = cells[j, tile, 4, lane], cells[j, tile, 5, lane], cells[j, tile, 6, lane]
                if k >= 0:
                    corners = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                    px = np.int64(tile * LANES + lane) * SUBPIXEL + HALF
                    shown = _sample(corners, x, y, w, px, py, uv, texels, levels[k], wrap[k])
                    r, g, b = r * shown[0] * share, g * shown[1] * share, b * shown[2] * share
                if grey:
                    cells[j, tile, 4, lane] = _RED * r + _GREEN * g + _BLUE * b
                else:
                    cells[j, tile, 4, lane], cells[j, tile, 5, lane], cells[j, tile, 6, lane] = r, g, b
