"""Summary statistics: what of an image the chains compare."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.inference.moves import Floats
from pipelines.inference.sampler import Kernel
from train.runs.trained_run import TrainedRun


class Statistic(Protocol):
    """Images to rows of numbers."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, d) for (n, H, W[, 3])."""


@dataclass(frozen=True)
class Codes:
    """The graphics code: the mean of every latent (arXiv:1503.03167v1 section 4.1 keeps all of them)."""

    run: TrainedRun

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Statistic`."""
        return self.run.encode(images)


@dataclass(frozen=True)
class Pixels:
    """The image itself, 0..1."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Statistic`."""
        return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def distances(statistics: NDArray[np.float32], observed: NDArray[np.float32], kernel: Kernel) -> Floats:
    """(n,) mean absolute difference, or root of the mean squared one, between (n, d) rows and (d,) or (n, d)."""
    apart = (statistics - observed).astype(np.float64)
    if kernel == "l1":
        return np.asarray(np.abs(apart).mean(axis=1))
    return np.asarray(np.sqrt((apart * apart).mean(axis=1)))


def between_strangers(statistics: NDArray[np.float32], kernel: Kernel) -> float:
    """Median distance between the first half of the rows and the second: what a distance of 1 is."""
    half = len(statistics) // 2
    return float(np.median(distances(statistics[:half], statistics[half : 2 * half], kernel))) or 1.0
