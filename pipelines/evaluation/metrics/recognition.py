"""Same person or another? Told from the correlation of two images' representations (arXiv:1503.03167v1 section 4.2).

Both images of a pair have a pose and a light of their own, so that a representation passes only if it knows the person
whatever the rest. The paper chooses the threshold that is best on the very pairs it is judged on. That flatters, most
of all with few pairs; beside it stand what the same protocol gives labels without meaning, an accuracy whose threshold
was chosen on other people, and the area under the curve, which needs no threshold.
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

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic, estimates
from pipelines.evaluation.metrics.equivariance import pearson
from train.errors import WrongCodes

Array = NDArray[np.float64]

THRESHOLDS = np.linspace(-1, 1, 200)
"""As many as the authors' code tries, over the range that the paper says."""
FOLDS = 10
PERMUTATIONS = 1000
ORIGINAL_PAIRS = 96
"""Of the paper's test, half of them the same person."""
DEFINITIONS = {
    "auc": "area under the curve of true against false positives as the threshold moves: how often a pair of one "
    "person is more alike than a pair of two; 0.5 is chance",
    "accuracy": f"share of pairs told right by the threshold, of all there are, that is best on other pairs: {FOLDS} "
    "folds that share no person",
    "best": f"the paper's number: share of pairs told right by the best of {len(THRESHOLDS)} thresholds in [-1, 1], "
    "chosen on these pairs; optimistic",
    f"best_{ORIGINAL_PAIRS}": f"the same on the first {ORIGINAL_PAIRS} pairs, as many as the paper had",
    "null_95": f"what `best` stays below in 95% of {PERMUTATIONS:,} shuffles of the labels",
    "p": "share of shuffles, the true labels counted as one, in which `best` is as high or higher",
    "image": "similarity: Pearson correlation of the two representations, each scaled on its own as in the paper, "
    "which does not change it",
    "feature": "similarity: the same after each feature was scaled over all first images and over all second images, "
    "as in the authors' code",
    "interval": "95% percentile bootstrap over people, those who meet in a pair drawn together, 1,000 resamples",
}


@dataclass(frozen=True)
class Pairs:
    """Who is in each pair of images.

    Raises
    ------
    WrongCodes
        Other shapes, one kind of pair only, or people who are too entwined to be put into folds.
    """

    people: NDArray[np.int64]
    """(N, 2) numbers of people."""

    def __post_init__(self) -> None:
        if self.people.ndim != 2 or self.people.shape[1] != 2 or not 0 < self.same.sum() < len(self.people):
            raise WrongCodes(f"expected (N, 2) people, some pairs the same and some not; got {self.people.shape}")
        if (found := len(self.members)) < FOLDS:
            raise WrongCodes(
                f"{FOLDS} folds need {FOLDS} groups of people who meet nobody else; these pairs have {found}"
            )

    @property
    def same(self) -> NDArray[np.bool_]:
        """(N,) whether both images show one person."""
        same: NDArray[np.bool_] = self.people[:, 0] == self.people[:, 1]
        return same

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """(N,) the pair's group: pairs of different groups share no person."""
        names, ends = np.unique(self.people, return_inverse=True)
        first, second = ends.reshape(-1, 2).T
        met = coo_array((np.ones(len(first)), (first, second)), shape=(len(names), len(names)))
        groups: NDArray[np.int64] = connected_components(met, directed=False)[1][first]
        return groups

    @cached_property
    def members(self) -> list[NDArray[np.int64]]:
        """The pairs of each group."""
        return [np.flatnonzero(self.groups == group) for group in np.unique(self.groups)]


def image_similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> Array:
    """(N,) Pearson correlation of the rows of (N, D) and (N, D); 0 where a row is constant."""
    return np.array([pearson(a, b) for a, b in zip(first, second, strict=True)])


def feature_similarity(first: NDArray[np.floating], second: NDArray[np.floating]) -> Array:
    """The same after every column was scaled to mean 0 and variance 1, over the first and over the second images."""
    return image_similarity(*(scale(images.astype(np.float64), copy=False) for images in (first, second)))


SIMILARITIES: dict[str, Callable[[NDArray[np.floating], NDArray[np.floating]], Array]] = {
    "image": image_similarity,
    "feature": feature_similarity,
}
"""The paper's, and that of the authors' code."""


