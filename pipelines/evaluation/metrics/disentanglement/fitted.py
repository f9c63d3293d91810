"""Disentanglement metrics that fit a classifier: FactorVAE's vote, BetaVAE's linear classifier, and explicitness."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from pipelines.evaluation.metrics.disentanglement.dci import CLASSES
from pipelines.evaluation.metrics.disentanglement.information import levels

BATCH = 64
FIT, JUDGE = 10_000, 5_000
"""Votes, or pairs of batches, to fit and to judge."""
LEAST_DEVIATION = 0.05
"""Latents with a smaller standard deviation over all images do not take part in the vote."""
Groups = Sequence[Sequence[int]]


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
    codes: NDArray[np.float64], ids: NDArray[np.int64], divisions: Sequence[Groups], rng: np.random.Generator
) -> list[float]:
    """Accuracy of a vote: batches share one factor, and the group with the least relative variance votes for it.

    Returns one accuracy for each of the `divisions` of the latents into groups, by the same batches. A group's relative
    variance is the mean of its latents'.
    """
    spread, rows, factors = codes.var(axis=0), _Rows(ids), ids.shape[1]
    alive = np.sqrt(spread) >= LEAST_DEVIATION
    if not alive.any():
        return [0.0] * len(divisions)
    averages = [_averages(groups, alive) for groups in divisions]
    labels = rng.integers(factors, size=FIT + JUDGE)
    shares = np.empty((len(labels), codes.shape[1]))
    for step, factor in enumerate(labels):
        first = np.full(BATCH, rng.integers(len(codes)))
        shares[step] = codes[rows.sharing(int(factor), first, rng)].var(axis=0) / np.where(alive, spread, 1)
    return [_vote((shares @ average).argmin(axis=1), labels, average.shape[1], factors) for average in averages]


def _averages(groups: Groups, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(D, G) weights that average the live latents of each group that has one."""
    used = [[d for d in group if alive[d]] for group in groups]
    table = np.zeros((len(alive), sum(map(bool, used))))
    for k, members in enumerate(filter(None, used)):
        table[members, k] = 1 / len(members)
    return table


def _vote(chosen: NDArray[np.int64], labels: NDArray[np.int64], groups: int, factors: int) -> float:
    """The accuracy of the last `JUDGE` votes, where each group stands for the factor of most of its first `FIT`."""
    votes = np.zeros((groups, factors), np.int64)
    np.add.at(votes, (chosen[:FIT], labels[:FIT]), 1)
    return float((votes.argmax(axis=1)[chosen[FIT:]] == labels[FIT:]).mean())


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
    with threadpool_limits(1):
        model = LogisticRegression(max_iter=1000).fit(features[:FIT], labels[:FIT])
    return float(model.score(features[FIT:], labels[FIT:]))


def explicitness(codes: NDArray[np.float64], factors: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Area under the ROC curve of a linear classifier of each factor's levels, on images that were not fitted.

    Ridgeway and Mozer 2018: mean over levels, one against the rest, and over factors; 0.5 by chance. A factor has at
    most `CLASSES` levels, and those that only one half of the images has do not count.
    """
    order = rng.permutation(len(codes))
    fit, judge = np.split(order, [len(order) // 2])
    scaler = StandardScaler().fit(codes[fit])
    halves = scaler.transform(codes[fit]), scaler.transform(codes[judge])
    return float(np.mean([_areas(*halves, ids[fit], ids[judge]) for ids in (levels(f, CLASSES) for f in factors.T)]))


def _areas(
    fit: NDArray[np.float64], judge: NDArray[np.float64], known: NDArray[np.int64], true: NDArray[np.int64]
) -> float:
    """The mean area of one factor; 0.5 where there is only one level."""
    shared = np.intersect1d(known, true)
    if len(shared) < 2:
        return 0.5
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as far as scikit-learn's default goes
        model = LogisticRegression().fit(fit, known)
    chances = model.predict_proba(judge)
    columns = [int(np.searchsorted(model.classes_, level)) for level in shared]
    return float(
        np.mean([roc_auc_score(true == level, chances[:, k]) for level, k in zip(shared, columns, strict=True)])
    )
