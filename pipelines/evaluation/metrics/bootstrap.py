"""Statistics of a set of identities and their bootstrap intervals.

The held-out identities are a sample, so every number over them comes with an interval: identities are resampled with
repetition, all images of one together.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
COVERAGE = 0.95
Chosen = NDArray[np.int64]
"""Indices of identities, with repetition."""


@dataclass(frozen=True)
class Statistic:
    """A number computed over a set of identities."""

    of: Callable[[Chosen], float]
    """From indices of identities to the number; NaN where it is undefined for them."""
    identities: int
    """Number of identities; indices are below it."""

    @property
    def value(self) -> float:
        """The number over all identities, each once."""
        return float(self.of(np.arange(self.identities)))

    def estimate(self, resamples: int = RESAMPLES) -> dict[str, Any]:
        """``{"value": v, "interval": [low, high]}``, each None (null in JSON) where the number is undefined."""
        value = self.value
        if not math.isfinite(value):
            return {"value": None, "interval": None}
        return {"value": value, "interval": list(interval(self.of, self.identities, resamples=resamples))}

    def minus(self, other: "Statistic") -> "Statistic":
        """The paired difference: both numbers over the same identities in every resample.

        Raises
        ------
        ValueError
            The numbers of identities differ.
        """
        if self.identities != other.identities:
            raise ValueError(
                f"a paired difference needs the same identities on both sides; got {self.identities} and "
                f"{other.identities}"
            )
        return Statistic(lambda chosen: self.of(chosen) - other.of(chosen), self.identities)


def mean_of(values: NDArray[np.floating]) -> Statistic:
    """The mean of (N,) values, one of each identity."""
    array = np.asarray(values, np.float64)
    return Statistic(lambda chosen: float(array[chosen].mean()), len(array))


def estimates(statistics: Mapping[str, Statistic], resamples: int = RESAMPLES) -> dict[str, Any]:
    """Every statistic's value and interval, by name."""
    return {name: statistic.estimate(resamples) for name, statistic in statistics.items()}


def interval(
    statistic: Callable[[Chosen], float], identities: int, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Percentile bootstrap interval of a statistic over identities.

    Parameters
    ----------
    statistic : from indices of identities (with repetition) to a number
    identities : number of identities
    seed : of the resampling
    resamples : number of resamples

    Returns
    -------
    (low, high) that hold the middle 95% of the resampled values; those that are not finite do not count
    """
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.percentile(_resampled(statistic, identities, seed, resamples), [tail, 100 - tail])
    return float(low), float(high)


def centred_interval(
    statistic: Statistic, low: float = -math.inf, high: float = math.inf, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The value plus and minus 1.96 bootstrap standard deviations, cut at `low` and `high`.

    For statistics that repeated identities bias, such as mutual information: their percentile interval need not hold
    the value.
    """
    value = statistic.value
    half = 1.96 * float(_resampled(statistic.of, statistic.identities, seed, resamples).std())
    return max(low, value - half), min(high, value + half)


def _resampled(statistic: Callable[[Chosen], float], identities: int, seed: int, resamples: int) -> NDArray[np.float64]:
    """The finite values of a statistic over resampled identities."""
    rng = np.random.Generator(np.random.Philox(seed))
    values = np.array([statistic(rng.integers(identities, size=identities)) for _ in range(resamples)])
    return values[np.isfinite(values)]
