"""Verification of identity from the correlation of two images' representations (arXiv:1503.03167v1 section 4.2).

Both images of a pair have their own pose and light, so a representation passes only if it encodes the identity
whatever the pose. The paper chooses the threshold that is best on the pairs it is evaluated on, which is optimistic,
most of all with few pairs. So three numbers are given with it: the same protocol with shuffled labels, an accuracy
whose threshold was chosen on other identities, and the area under the curve, which needs no threshold.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import rankdata
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import scale

from pipelines.evaluation.metrics.bootstrap import RESAMPLES, Chosen, Statistic, estimates
from pipelines.evaluation.metrics.equivariance import pearson
from train.errors import WrongCodes

Array = NDArray[np.float64]

THRESHOLDS = np.linspace(-1, 1, 200)
"""The number that the authors' code tries, over the range that the paper gives."""
FOLDS = 10
PERMUTATIONS = 1000
ORIGINAL_PAIRS = 96
"""Number of pairs of the paper's test, half of them of one identity."""
DEFINITIONS = {
    "auc": "area under the curve of true against false positives as the threshold moves: how often a pair of one "
    "identity is more similar than a pair of two; 0.5 is chance",
    "accuracy": f"share of pairs classified correctly by the threshold that is best on other pairs: {FOLDS} folds "
    "that share no identity",
    "best": f"the paper's number: share of pairs classified correctly by the best of {len(THRESHOLDS)} thresholds "
    "in [-1, 1], chosen on these pairs; optimistic",
    f"best_{ORIGINAL_PAIRS}": f"`best` on the first {ORIGINAL_PAIRS} pairs, the number of the paper",
    "null_95": f"the value that `best` stays below in 95% of {PERMUTATIONS:,} shuffles of the labels",
    "p": "share of shuffles, the true labels counted as one, in which `best` is as high or higher",
    "image": "similarity: Pearson correlation of the two representations, each scaled on its own as in the paper, "
    "which does not change it",
    "feature": "similarity: Pearson correlation after each feature was scaled over all first and over all second "
    "images, as in the authors' code",
    "supervised": "the representation of a convolutional network that was trained to classify identities of the "
    "training images, from their labels: a ceiling for codes that are learned without them",
    "interval": "95% percentile bootstrap over identities, those that meet in a pair resampled together, as "
    "many resamples as for the other measures",
}


@dataclass(frozen=True)
class Pairs:
    """The identities of each pair of images.

    Raises
    ------
    WrongCodes
        Other shapes, one kind of pair only, or too few groups of identities that share no pair for the folds.
    """

    identities: NDArray[np.int64]
    """(N, 2) numbers of identities."""

    def __post_init__(self) -> None:
        if self.identities.ndim != 2 or self.identities.shape[1] != 2 or not 0 < self.same.sum() < len(self.identities):
            raise WrongCodes(
                f"expected (N, 2) identities, some pairs the same and some not; got {self.identities.shape}"
            )
        if (found := len(self.members)) < FOLDS:
            raise WrongCodes(
                f"{FOLDS} folds need {FOLDS} groups of identities that share no pair; these pairs have {found}"
            )

    @property
    def same(self) -> NDArray[np.bool_]:
        """(N,) True where both images show one identity."""
        same: NDArray[np.bool_] = self.identities[:, 0] == self.identities[:, 1]
        return same

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """(N,) the number of each pair's group: pairs of different groups share no identity."""
        names, ends = np.unique(self.identities, return_inverse=True)
        first, second = ends.reshape(-1, 2).T
        met = coo_array((np.ones(len(first)), (first, second)), shape=(len(names), len(names)))
        groups: NDArray[np.int64] = connected_components(met, directed=False)[1][first]
        return groups

    @cached_property
    def members(self) -> list[NDArray[np.int64]]:
        """The indices of the pairs of each group."""
        return [np.flatnonzero(self.groups == group) for group in np.unique(self.groups)]


def image_similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> Array:
    """(N,) Pearson correlation of the rows of (N, D) and (N, D); 0 where a row is constant."""
    return np.array([pearson(a, b) for a, b in zip(first, second, strict=True)])


def feature_similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> Array:
    """(N,) `image_similarity` after every column was scaled to mean 0 and variance 1, over each of the two sets."""
    return image_similarity(*(scale(images.astype(np.float64), copy=False) for images in (first, second)))


SIMILARITIES: dict[str, Callable[[NDArray[np.floating], NDArray[np.floating]], Array]] = {
    "image": image_similarity,
    "feature": feature_similarity,
}
"""Name to similarity: the paper's, and that of the authors' code."""


