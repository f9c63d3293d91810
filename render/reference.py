"""The reference renderer: a slow rasteriser in float64, without snapping, tricks or compiled code.

The tests compare every backend with it (`render.testing`). It follows the same rules as the fast one: samples on a
regular grid, the top-left rule, back faces dropped unless the mesh is two-sided, perspective-correct normals
(renormalised) and albedo, Lambert with ambient light, the mean of the samples, floor(255 x + 1/2).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.camera import Camera
from render.pose import light_direction
from render.scene import AMBIENT, LUMINANCE, Color, Frames, Mesh, SceneBatch
from render.texture import CUT, WRAPS, Skin

Floats = NDArray[np.float64]
NEAR = 1e-3
"""Nearest rendered depth, as a share of the camera's distance."""
GUARD = 2.0**14
"""Samples from the image's corner beyond which a vertex is not rendered."""


class ReferenceRenderer:
    """Renders scenes as `CpuRenderer` does, thousands of times slower. Parameters as there."""

    def __init__(self, color: Color = "grey", samples: int = 4) -> None:
        self.color = color
        self._side = math.isqrt(samples)

    def describe(self) -> dict[str, Any]:
        """Backend name, for the store's attributes."""
        return {"backend": "reference"}

    def render(self, scenes: SceneBatch) -> Frames:
        """Render every view; see `render.scene.Frames`."""
        images, masks = [], []
        for view, (index, light) in enumerate(zip(scenes.mesh_index, scenes.light, strict=True)):
            toward = light_direction(float(light), scenes.light_elevation)
            surface = visible_surface(scenes.meshes[index], scenes.pose(view), scenes.camera, self._side)
            color = shade(surface, toward, scenes.meshes[index].two_sided)
            images.append(self._pixels(np.where(surface.covered[..., None], color, 1.0)))
            masks.append(_to_bytes(_mean(surface.covered[..., None].astype(np.float64), self._side))[..., 0])
        image = np.stack(images)
        return Frames(image if self.color == "rgb" else image[..., 0], np.stack(masks))

    def _pixels(self, samples: Floats) -> NDArray[np.uint8]:
        """(H, W, 3) or (H, W, 1) uint8 from (H S, W S, 3) display-referred samples."""
        values = samples if self.color == "rgb" else (samples * np.array(LUMINANCE)).sum(axis=-1, keepdims=True)
        return _to_bytes(_mean(values, self._side))


@dataclass
class Surface:
    """The nearest surface at every sample, in the camera's frame (x right, y up, z backward)."""

    covered: NDArray[np.bool_]
    """(rows, columns)."""
    depth: Floats
    """(rows, columns) along the axis, scene units; infinite where nothing is."""
    position: Floats
    """(rows, columns, 3) relative to the camera."""
    normal: Floats
    """(rows, columns, 3) interpolated, not yet of unit length."""
    albedo: Floats
    """(rows, columns, 3) 0..1."""


def visible_surface(mesh: Mesh, R: Floats, camera: Camera, side: int) -> Surface:
    """Z-buffer over a grid of `side` x `side` samples a pixel."""
    rows, columns = camera.height * side, camera.width * side
    surface = Surface(
        np.zeros((rows, columns), bool),
        np.full((rows, columns), np.inf),
        np.zeros((rows, columns, 3)),
        np.zeros((rows, columns, 3)),
        np.ones((rows, columns, 3)),
    )
    normals, albedo = mesh.normals.astype(np.float64) @ R.T, mesh.albedo.astype(np.float64)
    with np.errstate(all="ignore"):  # broken vertices are part of the contract
        seen = (mesh.positions.astype(np.float64) - camera.centre) @ R.T * camera.scale - [0, 0, camera.distance]
        depth = -seen[:, 2]
        x = (camera.focal * seen[:, 0] / depth + camera.width / 2) * side
        y = (-camera.focal * seen[:, 1] / depth + camera.height / 2) * side
    drawable = (depth > NEAR * camera.distance) & (np.abs(x) < GUARD) & (np.abs(y) < GUARD)  # False for NaN
    for t, triangle in enumerate(mesh.triangles):
        if drawable[triangle].all():
            look = None if mesh.skin is None or mesh.skin.index[t] < 0 else _Look(mesh.skin, int(mesh.skin.index[t]))
            _cover(surface, triangle, x, y, depth, seen, normals, albedo, mesh.two_sided, look)
    return surface


