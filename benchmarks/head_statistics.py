"""Print statistics of the built-in head, and of another face model if one is given.

    python benchmarks/head_statistics.py [--other PATH]

The statistics are deviation by region, spectrum of the modes, contrast of the mean albedo, and how well raw pixels
distinguish identities: 200 identities with two images each, frontal within ±5 degrees and lit from 20 degrees; the
nearest other image should have the same identity.
"""

import argparse

import numpy as np

from render import CpuRenderer, SceneBatch, frame_head, open_model

IDENTITIES, JITTER, LIGHT, KEYS = 200, 5.0, 20.0, (5, 6, 7, 8)
MODES = (1, 2, 3, 5, 10, 20, 50)


def main():
    """Print a block for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", help="file of another face model")
    other = parser.parse_args().other
    for source in ["procedural", *([other] if other else [])]:
        model = open_model(source)
        print(f"\n{model.name}: {model.vertices:,} vertices, {len(model.triangles):,} triangles, {model.sha256[:16]}")
        print_regions(model)
        print_spectrum(model)
        shares = [same_identity_share(model, key) for key in KEYS]
        by_key = [f"{share:.1%}" for share in shares]
        print(f"  nearest image has the same identity: {np.mean(shares):.1%} (keys {KEYS}: {by_key})")


def zones(model):
    """Masks (V,) of regions of the head by name, placed by the eye corners, the nose tip and the chin."""
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
    """Print standard deviations by region: of the shape over the head's height, of the albedo in 0..1."""
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
    """Print the sigmas of some modes, and the share of the variance in the first ones."""
    for name, block in model.blocks.items():
        variance = np.square(block.sigma, dtype=np.float64)
        shares = {k: variance[:k].sum() / variance.sum() for k in (10, 50)}
        sigmas = ", ".join(f"{block.sigma[k - 1]:.3g}" for k in MODES if k <= block.components)
        print(f"  {name:<7} sigma {MODES}: {sigmas}; first 10 {shares[10]:.0%}, first 50 {shares[50]:.0%}")


def same_identity_share(model, key):
    """Share of 2 x 200 images whose nearest other image, by squared differences, has the same identity."""
    rng = np.random.Generator(np.random.Philox(key))
    identities = {
        k: rng.standard_normal((IDENTITIES, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")
    }
    meshes, camera = model.meshes(identities), frame_head(model.mean, model.chin, 150, (-86, 0, 86), (-23, 0, 23))
    images = []
    for _ in range(2):
        azimuth, elevation = rng.uniform(-JITTER, JITTER, (2, IDENTITIES)).astype("f4")
        light = np.full(IDENTITIES, LIGHT, np.float32)
        scenes = SceneBatch(meshes, np.arange(IDENTITIES), azimuth, elevation, light, camera)
        images.append(CpuRenderer("rgb").render(scenes).image.reshape(IDENTITIES, -1).astype(np.float32))
    x, identity = np.concatenate(images), np.tile(np.arange(IDENTITIES), 2)
    squares = np.square(x).sum(axis=1)
    distance = squares[:, None] + squares - 2 * x @ x.T
    np.fill_diagonal(distance, np.inf)
    return float((identity[distance.argmin(axis=1)] == identity).mean())


if __name__ == "__main__":
    main()
