"""Objectives on shuffled images, whose latents nobody tells what to mean."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from train.objectives.bound import cross_entropy, gaussian_kl, negative_bound, sample_code
from train.objectives.interface import Loss, Objective, TrainBatch


class Random(Objective):
    """Plain SGVB: the entangled baseline of the paper (NIPS 2015 section 4.1.1; arXiv v1 3.1)."""

    together: ClassVar[int | None] = 1
    assigned: ClassVar[bool] = False
    unlabelled: ClassVar[str | None] = "shuffles the batches, and none of its own has one active factor"

    def bound(self, mu: Tensor, logvar: Tensor, batch: TrainBatch) -> Loss:
        """See the class."""
        reconstruction = cross_entropy(self.network, sample_code(mu, logvar, batch.noise), batch.images)
        return negative_bound(reconstruction, gaussian_kl(mu, logvar), self.config.beta)


class BetaVae(Random):
    """The same with a KL that counts `beta` times (Higgins et al. 2017)."""

    options: ClassVar[Mapping[str, Any]] = {"beta": 4.0}
