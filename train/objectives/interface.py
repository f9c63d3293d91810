"""What an objective is: a class made from a network and a configuration, with one `bound` of a posterior."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from train.config import TrainConfig
from train.engine.noise import Noise
from train.networks.authors import Network
from train.objectives.regression import UNIT, regression


class Pairs(NamedTuple):
    """What `train.data.source.Pairing` says, on the training device."""

    active: Tensor
    """int64 (B,) place in the layout of the factor that varies between a row and its partner."""
    partner: Tensor
    """int64 (B,) the partner's row: another one for each."""


class DirectionTarget(NamedTuple):
    """Which way neurons should go at the start of a run; see `train.data.direction_target`."""

    latents: Tensor
    """int64 (S,) those that have one."""
    along: Tensor
    """float32 (B, S) where each row should lie; only differences count."""
    strength: Tensor
    """float32 () nats that a row costs whose latent is off by one."""


@dataclass(frozen=True)
class TrainBatch:
    """One batch on the training device, with the randomness of its step."""

    images: Tensor
    """uint8 (B, H, W) or (B, H, W, 3)."""
    active: str
    """The factor that varies between the rows; of shuffled ones `pairing` tells more."""
    noise: Noise
    """A function of (seed, step), so that a step is the same step after a restart and on any device."""
    factors: Tensor | None = None
    """float32 (B, F) true values, where known: every factor of the layout but the intrinsic one, in its order, each
    scaled to -1..1 over its range. Only supervised objectives look."""
    label: Tensor | None = None
    """float32 (B,) of those that of the factor that varies, NaN in rows that are not told; None where no row is.
    The configuration's `label_fraction` decides."""
    pairing: Pairs | None = None
    """Of shuffled rows that kept partners, who and why."""
    heading: DirectionTarget | None = None
    """In the first steps of a run that is oriented. Only exchange looks."""


@dataclass(frozen=True)
class Loss:
    """A loss and what it is made of. Everything but `total` is detached."""

    total: Tensor
    """Scalar float32 to be minimised: summed over pixels, channels, latents and the batch, as the 1/100 presumes."""
    reconstruction: Tensor
    """(B,) nats, binary cross-entropy summed over pixels."""
    kl: Tensor
    """(B, latents) nats."""
    label: Tensor | None = None
    """(B,) nats that missing its label cost a row, NaN where it had none; None where no row had one."""


class Objective(ABC):
    """One small class an objective; `OBJECTIVES` names them."""

    together: ClassVar[int | None] = None
    """Images of a batch that stay together where the images of many are shuffled; None: batches stay whole."""
    assigned: ClassVar[bool] = True
    """Whether it makes the layout's latents speak for its factors; else evaluation looks for those that do."""
    unlabelled: ClassVar[str | None] = None
    """What it does that leaves no sense in a `label_fraction`, to follow its name; None where that has one."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Fields of `TrainConfig` that it alone looks at, and their defaults; others' are refused with it."""

    intrinsic: ClassVar[float | None] = None
    """Share of intrinsic batches, against 1 of each other factor, that suits it best; None for the preset's."""

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self.network, self.config = network, config
        starts = [config.layout.slice(name).start for name in config.layout.names]
        self._starts = torch.tensor(starts, device=network.mu.weight.device)

    def loss(self, batch: TrainBatch) -> Loss:
        """The loss of one batch, differentiable with respect to the network's parameters.

        Where the batch has a label, the regression of the active factor's first latent to it is added (not in the
        paper); the other latents, and how images are drawn, are the objective's own affair.
        """
        mu, logvar = self.network.encode(batch.images)
        loss = self.bound(mu, logvar, batch)
        if batch.label is None:
            return loss
        told = ~batch.label.isnan()
        missed = torch.where(told, regression(self._neurons(mu, batch) / UNIT, batch.label.nan_to_num()), 0.0)
        return replace(loss, total=loss.total + missed.sum(), label=missed.detach().where(told, math.nan))

    def _neurons(self, mu: Tensor, batch: TrainBatch) -> Tensor:
        """(B,) of each row the first latent of the factor that varies."""
        if batch.pairing is None:
            return mu[:, self.config.layout.slice(batch.active).start]
        return mu.gather(1, self._starts[batch.pairing.active][:, None])[:, 0]

    @abstractmethod
    def bound(self, mu: Tensor, logvar: Tensor, batch: TrainBatch) -> Loss:
        """The loss without labels, of a batch and its posterior as the encoder gave it, (B, latents) float32 each."""