def measures(first: NDArray[np.floating], second: NDArray[np.floating], pairs: Pairs) -> dict[str, Any]:
    """Everything of `DEFINITIONS` for one representation, as JSON-able values.

    Parameters
    ----------
    first, second : (N, D) of the pairs' images

    Returns
    -------
    {similarity: {"auc": estimate, "accuracy": estimate, "best": {...}, "best_96": {...}}}, an estimate being {"value",
    "interval"}; see `pipelines.evaluation.metrics.bootstrap`
    """
    found = {}
    for name, similar in SIMILARITIES.items():
        every, few = similar(first, second), similar(first[:ORIGINAL_PAIRS], second[:ORIGINAL_PAIRS])
        found[name] = estimates(statistics(every, pairs)) | {
            "best": flattered(every, pairs.same),
            f"best_{ORIGINAL_PAIRS}": flattered(few, pairs.same[:ORIGINAL_PAIRS]),
        }
    return found


def statistics(similarity: Array, pairs: Pairs) -> dict[str, Statistic]:
    """Area under the curve and cross-validated accuracy of (N,) similarities, as statistics of groups of people."""
    told = crossed(similarity, pairs)

    def over(of: Callable[[NDArray[np.int64]], float]) -> Statistic:
        def resampled(chosen: Chosen) -> float:
            return of(np.concatenate([pairs.members[group] for group in chosen]))

        return Statistic(resampled, len(pairs.members))

    return {
        "auc": over(lambda rows: area(similarity[rows], pairs.same[rows])),
        "accuracy": over(lambda rows: float(told[rows].mean())),
    }


def crossed(similarity: Array, pairs: Pairs) -> Array:
    """(N,) 1 where a pair is told right by the threshold that is best on pairs with none of its fold's people.

    Between any two neighbours there is a threshold: steps of 0.01 would do injustice to a representation in which all
    images are much alike.
    """
    told = np.zeros(len(similarity))
    for others, fold in GroupKFold(FOLDS).split(similarity, groups=pairs.groups):
        between = np.convolve(np.sort(similarity[others]), [0.5, 0.5], "valid")
        threshold, _ = best_threshold(similarity[others], pairs.same[others], between)
        told[fold] = (similarity[fold] >= threshold) == pairs.same[fold]
    return told


def area(similarity: Array, same: NDArray[np.bool_]) -> float:
    """Area under the curve of (N,) similarities, from their ranks (Mann and Whitney); NaN where one kind is missing."""
    alike = int(same.sum())
    if not 0 < alike < len(same):
        return math.nan
    wins = rankdata(similarity)[same].sum() - alike * (alike + 1) / 2
    return float(wins / (alike * (len(same) - alike)))


def best_threshold(similarity: Array, same: NDArray[np.bool_], thresholds: Array = THRESHOLDS) -> tuple[float, float]:
    """The threshold that tells most pairs right, and their share; the middle one of several that are as good.

    A pair is called the same where its similarity is the threshold or more.
    """
    accuracies = _accuracies(similarity, same[None], thresholds)[0]
    best = np.flatnonzero(accuracies == accuracies.max())
    return float(thresholds[best[len(best) // 2]]), float(accuracies.max())


def flattered(similarity: Array, same: NDArray[np.bool_]) -> dict[str, float]:
    """The paper's accuracy, its threshold, and what shuffled labels reach by the same choice."""
    threshold, accuracy = best_threshold(similarity, same)
    rng = np.random.Generator(np.random.Philox(0))
    shuffled = rng.permuted(np.tile(same, (PERMUTATIONS, 1)), axis=1)
    null = _accuracies(similarity, shuffled, THRESHOLDS).max(axis=1)
    p = (1 + int((null >= accuracy).sum())) / (1 + PERMUTATIONS)
    return {"value": accuracy, "threshold": threshold, "null_95": float(np.quantile(null, 0.95)), "p": p}


def _accuracies(similarity: Array, same: NDArray[np.bool_], thresholds: Array) -> Array:
    """(L, T) share of pairs told right by each threshold under each of (L, N) labels."""
    called = (similarity[:, None] >= thresholds).astype(np.float64)
    # Right are those of the same person that are called so, and of the others all that are not.
    right = same.astype(np.float64) @ called + (~same).astype(np.float64) @ (1 - called)
    accuracies: Array = right / len(similarity)
    return accuracies