@dataclass(frozen=True)
class _Look:
    """One texture of a mesh, looked up sample by sample."""

    skin: Skin
    number: int

    def __call__(
        self, corners: list[int], shares: Floats, right: Floats, down: Floats
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """(rows, columns, 3) colours 0..1 and (rows, columns) whether there is surface at all.

        `shares` (rows, columns, 3) are weights linear on the screen, over depth; `right` and `down` (3,) their steps.
        """
        textures = self.skin.textures
        uv = self.skin.uv[corners].astype(np.float64)
        levels = [
            textures.level(self.number, n) for n in range(int(np.count_nonzero(textures.levels[self.number, :, 1])))
        ]
        with np.errstate(all="ignore"):
            whole = shares.sum(axis=-1, keepdims=True)
            at = np.nan_to_num(shares @ uv / whole)
            size = np.array([levels[0].shape[1], levels[0].shape[0]])
            steps = [np.nan_to_num((step @ uv - at * step.sum()) / whole) * size for step in (right, down)]
        rho = np.maximum(*(np.sqrt((step**2).sum(axis=-1)) for step in steps))
        level = np.clip(np.floor(np.log2(np.maximum(rho, 1))), 0, len(levels) - 1).astype(int)
        more = np.clip(rho / 2.0**level - 1, 0, 1)[..., None]
        ways = textures.wrap[self.number]
        every = np.stack([_bilinear(picture.astype(np.float64), at, ways) for picture in levels])
        rows, columns = np.indices(level.shape)
        coarser = np.minimum(level + 1, len(levels) - 1)
        shown = (1 - more) * every[level, rows, columns] + more * every[coarser, rows, columns]
        there = shown[..., 3] >= 255 * CUT if textures.cut[self.number] else np.ones(level.shape, bool)
        return shown[..., :3] / 255, there


def _bilinear(picture: Floats, at: Floats, ways: NDArray[np.uint8]) -> Floats:
    """(rows, columns, 4) of a picture at (rows, columns, 2) coordinates u, v."""
    across, along = at[..., 0] * picture.shape[1] - 0.5, (1 - at[..., 1]) * picture.shape[0] - 0.5
    left, top = np.floor(across).astype(int), np.floor(along).astype(int)
    fx, fy = (across - left)[..., None], (along - top)[..., None]

    def texel(row: NDArray[np.int64], column: NDArray[np.int64]) -> Floats:
        return picture[_wrapped(row, picture.shape[0], ways[1]), _wrapped(column, picture.shape[1], ways[0])]

    upper = (1 - fx) * texel(top, left) + fx * texel(top, left + 1)
    lower = (1 - fx) * texel(top + 1, left) + fx * texel(top + 1, left + 1)
    return (1 - fy) * upper + fy * lower


def _wrapped(index: NDArray[np.int64], size: int, way: np.uint8) -> NDArray[np.int64]:
    kind = WRAPS[way]
    if kind == "clamp":
        return np.clip(index, 0, size - 1)
    if kind == "mirror":
        return np.minimum(index % (2 * size), 2 * size - 1 - index % (2 * size))
    return index % size


def _cover(
    surface: Surface,
    triangle: NDArray[np.int32],
    x: Floats,
    y: Floats,
    depth: Floats,
    seen: Floats,
    normals: Floats,
    albedo: Floats,
    two_sided: bool,
    look: _Look | None,
) -> None:
    """Rasterise one triangle."""
    a, b, c = triangle
    area = (x[c] - x[a]) * (y[b] - y[a]) - (x[b] - x[a]) * (y[c] - y[a])
    if area == 0 or (area < 0 and not two_sided):
        return
    if area < 0:
        b, c, area = c, b, -area
    window = _window(x[[a, b, c]], y[[a, b, c]], surface.depth.shape)
    px, py = np.meshgrid(np.arange(*window[1]) + 0.5, np.arange(*window[0]) + 0.5)
    ends = ((c, b), (a, c), (b, a))
    edges = [_edge(x[p], y[p], x[q], y[q], px, py) for p, q in ends]
    inside = edges[0][1] & edges[1][1] & edges[2][1]
    # Weights linear on the screen, then divided by depth: linear on the surface.
    corners = [a, b, c]
    shares = np.stack([value / area for value, _ in edges], axis=-1) / depth[corners]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = 1 / shares.sum(axis=-1)
        weights = shares * z[..., None]
    view = (slice(*window[0]), slice(*window[1]))
    front = inside & (z < surface.depth[view])
    painted = weights @ albedo[corners]
    if look is not None:
        right = np.array([y[p] - y[q] for p, q in ends]) / area / depth[corners]
        down = np.array([x[q] - x[p] for p, q in ends]) / area / depth[corners]
        shown, there = look(corners, shares, right, down)
        painted, front = painted * shown, front & there
    surface.covered[view] |= front
    surface.depth[view] = np.where(front, z, surface.depth[view])
    placed, facing = weights @ seen[corners], weights @ normals[corners]
    for plane, values in ((surface.position, placed), (surface.normal, facing), (surface.albedo, painted)):
        plane[view] = np.where(front[..., None], values, plane[view])


def _window(x: Floats, y: Floats, shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns, [start, stop), of the samples that a triangle might cover."""

    def span(values: Floats, size: int) -> tuple[int, int]:
        low, high = np.clip([values.min(), values.max()], -1, size + 1)
        return max(0, math.floor(low)), min(size, math.ceil(high) + 1)

    return span(y, shape[0]), span(x, shape[1])


def _edge(x0: float, y0: float, x1: float, y1: float, px: Floats, py: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Edge function at the samples and which of them it lets in: the inside, and on a top or left edge its points."""
    dx, dy = x1 - x0, y1 - y0
    value = dx * (py - y0) - dy * (px - x0)
    top_left = dy < 0 or (dy == 0 and dx > 0)
    return value, (value >= 0) if top_left else (value > 0)


def shade(surface: Surface, light: Floats, two_sided: bool) -> Floats:
    """clip(albedo (ambient + (1 - ambient) max(0, n . l))), (rows, columns, 3); `light` is a unit vector."""
    normal = surface.normal
    if two_sided:
        away = (normal * surface.position).sum(axis=-1, keepdims=True) > 0
        normal = np.where(away, -normal, normal)
    length = np.sqrt((normal * normal).sum(axis=-1))
    lit = np.divide(normal @ light, length, out=np.zeros_like(length), where=length > 0)
    return np.clip(surface.albedo * (AMBIENT + (1 - AMBIENT) * np.maximum(0, lit))[..., None], 0, 1)


def _mean(samples: Floats, side: int) -> Floats:
    """Mean over the S x S samples of each pixel of (H S, W S, C)."""
    rows, columns, channels = samples.shape
    return samples.reshape(rows // side, side, columns // side, side, channels).mean(axis=(1, 3))


def _to_bytes(values: Floats) -> NDArray[np.uint8]:
    """floor(255 x + 1/2) of values in 0..1."""
    return np.floor(255 * np.clip(values, 0, 1) + 0.5).astype(np.uint8)
