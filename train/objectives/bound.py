"""The parts of the variational bound that objectives share."""

import torch
from torch import Tensor
from torch.nn import functional

from train.engine.noise import Noise
from train.networks.authors import Network
from train.objectives.interface import Loss


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) in nats, elementwise: (mu^2 + exp(logvar) - 1 - logvar) / 2."""
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar)


def gaussian_kl_between(mu: Tensor, logvar: Tensor, other_mu: Tensor, other_logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(other_mu, exp(other_logvar))) in nats, elementwise."""
    spread = (logvar - other_logvar).exp() + (mu - other_mu).square() / other_logvar.exp()
    return 0.5 * (spread - 1 - logvar + other_logvar)


def sample_code(mu: Tensor, logvar: Tensor, noise: Noise) -> Tensor:
    """Equation 3 of arXiv v1 by the reparametrisation of SGVB: mu + exp(logvar / 2) eps, eps ~ N(0, 1).

    eps is drawn for every row and latent, clamped ones included: (B, latents).
    """
    return mu + torch.exp(0.5 * logvar) * noise.normal(mu).to(mu)


def cross_entropy(network: Network, code: Tensor, images: Tensor) -> Tensor:
    """(B,) binary cross-entropy of each decoded code against its image, summed over pixels and channels."""
    logits = network.decode_logits(code)
    each = functional.binary_cross_entropy_with_logits(logits, network.targets(images), reduction="none")
    return each.flatten(1).sum(dim=1)


def negative_bound(reconstruction: Tensor, kl: Tensor, weight: float = 1.0) -> Loss:
    """The negative lower bound of SGVB from cross-entropies (B,) and a KL (B, latents) that counts `weight` times."""
    total = reconstruction.sum() + weight * kl.sum()
    return Loss(total, reconstruction.detach(), kl.detach())
