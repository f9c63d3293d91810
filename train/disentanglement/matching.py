"""Metrics of correlation: SAP for continuous factors, and the mean of the best one-to-one matching."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata


def correlations(codes: NDArray[np.float64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(D, K) absolute Pearson correlations; 0 where one is constant."""
    z, v = codes - codes.mean(axis=0), factors - factors.mean(axis=0)
    scale = np.sqrt(np.square(z).sum(axis=0))[:, None] * np.sqrt(np.square(v).sum(axis=0))
    return np.abs(np.divide(z.T @ v, scale, out=np.zeros((z.shape[1], v.shape[1])), where=scale > 0))


def sap(codes: NDArray[np.float64], factors: NDArray[np.float64], groups: Sequence[Sequence[int]]) -> float:
    """Squared correlation of the best group less that of the second, mean over factors."""
    best = np.sort(_of_groups(correlations(codes, factors) ** 2, groups), axis=0)[::-1]
    second = best[1] if len(best) > 1 else 0.0
    return float(np.mean(best[0] - second))


def mcc(codes: NDArray[np.float64], factors: NDArray[np.float64], groups: Sequence[Sequence[int]]) -> float:
    """Mean |Spearman correlation| of the matching of groups to factors that makes it largest."""
    table = _of_groups(correlations(rankdata(codes, axis=0), rankdata(factors, axis=0)), groups)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / factors.shape[1])


def _of_groups(table: NDArray[np.float64], groups: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """(groups, K): what the best latent of each group has."""
    return np.array([table[list(group)].max(axis=0) for group in groups])
