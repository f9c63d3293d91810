"""Compare how fast Adam and Muon fit a decoder to twenty views of one identity, in one process.

    python benchmarks/optimizers.py [--model PATH] [--maps 32] [--side 150] [--steps 500] [--device cpu] [--picture PNG]

The decoder is supervised: its code is the azimuth on one latent and the same random numbers on all others. There is
nothing to infer and one identity only, so the error shows the speed of optimisation alone. The learning rate falls to 0
over the second half. Adam also runs with Muon's learning rate. Steps are taken directly, also on a GPU; their times
include the start. The picture shows seven of the views, and below them each optimiser's reconstructions.
"""

import argparse
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional

from render import CpuRenderer, SceneBatch, frame_head, open_model
from train.config import LEARNING_RATES, TrainConfig
from train.device import prepare
from train.families.dcign import Dcign
from train.networks.interface import Network
from train.optim.optimizers import make_optimizers, step_all
from train.presets import configure
from train.runs.trained_run import to_uint8

HALF = 86.0
"""Half the range of the azimuth, degrees."""
VIEWS = 20
FACTORS = ("azimuth", "elevation", "light", "intrinsic")


def views(model_name: str, side: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Images (VIEWS, side, side) uint8 of one identity, and its azimuths (VIEWS,) float32 scaled to -1..1."""
    model = open_model(model_name)
    rng = np.random.Generator(np.random.Philox(1))
    identity = {k: rng.standard_normal((1, model.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    camera = frame_head(model.mean, model.chin, side, (-HALF, 0, HALF), (-23, 0, 23))
    azimuths = np.linspace(-HALF, HALF, VIEWS).astype("f4")
    still = np.zeros(VIEWS, "f4")
    scenes = SceneBatch(model.meshes(identity), np.zeros(VIEWS, int), azimuths, still, still, camera)
    return CpuRenderer("grey", 4).render(scenes).image, azimuths / np.float32(HALF)


def codes(azimuths: NDArray[np.float32], latents: int) -> torch.Tensor:
    """Codes (VIEWS, latents): the azimuth, scaled to about unit variance, and the same identity's numbers."""
    identity = np.random.Generator(np.random.Philox(2)).standard_normal(latents).astype("f4")
    found = np.tile(identity, (VIEWS, 1))
    found[:, 0] = 3**0.5 * azimuths
    return torch.from_numpy(found)


def learn(network: Network, config: TrainConfig, images: torch.Tensor, code: torch.Tensor) -> tuple[list[float], float]:
    """Mean squared errors (of grey levels 0..1) after each quarter of the steps, and seconds for a step."""
    targets = network.targets(images)
    optimizers = make_optimizers(network, config)
    quarters = {round(config.batches * k / 4) for k in range(1, 5)}
    errors, started = [], perf_counter()
    for step in range(config.batches):
        network.zero_grad()
        logits = network.decode_logits(code)
        functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum").backward()
        step_all(optimizers, config.rate(step))
        if step + 1 in quarters:
            errors.append(float((torch.sigmoid(logits.detach()) - targets).square().mean()))
    return errors, (perf_counter() - started) / config.batches


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="procedural", help="the built-in head, or a face model's file")
    parser.add_argument("--maps", type=int, default=32, help="feature maps (default 32)")
    parser.add_argument("--side", type=int, default=150, help="pixels (default 150)")
    parser.add_argument("--steps", type=int, default=500, help="steps of each optimiser (default 500)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default auto)")
    parser.add_argument("--picture", help="file for the picture of the reconstructions")
    return parser.parse_args()


def main() -> None:
    """Fit the decoder with each optimiser and print the errors."""
    args = parse()
    images_u8, azimuths = views(args.model, args.side)
    rows, ends = [images_u8[::3]], {}
    for name, rate in (("adam", LEARNING_RATES["adam"]), ("adam", LEARNING_RATES["muon"]), ("muon", None)):
        config = configure(
            factors=FACTORS, image_shape=images_u8.shape[1:], maps=args.maps, device=args.device, batches=args.steps,
            decay=0.5, optimizer=name, learning_rate=rate,
        )  # fmt: skip
        prepare(torch.device(config.device))
        family = Dcign(config)
        network = family.network().to(config.device)
        images = torch.from_numpy(images_u8).to(config.device)
        code = codes(azimuths, family.options.layout.total).to(config.device)
        errors, seconds = learn(network, config, images, code)
        ends[name, rate] = errors[-1]
        print(
            f"{name} {config.learning_rate:g}: mean squared error {' '.join(f'{e:.5f}' for e in errors)} after each"
            f" quarter of {args.steps} steps, {1e3 * seconds:.0f} ms a step"
        )
        with torch.no_grad():
            rows.append(to_uint8(network.decode(code[::3])[:, 0].cpu().numpy()))
    adams = [error for (name, _), error in ends.items() if name == "adam"]
    print(f"error at the end, the better Adam's over Muon's: {min(adams) / ends['muon', None]:.1f}")
    if args.picture:
        Image.fromarray(np.concatenate([np.concatenate(list(row), axis=1) for row in rows])).save(args.picture)


if __name__ == "__main__":
    main()
