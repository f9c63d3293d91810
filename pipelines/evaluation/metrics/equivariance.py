"""Rank and regression measures of how a neuron follows its factor, on sweeps of held-out identities.

A sweep shows one identity at every angle of a grid while nothing else changes. For each factor there is one neuron;
its sign and scale are arbitrary, so ranks are compared in absolute value, and degrees are predicted through a
calibration fitted on the *training* sweeps and evaluated on the *test* sweeps. Undefined ratios (a constant code) are
0, so that a dead neuron scores worst instead of NaN.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.neighbors import KNeighborsRegressor

from pipelines.evaluation.metrics.bootstrap import RESAMPLES, Statistic, estimates, mean_of
from train.errors import WrongCodes

Array = NDArray[np.float64]

NEIGHBOURS = 25
SWITCH_OFFSET = 0.2 / 1.5
"""Half-width of the middle of the range, as a share of the half-range: 0.2 of 1.5 rad of azimuth."""

DEFINITIONS: dict[str, str] = {
    "spearman_per_face": "mean over test faces of |Spearman correlation| of neuron and angle",
    "spearman_worse_half": "spearman_per_face within the angles below and within those above the middle of the range, "
    "the smaller of the two",
    "spearman_pooled": "|Spearman correlation| of neuron and angle over all test images",
    "linear_r2": "squared Pearson correlation of neuron and angle over all test images",
    "isotonic_r2": "R2 of the angle predicted from the neuron by an isotonic regression fitted on training sweeps",
    "isotonic_rmse": "root mean square error of the same prediction, in the unit of the angle",
    "knn_r2": f"R2 of the mean angle of the {NEIGHBOURS} training images nearest on the neuron, which may be "
    "non-monotone",
    "knn_rmse": "root mean square error of the same prediction, in the unit of the angle",
    "monotone_fraction": "share of steps along the grid with the sign that most of that face's steps have, mean "
    "over faces",
    "switch_index": "|change of the neuron over the middle 2/15 of the angles| / its range, mean over faces; 2/15 for "
    "a straight line",
    "slope_sign_consistency": "share of test faces whose slope has the sign most faces have",
    "identity_share": "variance between the faces' mean neurons / variance of the neuron over all test images",
}
"""Measure to its definition. A face is an identity."""


@dataclass(frozen=True)
class NeuronSweep:
    """The values of one factor's neuron on all its sweeps.

    Raises
    ------
    WrongCodes
        Shapes that do not fit, angles that do not increase, values that are not finite, fewer than 3 angles, or no
        face in one of the splits.
    """

    factor: str
    unit: str
    """The unit of the angles, e.g. "degrees"."""
    angles: Array
    """(G,) ascending."""
    train: Array
    """(faces, G): values on the training split's sweeps, which calibrate."""
    test: Array
    """(faces, G): values on the test split's sweeps, which are measured."""

    def __post_init__(self) -> None:
        for name in ("angles", "train", "test"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))
        angles = self.angles
        if angles.ndim != 1 or len(angles) < 3 or not np.all(np.diff(angles) > 0):
            raise WrongCodes(f"the sweep of {self.factor} needs 3 or more increasing angles; got shape {angles.shape}")
        for split, codes in (("train", self.train), ("test", self.test)):
            if codes.ndim != 2 or codes.shape[1] != len(angles) or len(codes) == 0:
                raise WrongCodes(
                    f"the {split} codes of {self.factor} should have shape (faces, {len(angles)}); got {codes.shape}"
                )
            if not np.all(np.isfinite(codes)):
                raise WrongCodes(f"the {split} codes of {self.factor} are not all finite")


def equivariance_report(sweeps: Iterable[NeuronSweep], resamples: int = RESAMPLES) -> dict[str, Any]:
    """All measures of all factors, as JSON-able values.

    Returns
    -------
    {"definitions": {"equivariance": sentences}, "factors": {factor: sizes and {"equivariance": measures}}}, a measure
    being {"value": number, "interval": [low, high]}; see `statistics` and `DEFINITIONS`
    """
    return {
        "definitions": {"equivariance": dict(DEFINITIONS)},
        "factors": {s.factor: sizes(s) | {"equivariance": estimates(statistics(s), resamples)} for s in sweeps},
    }


def sizes(sweep: NeuronSweep) -> dict[str, Any]:
    """The unit of the angles and the sample sizes."""
    return {
        "unit": sweep.unit,
        "train_faces": len(sweep.train),
        "test_faces": len(sweep.test),
        "angles": len(sweep.angles),
        "test_images": sweep.test.size,
    }


