"""Compare the CPU renderer with another one on random face scenes: agreement, and images a second of both.

python benchmarks/render_reference.py [--model PATH] [--against reference|pyrender] [--picture PNG]

`reference` is the float64 rasteriser that defines the correct image; `pyrender` is OpenGL through EGL. The picture is
of the scene with the largest difference: the CPU renderer's image, the other's, and the difference times 32 around
grey.
"""

import argparse
import time
from dataclasses import replace

import numpy as np
from PIL import Image

from render import CpuRenderer, SceneBatch, frame_head, open_model
from render.gl.backend import PyrenderRenderer
from render.reference import ReferenceRenderer

RANGES = {"azimuth": 86.0, "elevation": 23.0, "light": 80.0}
OTHERS = {
    "reference": lambda samples: ReferenceRenderer("grey", samples),
    "pyrender": lambda samples: PyrenderRenderer("grey", samples, platform="egl"),
}


def main() -> None:
    """Print a few lines for each number of samples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="procedural")
    parser.add_argument("--against", choices=list(OTHERS), default="reference")
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--size", type=int, default=150)
    parser.add_argument("--picture", help="file for the picture of the scene with the largest difference at 4 samples")
    options = parser.parse_args()
    model = open_model(options.model)
    scenes = random_scenes(model, options.scenes, options.size)
    print(f"{model.name}: {len(model.triangles):,} triangles, {options.size} px, {options.scenes} scenes, grey")
    for samples in (1, 4):
        renderers = CpuRenderer("grey", samples), OTHERS[options.against](samples)
        frames = [renderer.render(scenes) for renderer in renderers]
        worst = report(samples, *frames)
        compare_speed(renderers, scenes, options.against)
    if options.picture:
        save_picture(options.picture, *(f.image[worst] for f in frames))


def random_scenes(model, count, size):
    """Scenes of a new identity each, at random poses and lights."""
    rng = np.random.Generator(np.random.Philox(2026))
    camera = frame_head(model.mean, model.chin, size, (-86, 0, 86), (-23, 0, 23))
    identities = {k: rng.standard_normal((count, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    pose = [rng.uniform(-high, high, count).astype("f4") for high in RANGES.values()]
    return SceneBatch(model.meshes(identities), np.arange(count), *pose, camera)


def report(samples, ours, theirs):
    """Print silhouette IoU and difference in grey levels over the foreground; returns the scene with the largest."""
    a, b = ours.mask.astype(float), theirs.mask.astype(float)
    iou = np.minimum(a, b).sum(axis=(1, 2)) / np.maximum(a, b).sum(axis=(1, 2))
    foreground = (a > 0) | (b > 0)
    error = np.abs(ours.image.astype(float) - theirs.image)
    mean = [e[s].mean() for e, s in zip(error, foreground, strict=True)]
    share = (error[foreground] >= 1).mean()
    print(
        f"{samples} samples: IoU mean {iou.mean():.6f}, worst {iou.min():.6f}; grey levels mean {np.mean(mean):.4f}, "
        f"worst scene {np.max(mean):.4f}; pixels that differ at all {100 * share:.2f}%"
    )
    return int(np.argmax(mean))


def compare_speed(renderers, scenes, other):
    """Print images a second of one thread (OpenGL may use more), with an identity each and with one in all scenes."""
    one_identity = replace(scenes, mesh_index=np.zeros_like(scenes.mesh_index))
    for what, rendered in (("an identity each", scenes), ("one identity", one_identity)):
        rates = []
        for renderer in renderers:
            begun = time.perf_counter()
            renderer.render(rendered)
            rates.append(len(rendered) / (time.perf_counter() - begun))
        ours, theirs = rates
        print(f"           {what:16s}: {ours:7,.0f} images/s, {other} {theirs:.1f}/s, ratio {ours / theirs:,.0f}")


def save_picture(path, ours, theirs):
    """Write both images and 32 times their difference, side by side and twice as large."""
    difference = np.clip(128 + 32 * (ours.astype(int) - theirs), 0, 255).astype(np.uint8)
    picture = Image.fromarray(np.concatenate([ours, theirs, difference], axis=1))
    picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST).save(path)


if __name__ == "__main__":
    main()
