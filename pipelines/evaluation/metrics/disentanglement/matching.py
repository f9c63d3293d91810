"""Metrics of correlation: SAP for continuous factors, and the mean of the best one-to-one matching."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.stats import rankdata

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic

Array = NDArray[np.float64]


def correlations(codes: Array, factors: Array, people: NDArray[np.int64]) -> tuple[Callable[[Chosen], Array], int]:
    """From chosen people to (D, K) absolute Pearson correlations, 0 where one is constant; and how many people."""
    z, v = codes - codes.mean(axis=0), factors - factors.mean(axis=0)
    # Sums by person: a resample is then a weighted sum of them.
    count = int(people.max()) + 1
    one = csr_array((np.ones(len(z)), (people, np.arange(len(z)))), shape=(count, len(z)))
    size, sz, sv, szz, svv = one.sum(axis=1), one @ z, one @ v, one @ z**2, one @ v**2
    szv = np.stack([z[people == p].T @ v[people == p] for p in range(count)])

    def table(chosen: Chosen) -> Array:
        w = np.bincount(chosen, minlength=count).astype(np.float64)
        n = w @ size
        mz, mv = w @ sz / n, w @ sv / n
        across = np.tensordot(w, szv, axes=1) / n - np.outer(mz, mv)
        spread = np.outer(w @ szz / n - mz**2, w @ svv / n - mv**2)
        scale = np.sqrt(np.maximum(spread, 0))
        found: Array = np.abs(np.divide(across, scale, out=np.zeros_like(across), where=scale > 1e-12 * scale.max()))
        return np.minimum(found, 1)

    return table, count


def sap(codes: Array, factors: Array, groups: Sequence[Sequence[int]], people: NDArray[np.int64]) -> Statistic:
    """Squared correlation of the best group less that of the second, mean over factors."""
    table, count = correlations(codes, factors, people)

    def gap(chosen: Chosen) -> float:
        best = np.sort(_of_groups(table(chosen) ** 2, groups), axis=0)[::-1]
        return float(np.mean(best[0] - (best[1] if len(best) > 1 else 0.0)))

    return Statistic(gap, count)


def mcc(codes: Array, factors: Array, groups: Sequence[Sequence[int]], people: NDArray[np.int64]) -> Statistic:
    """Mean |Spearman correlation| of the matching of groups to factors that makes it largest.

    The ranks are those among all images, also in a resample.
    """
    table, count = correlations(rankdata(codes, axis=0), rankdata(factors, axis=0), people)

    def matched(chosen: Chosen) -> float:
        found = _of_groups(table(chosen), groups)
        rows, columns = linear_sum_assignment(found, maximize=True)
        return float(found[rows, columns].sum() / factors.shape[1])

    return Statistic(matched, count)


def _of_groups(table: Array, groups: Sequence[Sequence[int]]) -> Array:
    """(groups, K): what the best latent of each group has."""
    return np.array([table[list(group)].max(axis=0) for group in groups])
