"""The same bytes whatever the processor that the kernels are compiled for."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from render import CpuRenderer, SceneBatch, frame_head, open_model
from render.content.chairs import make_chair
from render.meshes.drawable import drawable, mesh_camera
from render.meshes.prepare import prepare

PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); import test_determinism as t; print(t.frames_hash(), t.chairs_hash())"
)


def frames_hash():
    """Hash of every channel of six views of two people, through instancing, normals, covering and resolving."""
    model = open_model("procedural")
    camera = frame_head(model.mean, model.chin, 64, (-86, 0, 86), (-23, 0, 23))
    rng = np.random.Generator(np.random.Philox(9))
    people = {k: rng.standard_normal((2, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    pose = [rng.uniform(-r, r, 6).astype("f4") for r in (86, 23, 80)]
    scenes = SceneBatch(model.meshes(people), np.array([0, 0, 0, 1, 1, 1]), *pose, camera)
    channels = ("mask", "depth", "normal", "albedo", "shading", "region", "landmarks")
    frames = CpuRenderer("rgb", 4, channels).render(scenes)
    digest = hashlib.sha256(frames.image.tobytes())
    for name in channels:
        digest.update(np.ascontiguousarray(frames.channel(name)).tobytes())
    return digest.hexdigest()


def chairs_hash():
    """Hash of three built-in chairs, from their seed through normals, textures, holes and mip levels to pixels."""
    meshes = tuple(drawable(prepare(make_chair(4, k), "+y", "+z")) for k in (1, 4, 6))
    assert [mesh.skin.textures.cut.any() for mesh in meshes] == [False, True, False]
    pose = [np.array(angles, "f4") for angles in ([20, 130, 250], [20, 30, 20], [30, 30, 30])]
    frames = CpuRenderer("rgb", 4).render(SceneBatch(meshes, np.arange(3), *pose, mesh_camera(64), 45.0))
    return hashlib.sha256(frames.image.tobytes() + frames.mask.tobytes()).hexdigest()


def test_frames_are_the_same_under_other_code_generation(tmp_path, another_processor):
    here = str(Path(__file__).parent)
    other = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CACHE_DIR": str(tmp_path),
        **another_processor,
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM, here], env=other, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == [frames_hash(), chairs_hash()]
