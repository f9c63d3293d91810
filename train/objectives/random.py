"""The entangled baseline of the paper (NIPS 2015 section 4.1.1; arXiv v1 3.1): the same net on shuffled images."""

from typing import ClassVar

from train.config import TrainConfig
from train.network import Network
from train.objectives.interface import Loss, TrainBatch
from train.objectives.paper import cross_entropy, gaussian_kl, negative_bound, sample_code


class Random:
    """Plain SGVB: no latent is clamped, and none is told what to mean."""

    shuffled: ClassVar[bool] = True
    assigned: ClassVar[bool] = False

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self.network, self.config = network, config

    def loss(self, batch: TrainBatch) -> Loss:
        """See the class."""
        mu, logvar = self.network.encode(batch.images)
        reconstruction = cross_entropy(self.network, sample_code(mu, logvar, batch.noise), batch.images)
        return negative_bound(reconstruction, gaussian_kl(mu, logvar))
