"""How fast is a training step? Ours against a plain PyTorch twin, in one process on one machine.

    python benchmarks/train_step.py --maps 96 --side 150 --repeats 5 [--widest coarse]

The twin is what one would write first: contiguous float32, nn.Upsample and nn.Conv2d, nn.MaxPool2d, PyTorch's
default Adam and allocator. Both run the paper's objective on the same 20 images. Times are medians (and minima)
over the repeats after two warm-up steps; the last lines train through the real loop and say how long it waited
for batches.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from train.data.collate import Inputs
from train.networks.build_network import make_network

from train.config import TrainConfig
from train.data.source import Batch, BatchSource
from train.device import prepare
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.engine.step import make_step
from train.networks.authors import Geometry, Network, Widths
from train.objectives import OBJECTIVES, TrainBatch
from train.presets import configure

FACTORS = ("azimuth", "elevation", "light", "intrinsic")
BATCH = 20


class Twin(nn.Module):
    """The authors' network as a newcomer would write it; `encode`, `decode_logits` and `targets` as ours."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        widths, geometry = Widths.of(config.maps, config.widest), Geometry(config.side)
        self.side, self.crop, self.h = config.side, geometry.crop, geometry.decoded
        down = [config.channels, *widths.encoder]
        up = [*widths.decoder, config.channels]
        stages: list[nn.Module] = []
        for i, o in pairwise(down):
            stages += [nn.Conv2d(i, o, 5), nn.MaxPool2d(2), nn.Threshold(0, 1e-6)]
        self.encoder = nn.Sequential(*stages, nn.Flatten())
        flat = down[-1] * geometry.encoded**2
        self.mu, self.logvar = nn.Linear(flat, config.latents), nn.Linear(flat, config.latents)
        self.expand = nn.Linear(config.latents, up[0] * self.h**2)
        stages = [nn.Threshold(0, 1e-6), nn.Unflatten(1, (up[0], self.h, self.h))]
        for i, o in pairwise(up):
            stages += [nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 7), nn.Threshold(0, 1e-6)]
        self.decoder = nn.Sequential(*stages[:-1])

    def targets(self, images: Tensor) -> Tensor:
        """uint8 (B, H, W[, 3]) -> float32 (B, C, H, W)."""
        scaled = images.float() / 255
        return scaled[:, None] if images.ndim == 3 else scaled.permute(0, 3, 1, 2).contiguous()

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance, (B, latents)."""
        features = self.encoder(self.targets(images))
        return self.mu(features), self.logvar(features)

    def decode_logits(self, code: Tensor) -> Tensor:
        """(B, latents) -> (B, C, H, W)."""
        crop = slice(self.crop, self.crop + self.side)
        return self.decoder(self.expand(code))[:, :, crop, crop]


@dataclass
class MemorySource:
    """Random images, already in memory: what waiting is left is the loop's own."""

    config: TrainConfig
    factors: Sequence[tuple[str, str, float, float]] = tuple((name, "degrees", -1.0, 1.0) for name in FACTORS[:3])
    digest: str = "memory"
    scene: Mapping[str, Any] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        side, channels = self.config.side, self.config.channels
        return (side, side) if channels == 1 else (side, side, channels)

    def count(self, factor: str) -> int:
        """Ten batches of each."""
        return 10 if factor in FACTORS else 0

    def images(self, factor: str, index: int) -> NDArray[np.uint8]:
        """Uniform noise, (BATCH, H, W) or (BATCH, H, W, 3): a function of the factor and the batch's index."""
        key = np.random.SeedSequence(1, spawn_key=(FACTORS.index(factor), index))
        return np.random.Generator(np.random.Philox(key)).integers(0, 256, (BATCH, *self.image_shape), np.uint8)

    def read(self, factor: str, index: int) -> Batch:
        """One batch of the factor, images alone."""
        return Batch(self.images(factor, index), factor)


def twin_step(network: nn.Module, config: TrainConfig, images: Tensor) -> Callable[[int], float]:
    """One step of the twin as a function of its number."""
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas)
    objective = OBJECTIVES[config.objective](network, config)

    def step(k: int) -> float:
        loss = objective.loss(TrainBatch(images, "azimuth", StepNoise(config.seed, k)))
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
        return loss.total.item()  # waits for a GPU

    return step


def our_step(network: Network, config: TrainConfig, images: Tensor) -> Callable[[int], float]:
    """One step as the trainer takes it."""
    taken, inputs = make_step(network, config), Inputs(images, "azimuth", None, None)

    def step(k: int) -> float:
        row = taken.gradients(k, inputs)
        taken.update(config.learning_rate)
        return row[0].item()

    return step


