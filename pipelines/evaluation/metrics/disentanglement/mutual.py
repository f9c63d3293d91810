"""The mutual information gap."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic

CODE_BINS = 20


def discretize(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Numbers of `bins` intervals of equal width over the values' range, from 1; the largest value is in the last."""
    if np.ptp(values) <= 1e-12 * np.abs(values).max(initial=0.0):
        return np.ones(len(values), np.int64)  # a constant up to rounding
    edges = np.histogram_bin_edges(values, bins)
    return np.digitize(values, edges[:-1]).astype(np.int64)


def levels(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """The number of each value among the distinct ones, or its interval where there are more than `bins`."""
    distinct, number = np.unique(values, return_inverse=True)
    return number.astype(np.int64) if len(distinct) <= bins else discretize(values, bins)


def information(counts: NDArray[np.floating]) -> NDArray[np.float64]:
    """(D,) mutual information in nats from (D, bins, levels) counts of each latent's bins with a factor's levels."""
    p = counts.astype(np.float64) / counts.sum(axis=(1, 2), keepdims=True)
    alone = p.sum(axis=2, keepdims=True) * p.sum(axis=1, keepdims=True)
    ratio = np.divide(p, alone, out=np.ones_like(p), where=p > 0)
    return (p * np.log(ratio)).sum(axis=(1, 2))


def mig(
    codes: NDArray[np.float64], ids: NDArray[np.int64], groups: Sequence[Sequence[int]], people: NDArray[np.int64]
) -> Statistic:
    """The gap between the two groups that know most of a factor, over its entropy; a group knows what its best does.

    `people` (N,) numbers the images' people from 0. The bins are those of all images, also in a resample.
    """
    tables = [_counts(codes, column, people) for column in ids.T]

    def gap(chosen: Chosen) -> float:
        weights = np.bincount(chosen, minlength=len(tables[0])).astype(np.float32)
        return float(np.mean([_gap(np.tensordot(weights, table, axes=1), groups) for table in tables]))

    return Statistic(gap, len(tables[0]))


def _counts(codes: NDArray[np.float64], ids: NDArray[np.int64], people: NDArray[np.int64]) -> NDArray[np.float32]:
    """(people, D, bins, levels): how many images of each person have a latent in a bin and a factor on a level."""
    shape = (int(people.max()) + 1, codes.shape[1], CODE_BINS, int(ids.max()) + 1)
    bins = np.stack([discretize(column, CODE_BINS) for column in codes.T], axis=1) - 1
    where = (people[:, None], np.arange(shape[1])[None], bins, ids[:, None])
    flat = np.ravel_multi_index(np.broadcast_arrays(*where), shape).ravel()
    return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.float32)


def _gap(counts: NDArray[np.floating], groups: Sequence[Sequence[int]]) -> float:
    """Of one factor, from (D, bins, levels) counts."""
    known = information(counts)
    best = np.sort([known[list(group)].max() for group in groups])[::-1]
    level = counts[0].sum(axis=0)
    entropy = float(information(np.diag(level)[None])[0])
    return float(best[0] - (best[1] if len(best) > 1 else 0)) / entropy if entropy > 0 else 0.0
