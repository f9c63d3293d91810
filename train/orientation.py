"""Which way a factor's neurons go at the start: along the principal components of how its images differ.

A network can tell left from right in two ways, and one of them is a trap: to learn first how far a head is turned, to
either side alike. The neuron then folds at the middle, the decoder draws both sides at once, and nothing that follows
pulls the fold apart. The first principal component of the differences within batches has left at one end and
right at the other; a pair's neurons are pulled to differ as their images do along it, until the fold is out of
reach. No label is used (not in the paper).
"""

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from train.batches import BatchSource
from train.config import TrainConfig
from train.layout import INTRINSIC
from train.objectives import Heading

LOOKED_AT = 30
"""Batches of each factor that the components are of."""
SPREAD = 2.0
"""Standard deviation, within the batches of a factor, that its neurons are asked for; trained ones have 2 to 6."""
STRENGTH = 50.0
"""Nats for a pair whose neurons differ by one more or less than is asked for, at the first step; it falls to 0."""


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
    """(E, H * W * channels) float32: for each extrinsic latent of the layout, the component that it starts along.

    A factor's k latents have its first k components. Images of 0..1 projected on one have the standard deviation
    `SPREAD` within batches. Factors without batches, and components along which nothing varies, are 0.
    """
    pixels = config.side**2 * config.channels
    found = [np.zeros((0, pixels), np.float32)]
    for name, count in config.layout.sizes:
        if name != INTRINSIC:
            found.append(_components(source, name, count, pixels))
    return np.concatenate(found)


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, H * W * channels) float32 of 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _components(source: BatchSource, name: str, count: int, pixels: int) -> NDArray[np.float32]:
    """(count, pixels): the first principal components of what is left of a factor's images without their batch's mean.

    By the eigenvectors of the rows' products: there are far fewer rows than pixels.
    """
    batches = source.count(name)
    if not batches:
        return np.zeros((count, pixels), np.float32)
    chosen = np.unique(np.linspace(0, batches - 1, LOOKED_AT).round().astype(int))
    rows = np.concatenate([_varying(source.read(name, int(index)).images) for index in chosen])
    found = np.zeros((count, pixels), np.float32)
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    for k in range(min(count, len(rows))):
        if values[-1 - k] <= values[-1] * np.finfo(np.float32).eps:
            break
        component = vectors[:, -1 - k] @ rows
        deviation = (rows @ component).std()
        largest = component[np.abs(component).argmax()]  # eigenvectors have no sign of their own
        found[k] = component * np.copysign(SPREAD / deviation, largest)
    return found


def _varying(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, H * W * channels) images of 0..1 without their mean; exactly 0 where all are alike."""
    count = len(images)
    flat = images.reshape(count, -1).astype(np.float32)
    return (flat * count - flat.sum(axis=0)) / np.float32(255 * count)
