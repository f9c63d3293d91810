"""What a step tells of itself: a row of numbers, made on its device and read when the trainer next looks."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from train.data.source import SHUFFLED
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
    labelled: float = 0.0
    """Share of the step's rows that are of this factor and had a label."""
    label: float = 0.0
    """Nats that missing the labels cost, over all rows of the step: `labelled` times a mean."""


class StepNumbers(NamedTuple):
    """The losses of a step."""

    total: float
    """What was minimised, summed over the rows."""
    parts: dict[str, Part]
    """By the factor that varies, of those that have rows in the step."""
    kl: list[float]
    """Of every latent, nats per image."""


class StepStats:
    """Row and numbers of the steps of a layout."""

    def __init__(self, layout: Layout) -> None:
        self._names = (*layout.names, SHUFFLED)

    def row(self, loss: Loss, active: str, pairing: Pairs | None) -> Tensor:
        """float64 (1 + 5 names + latents,) on the device of the loss: what `read` reads."""
        names = torch.arange(len(self._names), device=loss.kl.device)[:, None]
        which = self._names.index(active) if pairing is None else pairing.active
        of = (names == which).expand(-1, len(loss.kl)).double()
        label = torch.full_like(loss.reconstruction, math.nan) if loss.label is None else loss.label
        there = torch.ones_like(label)
        columns = (there, loss.reconstruction, loss.kl.sum(dim=1), ~label.isnan(), label.nan_to_num())
        by_name = torch.stack([of @ column.double() for column in columns]) / len(label)
        return torch.cat([loss.total.detach().double()[None], by_name.flatten(), loss.kl.double().mean(dim=0)])

    def read(self, row: Sequence[float]) -> StepNumbers:
        """The numbers of a row."""
        names, columns = len(self._names), len(Part._fields)
        by_name = zip(*(row[1 + k * names : 1 + (k + 1) * names] for k in range(columns)), strict=True)
        parts = zip(self._names, map(Part._make, by_name), strict=True)
        return StepNumbers(row[0], {name: part for name, part in parts if part.share}, list(row[1 + columns * names :]))
