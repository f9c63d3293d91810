"""Which way the neurons of factors go at the start: where images of one batch that look alike are neighbours.

A network can learn an angle in two ways, and one of them is a trap: how far a head is turned, to either side alike. The
neuron then folds at the middle, the decoder draws both sides at once, and nothing that follows pulls the fold apart.

Images of a batch differ most along two principal components: one has left at one end and right at the other, the
second has the front at one end and both sides at the other. They may be nearly as strong, and then those of a sample
are mixtures. So of all directions in their plane the one is taken in whose order the images of a batch make the
shortest way. A pair's neurons are asked to differ as their images do along it (not in the paper). No true value is
looked at but those that a run is told in any case, which then say which end is which.

Factors that turn by more than half a circle are left alone: whichever way one looks along it, the arc comes back.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from train.config import TrainConfig
from train.data.labels import is_labelled
from train.data.source import Batch, BatchSource, Draw, check_batch
from train.layout import INTRINSIC
from train.objectives import DirectionTarget

BATCHES, ROWS = 60, 20
"""How many batches of a factor its direction is of, at most, and how many images of each."""
TURNS = 90
"""Directions of the plane that are tried."""
STRAIGHT = 180.0
"""Degrees that a factor may turn by and still be pulled."""
SPREAD = 2.0
"""Standard deviation, within its batches, that a factor's neuron is asked for."""
STRENGTH = 50.0
"""Nats that a row costs whose neuron is off by one, at the first batch; it falls to 0."""


class Neuron(NamedTuple):
    """A neuron that is pulled along a direction."""

    factor: str
    latent: int
    """Its place in the code."""
    column: int
    """The factor's place in the true values of a batch."""


class Orientation:
    """Gives the headings of the first `config.orient` batches. Reads the source when the first one is asked for."""

    def __init__(self, config: TrainConfig, source: BatchSource) -> None:
        self._config, self._source = config, source
        self._neurons = neurons(config, source)

    def heading(self, number: int, images: NDArray[np.uint8]) -> DirectionTarget | None:
        """Where the rows of a batch lie along the directions; None once a run finds its way alone.

        Parameters
        ----------
        number : of the batch, from 0
        images : (B, H, W) or (B, H, W, 3) uint8
        """
        if number >= self._config.orient or not self._neurons:
            return None
        latents = torch.tensor([neuron.latent for neuron in self._neurons])
        along = torch.from_numpy(scaled(images) @ self._directions.T)
        strength = torch.tensor(STRENGTH * (1 - number / self._config.orient), dtype=torch.float32)
        return DirectionTarget(latents, along, strength)

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        return np.stack([direction(self._config, self._source, neuron) for neuron in self._neurons])


def neurons(config: TrainConfig, source: BatchSource) -> tuple[Neuron, ...]:
    """Those of the factors that are trained on, have one latent, and turn by half a circle at most."""
    columns = {name: k for k, (name, *_) in enumerate(source.factors)}
    turning = {name for name, unit, low, high in source.factors if unit == "degrees" and high - low > STRAIGHT}
    trained = {name for name, share in config.ratio if share > 0} - turning - {INTRINSIC}
    return tuple(
        Neuron(name, config.layout.slice(name).start, columns[name])
        for name, size in config.layout.sizes
        if size == 1 and name in trained
    )


def direction(config: TrainConfig, source: BatchSource, neuron: Neuron) -> NDArray[np.float32]:
    """(H * W * channels,): in the plane of two principal components, the shortest way through the images of batches.

    Images of 0..1 projected on it have the standard deviation `SPREAD` within batches; 0 where nothing varies.
    """
    chosen = np.unique(_evenly(source.count(neuron.factor), BATCHES))
    batches = [_varying(_read(config, source, neuron, int(index)).images) for index in chosen]
    rows = np.concatenate(batches)
    found: NDArray[np.float32] = shortest(rows, [len(batch) for batch in batches]) @ rows
    if not found.any():
        return found
    return found * np.copysign(SPREAD / (rows @ found).std(), _sign(config, source, neuron, found))


def shortest(rows: NDArray[np.float32], sizes: Sequence[int]) -> NDArray[np.float32]:
    """(rows,) the combination of the rows that is the direction in whose order batches make the shortest way.

    In the plane of the first two principal components; by eigenvectors of the rows' products, since there are fewer
    rows than pixels.

    Parameters
    ----------
    rows : (rows, pixels) without their batch's mean
    sizes : rows of each batch, one after another
    """
    products = rows @ rows.T
    variances, vectors = np.linalg.eigh(products)
    (second, first), vectors = variances[-2:], vectors[:, -2:]
    if second <= first * np.finfo(np.float32).eps:  # nothing varies in more than one way
        return vectors[:, 1]
    deviations = np.sqrt([second, first], dtype=np.float32)
    turns = np.linspace(0, np.pi, TURNS, endpoint=False)
    plane = np.stack([np.sin(turns), np.cos(turns)]).astype(np.float32)
    squares = np.diag(products)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))
    lying, lengths, start = vectors * deviations @ plane, np.zeros(TURNS), 0
    for size in sizes:
        part = slice(start, start := start + size)
        order = np.argsort(lying[part], axis=0, kind="stable")
        lengths += apart[part, part][order[:-1], order[1:]].sum(axis=0)
    return (vectors / deviations @ plane[:, np.argmin(lengths)]).astype(np.float32)


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, H * W * channels) float32 of 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _sign(config: TrainConfig, source: BatchSource, neuron: Neuron, found: NDArray[np.float32]) -> float:
    """Of the first batch that is told, where there is one: its true values rise along the direction, or fall.

    Else that of the largest pixel, since an eigenvector has no sign of its own.
    """
    draws = (Draw(neuron.factor, index) for index in range(source.count(neuron.factor)))
    told = next((draw for draw in draws if is_labelled(config, draw)), None) if config.label_fraction else None
    if told is None:
        return float(found[np.abs(found).argmax()])
    batch = _read(config, source, neuron, told.index)
    assert batch.factors is not None  # `check_labels` has seen to it
    true = batch.factors[:, neuron.column]
    return float((scaled(batch.images) @ found) @ (true - true.mean()))


def _read(config: TrainConfig, source: BatchSource, neuron: Neuron, index: int) -> Batch:
    draw = Draw(neuron.factor, index)
    return check_batch(config, draw, source.read(draw.factor, draw.index))


def _varying(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(at most ROWS, H * W * channels) images of 0..1 without their mean; exactly 0 where all are alike."""
    some = images[np.unique(_evenly(len(images), ROWS))]
    flat = some.reshape(len(some), -1).astype(np.float32)
    return (flat * len(some) - flat.sum(axis=0)) / np.float32(255 * len(some))


def _evenly(count: int, most: int) -> NDArray[np.intp]:
    return np.linspace(0, count - 1, most).round().astype(np.intp)
