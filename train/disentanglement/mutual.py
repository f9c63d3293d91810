"""The mutual information gap."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import mutual_info_score

CODE_BINS = 20


def discretize(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Numbers of `bins` intervals of equal width over the values' range, from 1; the largest value is in the last."""
    edges = np.histogram_bin_edges(values, bins)
    return np.digitize(values, edges[:-1]).astype(np.int64)


def levels(values: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """The number of each value among the distinct ones, or its interval where there are more than `bins`."""
    distinct, number = np.unique(values, return_inverse=True)
    return number.astype(np.int64) if len(distinct) <= bins else discretize(values, bins)


def information(codes: NDArray[np.float64], ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """(D, K) mutual information of each latent, in 20 bins, with each factor, in nats."""
    binned = [discretize(column, CODE_BINS) for column in codes.T]
    return np.array([[mutual_info_score(z, v) for v in ids.T] for z in binned])


def mig(codes: NDArray[np.float64], ids: NDArray[np.int64], groups: Sequence[Sequence[int]]) -> float:
    """The gap between the two groups that know most of a factor, over its entropy; a group knows what its best does."""
    table = information(codes, ids)
    best = np.sort([table[list(group)].max(axis=0) for group in groups], axis=0)[::-1]
    second = best[1] if len(best) > 1 else np.zeros(ids.shape[1])
    entropy = np.array([mutual_info_score(v, v) for v in ids.T])
    return float(np.mean(np.divide(best[0] - second, entropy, out=np.zeros(len(entropy)), where=entropy > 0)))
