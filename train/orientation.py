"""Which way the neurons of factors go at the start: along the first principal component of how images differ.

A network can learn an angle in two ways, and one of them is a trap: how far a head is turned, to either side alike. The
neuron then folds at the middle, the decoder draws both sides at once, and nothing that follows pulls the fold
apart. The first principal component of the differences within batches has left at one end and right at the other: a
pair's neurons are asked to differ as their images do along it, until the fold is out of reach. No true value is
looked at (not in the paper).

Factors with two latents or more are left alone. They go round a circle, and the second component of a circle is as
often its second harmonic, on which front and back are one.
"""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from train.batches import BatchSource
from train.config import TrainConfig
from train.objectives import Heading

LOOKED_AT = 30
"""Batches of each factor that the components are of."""
SPREAD = 2.0
"""Standard deviation, within its batches, that a factor's neuron is asked for."""
STRENGTH = 50.0
"""Of the pull at the first step, twice the nats of a row whose neuron is off by one; it falls to 0."""


class Orientation:
    """Gives the headings of the first `config.orient` steps. Reads the source when the first one is asked for."""

    def __init__(self, config: TrainConfig, source: BatchSource) -> None:
        self._config, self._source = config, source

    def heading(self, step: int, images: NDArray[np.uint8]) -> Heading | None:
        """Where the rows of a step lie along the components; None once the run finds its way alone.

        Parameters
        ----------
        step : counts from 0
        images : (B, H, W) or (B, H, W, 3) uint8
        """
        left = 1 - step / self._config.orient if step < self._config.orient else 0.0
        if not left:
            return None
        along = scaled(images) @ self._directions.T
        return Heading(torch.from_numpy(along), torch.tensor(STRENGTH * left, dtype=torch.float32))

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        return directions(self._config, self._source)


def directions(config: TrainConfig, source: BatchSource) -> NDArray[np.float32]:
    """(S, H * W * channels) float32: the component of each of `Layout.single`.

    Images of 0..1 projected on one have the standard deviation `SPREAD` within batches. It is 0 for a factor without
    batches, or in whose batches nothing varies.
    """
    found = np.zeros((len(config.layout.single), config.side**2 * config.channels), np.float32)
    for row, name in zip(found, config.layout.single, strict=True):
        if source.count(name):
            row[:] = _component(source, name)
    return found


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, H * W * channels) float32 of 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _component(source: BatchSource, name: str) -> NDArray[np.float32]:
    """(H * W * channels,) the first principal component of what is left of images without their batch's mean.

    By an eigenvector of the rows' products: there are far fewer rows than pixels.
    """
    chosen = np.unique(np.linspace(0, source.count(name) - 1, LOOKED_AT).round().astype(int))
    rows = np.concatenate([_varying(source.read(name, int(index)).images) for index in chosen])
    component: NDArray[np.float32] = np.linalg.eigh(rows @ rows.T)[1][:, -1] @ rows
    if not component.any():
        return component
    largest = component[np.abs(component).argmax()]  # an eigenvector has no sign of its own
    return component * np.copysign(SPREAD / (rows @ component).std(), largest)


def _varying(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, H * W * channels) images of 0..1 without their mean; exactly 0 where all are alike."""
    count = len(images)
    flat = images.reshape(count, -1).astype(np.float32)
    return (flat * count - flat.sum(axis=0)) / np.float32(255 * count)
