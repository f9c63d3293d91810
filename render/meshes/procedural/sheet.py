"""Contact sheet of generated chairs: `python -m render.meshes.procedural.sheet OUT.png`.

The first forty chairs of a fixed seed, turned a little, seen from above.
"""

import math
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.camera import FIELD_OF_VIEW, Camera
from render.cpu import CpuRenderer
from render.meshes.parts import Part, RawMesh
from render.meshes.procedural import make_chair
from render.normals import vertex_normals
from render.scene import Mesh, SceneBatch

CHAIRS, COLUMNS, KEY = 40, 8, 2015
AZIMUTH, ELEVATION = 30.0, 20.0
"""Degrees."""


def plain(chair: RawMesh) -> Mesh:
    """The chair in its materials' mean colours, every triangle flat: textures want a renderer that knows them."""
    corners = np.concatenate([part.positions[part.triangles].reshape(-1, 3) for part in chair.parts])
    albedo = np.concatenate([np.tile(mean_color(part), (part.triangles.size, 1)) for part in chair.parts])
    triangles = np.arange(len(corners), dtype=np.int32).reshape(-1, 3)
    positions = corners.astype(np.float32)
    normals = vertex_normals(positions, triangles)
    return Mesh(positions, normals, albedo.astype(np.float32), triangles, two_sided=True)


def mean_color(part: Part) -> NDArray[np.float64]:
    """RGB of a part, 0..1: its colour times the mean of its texture's opaque pixels."""
    color = np.array(part.material.color)
    texture = part.material.texture
    return color if texture is None else color * texture[texture[..., 3] > 127, :3].mean(axis=0) / 255.0


def picture(chair: RawMesh, size: int, azimuth: float) -> NDArray[np.uint8]:
    """(size, size, 3) view with the chair's bounding sphere in the frame."""
    mesh = plain(chair)
    low, high = mesh.positions.min(axis=0), mesh.positions.max(axis=0)
    x, y, z = (float(c) for c in (low + high) / 2)
    away = mesh.positions - np.array([x, y, z], np.float32)
    radius = math.sqrt(float((away * away).sum(axis=1).max()))
    camera = Camera(size, size, (x, y, z), radius / math.sin(math.radians(FIELD_OF_VIEW / 2)))
    angles = (np.full(1, angle, np.float32) for angle in (azimuth, ELEVATION, 30.0))
    scene = SceneBatch((mesh,), np.zeros(1, np.int64), *angles, camera, light_elevation=45.0)
    return CpuRenderer("rgb", samples=16).render(scene).image[0]


def sheet() -> NDArray[np.uint8]:
    """The whole picture, COLUMNS chairs wide."""
    pictures = [picture(make_chair(KEY, k), 200, AZIMUTH) for k in range(CHAIRS)]
    return np.vstack([np.hstack(pictures[k : k + COLUMNS]) for k in range(0, CHAIRS, COLUMNS)])


if __name__ == "__main__":
    Image.fromarray(sheet()).save(Path(sys.argv[1]), optimize=True)
