"""Disentanglement metrics of information and correlation: MIG, SAP, and the best one-to-one matching (MCC).

All three are sums over identities, so that a bootstrap resample is a weighted sum.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.stats import rankdata

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic

Array = NDArray[np.float64]

CODE_BINS = 20


def discretize(values: Array, bins: int) -> NDArray[np.int64]:
    """(N,) numbers from 1 of the `bins` intervals of equal width that the values lie in; the largest is in the last."""
    if np.ptp(values) <= 1e-12 * np.abs(values).max(initial=0.0):
        return np.ones(len(values), np.int64)  # a constant up to rounding
    edges = np.histogram_bin_edges(values, bins)
    return np.digitize(values, edges[:-1]).astype(np.int64)


def levels(values: Array, bins: int) -> NDArray[np.int64]:
    """(N,) rank of each value among the distinct ones, or its interval where there are more than `bins`."""
    distinct, number = np.unique(values, return_inverse=True)
    return number.astype(np.int64) if len(distinct) <= bins else discretize(values, bins)


def information(counts: NDArray[np.floating]) -> Array:
    """(D,) mutual information in nats from (D, bins, levels) counts of each latent's bins with a factor's levels."""
    p = counts.astype(np.float64) / counts.sum(axis=(1, 2), keepdims=True)
    alone = p.sum(axis=2, keepdims=True) * p.sum(axis=1, keepdims=True)
    ratio = np.divide(p, alone, out=np.ones_like(p), where=p > 0)
    return (p * np.log(ratio)).sum(axis=(1, 2))


def mig(
    codes: Array, ids: NDArray[np.int64], groups: Sequence[Sequence[int]], identity: NDArray[np.int64]
) -> Statistic:
    """Mutual information gap: of the two most informative groups, over the factor's entropy, mean over factors.

    A group has the information of its best latent. `identity` (N,) numbers the images' identities from 0. The bins
    are those of all images, also in a resample.
    """
    tables = [_counts(codes, column, identity) for column in ids.T]

    def gap(chosen: Chosen) -> float:
        weights = np.bincount(chosen, minlength=len(tables[0])).astype(np.float32)
        return float(np.mean([_gap(np.tensordot(weights, table, axes=1), groups) for table in tables]))

    return Statistic(gap, len(tables[0]))


def _counts(codes: Array, ids: NDArray[np.int64], identity: NDArray[np.int64]) -> NDArray[np.float32]:
    """(N, D, bins, levels): the number of images of each identity with a latent in a bin and a factor on a level."""
    shape = (int(identity.max()) + 1, codes.shape[1], CODE_BINS, int(ids.max()) + 1)
    bins = np.stack([discretize(column, CODE_BINS) for column in codes.T], axis=1) - 1
    where = (identity[:, None], np.arange(shape[1])[None], bins, ids[:, None])
    flat = np.ravel_multi_index(np.broadcast_arrays(*where), shape).ravel()
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.float32)


def _gap(counts: NDArray[np.floating], groups: Sequence[Sequence[int]]) -> float:
    """The gap of one factor, from (D, bins, levels) counts."""
    known = information(counts)
    best = np.sort([known[list(group)].max() for group in groups])[::-1]
    level = counts[0].sum(axis=0)
    entropy = float(information(np.diag(level)[None])[0])
    return float(best[0] - (best[1] if len(best) > 1 else 0)) / entropy if entropy > 0 else 0.0


def correlations(codes: Array, factors: Array, identity: NDArray[np.int64]) -> tuple[Callable[[Chosen], Array], int]:
    """A function from chosen identities to (D, K) absolute Pearson correlations, and the number of identities.

    A correlation with a constant is 0.
    """
    z, v = codes - codes.mean(axis=0), factors - factors.mean(axis=0)
    # Sums by identity: a resample is then a weighted sum of them.
    count = int(identity.max()) + 1
    one = csr_array((np.ones(len(z)), (identity, np.arange(len(z)))), shape=(count, len(z)))
    size, sz, sv, szz, svv = one.sum(axis=1), one @ z, one @ v, one @ z**2, one @ v**2
    szv = np.stack([z[identity == p].T @ v[identity == p] for p in range(count)])

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


def sap(codes: Array, factors: Array, groups: Sequence[Sequence[int]], identity: NDArray[np.int64]) -> Statistic:
    """Squared correlation of the best group minus that of the second, mean over factors."""
    table, count = correlations(codes, factors, identity)

    def gap(chosen: Chosen) -> float:
        best = np.sort(_of_groups(table(chosen) ** 2, groups), axis=0)[::-1]
        return float(np.mean(best[0] - (best[1] if len(best) > 1 else 0.0)))

    return Statistic(gap, count)


def mcc(codes: Array, factors: Array, groups: Sequence[Sequence[int]], identity: NDArray[np.int64]) -> Statistic:
    """Mean |Spearman correlation| of the one-to-one matching of groups and factors with the largest mean.

    The ranks are those among all images, also in a resample.
    """
    table, count = correlations(rankdata(codes, axis=0), rankdata(factors, axis=0), identity)

    def matched(chosen: Chosen) -> float:
        found = _of_groups(table(chosen), groups)
        rows, columns = linear_sum_assignment(found, maximize=True)
        return float(found[rows, columns].sum() / factors.shape[1])

    return Statistic(matched, count)


def _of_groups(table: Array, groups: Sequence[Sequence[int]]) -> Array:
    """(groups, K): the largest value of each group's latents."""
    return np.array([table[list(group)].max(axis=0) for group in groups])
