"""The built-in head in numbers, beside another face model where one is at hand.

    python benchmarks/head_statistics.py [--other PATH]

Deviation by region, spectrum of the modes, contrast of the mean albedo; and whether raw pixels tell people apart: for
each of 200 people two pictures, frontal within ±5 degrees and lit from 20 degrees; the nearest other picture should be
of the same person.
"""

import argparse

import numpy as np

from render import CpuRenderer, SceneBatch, frame_head, open_model

PEOPLE, JITTER, LIGHT, KEYS = 200, 5.0, 20.0, (5, 6, 7, 8)
MODES = (1, 2, 3, 5, 10, 20, 50)


def main():
    """Print a block for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", help="another face model's file")
    other = parser.parse_args().other
    for source in ["procedural", *([other] if other else [])]:
        model = open_model(source)
        print(f"\n{model.name}: {model.vertices:,} vertices, {len(model.triangles):,} triangles, {model.sha256[:16]}")
        print_regions(model)
        print_spectrum(model)
        shares = [same_person_share(model, key) for key in KEYS]
        print(
            f"  nearest picture is the same person: {np.mean(shares):.1%} (keys {KEYS}: {[f'{s:.1%}' for s in shares]})"
        )


def zones(model):
    """Masks over the vertices, laid out by the eye corners, the nose tip and the chin."""
    at = {name: model.mean[index] for name, index in model.landmarks.items()}
    eye, nose, chin = at["left.eye.corner_outer"], at["center.nose.tip"], at["center.chin.tip"]
    x, y, z = np.abs(model.mean[:, 0]) / eye[0], model.mean[:, 1], model.mean[:, 2]
    up, out = (y - eye[1]) / (eye[1] - chin[1]), (z - eye[2]) / (nose[2] - eye[2])
    front = z > eye[2] - 45
    return {
        "head above the chin": y >= chin[1],
        "forehead": front & (up > 0.15) & (up < 0.55) & (x < 1.3),
        "eyes": front & (abs(up) < 0.1) & (x > 0.3) & (x < 1.1),
        "nose": front & (up < 0.02) & (up > -0.42) & (x < 0.42) & (out > 0.25),
        "cheeks": front & (up < -0.15) & (up > -0.6) & (x > 0.6) & (x < 1.4),
        "mouth": front & (up < -0.5) & (up > -0.72) & (x < 0.6),
        "chin": front & (up < -0.8) & (up > -1.02) & (x < 0.6),
        "back of the head": (y > eye[1] - 20) & (z < eye[2] - 100),
    }


def print_regions(model):
    """Standard deviations by region: of the shape over the head's height, of the albedo in 0..1."""
    spread = {}
    for name, block in model.blocks.items():
        spread[name] = np.square(block.basis * block.sigma[:, None, None], dtype=np.float64).sum(axis=0)
    size = model.mean[:, 1].max() - model.chin
    shape, albedo = np.sqrt(spread["shape"].sum(axis=1)), np.sqrt(spread["albedo"].mean(axis=1))
    contrast = model.blocks["albedo"].mean
    for name, zone in zones(model).items():
        print(
            f"  {name:<20} shape {shape[zone].mean() / size:6.2%} of the head, albedo {albedo[zone].mean():.3f}, "
            f"contrast of the mean albedo {contrast[zone].std(axis=0).mean():.3f}"
        )


def print_spectrum(model):
    """Sigmas of some modes, and the share of the variance in the first ones."""
    for name, block in model.blocks.items():
        variance = np.square(block.sigma, dtype=np.float64)
        shares = {k: variance[:k].sum() / variance.sum() for k in (10, 50)}
        sigmas = ", ".join(f"{block.sigma[k - 1]:.3g}" for k in MODES if k <= block.components)
        print(f"  {name:<7} sigma {MODES}: {sigmas}; first 10 {shares[10]:.0%}, first 50 {shares[50]:.0%}")


def same_person_share(model, key):
    """Share of 2 x 200 pictures whose nearest other picture, pixel by pixel, is of the same person."""
    rng = np.random.Generator(np.random.Philox(key))
    people = {k: rng.standard_normal((PEOPLE, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    meshes, camera = model.meshes(people), frame_head(model.mean, model.chin, 150, (-86, 0, 86), (-23, 0, 23))
    pictures = []
    for _ in range(2):
        azimuth, elevation = rng.uniform(-JITTER, JITTER, (2, PEOPLE)).astype("f4")
        light = np.full(PEOPLE, LIGHT, np.float32)
        scenes = SceneBatch(meshes, np.arange(PEOPLE), azimuth, elevation, light, camera)
        pictures.append(CpuRenderer("rgb").render(scenes).image.reshape(PEOPLE, -1).astype(np.float32))
    x, who = np.concatenate(pictures), np.tile(np.arange(PEOPLE), 2)
    squares = np.square(x).sum(axis=1)
    distance = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(distance, np.inf)
    return float((who[distance.argmin(axis=1)] == who).mean())


if __name__ == "__main__":
    main()
