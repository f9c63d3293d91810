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
) -> tuple[int, int]:
    """Draw every triangle into the sample planes; returns the first and one past the last row touched.

    `attributes` is (V, A); `planes` is (1 + A, rows, columns): w, then the attributes times w. Samples with w = 0
    are background.
    """
    count, rows, columns = planes.shape
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
        dxa, dya = np.int64(bx - cx), np.int64(by - cy)
        dxb, dyb = np.int64(cx - ax), np.int64(cy - ay)
        dxc, dyc = np.int64(ax - bx), np.int64(ay - by)
        bias_a = 0 if dya < 0 or (dya == 0 and dxa > 0) else -1
        bias_b = 0 if dyb < 0 or (dyb == 0 and dxb > 0) else -1
        bias_c = 0 if dyc < 0 or (dyc == 0 and dxc > 0) else -1
        px = np.int64((left << SUBPIXEL_BITS) + HALF)
        py = np.int64((top << SUBPIXEL_BITS) + HALF)
        row_a = dxa * (py - cy) - dya * (px - cx)
        row_b = dxb * (py - ay) - dyb * (px - ax)
        row_c = dxc * (py - by) - dyc * (px - bx)
        inverse = np.float32(1) / np.float32(area)
        wa, wb, wc = wa * inverse, wb * inverse, wc * inverse
        for j in range(top, bottom + 1):
            ea, eb, ec = row_a, row_b, row_c
            for i in range(left, right + 1):
                if (ea + bias_a) | (eb + bias_b) | (ec + bias_c) >= 0:
                    ga, gb, gc = np.float32(ea) * wa, np.float32(eb) * wb, np.float32(ec) * wc
                    near = ga + gb + gc
                    if near > planes[0, j, i]:
                        planes[0, j, i] = near
                        for k in range(count - 1):
                            planes[1 + k, j, i] = (
                                ga * attributes[a, k] + gb * attributes[b, k] + gc * attributes[c, k]
                            )
                ea -= dya << SUBPIXEL_BITS
                eb -= dyb << SUBPIXEL_BITS
                ec -= dyc << SUBPIXEL_BITS
            row_a += dxa << SUBPIXEL_BITS
            row_b += dxb << SUBPIXEL_BITS
            row_c += dxc << SUBPIXEL_BITS
        first, last = min(first, top), max(last, bottom + 1)
    return first, last


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
    row: NDArray[np.float32],
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
        The direction from sample (i, j) to the eye in the subject's frame is eye[0] + i eye[1] + j eye[2].
    row : (C + 1, columns) float32
        Scratch: shaded samples and coverage, summed over the S rows of a pixel.
    image, mask : (H, W, C) and (H, W) uint8
        Written in full.
    """
    count, _, columns = planes.shape
    channels = count - 4
    one, zero, full = np.float32(1), np.float32(0), np.float32(255)
    half, share = np.float32(0.5), one / np.float32(side * side)
    lx, ly, lz = light[0], light[1], light[2]
    image[:] = 255
    mask[:] = 0
    for i in range(first // side, (last + side - 1) // side):
        row[:] = zero
        for j in range(i * side, (i + 1) * side):
            fy = np.float32(j)
            for k in range(columns):
                w, nx, ny, nz = planes[0, j, k], planes[1, j, k], planes[2, j, k], planes[3, j, k]
                inside = w > zero
                lit = nx * lx + ny * ly + nz * lz
                if two_sided:
                    fx = np.float32(k)
                    ex = eye[0, 0] + fx * eye[1, 0] + fy * eye[2, 0]
                    ey = eye[0, 1] + fx * eye[1, 1] + fy * eye[2, 1]
                    ez = eye[0, 2] + fx * eye[1, 2] + fy * eye[2, 2]
                    lit = -lit if nx * ex + ny * ey + nz * ez < zero else lit
                # A zero normal gives 0 / 0 here, and NaN > 0 is false: ambient light only.
                lit = lit / np.sqrt(nx * nx + ny * ny + nz * nz)
                shade = ambient + (one - ambient) * (lit if lit > zero else zero)
                row[channels, k] += one if inside else zero
                for c in range(channels):
                    row[c, k] += shade * (planes[4 + c, j, k] / w) if inside else one
        for k in range(columns // side):
            covered = zero
            for s in range(side):
                covered += row[channels, k * side + s]
            mask[i, k] = np.uint8(covered * share * full + half)
            for c in range(channels):
                total = zero
                for s in range(side):
                    total += row[c, k * side + s]
                value = total * share
                image[i, k, c] = np.uint8((value if value < one else one) * full + half)


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
    """Draw one mesh at n poses: `matrices` (n, 3, 3), `lights` (n, 3), `eyes` (n, 3, 3) as in the kernels above."""
    n, height, width, channels = image.shape
    vertices = len(positions)
    x, y = np.empty(vertices, np.int32), np.empty(vertices, np.int32)
    w = np.empty(vertices, np.float32)
    planes = np.zeros((4 + channels, height * side, width * side), np.float32)
    row = np.empty((channels + 1, width * side), np.float32)
    first, last = 0, 0
    for f in range(n):
        planes[0, first:last] = 0
        project(positions, matrices[f], offset, centre, x, y, w)
        first, last = cover(triangles, x, y, w, attributes, two_sided, planes)
        resolve(planes, first, last, side, lights[f], eyes[f], ambient, two_sided, row, image[f], mask[f])
