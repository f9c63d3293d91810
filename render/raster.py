"""The CPU rasteriser's kernels: project, cover, resolve.

A frame is drawn on a grid of S x S samples a pixel. `project` snaps vertices to 1/256 of a sample, so that coverage
is decided in exact integers and two triangles that share an edge can neither overlap nor leave a gap. `cover` keeps,
for each sample, the nearest surface's w = 1/depth and its attributes times w, which are linear on the screen: the
resolve then needs no division by w for the normal (its length does not matter) and one for the albedo. `resolve`
shades whole rows of samples at once and averages them into pixels.

Nothing here may depend on the machine: no fastmath, no trigonometry, no reduction whose order could change.
"""

import numba
import numpy as np
from numpy.typing import NDArray

SUBPIXEL_BITS = 8
SUBPIXEL = 1 << SUBPIXEL_BITS
HALF = SUBPIXEL // 2
GUARD = np.float32(1 << 14)
"""Samples from the image's corner beyond which a vertex is dropped: products of edges stay inside 64 bits."""


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
    """Screen coordinates in 1/256 sample and w = 1/depth of every vertex; w = 0 marks one that cannot be drawn.

    `matrix` (3, 3) takes a subject's vector to (right, down, forward), the first two times the focal length in
    samples; `offset` (3,) is the centre of the grid in samples and the camera's distance.
    """
    m00, m01, m02 = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    m10, m11, m12 = matrix[1, 0], matrix[1, 1], matrix[1, 2]
    m20, m21, m22 = matrix[2, 0], matrix[2, 1], matrix[2, 2]
    ox, oy, oz = offset[0], offset[1], offset[2]
    cx, cy, cz = centre[0], centre[1], centre[2]
    near = oz * np.float32(1e-3)
    one, zero, half, unit = np.float32(1), np.float32(0), np.float32(0.5), np.float32(SUBPIXEL)
    for v in range(len(positions)):
        px, py, pz = positions[v, 0] - cx, positions[v, 1] - cy, positions[v, 2] - cz
        depth = m20 * px + m21 * py + m22 * pz + oz
        inverse = one / depth
        sx = (m00 * px + m01 * py + m02 * pz) * inverse + ox
        sy = (m10 * px + m11 * py + m12 * pz) * inverse + oy
        # Written so that NaN fails every comparison.
        seen = (depth > near) & (sx > -GUARD) & (sx < GUARD) & (sy > -GUARD) & (sy < GUARD)
        w[v] = inverse if seen else zero
        fx = (sx if seen else zero) * unit + half
        fy = (sy if seen else zero) * unit + half
        # floor() spelled out, so that the loop becomes vector code on every CPU.
        ix, iy = np.int32(fx), np.int32(fy)
        x[v] = ix - (1 if np.float32(ix) > fx else 0)
        y[v] = iy - (1 if np.float32(iy) > fy else 0)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def cover(
    triangles: NDArray[np.int32],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    attributes: NDArray[np.float32],
    two_sided: bool,
    planes: NDArray[np.float32],
    winner: NDArray[np.int32],
) -> tuple[int, int]:
    """Draw every triangle into the sample planes; returns the first and one past the last row touched.

    `attributes` is (V, A); `planes` is (1 + A, rows, columns): w, then the attributes times w. Samples with w = 0
    are background. `winner` (rows, columns) takes the number of the visible triangle, unless it is empty.
    """
    count, rows, columns = planes.shape
    record = winner.size > 0
    first, last = rows, 0
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
        left = max((min(ax, bx, cx) + (HALF - 1)) >> SUBPIXEL_BITS, 0)
        right = min((max(ax, bx, cx) - HALF) >> SUBPIXEL_BITS, columns - 1)
        top = max((min(ay, by, cy) + (HALF - 1)) >> SUBPIXEL_BITS, 0)
        bottom = min((max(ay, by, cy) - HALF) >> SUBPIXEL_BITS, rows - 1)
        if left > right or top > bottom:
            continue
        wa, wb, wc = w[a], w[b], w[c]
        if wa == 0 or wb == 0 or wc == 0:
            continue
        # Edge functions opposite a, b and c, positive inside; `bias` leaves out edges that are not top or left.
        dxa, dya = bx - cx, by - cy
        dxb, dyb = cx - ax, cy - ay
        dxc, dyc = ax - bx, ay - by
        bias_a = 0 if dya < 0 or (dya == 0 and dxa > 0) else -1
        bias_b = 0 if dyb < 0 or (dyb == 0 and dxb > 0) else -1
        bias_c = 0 if dyc < 0 or (dyc == 0 and dxc > 0) else -1
        px = (left << SUBPIXEL_BITS) + HALF
        py = (top << SUBPIXEL_BITS) + HALF
        row_a = np.int64(dxa) * (py - cy) - np.int64(dya) * (px - cx) + bias_a
        row_b = np.int64(dxb) * (py - ay) - np.int64(dyb) * (px - ax) + bias_b
        row_c = np.int64(dxc) * (py - by) - np.int64(dyc) * (px - bx) + bias_c
        step_a, step_b, step_c = dya << SUBPIXEL_BITS, dyb << SUBPIXEL_BITS, dyc << SUBPIXEL_BITS
        inverse = np.float32(1) / np.float32(area)
        wa, wb, wc = wa * inverse, wb * inverse, wc * inverse
        for j in range(top, bottom + 1):
            # Where this row enters the triangle and how many samples it covers, counted without a branch: with
            # three or four samples a row, a mispredicted branch would cost more than the samples.
            ea, eb, ec = row_a, row_b, row_c
            enter, inside = left, 0
            for _ in range(left, right + 1):
                outside = (ea | eb | ec) >> 63  # -1 or 0: the sign of any edge function
                inside += 1 + outside
                enter -= outside if inside == 0 else 0
                ea -= step_a
                eb -= step_b
                ec -= step_c
            skipped = enter - left
            ea = row_a - bias_a - skipped * step_a
            eb = row_b - bias_b - skipped * step_b
            ec = row_c - bias_c - skipped * step_c
            for i in range(enter, enter + inside):
                ga, gb, gc = np.float32(ea) * wa, np.float32(eb) * wb, np.float32(ec) * wc
                near = ga + gb + gc
                if near > planes[0, j, i]:
                    planes[0, j, i] = near
                    if record:
                        winner[j, i] = t
                    for k in range(count - 1):
                        planes[1 + k, j, i] = ga * attributes[a, k] + gb * attributes[b, k] + gc * attributes[c, k]
                ea -= step_a
                eb -= step_b
                ec -= step_c
            row_a += dxa << SUBPIXEL_BITS
            row_b += dxb << SUBPIXEL_BITS
            row_c += dxc << SUBPIXEL_BITS
        first, last = min(first, top), max(last, bottom + 1)
    return first, last


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _lambert(
    j: int,
    planes: NDArray[np.float32],
    light: NDArray[np.float32],
    eye: NDArray[np.float32],
    ambient: np.float32,
    two_sided: bool,
    shade: NDArray[np.float32],
) -> None:
    """Shade = (ambient + (1 - ambient) max(0, n . l)) / w for the samples of row j.

    One output and few inputs, each a plain row: the compiler turns this loop into vector code.
    """
    one, zero = np.float32(1), np.float32(0)
    lx, ly, lz = light[0], light[1], light[2]
    w, nx, ny, nz = planes[0, j], planes[1, j], planes[2, j], planes[3, j]
    if two_sided:
        for k in range(len(shade)):
            fx, fy = np.float32(k), np.float32(j)
            toward_eye = (
                nx[k] * (eye[0, 0] + fx * eye[1, 0] + fy * eye[2, 0])
                + ny[k] * (eye[0, 1] + fx * eye[1, 1] + fy * eye[2, 1])
                + nz[k] * (eye[0, 2] + fx * eye[1, 2] + fy * eye[2, 2])
            )
            lit = nx[k] * lx + ny[k] * ly + nz[k] * lz
            lit = (-lit if toward_eye < zero else lit) / np.sqrt(nx[k] * nx[k] + ny[k] * ny[k] + nz[k] * nz[k])
            shade[k] = (ambient + (one - ambient) * (max(zero, lit))) / w[k]
    else:
        for k in range(len(shade)):
            # A zero normal gives 0 / 0, and NaN > 0 is false: ambient light only.
            lit = nx[k] * lx + ny[k] * ly + nz[k] * lz
            lit = lit / np.sqrt(nx[k] * nx[k] + ny[k] * ny[k] + nz[k] * nz[k])
            shade[k] = (ambient + (one - ambient) * (max(zero, lit))) / w[k]


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
def _average(total: NDArray[np.float32], side: int, out: NDArray[np.uint8]) -> None:
    """Pixels of one row: floor(255 mean + 1/2), the mean over runs of `side` columns of row sums."""
    share, one = np.float32(1) / np.float32(side * side), np.float32(1)
    full, half = np.float32(255), np.float32(0.5)
    if side == 2:
        for k in range(len(out)):
            value = (total[2 * k] + total[2 * k + 1]) * share
            out[k] = np.uint8((min(one, value)) * full + half)
        return
    for k in range(len(out)):
        value = total[k * side]
        for s in range(1, side):
            value += total[k * side + s]
        value = value * share
        out[k] = np.uint8((min(one, value)) * full + half)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def resolve(
    planes: NDArray[np.float32],
    first: int,
    last: int,
    side: int,
    light: NDArray[np.float32],
    eye: NDArray[np.float32],
    ambient: np.float32,
    two_sided: bool,
    rows: NDArray[np.float32],
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
) -> None:
    """Shade the samples of rows `first` to `last` and average them into pixels; the rest is background.

    Parameters
    ----------
    planes : (4 + C, rows, columns) float32
        w, then normal and albedo times w.
    side : int
        S, so that a pixel has S x S samples.
    light : (3,) float32
        Unit vector toward the light, in the subject's frame.
    eye : (3, 3) float32
        The direction from sample (row j, column k) to the eye, in the subject's frame, is
        eye[0] + k eye[1] + j eye[2].
    rows : (C + 2, columns) float32
        Scratch: sums of the shaded channels and of the coverage over the S rows of a pixel, and one row's shade.
    image, mask : (C, H, W) and (H, W) uint8
        Written in full.
    """
    channels = len(planes) - 4
    image[:] = 255
    mask[:] = 0
    shade, covered = rows[channels + 1], rows[channels]
    for i in range(first // side, (last + side - 1) // side):
        rows[:] = 0
        for j in range(i * side, (i + 1) * side):
            _lambert(j, planes, light, eye, ambient, two_sided, shade)
            for c in range(channels):
                _gather(planes[0, j], planes[4 + c, j], shade, rows[c])
            for k in range(len(covered)):
                covered[k] += np.float32(1) if planes[0, j, k] > 0 else np.float32(0)
        for c in range(channels):
            _average(rows[c], side, image[c, i])
        _average(covered, side, mask[i])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def draw(
    positions: NDArray[np.float32],
    attributes: NDArray[np.float32],
    triangles: NDArray[np.int32],
    two_sided: bool,
    matrices: NDArray[np.float32],
    offset: NDArray[np.float32],
    centre: NDArray[np.float32],
    lights: NDArray[np.float32],
    eyes: NDArray[np.float32],
    ambient: np.float32,
    side: int,
    image: NDArray[np.uint8],
    mask: NDArray[np.uint8],
) -> None:
    """Draw one mesh at n poses into image (n, C, H, W) and mask (n, H, W).

    `matrices` (n, 3, 3), `lights` (n, 3) and `eyes` (n, 3, 3) are what the kernels above take for one frame.
    """
    n, channels, height, width = image.shape
    vertices = len(positions)
    x, y = np.empty(vertices, np.int32), np.empty(vertices, np.int32)
    w = np.empty(vertices, np.float32)
    planes = np.zeros((4 + channels, height * side, width * side), np.float32)
    rows = np.empty((channels + 2, width * side), np.float32)
    nobody = np.empty((0, 0), np.int32)
    first, last = 0, 0
    for f in range(n):
        planes[0, first:last] = 0
        project(positions, matrices[f], offset, centre, x, y, w)
        first, last = cover(triangles, x, y, w, attributes, two_sided, planes, nobody)
        resolve(planes, first, last, side, lights[f], eyes[f], ambient, two_sided, rows, image[f], mask[f])
