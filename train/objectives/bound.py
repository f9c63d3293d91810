"""The terms of the variational bound that objectives share."""

from torch import Tensor
from torch.nn import functional

from train.engine.step_stats import Terms
from train.networks.interface import Network


def cross_entropy(network: Network, code: Tensor, images: Tensor) -> Tensor:
    """(B,) binary cross-entropy of each decoded code against its image, summed over pixels and channels."""
    logits = network.decode_logits(code)
    each = functional.binary_cross_entropy_with_logits(logits, network.targets(images), reduction="none")
    return each.flatten(1).sum(dim=1)


def negative_bound(reconstruction: Tensor, kl: Tensor, weight: float = 1.0) -> Terms:
    """The negative lower bound of SGVB from cross-entropies (B,) and a KL (B, latents) multiplied by `weight`."""
    total = reconstruction.sum() + weight * kl.sum()
    latents = kl.detach()
    return Terms(total, {"reconstruction": reconstruction.detach(), "kl": latents.sum(dim=1)}, latents)
