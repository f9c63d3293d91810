"""A block of latents as one: a factor is predicted from all of them, for images that were not fitted.

A factor that is spread over many latents, a little in each, is in none of them: a metric of single latents is blind to
it. Here the block is read by a ridge regression and by nearest neighbours, each cross-validated, and the better one
counts.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, KFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.evaluation.metrics.invariance import STRENGTHS

Array = NDArray[np.float64]

FOLDS = 5
NEIGHBOURS = 25


def read(block: Array, targets: Sequence[Array], identity: NDArray[np.int64]) -> list[Array]:
    """Predictions of every factor from a block of latents, for each image by models that were fitted to others.

    Parameters
    ----------
    block : (N, D)
        The latents; they are standardised.
    targets : (N, E) for each factor
        Its value, or the cosine and sine of a circle.
    identity : (N,) integers
        No identity is both fitted and predicted, where there are two or more.

    Returns
    -------
    (N, E) for each factor: the prediction of the learner with the higher R2. A prediction that is no better than the
    mean is the mean: the block has no information that these learners find.
    """
    every = np.concatenate(targets, axis=1)
    learners = [RidgeCV(STRENGTHS, alpha_per_target=True), KNeighborsRegressor(NEIGHBOURS)]
    ends = np.cumsum([target.shape[1] for target in targets])[:-1]
    by_learner = [np.split(_held_out(learner, block, every, identity), ends, axis=1) for learner in learners]
    return [_better([own[k] for own in by_learner], target) for k, target in enumerate(targets)]


def r2(predicted: Array, target: Array) -> float:
    """Coefficient of determination of (N, E) predictions, of all E together; 0 for a target without variance."""
    spread = float(np.square(target - target.mean(axis=0)).sum())
    return 1 - float(np.square(predicted - target).sum()) / spread if spread > 0 else 0.0


def _better(predictions: Sequence[Array], target: Array) -> Array:
    best = max(predictions, key=lambda one: r2(one, target))
    return best if r2(best, target) > 0 else np.broadcast_to(target.mean(axis=0), target.shape).copy()


def _held_out(learner: object, block: Array, target: Array, identity: NDArray[np.int64]) -> Array:
    """(N, E) predictions of each fold by a model fitted to the others."""
    count = len(np.unique(identity))
    folds = GroupKFold(min(FOLDS, count)) if count > 1 else KFold(FOLDS, shuffle=True, random_state=0)
    predicted = np.empty_like(target)
    for fit, judge in folds.split(block, groups=identity if count > 1 else None):
        model = make_pipeline(StandardScaler(), learner).fit(block[fit], target[fit])
        predicted[judge] = model.predict(block[judge]).reshape(len(judge), -1)
    return predicted
