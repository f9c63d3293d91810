"""Input and output of a renderer: meshes with poses in, frames out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from render.camera import Camera
from render.pose import LIGHT_ELEVATION, rotation
from render.texture import Skin

AMBIENT = 0.2
"""Share of the light that has no direction."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of R, G and B in grey (Rec. 709), applied to display-referred values."""

MOST_TRIANGLES = 1 << 24
"""Numbers of triangles beyond this are not exact in float32, which the kernels keep them in."""

Color = Literal["grey", "rgb"]

CHANNELS = {
    "mask": "uint8 (H, W): covered share of the pixel, 0..255",
    "depth": "float32 (H, W): along the camera's axis, model units; 0 is background",
    "normal": "int8 (H, W, 3): unit normal times 127, x right, y up, z to the camera; 0 is background",
    "albedo": "uint8 (H, W) grey or (H, W, 3): 255 is background",
    "shading": "uint8 (H, W): ambient + (1 - ambient) max(0, n . l), times 255; 255 is background",
    "region": "uint8 (H, W): label of the nearest vertex; 0 is background",
    "landmarks": "float32 (68, 3): x and y in pixels, and 1 where visible",
}
"""Channels beside the image. All but the mask are sampled at the pixel's centre."""


@dataclass(frozen=True)
class Mesh:
    """A subject that can be rendered."""

    positions: NDArray[np.float32]
    """(V, 3), model units."""
    normals: NDArray[np.float32]
    """(V, 3), any length; zero where a vertex has no area around it."""
    albedo: NDArray[np.float32]
    """(V, 3), 0..1."""
    triangles: NDArray[np.int32]
    """(T, 3) vertex indices, counter-clockwise seen from outside."""
    two_sided: bool = False
    """Back faces are rendered, and a normal that points away from the camera is flipped (CAD meshes)."""
    region: NDArray[np.uint8] | None = None
    """(V,) label of each vertex, 1 or more, for the region channel."""
    landmarks: NDArray[np.int32] | None = None
    """(68,) vertex indices in the Multi-PIE order, for the landmarks channel."""
    skin: Skin | None = None
    """Textures that the albedo is multiplied with."""

    def __post_init__(self) -> None:
        vertices = len(self.positions)
        for name in ("positions", "normals", "albedo"):
            array = getattr(self, name)
            if array.shape != (vertices, 3) or array.dtype != np.float32:
                raise ValueError(f"{name} must be ({vertices}, 3) float32, not {array.shape} {array.dtype}")
        triangles = self.triangles
        if triangles.ndim != 2 or triangles.shape[1] != 3 or triangles.dtype != np.int32:
            raise ValueError(f"triangles must be (T, 3) int32, not {triangles.shape} {triangles.dtype}")
        if len(triangles) > MOST_TRIANGLES:
            raise ValueError(f"a mesh has at most {MOST_TRIANGLES} triangles, not {len(triangles)}")
        if triangles.size and not (triangles.min() >= 0 and triangles.max() < vertices):
            raise ValueError(
                f"triangles name vertices {triangles.min()} to {triangles.max()}; "
                f"the mesh has vertices 0 to {vertices - 1}"
            )
        if self.skin is not None:
            self.skin.check(vertices, len(triangles))


@dataclass(frozen=True)
class SceneBatch:
    """Views to render, in order: the mesh, pose and light of each."""

    meshes: tuple[Mesh, ...]
    mesh_index: NDArray[np.int64]
    """(n,) which of the meshes each view shows."""
    azimuth: NDArray[np.float32]
    """(n,) degrees."""
    elevation: NDArray[np.float32]
    """(n,) degrees."""
    light: NDArray[np.float32]
    """(n,) degrees."""
    camera: Camera
    light_elevation: float = LIGHT_ELEVATION
    """Degrees."""
    roll: NDArray[np.float32] | None = None
    """(n,) degrees; None is 0 for every view."""

    def __post_init__(self) -> None:
        n = len(self.mesh_index)
        for name in ("azimuth", "elevation", "light", "roll"):
            values = getattr(self, name)
            if values is not None and values.shape != (n,):
                raise ValueError(f"{name} must have shape ({n},), one value for each view, not {values.shape}")
        if n and not (self.mesh_index.min() >= 0 and self.mesh_index.max() < len(self.meshes)):
            low, high = self.mesh_index.min(), self.mesh_index.max()
            raise ValueError(f"mesh_index must be in 0 to {len(self.meshes) - 1}, not {low} to {high}")

    def __len__(self) -> int:
        return len(self.mesh_index)

    def pose(self, view: int) -> NDArray[np.float64]:
        """(3, 3) rotation of the subject in one view; see `render.pose.rotation`."""
        roll = 0.0 if self.roll is None else float(self.roll[view])
        return rotation(float(self.azimuth[view]), float(self.elevation[view]), roll)


@dataclass(frozen=True)
class Frames:
    """The result of a renderer for n views."""

    image: NDArray[np.uint8]
    """(n, H, W) grey or (n, H, W, 3); white background; the mean of the samples."""
    mask: NDArray[np.uint8]
    """(n, H, W) covered share of the pixel, 0..255."""
    truth: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """The other requested channels, sampled at the pixel's centre; see `CHANNELS`."""

    def channel(self, name: str) -> NDArray[Any]:
        """The mask or one of the other channels."""
        return self.mask if name == "mask" else self.truth[name]


class Renderer(Protocol):
    """The interface of every backend."""

    def render(self, scenes: SceneBatch) -> Frames:
        """Render every view of the batch."""

    def describe(self) -> dict[str, Any]:
        """A description of the backend, for the attributes of a store."""
