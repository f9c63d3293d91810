"""The CPU rasteriser's kernels: project, cover, resolve, and draw, which calls the others for each frame.

A frame is rasterised on a grid of S x S samples per pixel. `project` snaps vertices to 1/256 of a sample, so that
coverage is decided in exact integers and two triangles that share an edge can neither overlap nor leave a gap. `cover`
stores, for each sample, the nearest surface's w = 1/depth and its attributes times w, which are linear on the screen:
shading then needs no division by w for the normal (its length does not matter) and one for the albedo. `resolve` shades
whole rows of samples at once and averages them into pixels.

Samples are stored in cells of LANES neighbours in a row: (rows, tiles, planes, LANES). A triangle of a face covers two
or three samples in each of three rows; counting them costs a mispredicted branch or two per row, while testing the
whole cell at once costs none. The compiler turns the loop over a cell's lanes into vector code only under three
conditions: a constant number of lanes, one flat array with constant distances between the planes of a cell, and stores
that do not depend on a branch (a sample that is not covered is written back unchanged).

Nothing here may depend on the machine: no fastmath, no trigonometry, no reduction whose order could change. All kernels
that call one another stay in this file: numba's cache compares the age of the caller's file only.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

SUBPIXEL_BITS = 8
SUBPIXEL = 1 << SUBPIXEL_BITS
HALF = SUBPIXEL // 2
GUARD = np.float32(1 << 14)
"""Samples from the image's corner beyond which a vertex is dropped: edge functions stay exact in float64."""
LANES = 8
"""Samples in a cell."""
CELL = SUBPIXEL * LANES
Triple = tuple[Any, Any, Any]
"""One number for each corner of a triangle."""
LEAN, FULL = 5, 8
"""Planes of a cell: w, normal and one albedo; or w, normal, three albedos and the triangle's number."""


