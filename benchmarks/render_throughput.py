"""Images a second, ours and a pyrender loop's, in one run: end to end into a store, the bare kernel, and the loops.

python benchmarks/render_throughput.py [--model PATH] [--triangles 5000 28000 110000] [--quick]

The loops (benchmarks/pyrender_loops.py) run in processes of their own, with LP_NUM_THREADS unset and 2; the better
counts. They draw and keep pixels in memory; ours goes into a store: compressed, hashed, fsynced. Ratios are of one run
on one machine; the rates themselves move with it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import render.cpu.renderer
from dataset.store import create_store
from pipelines.rendering.executors import Runner
from pipelines.rendering.faces import FaceSubject, batches_spec
from pipelines.rendering.fill import missing_tasks, run_tasks
from pipelines.rendering.settings import RenderSettings
from render import CpuRenderer, MorphableModel, SceneBatch, frame_head, open_model
from render.cpu.raster import LEAN, clear, cover, make_cells, project, resolve
from render.morphable import Block

SIZE, VIEWS = 150, 20
LOOPS = Path(__file__).with_name("pyrender_loops.py")


def main() -> None:
    """One table for each number of triangles, then the costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="procedural")
    parser.add_argument("--triangles", type=int, nargs="+", default=[5_000, 28_000, 110_000])
    parser.add_argument("--shards", type=int, default=6, help="shards of 1,000 images for each end-to-end figure")
    parser.add_argument("--quick", action="store_true", help="4 samples only")
    options = parser.parse_args()
    source = open_model(options.model)
    for wanted in options.triangles:
        model = resized(source, wanted)
        for samples in (4,) if options.quick else (1, 4):
            compare(model, samples, options.shards)


def resized(model: MorphableModel, triangles: int) -> MorphableModel:
    """The model with about so many triangles: its own, each cut in four, or with near vertices merged."""
    have = len(model.triangles)
    if 0.7 < triangles / have < 1.4:
        return model
    if triangles > have:
        return _subdivided(model)
    return _merged(model, triangles)


