"""Contact sheet of random identities: `python -m render.content.head.sheet OUT.png [MODEL]`.

Forty people in front and in three-quarter view at 150 pixels, and one at 600; the picture in the documentation.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.camera import frame_head
from render.cpu.renderer import CpuRenderer
from render.models import open_model
from render.morphable import MorphableModel
from render.scene import Mesh, SceneBatch

PEOPLE, COLUMNS, LARGE, KEY = 40, 10, 5, 2015
RANGES = ((-86, 0, 86), (-23, 0, 23))
"""Azimuths and elevations the frame has room for, degrees."""


def draw(model: MorphableModel, meshes: tuple[Mesh, ...], size: int, pose: tuple[float, ...]) -> NDArray[np.uint8]:
    """(n, size, size, 3) pictures of the meshes at one azimuth, elevation and light (degrees)."""
    n = len(meshes)
    azimuth, elevation, light = (np.full(n, angle, np.float32) for angle in pose)
    camera = frame_head(model.mean, model.chin, size, *RANGES)
    scene = SceneBatch(meshes, np.arange(n), azimuth, elevation, light, camera)
    return CpuRenderer("rgb", samples=16).render(scene).image


def sheet(model: MorphableModel) -> NDArray[np.uint8]:
    """The whole picture: rows of faces, frontal above three-quarter, and one of them large on the left."""
    normal = np.random.Generator(np.random.Philox(KEY))
    coefficients = {
        name: normal.standard_normal((PEOPLE, model.blocks[name].components)).astype(np.float32)
        for name in ("shape", "albedo")
    }
    meshes = model.meshes(coefficients)
    views = [draw(model, meshes, 150, pose) for pose in ((0, 0, 20), (40, 5, -30))]
    rows = [np.hstack(list(view[k : k + COLUMNS])) for k in range(0, PEOPLE, COLUMNS) for view in views]
    large = [draw(model, meshes[LARGE : LARGE + 1], 600, pose)[0] for pose in ((0, 0, 20), (40, 5, -30))]
    return np.hstack([np.vstack(large), np.vstack(rows)])


if __name__ == "__main__":
    out, name = Path(sys.argv[1]), (sys.argv[2:] or ["procedural"])[0]
    picture = Image.fromarray(sheet(open_model(name)))
    # 256 colours chosen for the picture and dithered are plenty for skin, in half the bytes.
    palette = picture.quantize(256, kmeans=2)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(out, optimize=True)