def measure(step: Callable[[int], float], repeats: int) -> list[float]:
    """Seconds of each step, after two to warm up."""
    seconds = []
    for k in range(repeats + 2):
        started = perf_counter()
        step(k)
        seconds.append(perf_counter() - started)
    return seconds[2:]


def report(name: str, precision: str, seconds: list[float]) -> None:
    """Print a line of milliseconds."""
    print(
        f"{name:10}  {precision:8}  {1e3 * statistics.median(seconds):8.2f} ms a step (best {1e3 * min(seconds):.2f})"
    )


def matrix_rate(dtype: torch.dtype, device: str) -> float:
    """FLOP/s of a square matrix product, large enough to fill the machine, the best of several."""
    size = 8192 if device.startswith("cuda") else 2048
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

    def product(_: int) -> float:
        return (a @ b)[0, 0].item()

    return 2 * size**3 / min(measure(product, 10))


def step_flops(config: TrainConfig, *, folded: bool) -> float:
    """FLOPs of a step of `BATCH` images: 2 a multiplication, forward once, backward twice (the first layer once).

    `folded` counts 4 x 4 taps on the small signal for every four outputs in place of 7 x 7 each. Elementwise work,
    the optimiser and what is computed a second time are not counted.
    """
    widths, g, C = Widths.of(config.maps, config.widest), Geometry(config.side), config.channels
    first, second, third = (8 * g.encoded + 24, 4 * g.encoded + 8, 2 * g.encoded)
    (a, b, c), bottom, side = widths.encoder, widths.decoder[0], g.decoded
    forward_only = first**2 * a * 25 * C
    macs = second**2 * b * a * 25 + third**2 * c * b * 25
    macs += config.latents * (2 * c * g.encoded**2 + bottom * g.decoded**2)
    for i, o in pairwise((*widths.decoder, C)):
        side = 2 * side - 6
        macs += side**2 * o * i * (16 if folded else 49)
    return 2 * BATCH * (3 * macs + 2 * forward_only)


def loader_share(config: TrainConfig, store: str | None, batches: int) -> tuple[float, str]:
    """Share of the loop's time spent waiting for batches, and where they came from."""
    source: BatchSource = MemorySource(config)
    where = "memory"
    if store is not None:
        from dataset.store import open_store
        from pipelines.training.store_source import StoreSource

        source, where = StoreSource(open_store(store)), store
    with tempfile.TemporaryDirectory() as run:
        result = train(config.changed(batches=batches), source, run, tensorboard=False)
    return result.waited / result.seconds, where


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=32, help="feature maps (default 32)")
    parser.add_argument("--widest", default="fine", help="fine or coarse: where most maps are (default fine)")
    parser.add_argument("--side", type=int, default=150, help="pixels (default 150)")
    parser.add_argument("--repeats", type=int, default=5, help="steps timed (default 5)")
    parser.add_argument("--precision", default="auto", help="auto, float32 or bf16, of our step (default auto)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default auto)")
    parser.add_argument("--store", help="a store of batches of this size; default: random images in memory")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    args = parse()
    shape = (args.side, args.side)
    config = configure(
        factors=FACTORS, image_shape=shape, maps=args.maps, widest=args.widest, device=args.device,
        precision=args.precision,
    )  # fmt: skip
    images = torch.from_numpy(MemorySource(config).images("azimuth", 0))
    print(f"{config.width}, {args.side} px, {BATCH} images, {torch.get_num_threads()} threads, {config.device}")

    torch.manual_seed(0)
    twin = Twin(config).to(config.device)
    plain = measure(twin_step(twin, config, images.to(config.device)), args.repeats)
    report("plain twin", "float32", plain)

    prepare(torch.device(config.device))
    network = make_network(config).to(config.device)
    ours = measure(our_step(network, config, images), args.repeats)
    report("this step", config.precision, ours)
    print(f"ratio       {statistics.median(plain) / statistics.median(ours):.3g}")

    flops = step_flops(config, folded=True)
    rate = matrix_rate(network.compute_dtype, config.device)
    done = flops / statistics.median(ours)
    print(f"FLOPs of the step {flops / 1e9:.1f} G (plain form {step_flops(config, folded=False) / 1e9:.1f} G)")
    print(
        f"{done / 1e9:.0f} GFLOP/s, {done / rate:.0%} of this machine's {config.precision} matrix rate {rate / 1e9:.0f}"
    )
    share, where = loader_share(config, args.store, args.repeats * (200 if config.device.startswith("cuda") else 4))
    print(f"waiting for the loader: {share:.1%} of the loop's time (batches from {where})")


if __name__ == "__main__":
    main()
