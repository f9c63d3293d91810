"""Exchange: every image is drawn from what varies in it and what it shares with the other images of its batch.

The paper's rule averages the shared part of the code over the batch, and pose that hides there cancels in training, but
not at test time. Here the shared part comes from one *other* image of the batch, whose pose is another: whatever it
knows of the pose is wrong, and costs reconstruction. Gradients flow through both parts (not in the paper).

In the first `orient` batches a pair's active neurons are also asked to differ as their images do along a direction
(`train.data.direction_target`): else the azimuth neuron may fold at the middle.

What the decoder forgives, it would not punish: `agreement` also pulls the posteriors of a pair together where they
should be one. In an intrinsic batch this makes a neuron mean the same angle on every face, since its people have the
same pose.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from train.config import TrainConfig
from train.errors import ConfigError
from train.networks.authors import Network
from train.objectives.bound import cross_entropy, gaussian_kl, gaussian_kl_between, negative_bound, sample_code
from train.objectives.interface import DirectionTarget, Loss, Objective, TrainBatch


class Sampled(NamedTuple):
    """Of all rows, (B, latents) each."""

    mu: Tensor
    logvar: Tensor
    code: Tensor
    """A sample of it."""


class Exchange(Objective):
    """SGVB in which the inactive part of each sampled code is another row's; every posterior's KL counts `beta` times.

    To it comes `agreement` times KL(row || other row), summed over rows and inactive latents; and at the start half the
    heading's strength times the squared error of what a pair is apart, summed over rows and their active latents.
    """

    options: ClassVar[Mapping[str, Any]] = {"agreement": 1.0, "beta": 1.0, "orient": 500}
    intrinsic: ClassVar[float | None] = 1.0

    def bound(self, mu: Tensor, logvar: Tensor, batch: TrainBatch) -> Loss:
        """See the class."""
        own = torch.zeros(mu.shape[1], dtype=torch.bool, device=mu.device)
        own[self.config.layout.slice(batch.active)] = True
        code = sample_code(mu, logvar, batch.noise)
        other = partners(batch.noise.order(len(code), code.device))
        return self.exchanged(Sampled(mu, logvar, code), own, other, batch)

    def exchanged(self, rows: Sampled, own: Tensor, other: Tensor, batch: TrainBatch) -> Loss:
        """The bound where row i is drawn from its latents `own` and, for the rest, from row other[i].

        `own` is bool, (B, latents) or (latents,) for all rows.
        """
        mu, logvar, code = rows
        exchanged = torch.where(own, code, code[other])
        bound = negative_bound(
            cross_entropy(self.network, exchanged, batch.images), gaussian_kl(mu, logvar), self.config.beta
        )
        apart = (gaussian_kl_between(mu, logvar, mu[other], logvar[other]) * ~own).sum()
        total = bound.total + self.config.agreement * apart
        if batch.heading is not None:
            total = total + pull(mu, own, other, batch.heading)
        return replace(bound, total=total)


class ExchangePairs(Exchange):
    """The same, in steps that are made of ten pairs from many batches, instead of twenty rows of one.

    Rows of one batch have one person, or one pose, and teach a step nothing of others. Twenty consecutive steps see the
    same images as with exchange.
    """

    together: ClassVar[int | None] = 2

    def __init__(self, network: Network, config: TrainConfig) -> None:
        super().__init__(network, config)
        self._owners = torch.tensor(config.layout.owners, device=network.mu.weight.device)

    def bound(self, mu: Tensor, logvar: Tensor, batch: TrainBatch) -> Loss:
        """See the class."""
        if batch.pairing is None:
            raise ConfigError("the objective exchange-pairs needs rows that were dealt with their partners")
        own = self._owners == batch.pairing.active[:, None]
        code = sample_code(mu, logvar, batch.noise)
        return self.exchanged(Sampled(mu, logvar, code), own, batch.pairing.partner, batch)


def pull(mu: Tensor, own: Tensor, other: Tensor, heading: DirectionTarget) -> Tensor:
    """Nats of rows whose active latents differ from those of row other[i] otherwise than the heading says."""
    said, asked = mu[:, heading.latents], heading.along
    error = (said - said[other]) - (asked - asked[other])
    return 0.5 * heading.strength * (error.square() * own[..., heading.latents]).sum()


def partners(order: Tensor) -> Tensor:
    """(rows,) for each row another one, and each once: the cycle through all rows in a random order of them."""
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other