def _subdivided(model: MorphableModel) -> MorphableModel:
    """Every triangle in four; the new vertices lie in the middle of the edges, in every mode."""
    t = model.triangles
    edges = np.sort(t[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    unique, number = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = (number.reshape(-1, 3) + model.vertices).T
    a, b, c = t.T
    cut = np.concatenate([np.stack(corner, 1) for corner in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])

    def middle(values: Any) -> Any:
        return np.concatenate([values, (values[..., unique[:, 0], :] + values[..., unique[:, 1], :]) / 2], axis=-2)

    return _changed(model, middle, cut)


def _merged(model: MorphableModel, triangles: int) -> MorphableModel:
    """Vertices of one cell of a grid become one; the grid that leaves most nearly `triangles` is found by halving."""
    low, high = 0.0, float(np.ptp(model.mean, axis=0).max())
    for _ in range(30):
        side = (low + high) / 2
        _, first, number = np.unique(np.floor(model.mean / side), axis=0, return_index=True, return_inverse=True)
        t = number.reshape(-1)[model.triangles]
        t = t[(t[:, 0] != t[:, 1]) & (t[:, 1] != t[:, 2]) & (t[:, 2] != t[:, 0])]
        low, high = (low, side) if len(t) < triangles else (side, high)
    return _changed(model, lambda values: values[..., first, :], t)


def _changed(model: MorphableModel, change: Callable[[Any], Any], triangles: Any) -> MorphableModel:
    blocks = {
        name: Block(
            *(np.ascontiguousarray(change(part), np.float32) for part in (block.mean, block.basis)), block.sigma
        )
        for name, block in model.blocks.items()
    }
    return MorphableModel(model.name, blocks, np.ascontiguousarray(triangles, np.int32), model.unit)


def compare(model: MorphableModel, samples: int, shards: int) -> None:
    """One table: ours and the loops, with the ratios that matter."""
    print(f"\n{len(model.triangles):,} triangles, {model.vertices:,} vertices, {SIZE} px, {samples} samples")
    scenes, kernel = elevation_batch(model), []
    renderer = CpuRenderer("grey", samples)
    with timed_kernel(kernel):
        rate = VIEWS / best(lambda: renderer.render(scenes))
    bare = VIEWS / min(kernel)
    line("bare kernel, one thread", bare)
    line("CpuRenderer.render, one thread", rate)
    ours = {
        (factor, workers): end_to_end(model, samples, factor, workers, shards)
        for factor in ("elevation", "light", "intrinsic")
        for workers in (1, 2)
    }
    for (factor, workers), found in ours.items():
        share = f"{100 * found / bare / workers:.0f}% of {workers} bare kernels"
        line(f"into a store: {factor}, {workers} workers", found, share if factor == "elevation" else "")
    with tempfile.TemporaryDirectory() as folder:
        path = write_scenes(Path(folder) / "scenes.npz", model, samples)
        newcomer, careful, backend = (loop(name, path) for name in ("newcomer", "careful", "backend"))
    line(
        "pyrender loop (a), as a newcomer",
        newcomer,
        f"ours, intrinsic, 2 workers: {ours['intrinsic', 2] / newcomer:.0f} times",
    )
    line(
        "pyrender loop (b), careful", careful, f"ours, elevation, 2 workers: {ours['elevation', 2] / careful:.0f} times"
    )
    line("our pyrender backend", backend, f"bare kernel: {bare / backend:.0f} times")
    costs(model, samples)


def line(what: str, rate: float, note: str = "") -> None:
    """A row of the table."""
    print(f"  {what:38s} {rate:8,.0f} images/s   {note}", flush=True)


def best(function: Callable[[], Any], repeats: int = 15) -> float:
    """Least seconds of several calls, after one that compiles."""
    function()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return min(times)


class timed_kernel:  # noqa: N801 -- used like a function
    """Collects the seconds that `render.cpu.raster.draw` takes while `CpuRenderer` calls it."""

    def __init__(self, seconds: list[float]) -> None:
        self.seconds, self.draw = seconds, render.cpu.renderer.draw

    def __enter__(self) -> None:
        def timed(*arguments: Any) -> None:
            begun = time.perf_counter()
            self.draw(*arguments)
            self.seconds.append(time.perf_counter() - begun)

        render.cpu.renderer.draw = timed

    def __exit__(self, *_: object) -> None:
        render.cpu.renderer.draw = self.draw


def elevation_batch(model: MorphableModel) -> SceneBatch:
    """Twenty elevations of one person."""
    rng = np.random.Generator(np.random.Philox(4))
    mesh = model.meshes(
        {k: rng.standard_normal((1, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    )
    elevation = rng.uniform(-23, 23, VIEWS).astype("f4")
    still = np.full(VIEWS, 20, "f4")
    camera = frame_head(model.mean, model.chin, SIZE, (-86, 0, 86), (-23, 0, 23))
    return SceneBatch(mesh, np.zeros(VIEWS, np.int64), still, elevation, still, camera)


def end_to_end(model: MorphableModel, samples: int, factor: str, workers: int, shards: int) -> float:
    """Images a second into a new store, from the plan to the last fsync."""
    with tempfile.TemporaryDirectory() as folder:
        spec = batches_spec(model, RenderSettings(samples=samples))
        store = create_store(f"{folder}/bench.zarr", spec)
        subject = FaceSubject(model, spec, "memory")
        store.ensure("train", factor, shards * spec.shard_batches)
        tasks = missing_tasks(store, "train", [factor])
        summary = run_tasks(store, subject, tasks, Runner(workers, 1.5))
        return summary["images"] / summary["seconds"]


def write_scenes(path: Path, model: MorphableModel, samples: int) -> Path:
    """What the loops draw: people, elevations and the camera."""
    rng = np.random.Generator(np.random.Philox(5))
    people = model.meshes(
        {k: rng.standard_normal((4, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    )
    camera = elevation_batch(model).camera
    np.savez(
        path,
        positions=np.stack([m.positions for m in people]),
        normals=np.stack([m.normals for m in people]),
        albedo=np.stack([m.albedo for m in people]),
        triangles=model.triangles,
        elevation=rng.uniform(-23, 23, 2 * VIEWS),
        centre=np.array(camera.centre),
        distance=camera.distance,
        scale=camera.scale,
        fov=camera.field_of_view,
        size=SIZE,
        samples=samples,
    )
    return path


def loop(name: str, path: Path) -> float:
    """Images a second of a pyrender loop, with the better setting of llvmpipe's threads."""
    rates = []
    for threads in (None, "2"):
        environment = os.environ | ({"LP_NUM_THREADS": threads} if threads else {})
        command = [sys.executable, str(LOOPS), name, str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        rates.append(json.loads(done.stdout.splitlines()[-1])["rate"])
    return max(rates)


def costs(model: MorphableModel, samples: int) -> None:
    """Nanoseconds of each kernel for what it goes through."""
    scenes, arguments = elevation_batch(model), []
    renderer = CpuRenderer("grey", samples)
    draw, render.cpu.renderer.draw = render.cpu.renderer.draw, lambda *a: arguments.append(a)
    renderer.render(scenes)
    render.cpu.renderer.draw = draw
    (
        positions,
        attributes,
        triangles,
        two_sided,
        matrices,
        offset,
        centre,
        lights,
        eyes,
        ambient,
        side,
        _,
        image,
        mask,
    ) = arguments[0]
    cells, columns = make_cells(SIZE * side, SIZE * side, LEAN), SIZE * side
    x, y, w = np.empty(len(attributes), "i4"), np.empty(len(attributes), "i4"), np.empty(len(attributes), "f4")
    scratch = np.empty((LEAN + 3, cells.shape[1] * cells.shape[3]), np.float32)
    seconds = {"project": 0.0, "cover": 0.0, "resolve": 0.0}
    for f in range(VIEWS):
        seconds["project"] += best(lambda f=f: project(positions, matrices[f], offset, centre, x, y, w), 3)

        def covered():
            clear(cells, (0, len(cells), 0, cells.shape[1]))
            return cover(triangles, x, y, w, attributes, two_sided, columns, cells)

        touched = covered()
        seconds["cover"] += best(covered, 3)
        rest = (columns, side, lights[f], eyes[f], ambient, two_sided, scratch, image[f], mask[f])
        seconds["resolve"] += best(lambda t=touched, r=rest: resolve(cells, t, *r), 3)
    a, b, c = (1e9 * seconds[k] / VIEWS for k in seconds)
    print(
        f"  costs: project {a / len(attributes):.2f} ns a vertex, cover {b / len(triangles):.1f} ns a triangle, "
        f"resolve {c / SIZE**2:.1f} ns a pixel; {a / 1e3:.0f} + {b / 1e3:.0f} + {c / 1e3:.0f} us a frame"
    )


if __name__ == "__main__":
    main()
