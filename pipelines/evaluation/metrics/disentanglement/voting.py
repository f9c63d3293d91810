"""Metrics that guess which factor a batch shares: FactorVAE's vote and BetaVAE's linear classifier."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

BATCH = 64
FIT, JUDGE = 10_000, 5_000
"""Votes, or pairs of batches, to learn from and to be judged on."""
LEAST_DEVIATION = 0.05
"""Latents that deviate less than this over all images are out of the vote."""


class _Rows:
    """Draws images by the level of a factor."""

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self._level = ids
        self._order = [np.argsort(column, kind="stable") for column in ids.T]
        self._place = [np.argsort(order) for order in self._order]
        self._starts = [np.searchsorted(np.sort(column), np.arange(column.max() + 2)) for column in ids.T]

    def sharing(self, factor: int, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """For each row another that has its level of the factor; itself only where it is alone."""
        level, starts = self._level[rows, factor], self._starts[factor]
        width = starts[level + 1] - starts[level]
        onward = 1 + np.floor(rng.random(rows.shape) * np.maximum(width - 1, 1)).astype(np.int64)
        place = starts[level] + (self._place[factor][rows] - starts[level] + onward) % width
        return self._order[factor][place]


def factor_vae(
    codes: NDArray[np.float64], ids: NDArray[np.int64], groups: Sequence[Sequence[int]], rng: np.random.Generator
) -> float:
    """Batches share one factor; the group whose variance is least, against that over all images, votes for it."""
    spread = codes.var(axis=0)
    alive = np.sqrt(spread) >= LEAST_DEVIATION
    kept = [[d for d in group if alive[d]] for group in groups]
    if not any(kept):
        return 0.0
    rows, factors = _Rows(ids), ids.shape[1]
    votes = np.zeros((len(groups), factors), np.int64)
    right = 0
    for step in range(FIT + JUDGE):
        factor = int(rng.integers(factors))
        first = np.full(BATCH, rng.integers(len(codes)))
        shares = codes[rows.sharing(factor, first, rng)].var(axis=0) / np.where(alive, spread, 1)
        group = int(np.argmin([shares[members].mean() if members else np.inf for members in kept]))
        if step < FIT:
            votes[group, factor] += 1
        else:
            right += int(votes[group].argmax()) == factor
    return right / JUDGE


def beta_vae(codes: NDArray[np.float64], ids: NDArray[np.int64], rng: np.random.Generator) -> float:
    """Pairs share one factor; which one is read from their mean difference. Codes are standardised first."""
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
