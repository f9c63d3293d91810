"""The order in which batches are read: a function of the seed and the step alone, so that a run can resume anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FACTOR_KEY, _ORDER_KEY = 0x64726177, 0x6F726472
"""First words of the two kinds of keys, far from the small integers that other packages use for theirs."""
_BLOCK = 1024
"""Steps whose factors are sampled at once."""


@dataclass(frozen=True)
class Draw:
    """The address of the batch that a step reads."""

    factor: str
    index: int


class Schedule:
    """Step k -> (factor, index), a pure function of (seed, k).

    The factor is sampled by the ratio, independently for each step (NIPS 2015 section 3.1). The n-th step of a factor
    reads batch `permutation[n % count]` of epoch `n // count`: without replacement, in a new order every epoch.

    Parameters
    ----------
    seed : of the run
    ratio : (factor, share) in the layout's order
    counts : number of batches by factor
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
        """The permutation of one factor's batches in one epoch; the last one of each factor is cached."""
        cached = self._orders.get(factor)
        if cached is None or cached[0] != epoch:
            permutation = self._generator(_ORDER_KEY, factor, epoch).permutation(self._counts[factor])
            self._orders[factor] = cached = (epoch, permutation)
        return cached[1]

    def _generator(self, *key: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(self._seed, spawn_key=key)))


def _edges(shares: Sequence[float]) -> NDArray[np.float64]:
    """The end of each factor's share of 0..1."""
    ends: NDArray[np.float64] = np.cumsum(shares)
    return ends / ends[-1]
