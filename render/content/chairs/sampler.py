"""Random numbers by address: a chair's index, and the name of what is drawn.

Raw Philox words, turned into fractions here: the words are the algorithm's own, whereas numpy reserves the right to
change what `Generator.random` and `Generator.integers` make of them from one version to the next.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

BLOCK = 32
"""Words fetched at once."""


class Sampler:
    """The numbers of one topic of one chair: what is drawn for its legs cannot shift what is drawn for its back.

    Parameters
    ----------
    seed, index : int
        Of the collection, and of the chair in it; 0 or more.
    topic : str
        Part of the address.
    """

    def __init__(self, seed: int, index: int, topic: str = "") -> None:
        self._address = (seed, index, topic)
        key = (index, zlib.crc32(topic.encode()))
        self._source = np.random.Philox(np.random.SeedSequence(seed, spawn_key=key))
        self._words: list[int] = []

    def topic(self, topic: str) -> "Sampler":
        """The numbers of another topic of the same chair."""
        seed, index, own = self._address
        return Sampler(seed, index, f"{own}/{topic}")

    def fraction(self) -> float:
        """The next number in [0, 1), of 53 bits."""
        if not self._words:
            self._words = self._source.random_raw(BLOCK).tolist()
        return (self._words.pop() >> 11) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """A number of an interval, all equally likely."""
        return low + (high - low) * self.fraction()

    def whole(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True for this share of chairs."""
        return self.fraction() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of several, all equally likely."""
        return options[int(self.fraction() * len(options))]

    def weighted(self, weights: Mapping[str, float]) -> str:
        """A name, as often as its weight says."""
        rest = self.fraction() * sum(weights.values())
        *others, last = weights
        for name in others:
            rest -= weights[name]
            if rest < 0.0:
                return name
        return last
