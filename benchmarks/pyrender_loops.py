"""How others would draw these images: pyrender loops, run in a process of their own by render_throughput.py.

`newcomer` builds trimesh, pyrender mesh and scene anew for each frame, as the tutorials do; `careful` uploads a mesh
once for each person and only moves it. Both keep one OffscreenRenderer. `backend` is this project's own pyrender
backend. Prints images a second and what drew them, as JSON.

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
    """Draw the scenes of the file, once to warm up and then against the clock."""
    loop, path = sys.argv[1:]
    data = dict(np.load(path))
    draw = {"newcomer": newcomer, "careful": careful, "backend": backend}[loop](data)
    frames = len(data["elevation"])
    draw(2)
    begun = time.perf_counter()
    draw(frames)
    seconds = time.perf_counter() - begun
    from OpenGL import GL

    print(json.dumps({"rate": frames / seconds, "renderer": GL.glGetString(GL.GL_RENDERER).decode()}))


def _opened(data):
    """Pyrender with its own four-fold multisampling, or none for one sample; and a renderer of the size."""
    pyrender = import_pyrender("egl")
    if data["samples"] == 1:
        storage = pyrender.renderer.glRenderbufferStorageMultisample
        pyrender.renderer.glRenderbufferStorageMultisample = lambda target, _, *rest: storage(target, 0, *rest)
    size = int(data["size"])
    return pyrender, pyrender.OffscreenRenderer(size, size)


def _pose(data, frame):
    pose = np.eye(4)
    pose[:3, :3] = rotation(0.0, float(data["elevation"][frame])) * float(data["scale"])
    pose[:3, 3] = -pose[:3, :3] @ data["centre"] - [0, 0, float(data["distance"])]
    return pose


def _light():
    """From above the camera, like the store's light at 0 degrees."""
    pose = np.eye(4)
    turn = math.radians(-20)
    pose[1:3, 1:3] = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    return pose


def _pixels(color, depth):
    """Grey and mask, as both loops would keep them."""
    grey = (color @ np.array([0.2126, 0.7152, 0.0722]) + 0.5).astype(np.uint8)
    return grey, (depth > 0).astype(np.uint8) * 255


def _mesh(pyrender, data, person):
    import trimesh

    colors = (data["albedo"][person] * 255).astype(np.uint8)
    shape = trimesh.Trimesh(data["positions"][person], data["triangles"], vertex_colors=colors, process=False)
    return pyrender.Mesh.from_trimesh(shape, smooth=True)


def newcomer(data):
    """Everything but the renderer anew for each frame."""
    pyrender, renderer = _opened(data)

    def draw(frames):
        for frame in range(frames):
            scene = pyrender.Scene(bg_color=[1.0, 1.0, 1.0], ambient_light=[0.2, 0.2, 0.2])
            scene.add(_mesh(pyrender, data, frame % len(data["positions"])), pose=_pose(data, frame))
            scene.add(pyrender.PerspectiveCamera(math.radians(float(data["fov"])), znear=1.0, zfar=1e5), pose=np.eye(4))
            scene.add(pyrender.DirectionalLight(intensity=3.0), pose=_light())
            _pixels(*renderer.render(scene))

    return draw


def careful(data):
    """The mesh is uploaded once, and moved."""
    pyrender, renderer = _opened(data)
    scene = pyrender.Scene(bg_color=[1.0, 1.0, 1.0], ambient_light=[0.2, 0.2, 0.2])
    scene.add(pyrender.PerspectiveCamera(math.radians(float(data["fov"])), znear=1.0, zfar=1e5), pose=np.eye(4))
    scene.add(pyrender.DirectionalLight(intensity=3.0), pose=_light())
    node = scene.add(_mesh(pyrender, data, 0))

    def draw(frames):
        for frame in range(frames):
            scene.set_pose(node, _pose(data, frame))
            _pixels(*renderer.render(scene))

    return draw


def backend(data):
    """The pyrender backend of this project: its own shader, S x S samples averaged."""
    renderer = PyrenderRenderer("grey", int(data["samples"]), platform="egl")
    size = int(data["size"])
    camera = Camera(size, size, tuple(data["centre"]), float(data["distance"]), float(data["scale"]))
    mesh = Mesh(data["positions"][0], data["normals"][0], data["albedo"][0], data["triangles"])

    def draw(frames):
        zero = np.zeros(frames, np.float32)
        elevation = data["elevation"][:frames].astype(np.float32)
        renderer.render(SceneBatch((mesh,), np.zeros(frames, np.int64), zero, elevation, zero, camera))

    return draw


if __name__ == "__main__":
    main()
