"""How the batches of a schedule reach the trainer: as they are, or their images dealt anew, a few steps ahead.

Both are functions of the step alone, so that a run that starts again anywhere sees what it would have seen.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from train.config import TrainConfig
from train.data.labels import marked
from train.data.source import SHUFFLED, Batch, BatchSource, Pairing, Schedule, check_batch
from train.objectives import OBJECTIVES

BLOCK = 20
"""Batches whose images are dealt anew among one another."""
AHEAD = BLOCK + 4
"""Batches read before they are wanted: a GPU is through with several while the slowest are read, or a block is."""
_DEAL_KEY = 0x6465616C


class Reader(Protocol):
    """Gives the batch of a step."""

    def read(self, step: int) -> Batch:
        """The batch of `step`, the same whenever it is asked for."""
        ...

    def scheduled(self, step: int) -> Batch:
        """A whole batch of the source in which one factor varies, of those that `step` and its neighbours see."""
        ...

    def name(self, step: int) -> str:
        """What the batch of `step` is, in a few words."""
        ...


class OneFactor:
    """The schedule's batches as the source has them: in each one factor varies."""

    def __init__(self, config: TrainConfig, source: BatchSource, schedule: Schedule) -> None:
        self._config, self._source, self._schedule = config, source, schedule

    def read(self, step: int) -> Batch:
        """The scheduled batch."""
        draw = self._schedule.at(step)
        batch = check_batch(self._config, draw, self._source.read(draw.factor, draw.index))
        return marked(self._config, draw, batch)

    def scheduled(self, step: int) -> Batch:
        """The same."""
        return self.read(step)

    def name(self, step: int) -> str:
        """Its number and factor."""
        draw = self._schedule.at(step)
        return f"batch {draw.index} of {draw.factor}"


class ShuffledReader:
    """The same images in as many steps, but those of every `BLOCK` batches are shuffled and dealt anew.

    So a net that is trained on them sees in any 20 steps exactly what it sees with `OneFactor`.

    Parameters
    ----------
    config, source, schedule : as for `OneFactor`
    together : images of one batch that stay together, of 1 (none do) or more; where that leaves some over, groups have
        one more
    """

    def __init__(self, config: TrainConfig, source: BatchSource, schedule: Schedule, together: int) -> None:
        self._config, self._together = config, together
        self._columns = {name: column for column, (name, *_) in enumerate(source.factors)}
        self._batches = OneFactor(config, source, schedule)
        self._kept: tuple[int, list[Batch]] | None = None

    def read(self, step: int) -> Batch:
        """One hand of the block that `step` is in."""
        block, hand = divmod(step, BLOCK)
        kept = self._kept  # once: the trainer reads a batch again, to save it, while this one reads ahead
        if kept is None or kept[0] != block:
            self._kept = kept = block, self._deal(block)
        return kept[1][hand]

    def scheduled(self, step: int) -> Batch:
        """The batch that some of the block's images are from."""
        return self._batches.read(step)

    def name(self, step: int) -> str:
        """Which steps its images were scheduled for."""
        first = step // BLOCK * BLOCK
        return f"shuffled images of the batches of steps {first} to {first + BLOCK - 1}"

    def _deal(self, block: int) -> list[Batch]:
        batches = [self._batches.read(block * BLOCK + k) for k in range(BLOCK)]
        key = np.random.SeedSequence(self._config.seed, spawn_key=(_DEAL_KEY, block))
        random = np.random.Generator(np.random.Philox(key))
        groups = _groups([len(batch.images) for batch in batches], self._together, random)
        images = np.concatenate([batch.images for batch in batches])
        factors = _known([batch.factors for batch in batches])
        identity = _known([batch.identity for batch in batches])
        active = np.concatenate([self._active(batch) for batch in batches])
        label = np.concatenate([self._label(batch) for batch in batches])
        dealt = []
        for order in np.array_split(random.permutation(len(groups)), BLOCK):
            hand = [groups[k] for k in order]
            rows = np.concatenate(hand)
            dealt.append(
                Batch(
                    images[rows],
                    SHUFFLED,
                    None if factors is None else factors[rows],
                    None if identity is None else identity[rows],
                    pairing=Pairing(active[rows], _partners(hand), label[rows]) if self._together > 1 else None,
                )
            )
        return dealt

    def _active(self, batch: Batch) -> NDArray[np.int64]:
        return np.full(len(batch.images), self._config.layout.names.index(batch.active))

    def _label(self, batch: Batch) -> NDArray[np.float32]:
        if batch.labelled and batch.factors is not None:
            return batch.factors[:, self._columns[batch.active]]
        return np.full(len(batch.images), np.nan, np.float32)


def make_reader(config: TrainConfig, source: BatchSource, schedule: Schedule) -> Reader:
    """What the configuration's objective wants to read."""
    together = OBJECTIVES[config.objective].together
    return (
        OneFactor(config, source, schedule) if together is None else ShuffledReader(config, source, schedule, together)
    )


def _known(parts: Sequence[NDArray[Any] | None]) -> NDArray[Any] | None:
    """All parts in one; what only some of the batches know is known of none."""
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _groups(sizes: Sequence[int], together: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of the concatenated batches, those that stay together in one array."""
    ends = np.cumsum(sizes)
    if together == 1:
        return list(np.arange(ends[-1])[:, None])
    batches = (random.permutation(np.arange(end - size, end)) for size, end in zip(sizes, ends, strict=True))
    return [group for rows in batches for group in np.array_split(rows, max(1, len(rows) // together))]


def _partners(hand: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(rows of all groups,) in each group the row before, and the last for the first."""
    places = np.split(np.arange(sum(map(len, hand))), np.cumsum([len(group) for group in hand])[:-1])
    return np.concatenate([np.roll(place, 1) for place in places])


class Prefetched(NamedTuple):
    """A batch, and how long the trainer stood waiting for it."""

    number: int
    batch: Batch
    waited: float
    """Seconds."""


def prefetch(reader: Reader, numbers: Sequence[int]) -> Generator[Prefetched, None, None]:
    """The batches of those numbers in their order, read on another thread while those before them are in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        coming: deque[Future[Batch]] = deque(thread.submit(reader.read, number) for number in numbers[:AHEAD])
        try:
            for k, number in enumerate(numbers):
                asked = perf_counter()
                batch = coming.popleft().result()
                waited = perf_counter() - asked
                coming.extend(thread.submit(reader.read, after) for after in numbers[k + AHEAD : k + AHEAD + 1])
                yield Prefetched(number, batch, waited)
        finally:
            thread.shutdown(cancel_futures=True)
