"""Disentanglement metrics of correlation: SAP, and the best one-to-one matching (MCC).

Both are of sums over identities, so that a bootstrap resample is a weighted sum.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.stats import rankdata

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic
from pipelines.evaluation.metrics.disentanglement.information import best_of, constant

Array = NDArray[np.float64]

NOTHING = 1e-12
"""Share of a column's variance below which what is left in a resample is rounding."""


class Shares(Protocol):
    """How much of a factor's variance each of some columns shares."""

    identities: int

    def of(self, chosen: Chosen) -> Array:
        """(C,) shares, 0..1, over the chosen identities."""


class ColumnShares:
    """R2 of each of (N, C) columns on a factor's (N, E) target: the squared correlation where E = 1.

    A column or a target without variance has share 0. For a circle the target is cosine and sine (E = 2), and R2 is
    the squared linear-circular correlation.
    """

    def __init__(self, columns: Array, target: Array, identity: NDArray[np.int64]) -> None:
        still = np.array([constant(column) for column in columns.T])
        z = np.where(still, 0.0, columns - columns.mean(axis=0)) / np.where(still, 1.0, columns.std(axis=0))
        e = (target - target.mean(axis=0)) / _or_one(target.std(axis=0))
        rows = np.concatenate([np.ones((len(z), 1)), z, z**2, *(z * t[:, None] for t in e.T), e], axis=1)
        pairs = np.stack([a * b for a in e.T for b in e.T], axis=1)
        self.identities = int(identity.max()) + 1
        self._sums = sums(np.concatenate([rows, pairs], axis=1), identity)
        self._sizes = (z.shape[1], e.shape[1])

    def of(self, chosen: Chosen) -> Array:
        """(C,) R2 over the chosen identities."""
        (C, E), mean = self._sizes, _mean(self._sums, chosen)
        z, zz, ze, e, ee = np.split(mean[1:], np.cumsum([C, C, C * E, E]))
        across = ze.reshape(E, C) - np.outer(e, z)
        within = np.linalg.pinv(ee.reshape(E, E) - np.outer(e, e), rcond=1e-9, hermitian=True)
        spread = zz - z**2
        explained = np.einsum("ec,ef,fc->c", across, within, across)
        r2 = np.divide(explained, spread, out=np.zeros_like(spread), where=spread > NOTHING)
        return np.clip(r2, 0, 1)


class HeldOutShares:
    """R2 of a factor's (N, E) target as (N, E) predictions of images that were not fitted have it; 0 or more."""

    def __init__(self, predicted: Array, target: Array, identity: NDArray[np.int64]) -> None:
        missed, squares = np.square(predicted - target).sum(axis=1), np.square(target).sum(axis=1)
        rows = np.column_stack([np.ones(len(target)), missed, squares, target])
        self.identities = int(identity.max()) + 1
        self._sums = sums(rows, identity)

    def of(self, chosen: Chosen) -> Array:
        """(1,) R2 over the chosen identities."""
        _, missed, squares, *mean = _mean(self._sums, chosen)
        spread = squares - np.square(mean).sum()
        return np.array([max(0.0, 1 - missed / spread) if spread > NOTHING * squares else 0.0])


def sap(shares: Sequence[Sequence[Shares]], groups: NDArray[np.int64]) -> Statistic:
    """The largest share of a factor's variance in a group minus the second largest, mean over factors.

    `shares` has, for each factor, the parts whose columns are compared, and `groups` (C,) the group of each column. A
    group has the share of its best column.
    """

    def gap(chosen: Chosen) -> float:
        return float(np.mean([_gap(np.concatenate([part.of(chosen) for part in parts]), groups) for parts in shares]))

    return Statistic(gap, shares[0][0].identities)


def _gap(shares: Array, groups: NDArray[np.int64]) -> float:
    best = np.sort(best_of(shares, groups))[::-1]
    return float(best[0] - (best[1] if len(best) > 1 else 0.0))


def mcc(columns: Sequence[Array], factors: Array, groups: NDArray[np.int64], identity: NDArray[np.int64]) -> Statistic:
    """Mean |Spearman correlation| of the one-to-one matching of groups and factors with the largest mean.

    `columns` has, for each factor, the (N, C) columns that it is compared with: latents, and predictions of it; a group
    has the correlation of its best column. The ranks are those among all images, also in a resample.
    """
    ranked = [
        ColumnShares(rankdata(own, axis=0), rankdata(factor)[:, None], identity)
        for own, factor in zip(columns, factors.T, strict=True)
    ]

    def matched(chosen: Chosen) -> float:
        found = best_of(np.sqrt(np.stack([one.of(chosen) for one in ranked], axis=1)), groups)
        rows, places = linear_sum_assignment(found, maximize=True)
        return float(found[rows, places].sum() / factors.shape[1])

    return Statistic(matched, ranked[0].identities)


def sums(rows: Array, identity: NDArray[np.int64]) -> Array:
    """(P, C) sums of (N, C) rows over the images of each identity."""
    one = csr_array((np.ones(len(rows)), (identity, np.arange(len(rows)))), shape=(int(identity.max()) + 1, len(rows)))
    total: Array = one @ rows
    return total


def _mean(total: Array, chosen: Chosen) -> Array:
    """(C,) mean over the images of the chosen identities; the first column of the sums counts images."""
    weighted: Array = np.bincount(chosen, minlength=len(total)) @ total
    return weighted / weighted[0]


def _or_one(scale: Array) -> Array:
    return np.where(scale > 0, scale, 1.0)
