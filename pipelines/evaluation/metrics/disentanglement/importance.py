"""DCI: disentanglement, completeness and informativeness of importances.

The study everyone cites trains classifiers, which know no order and take hours with 81 angles and 200 latents. Angles
are numbers: here gradient-boosted trees regress them.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingRegressor

MOST_ROWS = 5_000
"""Images that the regressors are fitted to; as many others at most judge them."""


def dci(
    codes: NDArray[np.float64], factors: NDArray[np.float64], groups: Sequence[Sequence[int]], seed: int
) -> dict[str, float]:
    """The three scores; `informativeness` is the mean R2 on images that were not fitted, not below 0."""
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
    """From (D, K) importances: does a latent speak for one factor? Latents count as much as they matter."""
    return _concentration(importances)


def completeness(importances: NDArray[np.float64]) -> float:
    """From (D, K) importances: does one latent say all of a factor? Every factor counts the same."""
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
