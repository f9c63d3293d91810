"""Conversion of a prepared mesh to the form that renderers take, and the camera of all mesh stores."""

import numpy as np

from render.camera import FIELD_OF_VIEW, Camera
from render.meshes.prepare import PreparedMesh
from render.scene import Mesh
from render.texture import Skin, make_textures

DISTANCE = 5.9
"""Distance of the camera from the centre of a mesh of radius 1, whose sphere then takes 97% of the height of the frame.
The sphere would touch a frame of 20 degrees at a distance of 1 / sin(10 degrees) = 5.76."""


def drawable(prepared: PreparedMesh) -> Mesh:
    """Convert to a two-sided `render.scene.Mesh`, triangles with cut-out textures last, textures with mip levels."""
    holes = np.array([texture.cut_below is not None for texture in prepared.textures] + [False])
    order = np.argsort(holes[prepared.texture], kind="stable")
    skin = None
    if prepared.uv is not None:
        pictures, wraps, cuts = zip(*prepared.textures, strict=True)
        skin = Skin(make_textures(pictures, wraps, cuts), prepared.uv, prepared.texture[order])
    return Mesh(
        prepared.positions,
        prepared.normals,
        prepared.albedo,
        np.ascontiguousarray(prepared.triangles[order]),
        two_sided=True,
        region=prepared.label if prepared.label.any() else None,
        skin=skin,
    )


def mesh_camera(size: int) -> Camera:
    """Camera of every mesh store, for square frames of `size` pixels; all prepared meshes have radius 1."""
    return Camera(size, size, (0.0, 0.0, 0.0), DISTANCE, field_of_view=FIELD_OF_VIEW)
