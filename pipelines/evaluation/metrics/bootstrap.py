"""Statistics over people, and their intervals: a set of faces is a sample, and its numbers have a spread."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
COVERAGE = 0.95
Chosen = NDArray[np.int64]
"""Indices of people, with repetition."""


@dataclass(frozen=True)
class Statistic:
    """A number that some people give together."""

    of: Callable[[Chosen], float]
    """From people to the number; NaN where they give none."""
    people: int
    """How many there are."""

    @property
    def value(self) -> float:
        """Of everybody, each once."""
        return float(self.of(np.arange(self.people)))

    def estimate(self, resamples: int = RESAMPLES) -> dict[str, Any]:
        """``{"value": v, "interval": [low, high]}``; None where the number is undefined, which JSON knows."""
        value = self.value
        if not math.isfinite(value):
            return {"value": None, "interval": None}
        return {"value": value, "interval": list(interval(self.of, self.people, resamples=resamples))}

    def minus(self, other: "Statistic") -> "Statistic":
        """The paired difference: both of the same people in every resample."""
        if self.people != other.people:
            raise ValueError(f"{self.people} and {other.people} people are not the same people")
        return Statistic(lambda chosen: self.of(chosen) - other.of(chosen), self.people)


def mean_of(values: NDArray[np.floating]) -> Statistic:
    """The mean of one number a person."""
    kept = np.asarray(values, np.float64)
    return Statistic(lambda chosen: float(kept[chosen].mean()), len(kept))


def estimates(statistics: Mapping[str, Statistic]) -> dict[str, Any]:
    """Every statistic with its interval, by name."""
    return {name: statistic.estimate() for name, statistic in statistics.items()}


def interval(
    statistic: Callable[[Chosen], float], people: int, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic over identities.

    Parameters
    ----------
    statistic : function
        From indices of people (with repetition) to a number.
    people : int
        How many there are.

    Returns
    -------
    (low, high) that hold the middle 95% of the resampled values; those that are not finite do not count
    """
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(_resampled(statistic, people, seed, resamples), [tail, 100 - tail])
    return float(low), float(high)


def centred_interval(
    statistic: Statistic, low: float = -math.inf, high: float = math.inf, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The value plus and minus 1.96 bootstrap standard deviations, within `low` and `high`.

    For statistics that repeated people bias, such as mutual information: their percentiles can lie beside the value.
    """
    value = statistic.value
    half = 1.96 * float(_resampled(statistic.of, statistic.people, seed, resamples).std())
    return max(low, value - half), min(high, value + half)


def _resampled(statistic: Callable[[Chosen], float], people: int, seed: int, resamples: int) -> NDArray[np.float64]:
    """The finite values of a statistic over samples of people."""
    rng = np.random.Generator(np.random.Philox(seed))
    values = np.array([statistic(rng.integers(people, size=people)) for _ in range(resamples)])
    return values[np.isfinite(values)]
