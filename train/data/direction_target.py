"""The direction target: at the start of a run, factors' latents follow a direction along which a batch's images vary.

A network can learn an angle in two ways, and one of them is a trap: how far a head is turned, to either side alike. The
latent then folds at the middle, the decoder mixes both sides, and nothing later undoes the fold.

Images of a batch differ most along two principal components: one has left at one end and right at the other, the
second has the front at one end and both sides at the other. They may be nearly as strong, and then those of a sample
are mixtures. So among all directions in their plane the one is chosen in whose order the images of a batch make the
shortest path. The latents of a pair are trained to differ as their images do along it (not in the paper). No true value
is read except the labels of a run that has labels, which then decide the sign.

Factors that turn by more than half a circle get no target: along any direction the arc returns to its start.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.data.labels import Labels
from train.data.schedule import Draw
from train.data.source import Arrays, BatchSource
from train.dcign_options import DcignOptions
from train.layout import INTRINSIC

BATCHES, ROWS = 60, 20
"""Batches of a factor that its direction is computed from, at most, and images of each."""
ANGLES = 90
"""Directions of the plane that are tried."""
HALF_CIRCLE = 180.0
"""Largest range in degrees of a factor that gets a target."""
SPREAD = 2.0
"""Standard deviation of the targets within a batch."""
STRENGTH = 50.0
"""Nats that a row costs whose latent is off by one, at the first batch; it falls to 0."""


class TargetLatent(NamedTuple):
    """A latent that has a direction target."""

    factor: str
    latent: int
    """Its place in the code."""
    column: int
    """The factor's column in the true values of a batch."""


class DirectionTarget:
    """The direction targets of the first `options.orient` batches.

    The source is read when the first target is computed.

    Parameters
    ----------
    options : of the run
    source : of its batches
    labels : the choice of labelled batches, whose true values decide the sign
    check : refuses a batch that the run cannot read
    """

    def __init__(
        self, options: DcignOptions, source: BatchSource, labels: Labels, check: Callable[[Draw, Arrays], object]
    ) -> None:
        self._options, self._source, self._labels, self._check = options, source, labels, check
        self.latents = target_latents(options, source)

    def tensors(self, step: int, images: NDArray[np.uint8]) -> dict[str, Tensor]:
        """The target of a step as named tensors; none after the first `orient` batches.

        Parameters
        ----------
        step : from 0
        images : (B, H, W) or (B, H, W, 3) uint8

        Returns
        -------
        target_latents : int64 (S,) the latents that have a target
        target_positions : float32 (B, S) target of each row; only differences between rows count
        target_strength : float32 () nats that a row costs whose latent is off by one
        """
        if step >= self._options.orient or not self.latents:
            return {}
        return {
            "target_latents": torch.tensor([one.latent for one in self.latents]),
            "target_positions": torch.from_numpy(scaled(images) @ self._directions.T),
            "target_strength": torch.tensor(STRENGTH * (1 - step / self._options.orient), dtype=torch.float32),
        }

    @cached_property
    def _directions(self) -> NDArray[np.float32]:
        return np.stack([self._direction(one) for one in self.latents])

    def _direction(self, one: TargetLatent) -> NDArray[np.float32]:
        """(H * W * channels,): in the plane of two principal components, the shortest path through batches' images.

        Images of 0..1 projected on it have the standard deviation `SPREAD` within batches; 0 where nothing varies.
        """
        chosen = np.unique(_evenly(self._source.count(one.factor), BATCHES))
        batches = [_centred(self._read(one.factor, int(index))["image"]) for index in chosen]
        rows = np.concatenate(batches)
        found: NDArray[np.float32] = shortest(rows, [len(batch) for batch in batches]) @ rows
        if not found.any():
            return found
        return found * np.copysign(SPREAD / (rows @ found).std(), self._sign(one, found))

    def _sign(self, one: TargetLatent, found: NDArray[np.float32]) -> float:
        """Positive where the true values of the first labelled batch rise along the direction.

        Without labels it is the sign of the largest pixel, since an eigenvector has no sign of its own.
        """
        labelled = self._labels.first(self._source, one.factor)
        if labelled is None:
            return float(found[np.abs(found).argmax()])
        batch = self._read(one.factor, labelled.index)
        self._labels.require_values(labelled, batch)
        true = batch["factors"][:, one.column]
        return float((scaled(batch["image"]) @ found) @ (true - true.mean()))

    def _read(self, factor: str, index: int) -> Arrays:
        batch = self._source.read(factor, index)
        self._check(Draw(factor, index), batch)
        return batch


def target_latents(options: DcignOptions, source: BatchSource) -> tuple[TargetLatent, ...]:
    """The latents of factors that are trained on, have one latent, and turn by half a circle at most."""
    columns = {name: k for k, (name, *_) in enumerate(source.factors)}
    whole = {name for name, unit, low, high in source.factors if unit == "degrees" and high - low > HALF_CIRCLE}
    trained = {name for name, share in options.ratio if share > 0} - whole - {INTRINSIC}
    return tuple(
        TargetLatent(name, options.layout.slice(name).start, columns[name])
        for name, size in options.layout.sizes
        if size == 1 and name in trained
    )


def shortest(rows: NDArray[np.float32], sizes: Sequence[int]) -> NDArray[np.float32]:
    """(rows,) the combination of the rows that is the direction in whose order batches make the shortest path.

    In the plane of the first two principal components; by eigenvectors of the rows' products, since there are fewer
    rows than pixels.

    Parameters
    ----------
    rows : (rows, pixels) with their batch's mean subtracted
    sizes : rows of each batch, one after another
    """
    products = rows @ rows.T
    variances, vectors = np.linalg.eigh(products)
    (second, first), vectors = variances[-2:], vectors[:, -2:]
    if second <= first * np.finfo(np.float32).eps:  # nothing varies in more than one way
        return vectors[:, 1]
    deviations = np.sqrt([second, first], dtype=np.float32)
    turns = np.linspace(0, np.pi, ANGLES, endpoint=False)
    plane = np.stack([np.sin(turns), np.cos(turns)]).astype(np.float32)
    squares = np.diag(products)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * products, 0))
    lying, lengths, start = vectors * deviations @ plane, np.zeros(ANGLES), 0
    for size in sizes:
        part = slice(start, start := start + size)
        order = np.argsort(lying[part], axis=0, kind="stable")
        lengths += apart[part, part][order[:-1], order[1:]].sum(axis=0)
    return (vectors / deviations @ plane[:, np.argmin(lengths)]).astype(np.float32)


def scaled(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(B, H * W * channels) float32 of 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)


def _centred(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(at most ROWS, H * W * channels) images of 0..1 without their mean; exactly 0 where all are alike."""
    some = images[np.unique(_evenly(len(images), ROWS))]
    flat = some.reshape(len(some), -1).astype(np.float32)
    return (flat * len(some) - flat.sum(axis=0)) / np.float32(255 * len(some))


def _evenly(count: int, most: int) -> NDArray[np.intp]:
    return np.linspace(0, count - 1, most).round().astype(np.intp)