def measures(
    first: NDArray[np.floating], second: NDArray[np.floating], pairs: Pairs, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """All measures of `DEFINITIONS` for one representation, as JSON-able values.

    Parameters
    ----------
    first, second : (N, D) representations of the pairs' images

    Returns
    -------
    {similarity: {"auc": estimate, "accuracy": estimate, "best": {...}, "best_96": {...}}}, an estimate being {"value",
    "interval"}; see `pipelines.evaluation.metrics.bootstrap`
    """
    found = {}
    for name, similar in SIMILARITIES.items():
        every, few = similar(first, second), similar(first[:ORIGINAL_PAIRS], second[:ORIGINAL_PAIRS])
        found[name] = estimates(statistics(every, pairs), resamples) | {
            "best": optimistic_accuracy(every, pairs.same),
            f"best_{ORIGINAL_PAIRS}": optimistic_accuracy(few, pairs.same[:ORIGINAL_PAIRS]),
        }
    return found


def statistics(similarity: Array, pairs: Pairs) -> dict[str, Statistic]:
    """Area under the curve and cross-validated accuracy of (N,) similarities, as statistics over groups."""
    correct = crossed(similarity, pairs)

    def over(of: Callable[[NDArray[np.int64]], float]) -> Statistic:
        def resampled(chosen: Chosen) -> float:
            return of(np.concatenate([pairs.members[group] for group in chosen]))

        return Statistic(resampled, len(pairs.members))

    return {
        "auc": over(lambda rows: area(similarity[rows], pairs.same[rows])),
        "accuracy": over(lambda rows: float(correct[rows].mean())),
    }


def crossed(similarity: Array, pairs: Pairs) -> Array:
    """(N,) 1 where a pair is classified correctly by the threshold that is best on pairs without its fold's identities.

    A threshold is tried between any two neighbouring similarities: steps of 0.01 would be too coarse for a
    representation in which all images are similar.
    """
    correct = np.zeros(len(similarity))
    for others, fold in GroupKFold(FOLDS).split(similarity, groups=pairs.groups):
        between = np.convolve(np.sort(similarity[others]), [0.5, 0.5], "valid")
        threshold, _ = best_threshold(similarity[others], pairs.same[others], between)
        correct[fold] = (similarity[fold] >= threshold) == pairs.same[fold]
    return correct


def area(similarity: Array, same: NDArray[np.bool_]) -> float:
    """Area under the curve of (N,) similarities, from their ranks (Mann and Whitney); NaN where one kind is missing."""
    positive = int(same.sum())
    if not 0 < positive < len(same):
        return math.nan
    wins = rankdata(similarity)[same].sum() - positive * (positive + 1) / 2
    return float(wins / (positive * (len(same) - positive)))


def best_threshold(similarity: Array, same: NDArray[np.bool_], thresholds: Array = THRESHOLDS) -> tuple[float, float]:
    """The threshold that classifies most pairs correctly, and their share; the middle one of several equally good.

    A pair is called the same where its similarity is the threshold or more.
    """
    accuracies = _accuracies(similarity, same[None], thresholds)[0]
    best = np.flatnonzero(accuracies == accuracies.max())
    return float(thresholds[best[len(best) // 2]]), float(accuracies.max())


def optimistic_accuracy(similarity: Array, same: NDArray[np.bool_]) -> dict[str, float]:
    """The paper's accuracy and its threshold, and the accuracy that shuffled labels reach by the same choice."""
    threshold, accuracy = best_threshold(similarity, same)
    rng = np.random.Generator(np.random.Philox(0))
    shuffled = rng.permuted(np.tile(same, (PERMUTATIONS, 1)), axis=1)
    null = _accuracies(similarity, shuffled, THRESHOLDS).max(axis=1)
    p = (1 + int((null >= accuracy).sum())) / (1 + PERMUTATIONS)
    return {"value": accuracy, "threshold": threshold, "null_95": float(np.quantile(null, 0.95)), "p": p}


def _accuracies(similarity: Array, same: NDArray[np.bool_], thresholds: Array) -> Array:
    """(L, T) share of pairs classified correctly by each threshold under each of (L, N) labels."""
    above = (similarity[:, None] >= thresholds).astype(np.float64)
    # Correct are pairs of one identity at or above the threshold, and the other pairs below it.
    correct = same.astype(np.float64) @ above + (~same).astype(np.float64) @ (1 - above)
    accuracies: Array = correct / len(similarity)
    return accuracies
