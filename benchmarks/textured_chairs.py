"""Textured chairs on the CPU and through pyrender: agreement, images a second, and a folder of a thousand meshes.

python benchmarks/textured_chairs.py [--scenes 30] [--meshes 1000] [--picture PNG] [--folder DIR]

Three parts: silhouettes and grey levels of random chairs at random poses, both renderers; images a second of both with
one chair of about 10,000 triangles, in one run, a view at a time as pyrender must; and `render-batches` over a folder
of built-in chairs that were written as OBJ with their textures: images a second and peak memory of the process.
pyrender draws through EGL; the picture shows the scene with the largest difference: ours, theirs, and the difference
times 8 around grey. With --folder, the chairs of the first two parts are the meshes found there.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render import CpuRenderer, Frames, Mesh, SceneBatch
from render.content.chairs import make_chair
from render.errors import MeshError
from render.gl.backend import PyrenderRenderer
from render.meshes.drawable import drawable, mesh_camera
from render.meshes.guess import guess_axes
from render.meshes.layouts import find_meshes
from render.meshes.parts import Part, RawMesh
from render.meshes.prepare import prepare
from render.meshes.read import read_mesh

SIZE, SAMPLES = 150, 4
TRIANGLES = 10_000
CHILD = (
    "import subprocess, resource, sys; subprocess.run(sys.argv[1:], check=True); "
    "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def main() -> None:
    """Print the three parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--meshes", type=int, default=1000)
    parser.add_argument("--picture", type=Path, help="where to put the worst scene")
    parser.add_argument("--folder", type=Path, help="draw the textured meshes that are there")
    options = parser.parse_args()
    chairs = textured(options.folder, options.scenes)
    ours, theirs = CpuRenderer("grey", SAMPLES), PyrenderRenderer("grey", SAMPLES, platform="egl")
    agreement(chairs, options.scenes, ours, theirs, options.picture)
    large = min(chairs, key=lambda mesh: abs(len(mesh.triangles) - TRIANGLES))
    speed(large, ours, theirs)
    if options.meshes:
        thousand(options.meshes)


def textured(folder: Path | None, count: int) -> list[Mesh]:
    """Chairs with textures: built-in ones, or those of a folder."""
    if folder is None:
        return [drawable(prepare(make_chair(1, k), "+y", "+z")) for k in range(count)]
    found = []
    for file in find_meshes(folder):
        try:
            raw = read_mesh(folder / file.path, folder)
            axes = guess_axes(raw, file.up)
            found.append(drawable(prepare(raw, file.up or axes.up, file.front or axes.front)))
        except MeshError as error:
            print(error)
    return [mesh for mesh in found if mesh.skin is not None]


def agreement(chairs: list[Mesh], count: int, ours: Any, theirs: Any, picture: Path | None) -> None:
    """Silhouette IoU and mean difference in grey levels over what either covers, the worst scene beside the mean."""
    rng = np.random.Generator(np.random.Philox(2026))
    ious, levels, pairs = [], [], []
    for k in range(count):
        mesh = chairs[k % len(chairs)]
        pose = [rng.uniform(low, high, 1).astype(np.float32) for low, high in ((0, 360), (0, 40), (-60, 60))]
        scene = SceneBatch((mesh,), np.zeros(1, np.int64), *pose, mesh_camera(SIZE), 45.0)
        a, b = ours.render(scene), theirs.render(scene)
        shares = a.mask[0].astype(float), b.mask[0].astype(float)
        ious.append(np.minimum(*shares).sum() / np.maximum(*shares).sum())
        levels.append(np.abs(a.image[0].astype(float) - b.image[0])[np.maximum(*shares) > 0].mean())
        pairs.append((a, b))
    print(f"{count} scenes of {len(chairs)} textured chairs, {SIZE} px, {SAMPLES} samples, grey:")
    print(f"  silhouette IoU {np.mean(ious):.4f}, worst {min(ious):.4f}")
    print(f"  grey levels {np.mean(levels):.2f}, worst scene {max(levels):.2f}")
    if picture is not None:
        save(picture, *pairs[int(np.argmax(levels))])


