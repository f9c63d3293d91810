"""Measure the time of a training step, beside that of a plain PyTorch network, in one process on one machine.

    python benchmarks/train_step.py --maps 96 --side 150 --repeats 5 [--widest coarse]

The plain network, the twin, is the straightforward form: contiguous float32, nn.Upsample and nn.Conv2d, nn.MaxPool2d,
PyTorch's default Adam and allocator. Both run the paper's objective on the same 20 images. Times are medians (and
minima) over the repeats after two warm-up steps. The last line is the share of the real training loop's time that is
spent waiting for batches.
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

from train.config import TrainConfig
from train.data.source import Arrays, BatchSource
from train.device import prepare
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.engine.step import make_step
from train.families.dcign import Dcign
from train.networks.authors import AuthorsOptions, Geometry, Widths
from train.presets import configure

FACTORS = ("azimuth", "elevation", "light", "intrinsic")
BATCH = 20


def widths_of(config: TrainConfig) -> Widths:
    """Feature maps of the configuration's network, which is the authors'."""
    options = Dcign(config).options.network
    assert isinstance(options, AuthorsOptions)
    return Widths.of(options.maps, options.widest)


class Twin(nn.Module):
    """The authors' network in plain PyTorch, with the methods `encode`, `decode_logits` and `targets` of `Network`."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        shape, widths = Dcign(config).options.shape, widths_of(config)
        geometry = Geometry(shape.side)
        self.side, self.crop, self.h = shape.side, geometry.crop, geometry.decoded
        down = [shape.channels, *widths.encoder]
        up = [*widths.decoder, shape.channels]
        stages: list[nn.Module] = []
        for i, o in pairwise(down):
            stages += [nn.Conv2d(i, o, 5), nn.MaxPool2d(2), nn.Threshold(0, 1e-6)]
        self.encoder = nn.Sequential(*stages, nn.Flatten())
        flat = down[-1] * geometry.encoded**2
        self.mu, self.logvar = nn.Linear(flat, shape.latents), nn.Linear(flat, shape.latents)
        self.expand = nn.Linear(shape.latents, up[0] * self.h**2)
        stages = [nn.Threshold(0, 1e-6), nn.Unflatten(1, (up[0], self.h, self.h))]
        for i, o in pairwise(up):
            stages += [nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 7), nn.Threshold(0, 1e-6)]
        self.decoder = nn.Sequential(*stages[:-1])

    def targets(self, images: Tensor) -> Tensor:
        """Images uint8 (B, H, W[, 3]) as float32 (B, C, H, W) in 0..1."""
        scaled = images.float() / 255
        return scaled[:, None] if images.ndim == 3 else scaled.permute(0, 3, 1, 2).contiguous()

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the code, (B, latents) each."""
        features = self.encoder(self.targets(images))
        return self.mu(features), self.logvar(features)

    def decode_logits(self, code: Tensor) -> Tensor:
        """Logits (B, C, H, W) of codes (B, latents)."""
        crop = slice(self.crop, self.crop + self.side)
        return self.decoder(self.expand(code))[:, :, crop, crop]


@dataclass
class MemorySource:
    """A source of random images in memory, so that the loop waits only for itself."""

    config: TrainConfig
    factors: Sequence[tuple[str, str, float, float]] = tuple((name, "degrees", -1.0, 1.0) for name in FACTORS[:3])
    digest: str = "memory"
    arrays: Sequence[str] = ("image",)
    scene: Mapping[str, Any] = field(default_factory=dict)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of an image: (H, W) or (H, W, 3)."""
        return Dcign(self.config).options.shape.image

    def count(self, factor: str) -> int:
        """Number of batches of a factor: ten."""
        return 10 if factor in FACTORS else 0

    def images(self, factor: str, index: int) -> NDArray[np.uint8]:
        """Uniform noise, (BATCH, H, W) or (BATCH, H, W, 3): a function of the factor and the batch's index."""
        key = np.random.SeedSequence(1, spawn_key=(FACTORS.index(factor), index))
        return np.random.Generator(np.random.Philox(key)).integers(0, 256, (BATCH, *self.image_shape), np.uint8)

    def read(self, factor: str, index: int, arrays: Sequence[str] = ()) -> Arrays:
        """One batch of the factor, images alone."""
        del arrays
        return {"image": self.images(factor, index)}


