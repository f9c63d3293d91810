"""Render the images of render_throughput.py by pyrender loops, in a process of their own.

`newcomer` builds trimesh, pyrender mesh and scene anew for each frame, as the tutorials do; `careful` uploads a mesh
once and only moves it. Both use one OffscreenRenderer throughout. `backend` is this project's own pyrender backend.
Prints images a second and the name of the OpenGL renderer as JSON.

python benchmarks/pyrender_loops.py newcomer|careful|backend SCENES.npz
"""

import json
import math
import sys
import time

import numpy as np

from render import Camera, Mesh, SceneBatch
from render.gl.backend import PyrenderRenderer
from render.gl.compat import import_pyrender
from render.pose import rotation


def main() -> None:
    """Render two frames of the file to warm up, then all of them against the clock."""
    loop, path = sys.argv[1:]
    data = dict(np.load(path))
    render_frames = {"newcomer": newcomer, "careful": careful, "backend": backend}[loop](data)
    frames = len(data["elevation"])
    render_frames(2)
    begun = time.perf_counter()
    render_frames(frames)
    seconds = time.perf_counter() - begun
    from OpenGL import GL

    print(json.dumps({"rate": frames / seconds, "renderer": GL.glGetString(GL.GL_RENDERER).decode()}))


def _opened(data):
    """The pyrender module, with four-fold multisampling or none for one sample, and a renderer of the scenes' size."""
    pyrender = import_pyrender("egl")
    if data["samples"] == 1:
        storage = pyrender.renderer.glRenderbufferStorageMultisample
        pyrender.renderer.glRenderbufferStorageMultisample = lambda target, _, *rest: storage(target, 0, *rest)
    size = int(data["size"])
    return pyrender, pyrender.OffscreenRenderer(size, size)


def _pose(data, frame):
    """Pose (4, 4) of the head in a frame, in front of a camera at the origin."""
    pose = np.eye(4)
    pose[:3, :3] = rotation(0.0, float(data["elevation"][frame])) * float(data["scale"])
    pose[:3, 3] = -pose[:3, :3] @ data["centre"] - [0, 0, float(data["distance"])]
    return pose


def _light():
    """Pose (4, 4) of the light above the camera, as the store's light at 0 degrees."""
    pose = np.eye(4)
    turn = math.radians(-20)
    pose[1:3, 1:3] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    return pose


def _pixels(color, depth):
    """Grey image and mask, (H, W) uint8 each, made of pyrender's colour and depth."""
    grey = (color @ np.array([0.2126, 0.7152, 0.0722]) + 0.5).astype(np.uint8)
    return grey, (depth > 0).astype(np.uint8) * 255


def _mesh(pyrender, data, identity):
    """The pyrender mesh of an identity."""
    import trimesh

    colors = (data["albedo"][identity] * 255).astype(np.uint8)
    shape = trimesh.Trimesh(data["positions"][identity], data["triangles"], vertex_colors=colors, process=False)
    return pyrender.Mesh.from_trimesh(shape, smooth=True)


def newcomer(data):
    """A function that renders frames and builds everything but the renderer anew for each."""
    pyrender, renderer = _opened(data)

    def render_frames(frames):
        for frame in range(frames):
            scene = pyrender.Scene(bg_color=[1.0, 1.0, 1.0], ambient_light=[0.2, 0.2, 0.2])
            scene.add(_mesh(pyrender, data, frame % len(data["positions"])), pose=_pose(data, frame))
            scene.add(pyrender.PerspectiveCamera(math.radians(float(data["fov"])), znear=1.0, zfar=1e5), pose=np.eye(4))
            scene.add(pyrender.DirectionalLight(intensity=3.0), pose=_light())
            _pixels(*renderer.render(scene))

    return render_frames


def careful(data):
    """A function that renders frames of a mesh which is uploaded once and moved."""
    pyrender, renderer = _opened(data)
    scene = pyrender.Scene(bg_color=[1.0, 1.0, 1.0], ambient_light=[0.2, 0.2, 0.2])
    scene.add(pyrender.PerspectiveCamera(math.radians(float(data["fov"])), znear=1.0, zfar=1e5), pose=np.eye(4))
    scene.add(pyrender.DirectionalLight(intensity=3.0), pose=_light())
    node = scene.add(_mesh(pyrender, data, 0))

    def render_frames(frames):
        for frame in range(frames):
            scene.set_pose(node, _pose(data, frame))
            _pixels(*renderer.render(scene))

    return render_frames


def backend(data):
    """A function that renders frames by this project's pyrender backend: its own shader, S x S samples averaged."""
    renderer = PyrenderRenderer("grey", int(data["samples"]), platform="egl")
    size = int(data["size"])
    camera = Camera(size, size, tuple(data["centre"]), float(data["distance"]), float(data["scale"]))
    mesh = Mesh(data["positions"][0], data["normals"][0], data["albedo"][0], data["triangles"])

    def render_frames(frames):
        zero = np.zeros(frames, np.float32)
        elevation = data["elevation"][:frames].astype(np.float32)
        renderer.render(SceneBatch((mesh,), np.zeros(frames, np.int64), zero, elevation, zero, camera))

    return render_frames


if __name__ == "__main__":
    main()