def make_cells(rows: int, columns: int, planes: int) -> NDArray[np.float32]:
    """(rows, tiles, planes, LANES) cells, all background."""
    return np.zeros((rows, -(-columns // LANES), planes, LANES), np.float32)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def project(
    positions: NDArray[np.float32],
    matrix: NDArray[np.float32],
    offset: NDArray[np.float32],
    centre: NDArray[np.float32],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
) -> None:
    """Screen coordinates in 1/256 sample and w = 1/depth of every vertex; w = 0 marks one that cannot be rendered.

    `positions` is (3, V), a row for each coordinate: with all arrays planar the loop is vector code. `matrix` (3, 3)
    takes a subject's vector to (right, down, forward), the first two times the focal length in samples; `offset` (3,)
    is the centre of the grid in samples and the camera's distance.
    """
    m00, m01, m02 = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    m10, m11, m12 = matrix[1, 0], matrix[1, 1], matrix[1, 2]
    m20, m21, m22 = matrix[2, 0], matrix[2, 1], matrix[2, 2]
    ox, oy, oz = offset[0], offset[1], offset[2]
    cx, cy, cz = centre[0], centre[1], centre[2]
    near = oz * np.float32(1e-3)
    one, zero, half, unit = np.float32(1), np.float32(0), np.float32(0.5), np.float32(SUBPIXEL)
    across, up, toward = positions[0], positions[1], positions[2]
    for v in range(len(w)):
        px, py, pz = across[v] - cx, up[v] - cy, toward[v] - cz
        depth = m20 * px + m21 * py + m22 * pz + oz
        inverse = one / depth
        sx = (m00 * px + m01 * py + m02 * pz) * inverse + ox
        sy = (m10 * px + m11 * py + m12 * pz) * inverse + oy
        # Written so that NaN fails every comparison.
        seen = (depth > near) & (sx > -GUARD) & (sx < GUARD) & (sy > -GUARD) & (sy < GUARD)
        w[v] = inverse if seen else zero
        x[v] = np.int32(np.floor((sx if seen else zero) * unit + half))
        y[v] = np.int32(np.floor((sy if seen else zero) * unit + half))


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _lane(k: int, row: Triple, step: Triple, least: Triple, shares: Triple) -> tuple[Triple, np.float32, bool]:
    """The contribution of each corner to w at lane k, their sum, and whether the sample is inside."""
    # Whole numbers that float64 holds exactly, and vector units compare fast.
    ea = row[0] - np.float64(k) * step[0]
    eb = row[1] - np.float64(k) * step[1]
    ec = row[2] - np.float64(k) * step[2]
    inside = (ea >= least[0]) & (eb >= least[1]) & (ec >= least[2])
    given = np.float32(ea) * shares[0], np.float32(eb) * shares[1], np.float32(ec) * shares[2]
    return given, given[0] + given[1] + given[2], inside


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _put(flat: NDArray[np.float32], at: np.uint64, plane: int, seen: bool, value: np.float32) -> None:
    """Write where seen; loading in any case is what lets the compiler use vector code."""
    at = at + np.uint64(plane * LANES)
    old = flat[at]
    flat[at] = value if seen else old


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _mix(given: Triple, a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """An attribute times w."""
    return given[0] * a + given[1] * b + given[2] * c


@numba.njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _fill(
    outline: tuple[int, int, int, int, int, int],
    shares: Triple,
    corners: tuple[int, int, int],
    attributes: NDArray[np.float32],
    t: int,
    tile: int,
    top: int,
    bottom: int,
    tiles: int,
    planes: int,
    flat: NDArray[np.float32],
) -> None:
    """Rasterise the rows [top, bottom] of triangle t into one column of cells."""
    ax, ay, bx, by, cx, cy = outline
    a, b, c = corners
    # Edge functions opposite a, b and c, positive inside; those of edges that are not top or left must exceed zero.
    dxa, dya = bx - cx, by - cy
    dxb, dyb = cx - ax, cy - ay
    dxc, dyc = ax - bx, ay - by
    least = (
        np.float64(0 if dya < 0 or (dya == 0 and dxa > 0) else 1),
        np.float64(0 if dyb < 0 or (dyb == 0 and dxb > 0) else 1),
        np.float64(0 if dyc < 0 or (dyc == 0 and dxc > 0) else 1),
    )
    px, py = tile * CELL + HALF, top * SUBPIXEL + HALF
    ra = np.float64(dxa * (py - cy) - dya * (px - cx))
    rb = np.float64(dxb * (py - ay) - dyb * (px - ax))
    rc = np.float64(dxc * (py - by) - dyc * (px - bx))
    step = np.float64(dya * SUBPIXEL), np.float64(dyb * SUBPIXEL), np.float64(dyc * SUBPIXEL)
    a0, a1, a2, a3 = attributes[a, 0], attributes[a, 1], attributes[a, 2], attributes[a, 3]
    b0, b1, b2, b3 = attributes[b, 0], attributes[b, 1], attributes[b, 2], attributes[b, 3]
    c0, c1, c2, c3 = attributes[c, 0], attributes[c, 1], attributes[c, 2], attributes[c, 3]
    for j in range(top, bottom + 1):
        # Unsigned indices spare the check for negative ones.
        cell = np.uint64((j * tiles + tile) * planes * LANES)
        row = ra, rb, rc
        # Twice, with all planes spelled out: a loop over planes, or a branch inside the loop over lanes, would leave
        # the compiler a loop that it does not turn into vector code.
        if planes == LEAN:
            for k in range(LANES):
                at = cell + np.uint64(k)
                given, near, inside = _lane(k, row, step, least, shares)
                seen = inside & (near > flat[at])
                _put(flat, at, 0, seen, near)
                _put(flat, at, 1, seen, _mix(given, a0, b0, c0))
                _put(flat, at, 2, seen, _mix(given, a1, b1, c1))
                _put(flat, at, 3, seen, _mix(given, a2, b2, c2))
                _put(flat, at, 4, seen, _mix(given, a3, b3, c3))
        else:
            a4, a5, b4, b5 = attributes[a, 4], attributes[a, 5], attributes[b, 4], attributes[b, 5]
            c4, c5, number = attributes[c, 4], attributes[c, 5], np.float32(t)
            for k in range(LANES):
                at = cell + np.uint64(k)
                given, near, inside = _lane(k, row, step, least, shares)
                seen = inside & (near > flat[at])
                _put(flat, at, 0, seen, near)
                _put(flat, at, 1, seen, _mix(given, a0, b0, c0))
                _put(flat, at, 2, seen, _mix(given, a1, b1, c1))
                _put(flat, at, 3, seen, _mix(given, a2, b2, c2))
                _put(flat, at, 4, seen, _mix(given, a3, b3, c3))
                _put(flat, at, 5, seen, _mix(given, a4, b4, c4))
                _put(flat, at, 6, seen, _mix(given, a5, b5, c5))
                _put(flat, at, 7, seen, number)
        ra += np.float64(dxa * SUBPIXEL)
        rb += np.float64(dxb * SUBPIXEL)
        rc += np.float64(dxc * SUBPIXEL)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cover(
    triangles: NDArray[np.uint32],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    attributes: NDArray[np.float32],
    two_sided: bool,
    columns: int,
    cells: NDArray[np.float32],
) -> tuple[int, int, int, int]:
    """Rasterise every triangle into the cells; returns the rows [first, last) and tiles [low, high) touched.

    `attributes` is (V, 4) for cells of LEAN planes, (V, 6) for FULL ones. Samples with w = 0 are background.
    """
    rows, tiles, planes = cells.shape[:3]
    flat = cells.reshape(-1)
    first, last, low, high = rows, 0, tiles, 0
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, bx, by, cx, cy = x[a], y[a], x[b], y[b], x[c], y[c]
        # Screen y points down, so a front face winds the other way here than in space.
        area = np.int64(cx - ax) * np.int64(by - ay) - np.int64(bx - ax) * np.int64(cy - ay)
        if area <= 0:
            if area == 0 or not two_sided:
                continue
            b, c, bx, by, cx, cy, area = c, b, cx, cy, bx, by, -area
        # The samples whose centres lie in the bounding box.
        left, right = min(ax, bx, cx), max(ax, bx, cx)
        top, bottom = min(ay, by, cy), max(ay, by, cy)
        left = max((left + (HALF - 1)) >> SUBPIXEL_BITS, 0)
        right = min((right - HALF) >> SUBPIXEL_BITS, columns - 1)
        top = max((top + (HALF - 1)) >> SUBPIXEL_BITS, 0)
        bottom = min((bottom - HALF) >> SUBPIXEL_BITS, rows - 1)
        if left > right or top > bottom or w[a] == 0 or w[b] == 0 or w[c] == 0:
            continue
        # Times the edge functions opposite a, b and c, these give each corner's share of w.
        inverse = np.float32(1) / np.float32(area)
        shares = w[a] * inverse, w[b] * inverse, w[c] * inverse
        corners = a, b, c
        outline = ax, ay, bx, by, cx, cy
        for tile in range(left // LANES, right // LANES + 1):
            _fill(outline, shares, corners, attributes, t, tile, top, bottom, tiles, planes, flat)
        first, last = min(first, top), max(last, bottom + 1)
        low, high = min(low, left // LANES), max(high, right // LANES + 1)
    return first, last, low, high


@numba.njit(nogil=True, cache=True, error_model="numpy")
def clear(cells: NDArray[np.float32], touched: tuple[int, int, int, int]) -> None:
    """Make background of what `cover` touched."""
    first, last, low, high = touched
    tiles, planes = cells.shape[1:3]
    flat = cells.reshape(-1)
    for j in range(first, last):
        for tile in range(low, high):
            at = np.uint64((j * tiles + tile) * planes * LANES)
            for k in range(LANES):
                flat[at + np.uint64(k)] = np.float32(0)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _take_row(cells: NDArray[np.int64], start: int, planes: int, low: int, high: int, row: NDArray[np.int64]) -> None:
    """Planes of the tiles [low, high) of one row of samples; `cells` is flat and begins the row at `start`.

    Both are seen as 64-bit words: half as many moves.
    """
    words = LANES // 2
    for p in range(planes):
        for tile in range(low, high):
            source = np.uint64(start + (tile * planes + p) * words)
            target = np.uint64(tile * words)
            # All loads before the first store, or the compiler would have to keep them in turn.
            first, second = cells[source], cells[source + np.uint64(1)]
            third, fourth = cells[source + np.uint64(2)], cells[source + np.uint64(3)]
            row[p, target], row[p, target + np.uint64(1)] = first, second
            row[p, target + np.uint64(2)], row[p, target + np.uint64(3)] = third, fourth


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _lambert(
    j: int,
    start: int,
    w: NDArray[np.float32],
    normal: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    light: NDArray[np.float32],
    eye: NDArray[np.float32],
    ambient: np.float32,
    two_sided: bool,
    shade: NDArray[np.float32],
) -> None:
    """Shade = (ambient + (1 - ambient) max(0, n . l)) / w for samples of row j from column `start` on."""
    one, zero = np.float32(1), np.float32(0)
    lx, ly, lz = light[0], light[1], light[2]
    nx, ny, nz = normal
    # max() spelled out, here and below: a zero normal gives 0 / 0, NaN > 0 is false, and ambient light is left;
    # max(0, NaN) depends on the order of its arguments.
    if two_sided:
        for k in range(len(shade)):
            fx, fy = np.float32(start + k), np.float32(j)
            toward_eye = (
                nx[k] * (eye[0, 0] + fx * eye[1, 0] + fy * eye[2, 0])
                + ny[k] * (eye[0, 1] + fx * eye[1, 1] + fy * eye[2, 1])
                + nz[k] * (eye[0, 2] + fx * eye[1, 2] + fy * eye[2, 2])
            )
            lit = nx[k] * lx + ny[k] * ly + nz[k] * lz
            lit = (-lit if toward_eye < zero else lit) / np.sqrt(nx[k] * nx[k] + ny[k] * ny[k] + nz[k] * nz[k])
            lit = lit if lit > zero else zero  # noqa: FURB136
            shade[k] = (ambient + (one - ambient) * lit) / w[k]
    else:
        for k in range(len(shade)):
            lit = nx[k] * lx + ny[k] * ly + nz[k] * lz
            lit = lit / np.sqrt(nx[k] * nx[k] + ny[k] * ny[k] + nz[k] * nz[k])
            lit = lit if lit > zero else zero  # noqa: FURB136
            shade[k] = (ambient + (one - ambient) * lit) / w[k]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _gather(
    w: NDArray[np.float32],
    albedo: NDArray[np.float32],
    shade: NDArray[np.float32],
    total: NDArray[np.float32],
) -> None:
    """Add one row of samples to `total`: shaded albedo where covered, else the white background."""
    one, zero = np.float32(1), np.float32(0)
    for k in range(len(total)):
        total[k] += albedo[k] * shade[k] if w[k] > zero else one


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _count(w: NDArray[np.float32], total: NDArray[np.float32]) -> None:
    """Add one for each covered sample."""
    one, zero = np.float32(1), np.float32(0)
    for k in range(len(total)):
        total[k] += one if w[k] > zero else zero


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _average(total: NDArray[np.float32], side: int, out: NDArray[np.uint8]) -> None:
    """Pixels of one row: floor(255 mean + 1/2), the mean over runs of `side` columns of row sums."""
    share, one = np.float32(1) / np.float32(side * side), np.float32(1)
    full, half = np.float32(255), np.float32(0.5)
    if side == 2:
        for k in range(len(out)):
            value = (total[2 * k] + total[2 * k + 1]) * share
            value = value if value < one else one  # noqa: FURB136
            out[k] = np.uint8(value * full + half)
        return
    for k in range(len(out)):
        value = total[k * side]
        for s in range(1, side):
            value += total[k * side + s]
        value = value * share
        value = value if value < one else one  # noqa: FURB136
        out[k] = np.uint8(value * full + half)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def resolve(
    cells: NDArray[np.float32],
    touched: tuple[int, int, int, int],
    columns: int,
    side: int,
    light: NDArray[np.float32],
    eye: NDArray[np.float32],
    ambient: np.float32,
    two_sided: bool,
    rows: NDArray[np.float32],
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
) -> None:
    """Shade the samples that were touched and average them into pixels; the rest is background.

    Parameters
    ----------
    cells : (rows, tiles, planes, LANES) float32
        Planes are w, then normal and albedo times w (`render.cpu.raster.cover`).
    touched : (first row, last row + 1, first tile, last tile + 1)
        What `cover` gave.
    columns : int
        Samples in a row.
    side : int
        S, so that a pixel has S x S samples.
    light : (3,) float32
        Unit vector toward the light, in the subject's frame.
    eye : (3, 3) float32
        The direction from sample (row j, column k) to the eye, in the subject's frame, is
        eye[0] + k eye[1] + j eye[2].
    rows : (planes + C + 2, tiles LANES) float32
        Scratch: one row of every plane, the sums of the shaded channels over the S rows of a pixel, the same of the
        coverage, and one row's shade.
    image, mask : (C, H, W) and (H, W) uint8
        Written in full.
    """
    first, last, low, high = touched
    channels, planes, tiles = len(image), cells.shape[2], cells.shape[1]
    image[:] = 255
    mask[:] = 0
    if first >= last:
        return
    # Whole pixels around the tiles; what they have beside the tiles is background.
    start, stop = low * LANES // side, min(-(-high * LANES // side), columns // side)
    low, high = start * side // LANES, min(-(-stop * side // LANES), tiles)
    words, row = cells.view(np.int64).reshape(-1), rows.view(np.int64)
    # Slices of one row stay contiguous, for the compiler too.
    a, b = start * side, stop * side
    covered, shade = rows[planes + channels, a:b], rows[planes + channels + 1, a:b]
    for i in range(first // side, (last + side - 1) // side):
        rows[planes:] = 0
        for j in range(i * side, (i + 1) * side):
            _take_row(words, j * tiles * planes * (LANES // 2), planes, low, high, row)
            w, normal = rows[0, a:b], (rows[1, a:b], rows[2, a:b], rows[3, a:b])
            _lambert(j, a, w, normal, light, eye, ambient, two_sided, shade)
            for c in range(channels):
                _gather(w, rows[4 + c, a:b], shade, rows[planes + c, a:b])
            _count(w, covered)
        for c in range(channels):
            _average(rows[planes + c, a:b], side, image[c, i, start:stop])
        _average(covered, side, mask[i, start:stop])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def draw(
    positions: NDArray[np.float32],
    attributes: NDArray[np.float32],
    triangles: NDArray[np.uint32],
    two_sided: bool,
    matrices: NDArray[np.float32],
    offset: NDArray[np.float32],
    centre: NDArray[np.float32],
    lights: NDArray[np.float32],
    eyes: NDArray[np.float32],
    ambient: np.float32,
    side: int,
    cells: NDArray[np.float32],
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
) -> None:
    """Render one mesh at n poses into image (n, C, H, W) and mask (n, H, W).

    `matrices` (n, 3, 3), `lights` (n, 3) and `eyes` (n, 3, 3) are what the kernels take for one frame. A pose that is
    that of the frame before, as in a batch in which the light varies, is only shaded anew.
    """
    vertices, columns = len(attributes), image.shape[3] * side
    x, y = np.empty(vertices, np.int32), np.empty(vertices, np.int32)
    w = np.empty(vertices, np.float32)
    scratch = np.empty((cells.shape[2] + image.shape[1] + 2, cells.shape[1] * LANES), np.float32)
    touched = (0, 0, 0, 0)
    for f in range(len(image)):
        if f == 0 or (matrices[f] != matrices[f - 1]).any():
            clear(cells, touched)
            project(positions, matrices[f], offset, centre, x, y, w)
            touched = cover(triangles, x, y, w, attributes, two_sided, columns, cells)
        resolve(cells, touched, columns, side, lights[f], eyes[f], ambient, two_sided, scratch, image[f], mask[f])
