"""Batches as what a step takes: tensors, with true values in the units in which they are learned."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.config import TrainConfig
from train.data.source import Batch
from train.device import to_device
from train.engine.noise import Noise
from train.layout import INTRINSIC
from train.objectives import DirectionTarget, Pairs, TrainBatch


class Inputs(NamedTuple):
    """A batch in tensors, on any device."""

    images: Tensor
    """uint8 (B, H, W) or (B, H, W, 3)."""
    active: str
    """The factor that varies."""
    factors: Tensor | None
    """float32 (B, F) of -1..1, where known; see `TrainBatch`."""
    label: Tensor | None = None
    """float32 (B,), where some rows are told; see `TrainBatch`."""
    pairing: Pairs | None = None
    """Of shuffled rows that kept partners; see `TrainBatch`."""
    heading: DirectionTarget | None = None
    """Which way to go, in the first steps of some runs; see `TrainBatch`."""

    def on(self, device: torch.device) -> "Inputs":
        """The same on another device."""
        factors, label = (None if part is None else to_device(part, device) for part in (self.factors, self.label))
        pairing = None if self.pairing is None else Pairs(*(to_device(part, device) for part in self.pairing))
        heading = None if self.heading is None else DirectionTarget(*(to_device(part, device) for part in self.heading))
        return Inputs(to_device(self.images, device), self.active, factors, label, pairing, heading)

    @property
    def tensors(self) -> list[Tensor]:
        """All that differs between batches of one kind."""
        parts = (self.images, self.factors, self.label, *(self.pairing or ()), *(self.heading or ()))
        return [part for part in parts if part is not None]

    @property
    def kind(self) -> tuple[Hashable, ...]:
        """What else decides a step: batches that agree in it differ in their tensors alone."""
        there = tuple(part is not None for part in (self.factors, self.label, self.pairing, self.heading))
        return (self.active, self.images.shape, there)

    def batch(self, noise: Noise) -> TrainBatch:
        """What objectives look at."""
        return TrainBatch(self.images, self.active, noise, self.factors, self.label, self.pairing, self.heading)


class Scaling:
    """Makes the inputs of a run: true values scaled to -1..1 over their factor's range.

    Parameters
    ----------
    config : of the run
    factors : (name, unit, low, high) of every column of a batch's factors
    """

    def __init__(self, config: TrainConfig, factors: Sequence[tuple[str, str, float, float]]) -> None:
        names = config.layout.names
        column = {name: k for k, (name, *_) in enumerate(factors)}
        ends = {name: (low, high) for name, _, low, high in factors}
        self._extrinsic = [name for name in names if name != INTRINSIC]
        self._columns = np.array([column[name] for name in self._extrinsic], np.intp)
        # Rows in which everything intrinsic varies have no value; NaN stays NaN in any range.
        self._ends = np.array([ends.get(name, (-1.0, 1.0)) for name in names], np.float64).reshape(-1, 2)
        self._places = np.array([names.index(name) for name in self._extrinsic], np.intp)
        self._labels = config.label_fraction > 0

    def inputs(self, batch: Batch) -> Inputs:
        """A batch in tensors on the CPU."""
        images = torch.from_numpy(np.ascontiguousarray(batch.images))
        factors = None
        if batch.factors is not None:
            factors = torch.from_numpy(self._scaled(batch.factors[:, self._columns], self._places))
        if batch.pairing is None:
            told = factors if batch.labelled else None
            label = None if told is None else told[:, self._extrinsic.index(batch.active)]
            return Inputs(images, batch.active, factors, label)
        active, partner, values = batch.pairing
        label = torch.from_numpy(self._scaled(values, active)) if self._labels else None
        return Inputs(images, batch.active, factors, label, Pairs(torch.from_numpy(active), torch.from_numpy(partner)))

    def _scaled(self, values: NDArray[np.float32], places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Values of factors, of which the last axis has one place in the layout each."""
        low, high = self._ends[places].T
        scaled: NDArray[np.float32] = (2 * (values - low) / (high - low) - 1).astype(np.float32)
        return scaled
