"""Exchange: every image is decoded from its own active latents and the other latents of another image of its batch.

The paper's rule averages the shared part of the code over the batch, and a pose that leaks into it cancels in training,
but not at test time. Here the shared part comes from one *other* image of the batch, which has another pose: any
information about the pose in it is wrong, and costs reconstruction. Gradients flow through both parts (not in the
paper).

In the first `orient` batches a pair's active latents are also trained to differ as their images do along a direction
(`train.data.direction_target`): otherwise the azimuth latent may fold at the middle.

The decoder tolerates small differences, so `agreement` also pulls the posteriors of a pair together in their inactive
latents. In an intrinsic batch this makes a latent encode the same angle for every identity, since all of them have the
same pose.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from train.blocks.gaussian import gaussian_kl, gaussian_kl_between, sample_code
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.errors import ConfigError
from train.networks.interface import Network
from train.objectives.bound import cross_entropy, negative_bound
from train.objectives.interface import Objective, Tensors


class Sampled(NamedTuple):
    """The posteriors of all rows and a sample of each, (B, latents) each."""

    mu: Tensor
    logvar: Tensor
    code: Tensor


class Exchange(Objective):
    """SGVB in which the inactive part of each sampled code is another row's; every posterior's KL counts `beta` times.

    `agreement` times KL(row || other row) is added, summed over rows and inactive latents; and at the start half the
    direction target's strength times the squared error of a pair's difference, summed over rows and active latents.
    """

    options: ClassVar[Mapping[str, Any]] = {"agreement": 1.0, "beta": 1.0, "orient": 500}
    intrinsic: ClassVar[float | None] = 1.0

    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """See the class."""
        rows = Sampled(mu, logvar, sample_code(mu, logvar, noise))
        return self.exchanged(network, rows, random_partners(noise, len(mu), mu.device), batch)

    def exchanged(self, network: Network, rows: Sampled, partner: Tensor, batch: Tensors) -> Terms:
        """The bound where row i is decoded from its own active latents and, for the rest, from row partner[i]."""
        (mu, logvar, code), own = rows, self.active_latents(batch, rows.mu.device)
        exchanged = torch.where(own, code, code[partner])
        settings = self.settings
        bound = negative_bound(
            cross_entropy(network, exchanged, batch["image"]), gaussian_kl(mu, logvar), settings.beta
        )
        difference = (gaussian_kl_between(mu, logvar, mu[partner], logvar[partner]) * ~own).sum()
        total = bound.total + settings.agreement * difference
        if "target_latents" in batch:
            total = total + direction_loss(mu, own, partner, batch)
        return bound._replace(total=total)


class ExchangePairs(Exchange):
    """Exchange in steps of ten pairs from many batches, instead of twenty rows of one batch.

    Rows of one batch have one identity, or one pose, so a step learns nothing about others. Twenty consecutive steps
    read the same images as with exchange.
    """

    group_size: ClassVar[int | None] = 2

    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """See the class."""
        partner = batch.get("partner")
        if partner is None:
            raise ConfigError("the objective exchange-pairs needs batches of pairs, with the array 'partner'")
        return self.exchanged(network, Sampled(mu, logvar, sample_code(mu, logvar, noise)), partner, batch)


def direction_loss(mu: Tensor, own: Tensor, partner: Tensor, batch: Tensors) -> Tensor:
    """Scalar, nats: squared errors of the differences between a pair's active latents and their target positions."""
    mine, wanted = mu[:, batch["target_latents"]], batch["target_positions"]
    error = (mine - mine[partner]) - (wanted - wanted[partner])
    return 0.5 * batch["target_strength"] * (error.square() * own[..., batch["target_latents"]]).sum()


def random_partners(noise: Noise, rows: int, device: torch.device) -> Tensor:
    """(rows,) the partner of each row where the group is the whole batch: the row before in a random cycle."""
    order = noise.order(rows, device)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner
