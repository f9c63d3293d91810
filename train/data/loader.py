"""Loaders: the batch of each step, whole or shuffled with its neighbours, read ahead on another thread.

Both loaders are functions of the step alone, so that a run that resumes anywhere reads the same batches.
"""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from train.data.schedule import Draw, Schedule
from train.data.source import Arrays, Batch, BatchSource

BLOCK = 20
"""Batches whose images are shuffled among one another."""
AHEAD = BLOCK + 4
"""Batches read ahead: a GPU processes several while the slowest are read, or a block is."""
_SHUFFLE_KEY = 0x6465616C
ALWAYS = ("image", "factors", "identity")
"""Arrays that a source always gives, where it has them."""


class Loader(Protocol):
    """Gives the batch of a step."""

    def read(self, step: int) -> Batch:
        """The batch of `step`, the same at every call; `active` is int64 (B,), the place of each row's factor."""
        ...

    def scheduled(self, step: int) -> Batch:
        """A whole batch of the source in which one factor varies, among those that `step` and its neighbours read."""
        ...

    def name(self, step: int) -> str:
        """The batch of `step` in a few words, for messages."""
        ...


class FactorLoader:
    """The schedule's batches as the source has them: in each one factor varies.

    Parameters
    ----------
    source, schedule : the batches and their order
    factors : the names that `active` counts
    arrays : to read beside image, factors and identity
    prepare : checks a batch, and may add arrays to it
    """

    def __init__(
        self,
        source: BatchSource,
        schedule: Schedule,
        factors: Sequence[str],
        arrays: Sequence[str] = (),
        prepare: Callable[[Draw, Batch], None] | None = None,
    ) -> None:
        self._source, self._schedule, self._prepare = source, schedule, prepare
        self._places = {name: place for place, name in enumerate(factors)}
        self._arrays = tuple(name for name in arrays if name not in ALWAYS)

    def read(self, step: int) -> Batch:
        """The scheduled batch."""
        draw = self._schedule.at(step)
        batch = dict(self._source.read(draw.factor, draw.index, self._arrays))
        if self._prepare is not None:
            self._prepare(draw, batch)
        batch["active"] = np.full(len(batch["image"]), self._places[draw.factor])
        return batch

    def scheduled(self, step: int) -> Batch:
        """The scheduled batch."""
        return self.read(step)

    def name(self, step: int) -> str:
        """Its number and factor."""
        draw = self._schedule.at(step)
        return f"batch {draw.index} of {draw.factor}"


class ShuffledLoader:
    """Batches of shuffled images: those of every `BLOCK` scheduled batches are shuffled among one another.

    In any 20 consecutive steps of a block a network reads exactly the images that it would read from whole batches.

    Parameters
    ----------
    batches : the loader of whole batches
    seed : of the run
    group_size : images of one batch that stay together, 1 or more: a group; where some are left over, groups have one
        more
    mixed : value of `active` where groups are single images, so that everything varies
    """

    def __init__(self, batches: Loader, seed: int, group_size: int, mixed: int) -> None:
        self._batches, self._seed, self._group_size, self._mixed = batches, seed, group_size, mixed
        self._cached: tuple[int, list[Batch]] | None = None

    def read(self, step: int) -> Batch:
        """One batch of the block that `step` is in; groups of several rows have `partner`, int64 (B,)."""
        block, place = divmod(step, BLOCK)
        cached = self._cached  # once: the trainer may read a batch again, to save it, while this reads ahead
        if cached is None or cached[0] != block:
            self._cached = cached = block, self._shuffle(block)
        return cached[1][place]

    def scheduled(self, step: int) -> Batch:
        """A whole batch that some of the block's images are from."""
        return self._batches.read(step)

    def name(self, step: int) -> str:
        """The steps that its images were scheduled for."""
        first = step // BLOCK * BLOCK
        return f"shuffled images of the batches of steps {first} to {first + BLOCK - 1}"

    def _shuffle(self, block: int) -> list[Batch]:
        batches = [self._batches.read(block * BLOCK + k) for k in range(BLOCK)]
        key = np.random.SeedSequence(self._seed, spawn_key=(_SHUFFLE_KEY, block))
        random = np.random.Generator(np.random.Philox(key))
        groups = _groups([len(batch["image"]) for batch in batches], self._group_size, random)
        whole = _concatenated(batches)
        shuffled = []
        for order in np.array_split(random.permutation(len(groups)), BLOCK):
            chosen = [groups[k] for k in order]
            rows = np.concatenate(chosen)
            batch = {name: array[rows] for name, array in whole.items()}
            if self._group_size > 1:
                batch["partner"] = _partners(chosen)
            else:
                batch["active"] = np.full_like(batch["active"], self._mixed)
            shuffled.append(batch)
        return shuffled


def _concatenated(batches: Sequence[Arrays]) -> Batch:
    """The arrays that all batches have, end to end; unlabelled rows get NaN where some batches are labelled."""
    whole = {name: [batch[name] for batch in batches] for name in batches[0] if all(name in batch for batch in batches)}
    if any("label" in batch for batch in batches):
        unlabelled = (np.full(len(batch["image"]), np.nan, np.float32) for batch in batches)
        whole["label"] = [batch.get("label", nan) for batch, nan in zip(batches, unlabelled, strict=True)]
    return {name: np.concatenate(parts) for name, parts in whole.items()}


def _groups(sizes: Sequence[int], group_size: int, random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Rows of the concatenated batches, one array for each group."""
    ends = np.cumsum(sizes)
    if group_size == 1:
        return list(np.arange(ends[-1])[:, None])
    batches = (random.permutation(np.arange(end - size, end)) for size, end in zip(sizes, ends, strict=True))
    return [group for rows in batches for group in np.array_split(rows, max(1, len(rows) // group_size))]


def _partners(groups: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(rows of all groups,) the partner of each row: the row before in its group, and the last row for the first."""
    places = np.split(np.arange(sum(map(len, groups))), np.cumsum([len(group) for group in groups])[:-1])
    return np.concatenate([np.roll(place, 1) for place in places])


class Prefetched(NamedTuple):
    """A batch, and the time that the trainer waited for it."""

    step: int
    batch: Batch
    waited: float
    """Seconds."""


def prefetch(loader: Loader, steps: Sequence[int]) -> Generator[Prefetched, None, None]:
    """The batches of those steps in their order, read on another thread while those before them are in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        coming: deque[Future[Batch]] = deque(thread.submit(loader.read, step) for step in steps[:AHEAD])
        try:
            for k, step in enumerate(steps):
                asked = perf_counter()
                batch = coming.popleft().result()
                waited = perf_counter() - asked
                coming.extend(thread.submit(loader.read, later) for later in steps[k + AHEAD : k + AHEAD + 1])
                yield Prefetched(step, batch, waited)
        finally:
            thread.shutdown(cancel_futures=True)
