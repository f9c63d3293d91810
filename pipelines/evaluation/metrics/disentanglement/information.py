"""Disentanglement metrics of mutual information: MIG, and modularity.

The counts behind them are sums over identities, so that a bootstrap resample is a weighted sum.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic

Array = NDArray[np.float64]

CODE_BINS = 20
LEADING = 16
"""Columns, and groups, that a bootstrap resample of the MIG compares: the gap is between the first two."""


def discretize(values: Array, bins: int) -> NDArray[np.int64]:
    """(N,) numbers from 1 of the `bins` intervals of equal width that the values lie in; the largest is in the last."""
    if constant(values):
        return np.ones(len(values), np.int64)
    edges = np.histogram_bin_edges(values, bins)
    return np.digitize(values, edges[:-1]).astype(np.int64)


def constant(values: Array) -> bool:
    """Whether (N,) values are equal up to rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.abs(values).max(initial=0.0))


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


def table(columns: Array, ids: NDArray[np.int64]) -> Array:
    """(C,) mutual information in nats of (N, C) columns, in bins of equal width, with a factor's (N,) levels."""
    count = int(ids.max()) + 1
    cells = (
        np.bincount((discretize(one, CODE_BINS) - 1) * count + ids, minlength=CODE_BINS * count) for one in columns.T
    )
    return information(np.stack(list(cells)).reshape(-1, CODE_BINS, count).astype(np.float64))


class Counts:
    """The number of images with each column of a code in a bin and one factor on a level, by identity.

    The bins are those of all images, also in a resample.

    Parameters
    ----------
    columns : (N, C)
        Latents, or held-out predictions.
    ids : (N,) integers of 0 or more
        The factor's level.
    identity : (N,) integers
        The images' identities, numbered from 0.
    """

    def __init__(self, columns: Array, ids: NDArray[np.int64], identity: NDArray[np.int64]) -> None:
        self.identities = int(identity.max()) + 1
        self._shape = (columns.shape[1], CODE_BINS, int(ids.max()) + 1)
        bins = np.stack([discretize(column, CODE_BINS) for column in columns.T], axis=1) - 1
        cell = np.ravel_multi_index((np.arange(columns.shape[1])[None], bins, ids[:, None]), self._shape)
        owner = np.broadcast_to(identity[:, None], cell.shape)
        size = (self.identities, int(np.prod(self._shape)))
        self._table = csr_array((np.ones(cell.size), (owner.ravel(), cell.ravel())), shape=size)

    def of(self, chosen: Chosen) -> Array:
        """(C, bins, levels) counts over the chosen identities."""
        weights = np.bincount(chosen, minlength=self.identities).astype(np.float64)
        counts: Array = (weights @ self._table).reshape(self._shape)
        return counts


def mig(
    columns: Sequence[Array], ids: NDArray[np.int64], groups: NDArray[np.int64], identity: NDArray[np.int64]
) -> Statistic:
    """Mutual information gap: of the two most informative groups, over the factor's entropy, mean over factors.

    A group has the information of its most informative column; a resample compares the `LEADING` columns and groups
    that have most in all images. With one group the gap is its information.

    Parameters
    ----------
    columns : (N, C) for each factor
        What is compared with it: latents, and predictions of it.
    ids : (N, K) integers of 0 or more
        Levels of the factors.
    groups : (C,) integers
        The group of each column.
    identity : (N,) integers
        The images' identities, numbered from 0.
    """
    kept = [leading(table(own, level), groups) for own, level in zip(columns, ids.T, strict=True)]
    counts = [Counts(own[:, k], level, identity) for own, level, k in zip(columns, ids.T, kept, strict=True)]

    def gap(chosen: Chosen) -> float:
        return float(np.mean([_gap(one.of(chosen), groups[k]) for one, k in zip(counts, kept, strict=True)]))

    return Statistic(gap, counts[0].identities)


def leading(known: Array, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of the `LEADING` largest of (C,) values, and of the largest one of as many groups."""
    order = np.argsort(-known, kind="stable")
    first = np.unique(groups[order], return_index=True)[1]
    return order[np.union1d(np.arange(min(LEADING, len(order))), np.sort(first)[:LEADING])]


def best_of(values: Array, groups: NDArray[np.int64]) -> Array:
    """(G, ...) the largest of (C, ...) values in each group that occurs, by (C,) numbers of groups from 0."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    found: Array = np.maximum.reduceat(values[order], starts, axis=0)
    return found


def _gap(counts: Array, groups: NDArray[np.int64]) -> float:
    """The gap of one factor, from (C, bins, levels) counts."""
    best = np.sort(best_of(information(counts), groups))[::-1]
    level = counts[0].sum(axis=0)
    entropy = float(information(np.diag(level)[None])[0])
    return float(best[0] - (best[1] if len(best) > 1 else 0)) / entropy if entropy > 0 else 0.0


def modularity(table: Array) -> float:
    """Modularity of (G, K) mutual information, 0..1: 1 where each latent or block has that of one factor only.

    Ridgeway and Mozer 2018: 1 - (sum of the squares - largest) / (largest x (K - 1)), mean over the rows; a row
    without information counts 0. Noise scores about 2/3 at K = 3.
    """
    squares = table**2
    largest = squares.max(axis=1)
    others = (squares.sum(axis=1) - largest) / (table.shape[1] - 1)
    shares = 1 - np.divide(others, largest, out=np.ones_like(largest), where=largest > 0)
    return float(shares.mean())
