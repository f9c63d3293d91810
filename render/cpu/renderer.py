"""The default backend: a z-buffer rasteriser on the CPU. No GPU, OpenGL, compiler or display."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.camera import Camera
from render.cpu.raster import FULL, LANES, LEAN, draw, make_cells, resolve
from render.cpu.truth import PixelTruth, check_channels, stack_truth
from render.cpu.visible import VisibleSurface
from render.errors import RenderError
from render.pose import light_direction
from render.scene import AMBIENT, CHANNELS, LUMINANCE, Color, Frames, Mesh, SceneBatch

KERNEL_VERSION = 1
"""Raised whenever a change moves a pixel; it goes into every store."""


class CpuRenderer:
    """Renders scenes with the kernels of `render.cpu.raster`. Safe to share between threads; they run in parallel.

    Parameters
    ----------
    color : "grey" or "rgb"
    samples : int
        Samples a pixel, a square number: 1, 4, 9, 16.
    channels : sequence of str
        What to give beside the image: names in `render.scene.CHANNELS`.
    """

    def __init__(self, color: Color = "grey", samples: int = 4, channels: Sequence[str] = ("mask",)) -> None:
        side = math.isqrt(samples) if samples > 0 else 0
        if side < 1 or side * side != samples or samples > 64:
            raise RenderError(f"samples must be a square number from 1 to 64 (1, 4, 9, 16 ...), not {samples}")
        if color not in ("grey", "rgb"):
            raise RenderError(f"color must be grey or rgb, not {color!r}")
        check_channels(channels, tuple(CHANNELS), "cpu")
        self.color = color
        self._truth = tuple(name for name in channels if name != "mask")
        self._side = side

    def describe(self) -> dict[str, Any]:
        """Backend and kernel version, for the store's attributes."""
        return {"backend": "cpu", "kernel": KERNEL_VERSION}

    def render(self, scenes: SceneBatch) -> Frames:
        """Render every view; see `render.scene.Frames` for the result."""
        n, camera = len(scenes), scenes.camera
        channels = 3 if self.color == "rgb" else 1
        image = np.empty((n, channels, camera.height, camera.width), np.uint8)
        mask = np.empty((n, camera.height, camera.width), np.uint8)
        truth: list[dict[str, NDArray[Any]]] = []
        for start, stop in _runs(scenes.mesh_index):
            mesh = scenes.meshes[scenes.mesh_index[start]]
            views = range(start, stop)
            poses = np.stack([scenes.pose(v) for v in views])
            toward = np.stack([light_direction(float(scenes.light[v]), scenes.light_elevation) for v in views])
            drawn = self._draw_plain if mesh.skin is None else self._draw_textured
            drawn(mesh, camera, poses, _into_subject(poses, toward), image[start:stop], mask[start:stop])
            truth += self._draw_truth(mesh, poses, toward, camera)
        pixels = np.ascontiguousarray(np.moveaxis(image, 1, 3)) if channels == 3 else image[:, 0]
        return Frames(pixels, mask, stack_truth(truth))

    def _draw_plain(
        self,
        mesh: Mesh,
        camera: Camera,
        poses: NDArray[np.float64],
        lights: NDArray[np.float32],
        image: NDArray[np.uint8],
        mask: NDArray[np.uint8],
    ) -> None:
        """All views in one call: grey needs only LEAN cells."""
        draw(
            np.ascontiguousarray(mesh.positions.T),
            self._attributes(mesh),
            # Unsigned indices spare the kernel the check for negative ones.
            mesh.triangles.view(np.uint32),
            mesh.two_sided,
            _matrices(poses, camera, self._side),
            *_grid(camera, self._side),
            lights,
            self._eyes(poses, camera),
            np.float32(AMBIENT),
            self._side,
            make_cells(camera.height * self._side, camera.width * self._side, LEAN if len(image[0]) == 1 else FULL),
            image,
            mask,
        )

    def _draw_textured(
        self,
        mesh: Mesh,
        camera: Camera,
        poses: NDArray[np.float64],
        lights: NDArray[np.float32],
        image: NDArray[np.uint8],
        mask: NDArray[np.uint8],
    ) -> None:
        """View by view; a pose that is that of the view before is only shaded anew."""
        rows, columns = camera.height * self._side, camera.width * self._side
        surface = VisibleSurface(mesh, (rows, columns), grey=self.color == "grey")
        cells, ambient, side = surface.cells, np.float32(AMBIENT), self._side
        scratch = np.empty((FULL + len(image[0]) + 2, cells.shape[1] * LANES), np.float32)
        matrices, grid, eyes = _matrices(poses, camera, side), _grid(camera, side), self._eyes(poses, camera)
        for k, matrix in enumerate(matrices):
            if k == 0 or (matrix != matrices[k - 1]).any():
                surface.draw(matrix, *grid)
            seen = (cells, surface.touched, columns, side, lights[k], eyes[k], ambient, mesh.two_sided)
            resolve(*seen, scratch, image[k], mask[k])

    def _draw_truth(
        self,
        mesh: Mesh,
        poses: NDArray[np.float64],
        toward: NDArray[np.float64],
        camera: Camera,
    ) -> list[dict[str, NDArray[Any]]]:
        """The channels of each view, with one sample at each pixel's centre."""
        if not self._truth:
            return []
        pixel = PixelTruth(mesh, (camera.height, camera.width), self._truth, self.color)
        grid = _grid(camera, 1)
        return [
            pixel.draw(matrix, *grid, R, light, camera.focal, camera.scale)
            for matrix, R, light in zip(_matrices(poses, camera, 1), poses, toward, strict=True)
        ]

    def _attributes(self, mesh: Mesh) -> NDArray[np.float32]:
        """(V, 4 or 6): normal and albedo. Shading is linear in the albedo, so grey needs one number, not three."""
        if self.color == "rgb":
            return np.concatenate([mesh.normals, mesh.albedo], axis=1)
        r, g, b = (mesh.albedo[:, k] * np.float32(LUMINANCE[k]) for k in range(3))
        return np.concatenate([mesh.normals, (r + g + b)[:, None]], axis=1)

    def _eyes(self, poses: NDArray[np.float64], camera: Camera) -> NDArray[np.float32]:
        """(n, 3, 3): directions from a sample to the eye in the subject's frame, as origin and steps (`resolve`)."""
        focal = camera.focal * self._side
        corner = (camera.width * self._side / 2 - 0.5) / focal, (0.5 - camera.height * self._side / 2) / focal, 1.0
        steps = np.array([corner, (-1 / focal, 0, 0), (0, 1 / focal, 0)])
        return np.stack([_into_subject(poses, np.tile(step, (len(poses), 1))) for step in steps], axis=1)


def _grid(camera: Camera, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The grid's centre in samples with the camera's distance, and the subject's centre."""
    offset = (camera.width * side / 2, camera.height * side / 2, camera.distance)
    return np.array(offset, np.float32), np.array(camera.centre, np.float32)


def _matrices(poses: NDArray[np.float64], camera: Camera, side: int) -> NDArray[np.float32]:
    """(n, 3, 3): subject to (right, down, forward), the first two in samples times depth."""
    focal = camera.focal * side
    return (poses * np.array([[focal], [-focal], [-1.0]]) * camera.scale).astype(np.float32)


def _into_subject(poses: NDArray[np.float64], vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """R^T v of each pose (n, 3, 3) and vector (n, 3), summed in a fixed order (BLAS may not feed pixels)."""
    x, y, z = (poses[:, k] * vectors[:, k, None] for k in range(3))
    return (x + y + z).astype(np.float32)


def _runs(index: NDArray[np.int64]) -> list[tuple[int, int]]:
    """[start, stop) of each run of equal values: views of one mesh share its attributes and scratch."""
    edges = [0, *(np.flatnonzero(np.diff(index)) + 1).tolist(), len(index)]
    return list(itertools.pairwise(edges)) if len(index) else []
