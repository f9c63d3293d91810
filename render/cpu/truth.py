"""Per-pixel truth beside the image: depth, normals, albedo, shading, regions, landmarks.

The same kernels render it with one sample at each pixel's centre. An average over a pixel would blur its edges.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from render.cpu.raster import FULL, HALF, SUBPIXEL
from render.cpu.visible import VisibleSurface
from render.errors import RenderError
from render.scene import AMBIENT, CHANNELS, LUMINANCE, Color, Mesh

FACING_TOLERANCE = np.float32(4e-3)
"""Distance by which a surface may be nearer than a landmark, as a share of depth, before it hides it: 3 mm for a
head at 0.8 m, the slope of a cheek across one pixel."""


def check_channels(channels: Sequence[str], known: Sequence[str], backend: str) -> None:
    """Refuse channels that a backend does not have.

    Raises
    ------
    RenderError
        With the name of the first such channel.
    """
    for name in channels:
        if name not in CHANNELS:
            raise RenderError(f"there is no channel {name!r}; there are {', '.join(CHANNELS)}")
        if name not in known:
            raise RenderError(f"the {backend} backend has no channel {name}; it has {', '.join(known)}")


def check_subject(channels: Sequence[str], has_regions: bool, has_landmarks: bool) -> None:
    """Refuse channels that a subject cannot fill.

    Raises
    ------
    RenderError
        When regions or landmarks are asked for and there are none.
    """
    if "region" in channels and not has_regions:
        raise RenderError("this subject has no regions: leave the channel region out")
    if "landmarks" in channels and not has_landmarks:
        raise RenderError("this subject does not name the 68 landmarks: leave the channel landmarks out")


class PixelTruth:
    """Renders the truth of one mesh at each of several poses.

    Parameters
    ----------
    mesh : Mesh
    shape : (H, W)
    channels : sequence of str
        Names in `CHANNELS`, without the mask.
    color : "grey" or "rgb"
        Of the albedo.

    Raises
    ------
    RenderError
        When the mesh has no regions or landmarks and they are asked for.
    """

    def __init__(self, mesh: Mesh, shape: tuple[int, int], channels: Sequence[str], color: Color) -> None:
        check_subject(channels, mesh.region is not None, mesh.landmarks is not None)
        self._mesh, self._channels, self._color = mesh, channels, color
        self._region = mesh.region if mesh.region is not None else np.zeros(len(mesh.positions), np.uint8)
        self._surface = VisibleSurface(mesh, shape, grey=False)

    def draw(
        self,
        matrix: NDArray[np.float32],
        offset: NDArray[np.float32],
        centre: NDArray[np.float32],
        R: NDArray[np.float64],
        light: NDArray[np.float64],
        focal: float,
        scale: float,
    ) -> dict[str, NDArray[Any]]:
        """Every channel of one view.

        `matrix`, `offset` and `centre` are those of `render.cpu.raster.project` at one sample a pixel; `R` (3, 3) is
        the pose, `light` (3,) the unit vector toward the light in the camera's frame, `focal` in pixels, `scale` scene
        units per model unit.
        """
        self._surface.draw(matrix, offset, centre)
        planes = self._planes()
        w = planes[0]
        covered = w > 0
        depth = np.divide(1, w, out=np.zeros_like(w), where=covered)
        normal = self._normals(planes[1:4], R, offset, focal, covered)
        makers: dict[str, Callable[[], NDArray[Any]]] = {
            "depth": lambda: depth / np.float32(scale),
            "normal": lambda: np.floor(127 * normal + 0.5).astype(np.int8),
            "albedo": lambda: self._albedo(planes[4:7], depth, covered),
            "shading": lambda: _to_bytes(AMBIENT + (1 - AMBIENT) * np.maximum(0, _dot(normal, light)), covered),
            "region": lambda: self._regions(planes),
            "landmarks": lambda: self._landmarks(depth),
        }
        return {name: makers[name]() for name in self._channels}

    def _planes(self) -> NDArray[np.float32]:
        """(FULL, H, W): w, normal and albedo times w, and the number of the visible triangle."""
        cells = self._surface.cells
        planes = np.moveaxis(cells, 2, 0).reshape(FULL, len(cells), -1)
        return planes[:, :, : self._surface.columns]

    def _normals(
        self,
        planes: NDArray[np.float32],
        R: NDArray[np.float64],
        offset: NDArray[np.float32],
        focal: float,
        covered: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """(H, W, 3) unit normals in the camera's frame, zero where there is none."""
        x, y, z = planes.astype(np.float64)
        # Sums written out: BLAS may not feed pixels.
        normal = np.stack([R[k, 0] * x + R[k, 1] * y + R[k, 2] * z for k in range(3)], axis=-1)
        if self._mesh.two_sided:
            rows, columns = np.mgrid[: normal.shape[0], : normal.shape[1]] + 0.5
            ray = np.stack([(columns - offset[0]) / focal, (offset[1] - rows) / focal, -np.ones(rows.shape)], axis=-1)
            normal = np.where(_dot(normal, ray)[..., None] > 0, -normal, normal)
        length = np.sqrt(_dot(normal, normal))[..., None]
        return np.divide(normal, length, out=np.zeros_like(normal), where=(length > 0) & covered[..., None])

    def _albedo(
        self, planes: NDArray[np.float32], depth: NDArray[np.float32], covered: NDArray[np.bool_]
    ) -> NDArray[np.uint8]:
        albedo = np.moveaxis(planes, 0, 2) * depth[..., None]
        if self._color == "grey":
            return _to_bytes(_dot(albedo, np.array(LUMINANCE, np.float32)), covered)
        return _to_bytes(albedo, covered[..., None])

    def _regions(self, planes: NDArray[np.float32]) -> NDArray[np.uint8]:
        winner, seen = planes[7].astype(np.int32), self._surface
        return _nearest_labels(planes[0], winner, seen.triangles, seen.x, seen.y, seen.w, self._region)

    def _landmarks(self, depth: NDArray[np.float32]) -> NDArray[np.float32]:
        """(68, 3): a landmark is visible when nothing is nearer at its pixel; a rim counts by its nearest pixel."""
        assert self._mesh.landmarks is not None
        ids = self._mesh.landmarks
        x, y = (c[ids].astype(np.float32) / np.float32(SUBPIXEL) for c in (self._surface.x, self._surface.y))
        w = self._surface.w[ids]
        rows, columns = depth.shape
        i, j = np.floor(y).astype(int), np.floor(x).astype(int)
        inside = (w > 0) & (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
        surface = depth[np.clip(i, 0, rows - 1), np.clip(j, 0, columns - 1)]
        own = np.divide(1, w, out=np.zeros_like(w), where=w > 0)
        visible = inside & ((surface == 0) | (surface >= own * (1 - FACING_TOLERANCE)))
        return np.stack([x, y, visible.astype(np.float32)], axis=1)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _nearest_labels(
    near: NDArray[np.float32],
    winner: NDArray[np.int32],
    triangles: NDArray[np.uint32],
    x: NDArray[np.int32],
    y: NDArray[np.int32],
    w: NDArray[np.float32],
    labels: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """(H, W) label of the vertex with the largest weight in the visible triangle; 0 is background."""
    out = np.zeros(near.shape, np.uint8)
    for i in range(near.shape[0]):
        for j in range(near.shape[1]):
            if near[i, j] <= 0:
                continue
            best, label = np.float64(-1), np.uint8(0)
            px, py = np.int64(j * SUBPIXEL + HALF), np.int64(i * SUBPIXEL + HALF)
            for k in range(3):
                corner = triangles[winner[i, j], k]
                p, q = triangles[winner[i, j], (k + 1) % 3], triangles[winner[i, j], (k + 2) % 3]
                edge = np.int64(x[q] - x[p]) * (py - y[p]) - np.int64(y[q] - y[p]) * (px - x[p])
                weight = abs(np.float64(edge)) * w[corner]
                if weight > best:
                    best, label = weight, labels[corner]
            out[i, j] = label
    return out


def _to_bytes(values: NDArray[np.floating], covered: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """floor(255 x + 1/2), and 255 where there is background."""
    return np.where(covered, np.floor(255 * np.clip(values, 0, 1) + 0.5), 255).astype(np.uint8)


def _dot(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.floating]:
    """Sum over the last axis of 3, in a fixed order."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def stack_truth(views: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Channel to (n, ...) from one mapping a view."""
    return {name: np.stack([view[name] for view in views]) for name in views[0]} if views else {}
