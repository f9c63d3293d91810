"""A prepared mesh as the renderers take it: textures with their mip levels, what is cut out last."""

import numpy as np

from render.camera import FIELD_OF_VIEW, Camera
from render.meshes.prepare import PreparedMesh
from render.scene import Mesh
from render.texture import Skin, make_textures

DISTANCE = 5.9
"""Distance of the camera from a mesh whose farthest vertex is at distance 1: its sphere takes 97% of the height of
the frame. The sphere touches a frame of 20 degrees from 1 / sin(10 degrees) = 5.76."""


def drawable(prepared: PreparedMesh) -> Mesh:
    """The mesh of a `render.scene.Mesh`, rendered from both sides, with regions where any part has one."""
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
    """The camera of every store of meshes: all of them have one size."""
    return Camera(size, size, (0.0, 0.0, 0.0), DISTANCE, field_of_view=FIELD_OF_VIEW)
