"""The CPU renderer against the float64 reference on random face scenes: agreement, and images a second of both.

python benchmarks/render_reference.py [--model PATH] [--scenes 30] [--size 150]
"""

import argparse
import time

import numpy as np

from render import CpuRenderer, SceneBatch, frame_head, open_model
from render.reference import ReferenceRenderer

RANGES = {"azimuth": 86.0, "elevation": 23.0, "light": 80.0}


def main() -> None:
    """Print one line a measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="procedural")
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--size", type=int, default=150)
    options = parser.parse_args()
    model = open_model(options.model)
    scenes = random_scenes(model, options.scenes, options.size)
    print(f"{model.name}: {len(model.triangles):,} triangles, {options.size} px, {options.scenes} scenes, grey")
    for samples in (1, 4):
        fast, slow = CpuRenderer("grey", samples), ReferenceRenderer("grey", samples)
        fast.render(scenes)  # compiles
        begun = time.perf_counter()
        ours = fast.render(scenes)
        middle = time.perf_counter()
        theirs = slow.render(scenes)
        rates = [options.scenes / t for t in (middle - begun, time.perf_counter() - middle)]
        report(samples, ours, theirs, rates)


def random_scenes(model, count, size):
    """A new person at a random pose and light in each scene."""
    rng = np.random.Generator(np.random.Philox(2026))
    camera = frame_head(model.mean, model.chin, size, (-86, 0, 86), (-23, 0, 23))
    people = {k: rng.standard_normal((count, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    pose = [rng.uniform(-high, high, count).astype("f4") for high in RANGES.values()]
    return SceneBatch(model.meshes(people), np.arange(count), *pose, camera)


def report(samples, ours, theirs, rates):
    """Silhouette IoU and grey levels over the foreground, the worst scene beside the mean."""
    a, b = ours.mask.astype(float), theirs.mask.astype(float)
    iou = np.minimum(a, b).sum(axis=(1, 2)) / np.maximum(a, b).sum(axis=(1, 2))
    seen = (a > 0) | (b > 0)
    error = np.abs(ours.image.astype(float) - theirs.image)
    mean = [e[s].mean() for e, s in zip(error, seen, strict=True)]
    share = (error[seen] >= 1).mean()
    print(
        f"{samples} samples: IoU mean {iou.mean():.6f}, worst {iou.min():.6f}; grey levels mean {np.mean(mean):.4f}, "
        f"worst scene {np.max(mean):.4f}; pixels that differ at all {100 * share:.2f}%"
    )
    print(
        f"           one thread: {rates[0]:,.0f} images/s, reference {rates[1]:.2f}/s, ratio {rates[0] / rates[1]:,.0f}"
    )


if __name__ == "__main__":
    main()
