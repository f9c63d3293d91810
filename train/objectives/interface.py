"""The interface of an objective: a class with one method, `bound`, which gives the loss of a posterior."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from train.blocks.gaussian import LATENT_UNIT, regression
from train.dcign_options import DcignOptions
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.networks.interface import Network

Tensors = Mapping[str, Tensor]
"""A batch on the training device, by name.

A group is the rows that come from one batch of the store, in which one factor varies: all rows of a whole batch, or
`group_size` rows of a batch whose images were shuffled with those of others. The partner of a row is another row of its
group.

image     uint8 (B, H, W) or (B, H, W, 3)
active    int64 (B,) place in the layout of the factor that varies within a row's group; the number of factors where
          groups are single rows
factors   float32 (B, F), where known: every factor of the layout but the intrinsic one, in its order, scaled to -1..1
          over its range
label     float32 (B,) the scaled value of the active factor, NaN in unlabelled rows; missing where no row is labelled
partner   int64 (B,) the row of the same group that a row is paired with; missing where groups are single rows
target_latents, target_positions, target_strength    the direction target, in the first steps of some runs; see
          `train.data.direction_target`
"""
PARTS = ("reconstruction", "kl", "label")
"""Terms of the losses, which are columns of metrics.jsonl."""


class Objective(ABC):
    """The base of all objectives; `OBJECTIVES` names them."""

    group_size: ClassVar[int | None] = None
    """Images of a batch that stay together where the images of many batches are shuffled; None: batches stay whole."""
    axis_aligned: ClassVar[bool] = True
    """True where it assigns the layout's latents to its factors; else evaluation finds the latent of each factor."""
    label_refusal: ClassVar[str | None] = None
    """The reason why a `label_fraction` makes no sense with it, as a verb phrase; None where it does."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Fields of `DcignOptions` that this objective alone reads, and their defaults; other objectives' are refused."""
    intrinsic: ClassVar[float | None] = None
    """Default share of intrinsic batches, against 1 of each other factor; None for the preset's."""

    def __init__(self, settings: DcignOptions) -> None:
        self.settings = settings
        self._tables: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def terms(self, network: Network, batch: Tensors, noise: Noise) -> Terms:
        """The loss of one batch, differentiable with respect to the network's parameters.

        Where rows are labelled, the regression of the active factor's first latent to the label is added (not in the
        paper); the other latents, and how images are decoded, are the objective's own.

        Parameters
        ----------
        batch : see `Tensors`
        noise : a function of (seed, step), so that a step is the same after a restart and on any device
        """
        mu, logvar = network.encode(batch["image"])
        loss = self.bound(network, mu, logvar, batch, noise)
        label = batch.get("label")
        if label is None:
            return loss
        labelled = ~label.isnan()
        _, starts = self.tables(mu.device)
        latent = mu.gather(1, starts[batch["active"]][:, None])[:, 0]
        error = torch.where(labelled, regression(latent / LATENT_UNIT, label.nan_to_num()), 0.0)
        parts = {**loss.parts, "label": error.detach().where(labelled, math.nan)}
        return Terms(loss.total + error.sum(), parts, loss.latents)

    @abstractmethod
    def bound(self, network: Network, mu: Tensor, logvar: Tensor, batch: Tensors, noise: Noise) -> Terms:
        """The loss without labels, from the encoder's posterior, (B, latents) float32 each."""

    def active_latents(self, batch: Tensors, device: torch.device) -> Tensor:
        """Bool (B, latents): the latents of the factor that varies in each row."""
        owners, _ = self.tables(device)
        return owners == batch["active"][:, None]

    def tables(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """(latents,) the place of each latent's factor in the layout, and (factors,) each factor's first latent.

        Copied to a device once: a recorded graph cannot copy.
        """
        if device not in self._tables:
            layout = self.settings.layout
            starts = [layout.slice(name).start for name in layout.names]
            self._tables[device] = (torch.tensor(layout.owners, device=device), torch.tensor(starts, device=device))
        return self._tables[device]
