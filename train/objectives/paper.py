"""The objective of the paper: SGVB on clamped posteriors (NIPS 2015 sections 3 and 3.1)."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from train.clamp import clamp_inactive
from train.config import TrainConfig
from train.network import Network
from train.objectives.interface import Loss, TrainBatch


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) in nats, elementwise: (mu^2 + exp(logvar) - 1 - logvar) / 2."""
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar)


def sample_code(mu: Tensor, logvar: Tensor, noise: torch.Generator) -> Tensor:
    """Equation 3 of arXiv v1 by the reparametrisation of SGVB: mu + exp(logvar / 2) eps, eps ~ N(0, 1).

    eps is drawn for every row and latent, clamped ones included: (B, latents) float32, on the CPU for the same
    draw on every device.
    """
    eps = torch.randn(mu.shape, generator=noise).to(mu)
    return mu + torch.exp(0.5 * logvar) * eps


def cross_entropy(network: Network, code: Tensor, images: Tensor) -> Tensor:
    """Binary cross-entropy of the decoded code against the images, summed over pixels and the batch: a scalar."""
    logits = network.decode_logits(code)
    return functional.binary_cross_entropy_with_logits(logits, network.targets(images), reduction="sum")


def negative_bound(reconstruction: Tensor, kl: Tensor) -> Loss:
    """The negative lower bound of SGVB from a summed cross-entropy and a (B, latents) KL."""
    return Loss(
        total=reconstruction + kl.sum(),
        reconstruction=reconstruction.detach() / len(kl),
        kl=kl.detach().mean(dim=0),
    )


class Paper:
    """Binary cross-entropy plus KL, both summed over the batch, on mu and logvar clamped by the paper's rule.

    The KL term is evaluated on the clamped posterior and its gradient passes the same filter, so inactive latents
    learn nothing from it in this batch; the pull of the invariance term is applied once (docs/deviations.md).
    """

    shuffled: ClassVar[bool] = False
    assigned: ClassVar[bool] = True

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self.network, self.config = network, config

    def loss(self, batch: TrainBatch) -> Loss:
        """See the class; images (B, H, W[, 3]) uint8, noise (B, latents) from the batch's generator."""
        active = self.config.layout.slice(batch.active)
        mu, logvar = (
            clamp_inactive(z, active, self.config.clamp, self.config.invariance)
            for z in self.network.encode(batch.images)
        )
        reconstruction = cross_entropy(self.network, sample_code(mu, logvar, batch.noise), batch.images)
        return negative_bound(reconstruction, gaussian_kl(mu, logvar))