def statistics(sweep: NeuronSweep) -> dict[str, Statistic]:
    """The measures of one factor as statistics over test faces; RMSE in the unit of the angles."""
    z, angles = sweep.test, sweep.angles
    below, above = angles <= _middle(angles), angles >= _middle(angles)
    halves = [_ranked(z[:, half], angles[half]) for half in (below, above)]
    slopes = np.array([pearson(row, angles) for row in z])

    def pooled(correlation: Callable[[Array, Array], float]) -> Statistic:
        return Statistic(lambda chosen: correlation(z[chosen].ravel(), np.tile(angles, len(chosen))), len(z))

    return {
        "spearman_per_face": mean_of(_ranked(z, angles)),
        "spearman_worse_half": Statistic(lambda chosen: min(float(h[chosen].mean()) for h in halves), len(z)),
        "spearman_pooled": pooled(lambda x, y: abs(spearman(x, y))),
        "linear_r2": pooled(lambda x, y: pearson(x, y) ** 2),
        **_calibrated("isotonic", sweep, isotonic_predictor(sweep)),
        **_calibrated("knn", sweep, knn_predictor(sweep)),
        "monotone_fraction": mean_of(_each(monotone_fraction, z)),
        "switch_index": mean_of(_each(lambda row: switch_index(row, angles), z)),
        "slope_sign_consistency": Statistic(lambda chosen: _majority(slopes[chosen]), len(z)),
        "identity_share": Statistic(lambda chosen: identity_share(z[chosen]), len(z)),
    }


def pearson(x: Array, y: Array) -> float:
    """Pearson correlation of two vectors; 0 where one is constant."""
    x, y = x - x.mean(), y - y.mean()
    scale = math.sqrt(float(x @ x) * float(y @ y))
    return float(np.clip(x @ y / scale, -1, 1)) if scale > 0 else 0.0


def spearman(x: Array, y: Array) -> float:
    """Spearman's rank correlation, ties at their mean rank; 0 where one is constant."""
    return pearson(rankdata(x), rankdata(y))


def isotonic_predictor(sweep: NeuronSweep) -> Array:
    """(faces, G) angles predicted for the test codes; the direction is that of the training sweeps' ranks."""
    z, angles = _training_pairs(sweep)
    model = IsotonicRegression(increasing=spearman(z, angles) >= 0, out_of_bounds="clip").fit(z, angles)
    predicted: Array = model.predict(sweep.test.ravel())
    return predicted.reshape(sweep.test.shape)


def knn_predictor(sweep: NeuronSweep) -> Array:
    """(faces, G) angles predicted for the test codes by the mean of the nearest training images."""
    z, angles = _training_pairs(sweep)
    model = KNeighborsRegressor(n_neighbors=min(NEIGHBOURS, len(z))).fit(z[:, None], angles)
    predicted: Array = model.predict(sweep.test.reshape(-1, 1))
    return predicted.reshape(sweep.test.shape)


def _calibrated(name: str, sweep: NeuronSweep, predicted: Array) -> dict[str, Statistic]:
    """R2 and RMSE of predicted against true angles; R2 is negative where the mean angle predicts better."""
    error = np.square(predicted - sweep.angles).mean(axis=1)
    spread = float(np.square(sweep.angles - sweep.angles.mean()).mean())
    return {
        f"{name}_r2": Statistic(lambda chosen: 1 - float(error[chosen].mean()) / spread, len(error)),
        f"{name}_rmse": Statistic(lambda chosen: math.sqrt(float(error[chosen].mean())), len(error)),
    }


def monotone_fraction(z: Array) -> float:
    """The share of one face's steps along the grid that have the majority's sign; a step of 0 has no sign."""
    steps = np.sign(np.diff(z))
    return max(int(np.sum(steps > 0)), int(np.sum(steps < 0))) / len(steps)


def switch_index(z: Array, angles: Array) -> float:
    """One face's jump over the middle of the range, as a share of the neuron's range; 2/15 for a straight line.

    The azimuth neuron of the original nets is non-monotone at 0 degrees: nearly the whole range is crossed between -0.2
    and +0.2 rad (NIPS 2015 section 4.1, "a discontinuity at 0").
    """
    centre, half = _middle(angles), (angles[-1] - angles[0]) / 2
    low, high = np.interp([centre - SWITCH_OFFSET * half, centre + SWITCH_OFFSET * half], angles, z)
    extent = float(np.ptp(z))
    return abs(float(high - low)) / extent if extent > 0 else 0.0


def identity_share(z: Array) -> float:
    """Variance of the faces' means over the variance of all; NaN where the neuron is constant, or of one face."""
    whole = float(z.var())
    return float(z.mean(axis=1).var()) / whole if whole > 0 and len(z) > 1 else math.nan


def _majority(slopes: Array) -> float:
    """The share of slopes that have the majority's sign; a slope of 0 has none."""
    return max(int(np.sum(slopes > 0)), int(np.sum(slopes < 0))) / len(slopes)


def _ranked(z: Array, angles: Array) -> Array:
    """(faces,) |rank correlation| of each row with the angles."""
    return _each(lambda row: abs(spearman(row, angles)), z)


def _each(measure: Callable[[Array], float], z: Array) -> Array:
    """(faces,) the measure of each row."""
    return np.array([measure(row) for row in z])


def _middle(angles: Array) -> float:
    """The middle of the range."""
    return float(angles[0] + angles[-1]) / 2


def _training_pairs(sweep: NeuronSweep) -> tuple[Array, Array]:
    """(n,) neuron values and (n,) angles of all training images."""
    z = sweep.train
    return z.ravel(), np.broadcast_to(sweep.angles, z.shape).ravel()
