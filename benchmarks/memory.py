"""Measure the peak memory of render-batches with a model of 53,490 vertices and 199 + 199 components.

python benchmarks/memory.py [--n 60 1000] [--workers 1 2 64]

The sizes are those of the Basel Face Model; the model is a sphere with random modes. Each line is one process from
start to end, so it includes reading the file.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import trimesh

from render import MorphableModel, save_bfm2017
from render.morphable import Block

VERTICES, COMPONENTS = 53_490, 199
FACTORS = ("elevation", "intrinsic")


def main() -> None:
    """Print a line for each factor, number of batches and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, nargs="+", default=[60, 1000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 64])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        save_bfm2017(large_model(), path)
        size = path.stat().st_size / 1e6
        print(f"model of {VERTICES:,} vertices, {COMPONENTS} + {COMPONENTS} components: {size:,.0f} MB")
        for factor in FACTORS:
            for count in options.n:
                for workers in options.workers:
                    measure(path, Path(folder) / f"{factor}-{count}-{workers}.zarr", factor, count, workers)


def large_model() -> MorphableModel:
    """A sphere with smooth random modes of shape and albedo."""
    rng = np.random.Generator(np.random.Philox(6))
    ball = trimesh.creation.uv_sphere(radius=100, count=[232, 231])
    points = np.asarray(ball.vertices, np.float32)[:VERTICES]
    triangles = np.asarray(ball.faces, np.int32)
    triangles = triangles[(triangles < len(points)).all(axis=1)]
    waves = np.sin(points @ rng.normal(size=(3, COMPONENTS)).astype("f4") / 40).T[:, :, None]
    modes = waves * rng.normal(size=(COMPONENTS, 1, 3)).astype("f4")
    modes = (modes / np.sqrt(np.square(modes).sum(axis=(1, 2), keepdims=True))).astype(np.float32)
    sigma = np.geomspace(300, 3, COMPONENTS).astype(np.float32)
    shape = Block(points, modes, sigma)
    albedo = Block(np.full_like(points, 0.6), modes, sigma / 50)
    return MorphableModel("large", {"shape": shape, "albedo": albedo}, triangles)


def measure(model: Path, store: Path, factor: str, count: int, workers: int) -> None:
    """Print the peak memory of one command, which runs as the only child of a process of its own."""
    command = ["render-batches", "--model", model, "--store", store, "--factor", factor, "--n", count]
    command += ["--workers", workers]
    words = [sys.executable, "-m", "pipelines", *map(str, command)]
    child = (
        f"import subprocess, resource; subprocess.run({words!r}, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6)"
    )
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    *lines, peak = done.stdout.splitlines()
    rate = next(line for line in lines if " images in " in line)
    note = done.stderr.strip()
    print(f"  {factor}, {count} batches, {workers:2d} workers: peak {float(peak):.2f} GB; {rate}; {note}", flush=True)


if __name__ == "__main__":
    main()
