"""DCI (Eastwood and Williams 2018) by gradient-boosted trees: classifiers of levels, or regressors of values.

The study of Locatello et al. 2019 boosts classifiers with one class for each value of a factor, which takes hours with
81 angles and 200 latents. Here a factor has at most `CLASSES` classes, and the trees split between the `SPLITS`
quantiles of a latent; number, depth and rate of the trees are those of the study. Regressors are far more lenient:
their errors are small wherever the order of the values is right.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from pipelines.console.limits import worker_count
from pipelines.evaluation.metrics.disentanglement.blocks import r2
from pipelines.evaluation.metrics.disentanglement.information import levels

Array = NDArray[np.float64]

MOST_IMAGES = 5_000
"""Largest number of images that are fitted; at most as many others judge."""
CLASSES = 10
SPLITS = 64
TREES: dict[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.1,
    "max_depth": 3,
    "min_samples_leaf": 1,
    "max_bins": SPLITS,
    "early_stopping": False,
}


@dataclass(frozen=True)
class Fitted:
    """The importance of every latent for every factor, and how well the factors are predicted."""

    importances: Array
    """(D, K), 0 or more; each factor's sum to 1, or to 0 where nothing was learned."""
    informativeness: float
    """Mean over factors of the accuracy, or of R2 (0 or more), on images that were not fitted."""

    def scores(self, groups: Sequence[Sequence[int]]) -> dict[str, float]:
        """The three scores, each in 0..1; the importance of a group is the sum of its latents'."""
        table = np.array([self.importances[list(group)].sum(axis=0) for group in groups])
        return {
            "disentanglement": disentanglement(table),
            "completeness": completeness(table),
            "informativeness": self.informativeness,
        }


def by_classifiers(codes: Array, factors: Array, seed: int) -> Fitted:
    """DCI of (N, D) codes and (N, K) factors by classifiers of at most `CLASSES` levels; accuracy on other images."""
    return _fitted(codes, [levels(column, CLASSES)[:, None] for column in factors.T], seed, _classifier)


def by_regressors(codes: Array, targets: Sequence[Array], seed: int) -> Fitted:
    """DCI of (N, D) codes by regressors of the (N, E) target of each factor; R2 on other images.

    A circle has two targets, cosine and sine, with a regressor each.
    """
    return _fitted(codes, targets, seed, _regressor)


Judged = tuple[Array, float]
"""(D,) importances, and the score on images that were not fitted."""


def _fitted(
    codes: Array, targets: Sequence[NDArray[Any]], seed: int, learn: Callable[[Array, NDArray[Any], int, int], Judged]
) -> Fitted:
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(codes))
    half = min(MOST_IMAGES, len(codes) // 2)
    some = order[: 2 * half]
    # One thread for each factor: the threads of one fit mostly wait for one another.
    with ThreadPoolExecutor(worker_count()) as pool:
        found = list(pool.map(partial(_alone, learn, codes[some], half, seed), [target[some] for target in targets]))
    return Fitted(np.stack([row for row, _ in found], axis=1), float(np.mean([score for _, score in found])))


def _alone(
    learn: Callable[[Array, NDArray[Any], int, int], Judged], codes: Array, half: int, seed: int, target: NDArray[Any]
) -> Judged:
    """One factor's fit, without further threads; nothing is learned of a constant."""
    if any(np.ptp(part) == 0 for column in target.T for part in (column[:half], column[half:])):
        return np.zeros(codes.shape[1]), 0.0
    with threadpool_limits(1):
        return learn(codes, target, half, seed)


def _classifier(codes: Array, target: NDArray[Any], half: int, seed: int) -> Judged:
    model = HistGradientBoostingClassifier(random_state=seed, **TREES).fit(codes[:half], target[:half, 0])
    return _shares(_gains(model, codes.shape[1])), float(model.score(codes[half:], target[half:, 0]))


def _regressor(codes: Array, target: NDArray[Any], half: int, seed: int) -> Judged:
    gains, predicted = np.zeros(codes.shape[1]), np.empty_like(target[half:])
    for k, column in enumerate(target.T):
        model = HistGradientBoostingRegressor(random_state=seed, **TREES).fit(codes[:half], column[:half])
        gains += _gains(model, codes.shape[1])
        predicted[:, k] = model.predict(codes[half:])
    return _shares(gains), max(0.0, r2(predicted, target[half:]))


def _gains(model: Any, latents: int) -> Array:
    """(latents,) the fall of the loss at all splits on each latent.

    scikit-learn has no importances for these trees; what it grew is in `_predictors`.
    """
    nodes = np.concatenate([tree.nodes for trees in model._predictors for tree in trees])
    splits = nodes[nodes["is_leaf"] == 0]
    return np.bincount(splits["feature_idx"], splits["gain"], minlength=latents).astype(np.float64)


def _shares(gains: Array) -> Array:
    total = gains.sum()
    return gains / total if total > 0 else gains


def disentanglement(importances: Array) -> float:
    """The disentanglement of (D, K) importances: 1 where each latent is important for one factor only.

    Latents are weighted by their importance.
    """
    return _concentration(importances)


def completeness(importances: Array) -> float:
    """The completeness of (D, K) importances: 1 where each factor has one important latent only.

    Factors are weighted by their importance.
    """
    return _concentration(importances.T)


def _concentration(table: Array) -> float:
    """Mean over rows, weighted by their sums, of 1 - entropy / log(columns)."""
    total = table.sum()
    if total <= 0 or table.shape[1] < 2:
        return 0.0
    sums = table.sum(axis=1, keepdims=True)
    p = np.divide(table, sums, out=np.zeros_like(table), where=sums > 0)
    entropy = -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum(axis=1) / np.log(table.shape[1])
    return float(((1 - entropy) * sums[:, 0]).sum() / total)