def batch_of(images: Tensor) -> dict[str, Tensor]:
    """A batch in which azimuth varies."""
    return {"image": images, "active": torch.zeros(len(images), dtype=torch.int64, device=images.device)}


def twin_step(network: nn.Module, config: TrainConfig, images: Tensor) -> Callable[[int], float]:
    """A function that takes step k of the twin and returns its loss."""
    optimizer = torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas)
    family = Dcign(config)

    def step(k: int) -> float:
        terms = family.terms(network, batch_of(images), StepNoise(config.seed, k))
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
        return terms.total.item()  # waits for the GPU

    return step


def our_step(network: nn.Module, config: TrainConfig, images: Tensor) -> Callable[[int], float]:
    """A function that takes step k as the trainer does and returns its loss."""
    taken = make_step(network, Dcign(config))

    def step(k: int) -> float:
        row = taken.gradients(k, batch_of(images))
        taken.update(config.learning_rate)
        return row[0].item()

    return step


def measure(step: Callable[[int], float], repeats: int) -> list[float]:
    """Seconds of each of `repeats` steps, after two warm-up steps."""
    seconds = []
    for k in range(repeats + 2):
        started = perf_counter()
        step(k)
        seconds.append(perf_counter() - started)
    return seconds[2:]


def report(name: str, precision: str, seconds: list[float]) -> None:
    """Print median and smallest time in milliseconds."""
    print(
        f"{name:10}  {precision:8}  {1e3 * statistics.median(seconds):8.2f} ms a step (best {1e3 * min(seconds):.2f})"
    )


def matrix_rate(dtype: torch.dtype, device: str) -> float:
    """FLOP/s of a large square matrix product, the best of several."""
    size = 8192 if device.startswith("cuda") else 2048
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))

    def product(_: int) -> float:
        return (a @ b)[0, 0].item()

    return 2 * size**3 / min(measure(product, 10))


def step_flops(config: TrainConfig, *, folded: bool) -> float:
    """FLOPs of a step of `BATCH` images: 2 for each multiplication, once forward, twice backward (first layer: once).

    `folded` counts 4 x 4 taps on the small signal for every four outputs in place of 7 x 7 each. Elementwise
    operations, the optimiser and recomputed activations are not counted.
    """
    shape, widths = Dcign(config).options.shape, widths_of(config)
    g, C = Geometry(shape.side), shape.channels
    first, second, third = (8 * g.encoded + 24, 4 * g.encoded + 8, 2 * g.encoded)
    (a, b, c), bottom, side = widths.encoder, widths.decoder[0], g.decoded
    forward_only = first**2 * a * 25 * C
    macs = second**2 * b * a * 25 + third**2 * c * b * 25
    macs += shape.latents * (2 * c * g.encoded**2 + bottom * g.decoded**2)
    for i, o in pairwise((*widths.decoder, C)):
        side = 2 * side - 6
        macs += side**2 * o * i * (16 if folded else 49)
    return 2 * BATCH * (3 * macs + 2 * forward_only)


def loader_share(config: TrainConfig, store: str | None, batches: int) -> tuple[float, str]:
    """Share of the loop's time spent waiting for batches, and the source of the batches as text."""
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
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=int, default=32, help="feature maps (default 32)")
    parser.add_argument("--widest", default="fine", help="fine or coarse: resolution that has most maps (default fine)")
    parser.add_argument("--side", type=int, default=150, help="pixels (default 150)")
    parser.add_argument("--repeats", type=int, default=5, help="measured steps (default 5)")
    parser.add_argument(
        "--precision", default="auto", help="auto, float32 or bf16, of the trainer's step (default auto)"
    )
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
    width = Dcign(config).options.network.summary
    print(f"{width}, {args.side} px, {BATCH} images, {torch.get_num_threads()} threads, {config.device}")

    torch.manual_seed(0)
    twin = Twin(config).to(config.device)
    plain = measure(twin_step(twin, config, images.to(config.device)), args.repeats)
    report("plain twin", "float32", plain)

    prepare(torch.device(config.device))
    network = Dcign(config).network().to(config.device)
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
