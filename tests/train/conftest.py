"""A source of tiny batches whose images really depend on their factors, so that training has something to learn."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from train.config import TrainConfig
from train.presets import configure

FACTORS = (
    ("azimuth", "degrees", -86.0, 86.0),
    ("elevation", "degrees", -23.0, 23.0),
    ("light", "degrees", -80.0, 80.0),
)
NAMES = ("azimuth", "elevation", "light", "intrinsic")


@dataclass
class TinySource:
    """A blob that moves right (azimuth), up (elevation), brightens (light) and grows (intrinsic)."""

    side: int = 48
    channels: int = 1
    rows: int = 4
    counts: Mapping[str, int] = field(
        default_factory=lambda: {"azimuth": 5, "elevation": 3, "light": 4, "intrinsic": 7}
    )
    digest: str = "d" * 64
    reads: list[tuple[str, int]] = field(default_factory=list)

    arrays = ("image", "factors", "identity")

    @property
    def factors(self):
        return FACTORS

    @property
    def image_shape(self):
        return (self.side, self.side) if self.channels == 1 else (self.side, self.side, self.channels)

    @property
    def scene(self):
        return {"model": "a blob"}

    def count(self, factor):
        return self.counts.get(factor, 0)

    def read(self, factor, index, arrays=()):
        self.reads.append((factor, index))
        key = np.random.SeedSequence(7, spawn_key=(NAMES.index(factor), index))
        rng = np.random.Generator(np.random.Philox(key))
        values = np.repeat(rng.uniform(-1, 1, (1, 4)), self.rows, axis=0)
        values[:, NAMES.index(factor)] = rng.uniform(-1, 1, self.rows)
        images = np.stack([self.draw(*row) for row in values])
        scale = np.array([86.0, 23.0, 80.0])
        identity = index * self.rows + np.arange(self.rows) if factor == "intrinsic" else np.full(self.rows, index)
        factors = (values[:, :3] * scale).astype(np.float32)
        return {"image": images, "factors": factors, "identity": identity.astype(np.int64)}

    def draw(self, azimuth, elevation, light, size):
        row, column = np.mgrid[: self.side, : self.side] / self.side - 0.5
        far = ((column - 0.25 * azimuth) ** 2 + (row + 0.25 * elevation) ** 2) / (0.03 + 0.015 * size)
        grey = np.floor(255 * (1 - (0.55 + 0.4 * light) * np.exp(-far)) + 0.5).astype(np.uint8)
        return grey if self.channels == 1 else np.stack([grey, 255 - grey, grey // 2], axis=-1)


@pytest.fixture
def source() -> TinySource:
    return TinySource()


@pytest.fixture
def make_config():
    """A configuration of the smallest network there is, in float32 on the CPU."""

    def make(source: TinySource = TinySource(), **options) -> TrainConfig:  # noqa: B008  (read only)
        defaults = {"maps": 8, "latents": 6, "batches": 12, "metrics_every": 5, "checkpoint_every": 4}
        return configure(
            "demo",
            factors=NAMES,
            image_shape=source.image_shape,
            device="cpu",
            **{"precision": "float32"} | defaults | options,
        )

    return make


@pytest.fixture(autouse=True)
def one_thread():
    """Sums over threads depend on their number; tests compare bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
