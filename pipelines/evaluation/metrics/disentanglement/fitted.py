"""Disentanglement metrics that fit a model: DCI's regressors, FactorVAE's vote and BetaVAE's linear classifier.

The study that is usually cited for DCI trains classifiers, which ignore the order of angles and take hours with 81
angles and 200 latents. Here gradient-boosted trees regress the angles.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

MOST_ROWS = 5_000
"""Largest number of images that DCI's regressors are fitted to; at most as many others judge them."""
BATCH = 64
FIT, JUDGE = 10_000, 5_000
"""Votes, or pairs of batches, to fit and to judge."""
LEAST_DEVIATION = 0.05
"""Latents with a smaller standard deviation over all images do not take part in the vote."""


def dci(
    codes: NDArray[np.float64], factors: NDArray[np.float64], groups: Sequence[Sequence[int]], seed: int
) -> dict[str, float]:
    """The three scores, each in 0..1; `informativeness` is the mean R2 on images that were not fitted, 0 or more."""
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(codes))
    half = min(MOST_ROWS, len(codes) // 2)
    fit, judge = order[:half], order[half : 2 * half]
    # A tree is grown without the interpreter's lock, so threads suffice; each factor is fitted by itself.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        models = list(
            pool.map(lambda known: GradientBoostingRegressor(random_state=seed).fit(codes[fit], known[fit]), factors.T)
        )
    explained = [
        max(0.0, m.score(codes[judge], column[judge])) if np.ptp(column[judge]) > 0 else 0.0
        for m, column in zip(models, factors.T, strict=True)
    ]
    importances = [model.feature_importances_ for model in models]
    table = np.array([np.sum([row[list(group)] for row in importances], axis=1) for group in groups])
    return {
        "disentanglement": disentanglement(table),
        "completeness": completeness(table),
        "informativeness": float(np.mean(explained)),
    }


def disentanglement(importances: NDArray[np.float64]) -> float:
    """The disentanglement of (D, K) importances: 1 where each latent is important for one factor only.

    Latents are weighted by their importance.
    """
    return _concentration(importances)


def completeness(importances: NDArray[np.float64]) -> float:
    """The completeness of (D, K) importances: 1 where each factor has one important latent only.

    Factors are weighted by their importance.
    """
    return _concentration(importances.T)


def _concentration(table: NDArray[np.float64]) -> float:
    """Mean over rows, weighted by their sums, of 1 - entropy / log(columns)."""
    total = table.sum()
    if total <= 0 or table.shape[1] < 2:
        return 0.0
    sums = table.sum(axis=1, keepdims=True)
    p = np.divide(table, sums, out=np.zeros_like(table), where=sums > 0)
    entropy = -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum(axis=1) / np.log(table.shape[1])
    return float(((1 - entropy) * sums[:, 0]).sum() / total)


class _Rows:
    """Samples images by the level of a factor."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._level = ids
        self._order = [np.argsort(column, kind="stable") for column in ids.T]
        self._place = [np.argsort(order) for order in self._order]
        self._starts = [np.searchsorted(np.sort(column), np.arange(column.max() + 2)) for column in ids.T]

    def sharing(self, factor: int, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """For each row another row with the same level of the factor; the row itself where there is no other."""
        level, starts = self._level[rows, factor], self._starts[factor]
        width = starts[level + 1] - starts[level]
        onward = 1 + np.floor(rng.random(rows.shape) * np.maximum(width - 1, 1)).astype(np.int64)
        place = starts[level] + (self._place[factor][rows] - starts[level] + onward) % width
        return self._order[factor][place]


def factor_vae(
    codes: NDArray[np.float64], ids: NDArray[np.int64], groups: Sequence[Sequence[int]], rng: np.random.Generator
) -> float:
    """Accuracy of a vote: batches share one factor, and the group with the least relative variance votes for it."""
    spread = codes.var(axis=0)
    alive = np.sqrt(spread) >= LEAST_DEVIATION
    used = [[d for d in group if alive[d]] for group in groups]
    if not any(used):
        return 0.0
    rows, factors = _Rows(ids), ids.shape[1]
    votes = np.zeros((len(groups), factors), np.int64)
    right = 0
    for step in range(FIT + JUDGE):
        factor = int(rng.integers(factors))
        first = np.full(BATCH, rng.integers(len(codes)))
        shares = codes[rows.sharing(factor, first, rng)].var(axis=0) / np.where(alive, spread, 1)
        group = int(np.argmin([shares[members].mean() if members else np.inf for members in used]))
        if step < FIT:
            votes[group, factor] += 1
        else:
            right += int(votes[group].argmax()) == factor
    return right / JUDGE


def beta_vae(codes: NDArray[np.float64], ids: NDArray[np.int64], rng: np.random.Generator) -> float:
    """Accuracy of a linear classifier that predicts which factor pairs share from their mean difference of codes."""
    deviation = codes.std(axis=0)
    z = (codes - codes.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    rows = _Rows(ids)
    labels = rng.integers(ids.shape[1], size=FIT + JUDGE)
    features = np.empty((len(labels), codes.shape[1]))
    for k, factor in enumerate(labels):
        first = rng.integers(len(codes), size=BATCH)
        features[k] = np.abs(z[first] - z[rows.sharing(int(factor), first, rng)]).mean(axis=0)
    model = LogisticRegression(max_iter=1000).fit(features[:FIT], labels[:FIT])
    return float(model.score(features[FIT:], labels[FIT:]))
