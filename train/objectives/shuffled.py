"""Objectives on shuffled images, whose latents are not assigned to factors."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from train.blocks.gaussian import gaussian_kl, sample_code
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.networks.interface import Network
from train.objectives.bound import cross_entropy, negative_bound
from train.objectives.interface import Objective, Tensors


class Random(Objective):
    """Plain SGVB: the entangled baseline of the paper (NIPS 2015 section 4.1.1; arXiv v1 3.1)."""

    group_size: ClassVar[int | None] = 1
    axis_aligned: ClassVar[bool] = False
    label_refusal: ClassVar[str | None] = "shuffles the batches, so that none has one active factor"

    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """See the class."""
        reconstruction = cross_entropy(network, sample_code(mu, logvar, noise), batch["image"])
        return negative_bound(reconstruction, gaussian_kl(mu, logvar), self.settings.beta)


class BetaVae(Random):
    """Plain SGVB with a KL that is multiplied by `beta` (Higgins et al. 2017)."""

    options: ClassVar[Mapping[str, Any]] = {"beta": 4.0}
