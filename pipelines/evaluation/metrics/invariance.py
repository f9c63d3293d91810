"""Whether the intrinsic part of a code stays the same when only the pose or the light changes.

Shapes: codes are (people, G, D), the D intrinsic latents on one factor's sweeps of G angles.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.equivariance import NeuronSweep, pearson

Array = NDArray[np.float64]

STRENGTHS = (1.0, 10.0, 100.0, 1e3, 1e4)
"""Of the ridge regression, on standardised latents."""
DEFINITIONS = {
    "cosine": "mean cosine similarity of the intrinsic code with that of the same person at the middle angle (arXiv v1 "
    "Figure 9 d to f), over all angles of the sweep",
    "invariance_ratio": "variance of the intrinsic code along the sweep, mean over people / its variance between "
    "people's means, both summed over latents",
    "leak_r2": "R2 of the angle that ridge regression, fitted on training sweeps, reads from the intrinsic code: what "
    "should not be there; 0 where it reads nothing",
    "crosstalk": "squared Pearson correlation of the factor's angle with the neuron of each other factor",
}


def statistics(train: Array, test: Array, angles: Array) -> dict[str, Statistic]:
    """The measures of one factor over test people."""
    residual = leak_residuals(train, test, angles)
    spread = float(np.square(angles - angles.mean()).mean())
    return {
        "cosine": mean_of(cosine_curve(test, middle(angles)).mean(axis=1)),
        "invariance_ratio": Statistic(lambda chosen: invariance_ratio(test[chosen]), len(test)),
        "leak_r2": Statistic(lambda chosen: max(0.0, 1 - float(residual[chosen].mean()) / spread), len(test)),
    }


def middle(angles: Array) -> int:
    """The index of the angle in the middle of the range: the frontal view, for a symmetric one."""
    return int(np.abs(angles - (angles[0] + angles[-1]) / 2).argmin())


def cosine_curve(codes: Array, reference: int) -> Array:
    """(people, G) cosine similarity of each view's code with that of the person's reference view; 0 for a zero code."""
    anchor = codes[:, reference, None]
    scale = np.linalg.norm(codes, axis=-1) * np.linalg.norm(anchor, axis=-1)
    dot = (codes * anchor).sum(axis=-1)
    return np.divide(dot, scale, out=np.zeros_like(dot), where=scale > 0)


def invariance_ratio(codes: Array) -> float:
    """Variance within people over variance between their means; infinite where all people look alike."""
    within = float(codes.var(axis=1).sum(axis=-1).mean())
    between = float(codes.mean(axis=1).var(axis=0).sum())
    return within / between if between > 0 else float("inf" if within > 0 else "nan")


def leak_residuals(train: Array, test: Array, angles: Array) -> Array:
    """(people,) mean squared error of the angle that ridge regression reads from each test person's codes.

    The strength is chosen by five-fold cross-validation in which no person is on both sides.
    """
    rows, target = train.reshape(-1, train.shape[-1]), np.tile(angles, len(train))
    scaler = StandardScaler().fit(rows)
    people = np.repeat(np.arange(len(train)), len(angles))
    folds = min(5, len(train))
    split = list(GroupKFold(folds).split(rows, groups=people)) if folds > 1 else None
    model = RidgeCV(STRENGTHS, cv=split).fit(scaler.transform(rows), target)
    read = model.predict(scaler.transform(test.reshape(-1, test.shape[-1]))).reshape(test.shape[:2])
    residuals: Array = np.square(read - angles).mean(axis=1)
    return residuals


def crosstalk(sweeps: list[NeuronSweep], others: dict[str, dict[str, Array]]) -> dict[str, dict[str, float]]:
    """Factor to other factor to how much its neuron follows the first one's angle.

    `others[factor][other]` is (people, G): the neuron of `other` on the test sweeps of `factor`.
    """
    return {
        s.factor: {other: pearson(z.ravel(), np.tile(s.angles, len(z))) ** 2 for other, z in others[s.factor].items()}
        for s in sweeps
    }
