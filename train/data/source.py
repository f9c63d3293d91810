"""What the trainer asks of a data set, and the order in which it asks.

`BatchSource` is the whole contract: anything that has these members can be trained on. `Schedule` says which
batch step k asks for, as a function of the seed and k alone, so that a run can start again anywhere; `train.data.loader`
reads them, as they are or dealt anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from train.config import TrainConfig
from train.errors import MissingFactor, TooFewBatches, WrongImages

SHUFFLED = "shuffled"
"""What varies in a batch of images that were dealt anew (`train.data.loader`): everything."""
_FACTOR_KEY, _ORDER_KEY = 0x64726177, 0x6F726472
"""First words of the two kinds of keys, far from the small integers that other packages use for theirs."""
_BLOCK = 1024
"""Steps whose factors are drawn at once."""


class FactorInfo(NamedTuple):
    """A factor as the source describes it."""

    name: str
    unit: str
    low: float
    high: float


class Pairing(NamedTuple):
    """What rows have in common that were dealt from several batches, a few of each together."""

    active: NDArray[np.int64]
    """(B,) place in the layout of the factor that varies between a row and those it came with."""
    partner: NDArray[np.int64]
    """(B,) one of the rows it came with: another one for each."""
    label: NDArray[np.float32]
    """(B,) true value of the factor that varies, in the source's unit; NaN for rows of batches that are not told."""


@dataclass(frozen=True)
class Batch:
    """Images in which one factor varies, or images dealt from several of those (`train.data.loader`)."""

    images: NDArray[np.uint8]
    """(B, H, W) or (B, H, W, 3)."""
    active: str
    """The factor that varies; of dealt images, `SHUFFLED`."""
    factors: NDArray[np.float32] | None = None
    """(B, F) in the source's units and order, where known."""
    identity: NDArray[np.int64] | None = None
    """(B,), where known."""
    labelled: bool = False
    """Whether a training that is told some true values is told these; `train.data.labels` decides. For dealt images
    `pairing` says it row by row."""
    pairing: Pairing | None = None
    """Of dealt images whose partners stayed with them."""


class BatchSource(Protocol):
    """A split of a data set, as the trainer reads it. `read` is called from several threads."""

    @property
    def factors(self) -> Sequence[tuple[str, str, float, float]]:
        """(name, unit, low, high) of every column of `Batch.factors`."""
        ...

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        ...

    @property
    def scene(self) -> Mapping[str, Any]:
        """What else decides the images, as JSON-able values: model, camera, light; kept with the run."""
        ...

    @property
    def digest(self) -> str:
        """A text that is another text when the data are other data."""
        ...

    def count(self, factor: str) -> int:
        """How many batches there are in which `factor` varies; 0 for a factor that is not there."""
        ...

    def read(self, factor: str, index: int) -> Batch:
        """Batch `index` of `factor`, 0 <= index < count(factor)."""
        ...


@dataclass(frozen=True)
class Draw:
    """Which batch a step sees."""

    factor: str
    index: int


class Schedule:
    """Step k -> (factor, index), a pure function of (seed, k).

    The factor is drawn by the ratio, independently each step (NIPS 2015 section 3.1). The n-th draw of a factor
    takes batch `permutation[n % count]` of epoch `n // count`: without replacement, a new order every epoch.

    Parameters
    ----------
    seed : of the run
    ratio : (factor, share) in the layout's order
    counts : batches there are, by factor
    """

    def __init__(self, seed: int, ratio: Sequence[tuple[str, float]], counts: Mapping[str, int]) -> None:
        self._seed = seed
        self._names = tuple(name for name, _ in ratio)
        self._edges = _edges([share for _, share in ratio])
        self._counts = [counts[name] for name in self._names]
        self._blocks: list[NDArray[np.intp]] = []
        self._drawn_before: list[NDArray[np.intp]] = [np.zeros(len(self._names), np.intp)]
        self._orders: dict[int, tuple[int, NDArray[np.int64]]] = {}

    def at(self, step: int) -> Draw:
        """The batch of `step`, which counts from 0."""
        block, offset = divmod(step, _BLOCK)
        while len(self._blocks) <= block:
            self._add_block()
        drawn = self._blocks[block]
        factor = int(drawn[offset])
        nth = int(self._drawn_before[block][factor]) + int(np.count_nonzero(drawn[:offset] == factor))
        epoch, position = divmod(nth, self._counts[factor])
        return Draw(self._names[factor], int(self._order(factor, epoch)[position]))

    def _add_block(self) -> None:
        uniforms = self._generator(_FACTOR_KEY, len(self._blocks)).random(_BLOCK)
        drawn = np.searchsorted(self._edges, uniforms, side="right")
        self._blocks.append(drawn)
        self._drawn_before.append(self._drawn_before[-1] + np.bincount(drawn, minlength=len(self._names)))

    def _order(self, factor: int, epoch: int) -> NDArray[np.int64]:
        """The permutation of one factor's batches in one epoch; the last one asked for is kept."""
        kept = self._orders.get(factor)
        if kept is None or kept[0] != epoch:
            permutation = self._generator(_ORDER_KEY, factor, epoch).permutation(self._counts[factor])
            self._orders[factor] = kept = (epoch, permutation)
        return kept[1]

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self._seed, spawn_key=key)))


def _edges(shares: Sequence[float]) -> NDArray[np.float64]:
    """Where, from 0 to 1, the share of each factor ends."""
    ends: NDArray[np.float64] = np.cumsum(shares)
    return ends / ends[-1]


def check_source(config: TrainConfig, source: BatchSource) -> None:
    """Refuse a source that cannot serve a configuration, before anything is computed.

    Raises
    ------
    MissingFactor, TooFewBatches, WrongImages
        Each names what was expected and what came.
    """
    known = {factor[0] for factor in source.factors} | {"intrinsic"}
    missing = [name for name in config.layout.names if name not in known]
    if missing:
        raise MissingFactor(f"the batches have no factor {', '.join(missing)}; they have {', '.join(sorted(known))}")
    empty = [name for name, share in config.ratio if share > 0 and source.count(name) < 1]
    if empty:
        held = ", ".join(f"{name} {source.count(name)}" for name in config.layout.names)
        raise TooFewBatches(f"no batches to train {', '.join(empty)} on; there are: {held}")
    wanted = image_shape(config)
    if tuple(source.image_shape) != wanted:
        raise WrongImages(f"the run is for images of shape {wanted}; the batches have {tuple(source.image_shape)}")


def image_shape(config: TrainConfig) -> tuple[int, ...]:
    """(H, W) or (H, W, 3) that a configuration is for."""
    return (config.side, config.side) if config.channels == 1 else (config.side, config.side, config.channels)


def check_batch(config: TrainConfig, draw: Draw, batch: Batch) -> Batch:
    """The batch as it came, or `WrongImages`: another shape, type or factor, or a single image."""
    images, wanted = batch.images, image_shape(config)
    if images.dtype != np.uint8 or images.shape[1:] != wanted or batch.active != draw.factor:
        raise WrongImages(
            f"batch {draw.index} of {draw.factor} should hold uint8 images of shape (B, {', '.join(map(str, wanted))});"
            f" got {images.dtype} {images.shape} of {batch.active}"
        )
    if len(images) < 2:
        raise WrongImages(f"batch {draw.index} of {draw.factor} holds {len(images)} images; a factor needs 2 to vary")
    return batch
