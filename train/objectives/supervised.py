"""A ceiling: what the net can do when it is told the true angles."""

from typing import ClassVar

import torch
from torch import Tensor

from train.config import TrainConfig
from train.errors import ConfigError
from train.layout import INTRINSIC
from train.networks.authors import Network
from train.objectives.bound import cross_entropy, gaussian_kl, negative_bound, sample_code
from train.objectives.exchange import partners
from train.objectives.interface import Loss, Objective, TrainBatch
from train.objectives.regression import regression


class Supervised(Objective):
    """Exchange with labels: extrinsic latents are regressed to the true values, and the decoder is given those.

    A factor's first latent learns its value, scaled to -1..1 over its range, by `regression`. Where people are the
    same in a batch, each row is drawn from its own true values and another row's intrinsic latents.
    """

    unlabelled: ClassVar[str | None] = "is told every true value"
    intrinsic: ClassVar[float | None] = 1.0

    def __init__(self, network: Network, config: TrainConfig) -> None:
        super().__init__(network, config)
        told = [config.layout.slice(name).start for name in config.layout.names if name != INTRINSIC]
        self.told = torch.tensor(told, device=network.mu.weight.device)

    def bound(self, mu: Tensor, logvar: Tensor, batch: TrainBatch) -> Loss:
        """See the class; raises `ConfigError` where the batch has no true values."""
        if batch.factors is None:
            raise ConfigError("the objective supervised needs the true values of the factors")
        code = sample_code(mu, logvar, batch.noise)
        if batch.active != INTRINSIC:
            code = code[partners(batch.noise.order(len(code), code.device))]
        code = code.clone()
        code[:, self.told] = batch.factors
        kl = gaussian_kl(mu, logvar)
        missed = regression(mu[:, self.told], batch.factors).sum()
        free = torch.ones(mu.shape[1], device=mu.device).index_fill_(0, self.told, 0.0)
        loss = negative_bound(cross_entropy(self.network, code, batch.images), kl * free)
        return Loss(loss.total + missed, loss.reconstruction, loss.kl)
