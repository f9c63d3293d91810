"""Exchange: every image is drawn from what varies in it and what it shares with the other images of its batch.

The paper's rule averages the shared part of the code over the batch, and pose that hides there cancels in training, but
not at test time. Here the shared part comes from one *other* image of the batch, whose pose is another: whatever it
knows of the pose is wrong, and costs reconstruction. Gradients flow through both parts (not in the paper).
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from train.config import TrainConfig
from train.network import Network
from train.objectives.bound import cross_entropy, gaussian_kl, negative_bound, sample_code
from train.objectives.interface import Loss, TrainBatch


class Exchange:
    """SGVB in which the inactive part of each sampled code is another row's; the KL is that of every posterior."""

    shuffled: ClassVar[bool] = False
    assigned: ClassVar[bool] = True
    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self.network, self.config = network, config

    def loss(self, batch: TrainBatch) -> Loss:
        """See the class."""
        active = self.config.layout.slice(batch.active)
        mu, logvar = self.network.encode(batch.images)
        code = sample_code(mu, logvar, batch.noise)
        exchanged = code[partners(len(code), batch.noise)]
        exchanged[:, active] = code[:, active]
        return negative_bound(cross_entropy(self.network, exchanged, batch.images), gaussian_kl(mu, logvar))


def partners(rows: int, noise: torch.Generator) -> Tensor:
    """(rows,) for each row another one, and each once: a random cycle through all of them."""
    order = torch.randperm(rows, generator=noise)
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other
