"""Intervals of a statistic over people: a set of faces is a sample, and its numbers have a spread."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
COVERAGE = 0.95


def interval(
    statistic: Callable[[NDArray[np.int64]], float], people: int, seed: int = 0, resamples: int = RESAMPLES
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
    (low, high) that hold the middle 95% of the resampled values; those that are NaN do not count
    """
    rng = np.random.Generator(np.random.Philox(seed))
    values = [statistic(rng.integers(people, size=people)) for _ in range(resamples)]
    tail = 100 * (1 - COVERAGE) / 2
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return float(low), float(high)
