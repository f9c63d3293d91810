"""What a step tells of itself: a row of numbers, made on its device and read when the trainer next looks."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from train.batches import SHUFFLED
from train.layout import Layout
from train.objectives import Loss, Pairs


class Part(NamedTuple):
    """What the rows of one factor have in the losses of a step."""

    share: float
    """Of the step's rows; 1 in a batch in which one factor varies."""
    reconstruction: float
    """Nats, summed over these rows, over all rows of the step: `share` times a mean."""
    kl: float
    """Likewise."""


class StepNumbers(NamedTuple):
    """The losses of a step."""

    total: float
    """What was minimised, summed over the rows."""
    label: float
    """Nats per image; NaN where the batch had no label."""
    parts: dict[str, Part]
    """By the factor that varies, of those that have rows in the step."""
    kl: list[float]
    """Of every latent, nats per image."""


class Told:
    """Row and numbers of the steps of a layout."""

    def __init__(self, layout: Layout) -> None:
        self._names = (*layout.names, SHUFFLED)

    def row(self, loss: Loss, active: str, pairing: Pairs | None) -> Tensor:
        """float64 (2 + 3 names + latents,) on the device of the loss: what `read` reads."""
        names = torch.arange(len(self._names), device=loss.kl.device)[:, None]
        which = self._names.index(active) if pairing is None else pairing.active
        of = (names == which).expand(-1, len(loss.kl)).double()
        label = torch.full_like(loss.total, math.nan) if loss.label is None else loss.label
        by_name = [of.sum(dim=1), of @ loss.reconstruction.double(), of @ loss.kl.double().sum(dim=1)]
        parts = [torch.cat(by_name) / len(loss.kl), loss.kl.double().mean(dim=0)]
        return torch.cat([torch.stack([loss.total.detach(), label]).double(), *parts])

    def read(self, row: Sequence[float]) -> StepNumbers:
        """The numbers of a row."""
        many = len(self._names)
        share, reconstruction, kl = (row[2 + k * many : 2 + (k + 1) * many] for k in range(3))
        every = zip(self._names, map(Part, share, reconstruction, kl), strict=True)
        return StepNumbers(
            row[0], row[1], {name: part for name, part in every if part.share}, list(row[2 + 3 * many :])
        )
