"""Contact sheet of the built-in chairs: `python -m render.content.chairs.sheet OUT.png`.

The first forty chairs of a fixed seed, turned a little, seen from above.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.content.chairs.build import make_chair
from render.cpu.renderer import CpuRenderer
from render.meshes.drawable import drawable, mesh_camera
from render.meshes.prepare import prepare
from render.scene import SceneBatch

CHAIRS, COLUMNS, SEED, SIZE = 40, 10, 0, 150
AZIMUTH, ELEVATION, LIGHT, LIGHT_ELEVATION = 30.0, 20.0, 30.0, 45.0
"""Degrees."""


def sheet() -> NDArray[np.uint8]:
    """The whole picture, COLUMNS chairs wide."""
    meshes = tuple(drawable(prepare(make_chair(SEED, k), "+y", "+z")) for k in range(CHAIRS))
    pose = [np.full(CHAIRS, angle, np.float32) for angle in (AZIMUTH, ELEVATION, LIGHT)]
    scenes = SceneBatch(
        meshes, np.arange(CHAIRS), pose[0], pose[1], pose[2], mesh_camera(SIZE), light_elevation=LIGHT_ELEVATION
    )
    drawn = CpuRenderer("rgb", samples=16).render(scenes).image
    return np.vstack([np.hstack(list(drawn[k : k + COLUMNS])) for k in range(0, CHAIRS, COLUMNS)])


if __name__ == "__main__":
    Image.fromarray(sheet()).save(Path(sys.argv[1]), optimize=True)
