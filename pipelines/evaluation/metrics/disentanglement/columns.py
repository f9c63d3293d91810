"""What is compared with each factor: the latents as they are, and one prediction from each block of latents."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.disentanglement.blocks import r2, read
from pipelines.evaluation.metrics.disentanglement.correlation import ColumnShares, HeldOutShares, Shares
from pipelines.evaluation.metrics.disentanglement.information import best_of, table

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Columns:
    """The columns that each factor is compared with, and the groups of latents that they belong to.

    They are all D latents, then the prediction of the factor from each block, a group of two latents or more. A group
    counts as much as its best column: no block counts less than the best of its latents.
    """

    values: list[Array]
    """For each factor the (N, C) columns."""
    groups: NDArray[np.int64]
    """(C,) the group of each column."""
    targets: list[Array]
    """For each factor (N, E): its value, or the cosine and sine of a circle."""
    shares: list[list[Shares]]
    """For each factor the shares of its variance in the columns."""
    circular: bool
    """True where a factor is a circle."""
    reads: list[list[float]]
    """For each block the R2 of its prediction of every factor, 0 or more."""

    def information(self, ids: NDArray[np.int64]) -> Array:
        """(G, K) mutual information of the groups with (N, K) levels of the factors."""
        found = np.stack([table(own, level) for own, level in zip(self.values, ids.T, strict=True)], axis=1)
        return best_of(found, self.groups)


def columns_of(
    codes: Array,
    factors: Array,
    groups: Sequence[Sequence[int]],
    periods: Sequence[float | None],
    identity: NDArray[np.int64],
) -> Columns:
    """The columns of (N, D) codes for (N, K) factors, with the K periods, and (N,) identities numbered from 0."""
    targets = [target_of(column, period) for column, period in zip(factors.T, periods, strict=True)]
    places = [g for g, group in enumerate(groups) if len(group) > 1]
    blocks = [read(codes[:, list(groups[g])], targets, identity) for g in places]
    labels = np.empty(codes.shape[1], np.int64)
    for g, group in enumerate(groups):
        labels[list(group)] = g
    values, shares = [], []
    for k, (target, period) in enumerate(zip(targets, periods, strict=True)):
        predicted = [block[k] for block in blocks]
        values.append(np.column_stack([codes, *(value_of(one, period) for one in predicted)]))
        held_out: list[Shares] = [HeldOutShares(one, target, identity) for one in predicted]
        shares.append([ColumnShares(codes, target, identity), *held_out])
    reads = [[max(0.0, r2(one, target)) for one, target in zip(block, targets, strict=True)] for block in blocks]
    circular = any(period is not None for period in periods)
    return Columns(values, np.array([*labels, *places]), targets, shares, circular, reads)


def target_of(values: Array, period: float | None) -> Array:
    """(N, 1) the values of a factor, or (N, 2) cosine and sine of one with a period."""
    if period is None:
        return values[:, None]
    turned = 2 * np.pi * values / period
    return np.stack([np.cos(turned), np.sin(turned)], axis=1)


def value_of(target: Array, period: float | None) -> Array:
    """(N,) the value of a factor from what `target_of` gives; 0 to the period for a circle."""
    if period is None:
        return target[:, 0]
    value: Array = np.arctan2(target[:, 1], target[:, 0]) % (2 * np.pi) * period / (2 * np.pi)
    return value
