"""What is looked at while a net trains, beyond its loss."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.config import TrainConfig
from train.networks.authors import Network
from train.objectives.bound import cross_entropy


@dataclass(frozen=True)
class ValidationResult:
    """What was seen at one moment of a training."""

    numbers: dict[str, float | None]
    """By name; None where a number is undefined."""
    picture: NDArray[np.uint8]
    """(H, W) or (H, W, 3)."""


class Validator(Protocol):
    """Looks at a network that is being trained, on people whom neither training nor test sees."""

    @property
    def every(self) -> int:
        """Batches between looks, which come with lines of metrics."""
        ...

    def look(self, network: Network, step: int) -> ValidationResult:
        """The network after `step` batches; it is not changed."""
        ...


@torch.inference_mode()
def leak_gap(network: Network, config: TrainConfig, images: Tensor, factor: str) -> float:
    """What the inactive latents know of a factor, from uint8 images in which it varies, on the network's device.

    In nats an image (NIPS 2015 section 3.1 presumes nothing).

    Cross-entropy with the inactive means at their batch mean, less that with the code as it is; no noise.
    """
    mu, _ = network.encode(images)
    clamped = mu.mean(dim=0).expand_as(mu).clone()
    active = config.layout.slice(factor)
    clamped[:, active] = mu[:, active]
    gap = cross_entropy(network, clamped, images) - cross_entropy(network, mu, images)
    return float(gap.mean())