def save(path: Path, a: Frames, b: Frames) -> None:
    """Ours, theirs, difference."""
    difference = np.clip(128 + 8 * (a.image[0].astype(int) - b.image[0]), 0, 255).astype(np.uint8)
    Image.fromarray(np.concatenate([a.image[0], b.image[0], difference], axis=1)).save(path)


def speed(mesh: Mesh, ours: Any, theirs: Any) -> None:
    """Images a second of both with one chair, one thread, at 40 azimuths, and of ours without its textures.

    The best of three rounds each.
    """
    views = 40
    azimuth = np.linspace(0, 360, views, endpoint=False, dtype=np.float32)
    still = np.full(views, 20, np.float32)

    def scenes(shown: Mesh) -> SceneBatch:
        return SceneBatch((shown,), np.zeros(views, np.int64), azimuth, still, still, mesh_camera(SIZE), 45.0)

    rates = {}
    rows = (("cpu", ours, mesh), ("cpu without textures", ours, replace(mesh, skin=None)), ("pyrender", theirs, mesh))
    for name, renderer, shown in rows:
        scene = scenes(shown)
        renderer.render(scene)
        took = []
        for _ in range(3):
            started = time.perf_counter()
            renderer.render(scene)
            took.append(time.perf_counter() - started)
        rates[name] = views / min(took)
    said = ", ".join(f"{name} {rate:,.0f} images/s" for name, rate in rates.items())
    print(f"one chair of {len(mesh.triangles):,} triangles: {said}, ratio {rates['cpu'] / rates['pyrender']:.1f}")


def thousand(count: int) -> None:
    """Write so many chairs as OBJ and draw intrinsic batches of them."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "chairs"
        for k in range(count):
            write_obj(make_chair(2, k), folder / f"{k:04}")
        size = sum(path.stat().st_size for path in folder.rglob("*"))
        print(f"{count} built-in chairs as OBJ: {size / 1e6:,.0f} MB")
        for n in (60, 120):  # the first reads and converts
            words = ["--subject", "chair", "--meshes", folder, "--up", "+y", "--front", "+z", "--n", n]
            words += ["--store", Path(home) / "chairs.zarr", "--factor", "intrinsic"]
            command = [sys.executable, "-m", "pipelines", "render-batches", *map(str, words)]
            started = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", CHILD, *command], capture_output=True, text=True, check=True)
            rendered = re.search(r"rendered .*", done.stdout)
            peak = int(done.stdout.split("peak")[1]) / 1e6
            print(
                f"  to {n} batches: {rendered[0] if rendered else ''}; {time.perf_counter() - started:.0f} s in all, "
                f"peak memory {peak:.2f} GB"
            )


def write_obj(raw: RawMesh, home: Path) -> None:
    """One mesh with its materials and textures, in a folder of its own."""
    home.mkdir(parents=True)
    lines, materials, first = ["mtllib model.mtl"], [], 1
    pictures: dict[int, str] = {}
    for k, part in enumerate(raw.parts):
        lines += [f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in part.positions]
        lines += [f"vt {u:.7g} {v:.7g}" for u, v in uv_of(part)]
        lines.append(f"usemtl m{k}")
        lines += ["f " + " ".join(f"{c}/{c}" for c in row) for row in part.triangles + first]
        first += len(part.positions)
        materials += [f"newmtl m{k}", "Kd {:.4f} {:.4f} {:.4f}".format(*part.material.color)]
        texture = part.material.texture
        if texture is not None:
            if id(texture) not in pictures:
                pictures[id(texture)] = f"t{len(pictures)}.png"
                opaque = part.material.cut_below is None
                Image.fromarray(texture[..., :3] if opaque else texture).save(home / pictures[id(texture)])
            materials.append(f"map_Kd {pictures[id(texture)]}")
    (home / "model.obj").write_text("\n".join(lines) + "\n")
    (home / "model.mtl").write_text("\n".join(materials) + "\n")


def uv_of(part: Part) -> NDArray[np.float32]:
    """(V, 2)."""
    return np.zeros((len(part.positions), 2), np.float32) if part.uv is None else part.uv


if __name__ == "__main__":
    main()
