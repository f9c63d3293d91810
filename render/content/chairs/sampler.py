"""Keyed random choices: a stream of numbers for each seed, chair and topic.

The words are those of the Philox algorithm. They become fractions here, since numpy may change from one version to
the next how `Generator.random` and `Generator.integers` convert them.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

BLOCK = 32
"""Number of words fetched at once."""


class Sampler:
    """Random choices for one topic of one chair; the choices for its legs cannot shift those for its back.

    Parameters
    ----------
    seed, index : int
        Seed of the collection and number of the chair in it, 0 or more.
    topic : str
        Name of the topic, part of the key.
    """

    def __init__(self, seed: int, index: int, topic: str = "") -> None:
        self._address = (seed, index, topic)
        key = (index, zlib.crc32(topic.encode()))
        self._source = np.random.Philox(np.random.SeedSequence(seed, spawn_key=key))
        self._words: list[int] = []

    def topic(self, topic: str) -> "Sampler":
        """The sampler of another topic of the same chair."""
        seed, index, own = self._address
        return Sampler(seed, index, f"{own}/{topic}")

    def fraction(self) -> float:
        """The next number in [0, 1), of 53 bits."""
        if not self._words:
            self._words = self._source.random_raw(BLOCK).tolist()
        return (self._words.pop() >> 11) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """A number from low to high, uniform."""
        return low + (high - low) * self.fraction()

    def whole(self, low: int, high: int) -> int:
        """An integer from low to high, both included, uniform."""
        return low + int(self.fraction() * (high - low + 1))

    def chance(self, share: float) -> bool:
        """True with this probability."""
        return self.fraction() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, uniform."""
        return options[int(self.fraction() * len(options))]

    def weighted(self, weights: Mapping[str, float]) -> str:
        """A name, with a probability proportional to its weight."""
        rest = self.fraction() * sum(weights.values())
        *others, last = weights
        for name in others:
            rest -= weights[name]
            if rest < 0.0:
                return name
        return last
