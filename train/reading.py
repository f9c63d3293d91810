"""How the batches of a schedule reach the trainer: as they are, or their images shuffled, a few steps ahead.

Both are functions of the step alone, so that a run that starts again anywhere sees what it would have seen.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np

from train.batches import Batch, BatchSource, Schedule, check_batch
from train.config import TrainConfig
from train.labels import marked

SHUFFLED = "shuffled"
"""What varies in a batch of shuffled images: everything."""
AHEAD = 3
"""Batches read before they are wanted: a GPU's steps take less time than the slowest reads."""
BLOCK = 20
"""Batches whose images are shuffled among one another."""
_DEAL_KEY = 0x6465616C


class Reader(Protocol):
    """Gives the batch of a step."""

    def read(self, step: int) -> Batch:
        """The batch of `step`, the same whenever it is asked for."""
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

    def name(self, step: int) -> str:
        """Its number and factor."""
        draw = self._schedule.at(step)
        return f"batch {draw.index} of {draw.factor}"


class Shuffled:
    """The same images in as many steps, but every `BLOCK` batches are shuffled and dealt anew.

    So a net that is trained on shuffled images sees in any 20 steps exactly what the paper's rule sees in them.
    """

    def __init__(self, config: TrainConfig, source: BatchSource, schedule: Schedule) -> None:
        self._seed = config.seed
        self._batches = OneFactor(config, source, schedule)
        self._kept: tuple[int, list[Batch]] | None = None

    def read(self, step: int) -> Batch:
        """One hand of the block that `step` is in."""
        block, hand = divmod(step, BLOCK)
        kept = self._kept  # once: the trainer reads a batch again, to save it, while this one reads ahead
        if kept is None or kept[0] != block:
            self._kept = kept = block, self._deal(block)
        return kept[1][hand]

    def name(self, step: int) -> str:
        """Which steps its images were scheduled for."""
        first = step // BLOCK * BLOCK
        return f"shuffled images of the batches of steps {first} to {first + BLOCK - 1}"

    def _deal(self, block: int) -> list[Batch]:
        batches = [self._batches.read(block * BLOCK + k) for k in range(BLOCK)]
        images = np.concatenate([batch.images for batch in batches])
        key = np.random.SeedSequence(self._seed, spawn_key=(_DEAL_KEY, block))
        order = np.random.Generator(np.random.Philox(key)).permutation(len(images))
        factors = [b.factors for b in batches if b.factors is not None]
        identity = [b.identity for b in batches if b.identity is not None]
        # What only some of the batches know is known of none.
        values = np.concatenate(factors) if len(factors) == BLOCK else None
        people = np.concatenate(identity) if len(identity) == BLOCK else None
        return [
            Batch(
                images[hand],
                SHUFFLED,
                None if values is None else values[hand],
                None if people is None else people[hand],
            )
            for hand in np.array_split(order, BLOCK)
        ]


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
