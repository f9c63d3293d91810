"""The pyrender backend: the same scenes and the same shading equation, rendered by OpenGL.

It is an independent check of the CPU renderer, and the way to use a GPU. It renders a larger image with one sample per
pixel and averages it: multisampling would shade once per pixel and choose its own sample positions.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.camera import Camera
from render.cpu.truth import check_channels
from render.errors import RenderError
from render.gl.compat import import_pyrender
from render.gl.context import PYRENDER_CHANNELS, choose_platform
from render.pose import light_direction
from render.scene import AMBIENT, LUMINANCE, Color, Frames, Mesh, SceneBatch

GUARD = 2.0**14
"""Samples from the image's corner beyond which a vertex is not rendered, as on the CPU."""
NEAR = 1e-3
"""Nearest rendered depth, as a share of the camera's distance, as on the CPU."""
LARGEST = 4096
"""Largest side in pixels of one rendering, samples included."""
WRAP_MODES = (10497, 33071, 33648)
"""OpenGL's numbers for `render.texture.WRAPS`: GL_REPEAT, GL_CLAMP_TO_EDGE, GL_MIRRORED_REPEAT."""


class OffscreenContext:
    """An OpenGL context with pyrender on top. One a process, never deleted: deleting one kills all on its device."""

    def __init__(self, platform: str) -> None:
        self.platform = platform
        self.pyrender = import_pyrender(platform)
        from pyrender import renderer as internals

        # Renderbuffers with 0 samples: the image is made larger instead.
        multisample = internals.glRenderbufferStorageMultisample
        internals.glRenderbufferStorageMultisample = lambda target, _, *rest: multisample(target, 0, *rest)
        self._offscreen = self.pyrender.OffscreenRenderer(64, 64)
        # OSMesa has framebuffer objects; without this, every change of size would begin anew.
        self._offscreen._platform.supports_framebuffers = lambda: True
        self._offscreen._renderer._program_cache = self.pyrender.shader_program.ShaderProgramCache(
            shader_dir=str(files("render.gl").joinpath("shaders"))
        )

    @property
    def renderer(self) -> str:
        """The renderer string of OpenGL, such as `llvmpipe (LLVM 15.0.6, 256 bits)`."""
        from OpenGL.GL import GL_RENDERER, glGetString

        self._offscreen._platform.make_current()
        return bytes(glGetString(GL_RENDERER)).decode()

    def draw(self, scene: Any, width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(height, width, 4) uint8 of a scene, alpha 255 where there is a surface; and depth, 0 where there is none."""
        self._offscreen.viewport_width, self._offscreen.viewport_height = width, height
        color, depth = self._offscreen.render(scene, flags=self.pyrender.RenderFlags.RGBA)
        return np.asarray(color), np.asarray(depth, np.float32)


@lru_cache(maxsize=1)
def the_context(platform: str) -> OffscreenContext:
    """The one context of this process; whatever a driver raises becomes one line."""
    try:
        return OffscreenContext(platform)
    except Exception as error:
        raise RenderError(f"no OpenGL context through {platform}: {type(error).__name__}: {error}") from error


class PyrenderRenderer:
    """Renders scenes through pyrender. Not for threads, and not before a fork: use it in a process of its own.

    Parameters
    ----------
    color : "grey" or "rgb"
    samples : int
        Samples a pixel, a square number.
    channels : sequence of str
        `mask` and `depth`; the other channels are the CPU renderer's alone.
    platform : "egl", "osmesa" or None
        None takes the first that works.

    Raises
    ------
    RenderError
        When no OpenGL context can be made; the message lists the reason for each platform.
    """

    def __init__(
        self,
        color: Color = "grey",
        samples: int = 4,
        channels: Sequence[str] = ("mask",),
        platform: str | None = None,
    ) -> None:
        side = math.isqrt(samples) if samples > 0 else 0
        check_channels(channels, PYRENDER_CHANNELS, "pyrender")
        self._depth = "depth" in channels
        if side < 1 or side * side != samples:
            raise RenderError(f"samples must be a square number (1, 4, 9, 16 ...), not {samples}")
        self.color = color
        self._side = side
        self._context = the_context(platform or choose_platform()[0])

    def describe(self) -> dict[str, Any]:
        """Backend, platform and OpenGL's own name, for the store's attributes: other drivers give other bits."""
        return {"backend": "pyrender", "platform": self._context.platform, "gl_renderer": self._context.renderer}

    def render(self, scenes: SceneBatch) -> Frames:
        """Render every view; see `render.scene.Frames` for the result."""
        camera, n = scenes.camera, len(scenes)
        if max(camera.height, camera.width) * self._side > LARGEST:
            raise RenderError(f"this backend renders up to {LARGEST} samples a side; use fewer pixels or samples")
        shape = (n, camera.height, camera.width)
        image, mask = np.empty((*shape, 3) if self.color == "rgb" else shape, np.uint8), np.empty(shape, np.uint8)
        stage = _Stage(self._context.pyrender, camera, self._side)
        depths = []
        for view in range(n):
            toward = light_direction(float(scenes.light[view]), scenes.light_elevation)
            stage.show(scenes.meshes[scenes.mesh_index[view]], scenes.pose(view), toward)
            drawn, _ = self._context.draw(stage.scene, camera.width * self._side, camera.height * self._side)
            image[view], mask[view] = self._resolve(drawn)
            if self._depth:
                depths.append(self._context.draw(stage.scene, camera.width, camera.height)[1] / camera.scale)
        return Frames(image, mask, {"depth": np.stack(depths).astype(np.float32)} if depths else {})

    def _resolve(self, drawn: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Pixels from samples: white behind, the mean of S x S, floor(x + 1/2)."""
        covered = drawn[..., 3:] > 0
        samples = np.where(covered, drawn[..., :3], 255).astype(np.float32)
        if self.color == "grey":
            samples = (samples * np.array(LUMINANCE, np.float32)).sum(axis=-1, keepdims=True)
        pixels, share = _mean(samples, self._side), _mean(covered * np.float32(255), self._side)
        image = np.floor(np.clip(pixels, 0, 255) + np.float32(0.5)).astype(np.uint8)
        mask = np.floor(share + np.float32(0.5)).astype(np.uint8)[..., 0]
        return (image if self.color == "rgb" else image[..., 0]), mask


def _mean(samples: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    rows, columns, channels = samples.shape
    blocks: NDArray[np.float32] = samples.reshape(rows // side, side, columns // side, side, channels).mean(axis=(1, 3))
    return blocks


class _Stage:
    """One pyrender scene whose mesh, pose and light are changed in place: a mesh is uploaded once for all its views."""

    def __init__(self, pyrender: Any, camera: Camera, side: int) -> None:
        self._pyrender, self._camera, self._side = pyrender, camera, side
        self.scene = pyrender.Scene(bg_color=[1.0, 1.0, 1.0, 0.0], ambient_light=[AMBIENT, 0.0, 0.0])
        self._lens = pyrender.PerspectiveCamera(math.radians(camera.field_of_view), aspectRatio=1.0, znear=1, zfar=2)
        self._lens.aspectRatio = camera.width / camera.height
        self.scene.add(self._lens, pose=np.eye(4))
        self._light = self.scene.add(pyrender.DirectionalLight(color=np.ones(3), intensity=1.0), pose=np.eye(4))
        self._node: Any = None
        self._shown: tuple[Mesh, bytes] | None = None

    def show(self, mesh: Mesh, R: NDArray[np.float64], toward: NDArray[np.float64]) -> None:
        """Put the mesh at the pose R under the light."""
        pose = np.eye(4)
        pose[:3, :3] = R * self._camera.scale
        pose[:3, 3] = -pose[:3, :3] @ np.array(self._camera.centre) - [0, 0, self._camera.distance]
        self._upload(mesh, pose)
        self.scene.set_pose(self._node, pose)
        self.scene.set_pose(self._light, _looking_along(-toward))
        self.scene.ambient_light = np.array([AMBIENT, float(mesh.two_sided), 0.0], np.float32)

    def _upload(self, mesh: Mesh, pose: NDArray[np.float64]) -> None:
        """Replace the mesh if it is another one, or if other triangles of it are visible at this pose."""
        drawable, depths = self._drawable(mesh, pose)
        self._lens.znear, self._lens.zfar = depths
        key = (mesh, np.packbits(drawable).tobytes())
        if self._shown is not None and self._shown[0] is mesh and self._shown[1] == key[1]:
            return
        if self._node is not None:
            self.scene.remove_node(self._node)
        used = mesh.triangles[drawable[mesh.triangles].all(axis=1)]
        shared = {
            "positions": np.where(drawable[:, None], mesh.positions, 0),
            "normals": np.nan_to_num(mesh.normals),
            "color_0": np.concatenate([mesh.albedo, np.ones((len(mesh.albedo), 1), np.float32)], axis=1),
            "mode": 4,
        }
        if mesh.skin is None:
            primitives = [self._primitive(mesh, shared, used, -1)]
        else:
            shared["texcoord_0"] = mesh.skin.uv
            shows = mesh.skin.index[drawable[mesh.triangles].all(axis=1)]
            primitives = [self._primitive(mesh, shared, used[shows == k], int(k)) for k in np.unique(shows)]
            primitives = primitives or [self._primitive(mesh, shared, used, -1)]
        self._node = self.scene.add(self._pyrender.Mesh(primitives), pose=pose)
        self._shown = key

    def _primitive(self, mesh: Mesh, shared: dict[str, Any], triangles: NDArray[np.int32], texture: int) -> Any:
        """The triangles that show one texture, or none (-1)."""
        material = self._pyrender.MetallicRoughnessMaterial(
            doubleSided=mesh.two_sided, alphaMode="OPAQUE", metallicFactor=0.0
        )
        if mesh.skin is not None and texture >= 0:
            textures = mesh.skin.textures
            wraps = [WRAP_MODES[way] for way in textures.wrap[texture]]
            sampler = self._pyrender.Sampler(wrapS=wraps[0], wrapT=wraps[1])
            picture = textures.level(texture, 0)
            material.baseColorTexture = self._pyrender.Texture(sampler=sampler, source=picture, source_channels="RGBA")
            material.metallicFactor = float(textures.cut[texture])
        indices = triangles if len(triangles) else np.zeros((1, 3), np.int32)
        return self._pyrender.Primitive(indices=indices, material=material, **shared)

    def _drawable(self, mesh: Mesh, pose: NDArray[np.float64]) -> tuple[NDArray[np.bool_], tuple[float, float]]:
        """The vertices that the renderers' rules accept, and the range of their depths."""
        with np.errstate(all="ignore"):
            seen = mesh.positions.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]
            depth = -seen[:, 2]
            offset = np.abs(seen[:, :2] / depth[:, None]).max(axis=1) * self._camera.focal * self._side
            inside = (depth > NEAR * self._camera.distance) & (offset < GUARD - LARGEST / 2)
        if not inside.any():
            return inside, (1.0, 2.0)
        return inside, (float(depth[inside].min()) * 0.99, float(depth[inside].max()) * 1.01)


def _looking_along(direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) pose whose -z axis is the direction: that is where pyrender's lights shine."""
    z = -direction
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = x, np.cross(z, x), z
    return pose
