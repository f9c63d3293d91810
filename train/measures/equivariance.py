"""Does a neuron follow its factor? Rank and regression measures on sweeps of people never trained on.

A sweep shows one person at every angle of a grid while nothing else changes. For each factor there is one neuron;
its sign and scale are arbitrary, so ranks are compared in absolute value, and degrees are read from it through a
calibration fitted on the *training* sweeps and judged on the *test* sweeps. Undefined ratios (a constant code) are
0, so that a dead neuron scores worst instead of NaN.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.neighbors import KNeighborsRegressor

from train.errors import WrongCodes

Array = NDArray[np.float64]

NEIGHBOURS = 25
SWITCH_OFFSET = 0.2 / 1.5
"""Half-width of the middle of the range, as a share of the half-range: 0.2 of 1.5 rad of azimuth."""

DEFINITIONS: dict[str, str] = {
    "spearman_per_face": "mean over test faces of |Spearman correlation| of neuron and angle",
    "spearman_pooled": "|Spearman correlation| of neuron and angle over all test images",
    "linear_r2": "squared Pearson correlation of neuron and angle over all test images",
    "isotonic": "angle from neuron by isotonic regression fitted on training sweeps: R2 and RMSE on test images",
    "knn": f"the same by the mean of the {NEIGHBOURS} nearest training images on the neuron: what is decodable at all",
    "monotone_fraction": "share of steps along the grid that go the way most of that face's steps go, mean over faces",
    "switch_index": "|change of the neuron over the middle 2/15 of the angles| / its range, mean over faces",
    "slope_sign_consistency": "share of test faces whose slope has the sign most faces have",
}
"""The measures of a factor, in the order of the usual (a) to (h)."""


@dataclass(frozen=True)
class NeuronSweep:
    """One factor's neuron on all its sweeps.

    Raises
    ------
    WrongCodes
        Shapes that do not fit, angles that do not increase, values that are not finite, fewer than 3 angles, or no
        face in one of the splits.
    """

    factor: str
    unit: str
    """Of the angles, e.g. "degrees"."""
    angles: Array
    """(G,) ascending."""
    train: Array
    """(faces, G): the neuron on the training split's sweeps, which calibrate."""
    test: Array
    """(faces, G): the neuron on the test split's sweeps, which are measured."""

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


def equivariance_report(sweeps: Iterable[NeuronSweep]) -> dict[str, Any]:
    """All measures of all factors, as JSON-able values.

    Returns
    -------
    {"definitions": {measure: sentence}, "factors": {factor: measures}}; see `measure` and `DEFINITIONS`
    """
    return {"definitions": dict(DEFINITIONS), "factors": {sweep.factor: measure(sweep) for sweep in sweeps}}


def measure(sweep: NeuronSweep) -> dict[str, Any]:
    """The measures of one factor with their sample sizes; RMSE in the unit of the angles."""
    z, angles = sweep.test, sweep.angles
    pooled = np.broadcast_to(angles, z.shape).ravel()
    return {
        "unit": sweep.unit,
        "train_faces": len(sweep.train),
        "test_faces": len(z),
        "angles": len(angles),
        "test_images": z.size,
        "spearman_per_face": float(np.mean([abs(spearman(row, angles)) for row in z])),
        "spearman_pooled": abs(spearman(z.ravel(), pooled)),
        "linear_r2": pearson(z.ravel(), pooled) ** 2,
        "isotonic": calibrated(sweep, isotonic_predictor(sweep)),
        "knn": calibrated(sweep, knn_predictor(sweep)),
        "monotone_fraction": float(np.mean([monotone_fraction(row) for row in z])),
        "switch_index": float(np.mean([switch_index(row, angles) for row in z])),
        "switch_index_of_a_line": SWITCH_OFFSET,
        "slope_sign_consistency": sign_consistency(z, angles),
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


def calibrated(sweep: NeuronSweep, predicted: Array) -> dict[str, float]:
    """R2 (may be negative: worse than the mean angle) and RMSE of predicted against true angles."""
    error = predicted - sweep.angles
    spread = np.broadcast_to(sweep.angles - sweep.angles.mean(), error.shape)
    r2 = 1 - float(np.sum(error**2)) / float(np.sum(spread**2))
    return {"r2": r2, "rmse": float(np.sqrt(np.mean(error**2)))}


def monotone_fraction(z: Array) -> float:
    """Of one face's steps along the grid, the share with the majority's sign; a step of 0 has no sign."""
    steps = np.sign(np.diff(z))
    return max(int(np.sum(steps > 0)), int(np.sum(steps < 0))) / len(steps)


def switch_index(z: Array, angles: Array) -> float:
    """One face's jump over the middle of the range, as a share of the neuron's range; 2/15 for a straight line.

    The original nets turned their azimuth neuron around at 0 degrees: nearly the whole range is crossed between -0.2
    and +0.2 rad (NIPS 2015 section 4.1, "a discontinuity at 0").
    """
    centre, half = (angles[0] + angles[-1]) / 2, (angles[-1] - angles[0]) / 2
    low, high = np.interp([centre - SWITCH_OFFSET * half, centre + SWITCH_OFFSET * half], angles, z)
    extent = float(np.ptp(z))
    return abs(float(high - low)) / extent if extent > 0 else 0.0


def sign_consistency(z: Array, angles: Array) -> float:
    """Share of faces (rows) whose least-squares slope has the sign most of them have; a slope of 0 has none."""
    slopes = np.sign([pearson(row, angles) for row in z])
    return max(int(np.sum(slopes > 0)), int(np.sum(slopes < 0))) / len(z)


def _training_pairs(sweep: NeuronSweep) -> tuple[Array, Array]:
    z = sweep.train
    return z.ravel(), np.broadcast_to(sweep.angles, z.shape).ravel()
