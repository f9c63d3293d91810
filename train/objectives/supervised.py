"""An upper bound: a network that is supervised with all true factor values."""

from typing import ClassVar

import torch
from torch import Tensor

from train.blocks.gaussian import gaussian_kl, regression, sample_code
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.errors import ConfigError
from train.layout import INTRINSIC
from train.networks.interface import Network
from train.objectives.bound import cross_entropy, negative_bound
from train.objectives.exchange import random_partners
from train.objectives.interface import Objective, Tensors


class Supervised(Objective):
    """Exchange with labels: extrinsic latents are regressed to the true values, and the decoder is given those.

    A factor's first latent learns its value, scaled to -1..1 over its range, by `regression`. Where identities are
    the same in a batch, each row is decoded from its own true values and another row's intrinsic latents.
    """

    label_refusal: ClassVar[str | None] = "uses every true value"
    intrinsic: ClassVar[float | None] = 1.0

    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """See the class; raises `ConfigError` where the batch has no true values."""
        factors = batch.get("factors")
        if factors is None:
            raise ConfigError("the objective supervised needs the true values of the factors")
        names = self.settings.layout.names
        _, starts = self.tables(mu.device)
        extrinsic = torch.arange(len(names), device=mu.device)
        if INTRINSIC in names:
            extrinsic = torch.cat([extrinsic[: names.index(INTRINSIC)], extrinsic[names.index(INTRINSIC) + 1 :]])
        latents = starts[extrinsic]
        code = sample_code(mu, logvar, noise)
        partners = random_partners(noise, len(code), code.device)
        if INTRINSIC in names:
            own = torch.arange(len(code), device=code.device)
            partners = torch.where(batch["active"] == names.index(INTRINSIC), own, partners)
        code = code[partners].index_copy(1, latents, factors)
        kl = gaussian_kl(mu, logvar)
        error = regression(mu[:, latents], factors).sum()
        free = torch.ones(mu.shape[1], device=mu.device).index_fill_(0, latents, 0.0)
        loss = negative_bound(cross_entropy(network, code, batch["image"]), kl * free)
        return loss._replace(total=loss.total + error)
