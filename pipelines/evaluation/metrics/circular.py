"""Measures of a periodic factor, such as the azimuth of a chair: no end, no middle, no rank.

Errors are the shortest way round. A scalar cannot follow a circle without a jump, so the angle is predicted from the
latents by their nearest training neighbours, whatever the shape of the code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.invariance import STRENGTHS, retrieval
from pipelines.evaluation.metrics.symmetry import d_lsbd

Array = NDArray[np.float64]

NEIGHBOURS = 25
DEFINITIONS = {
    "angle_rmse": "root mean square of the shortest way between the true angle and the mean direction of the "
    f"{NEIGHBOURS} training views whose azimuth latents are nearest, degrees; 104 for guessing",
    "angle_median": "median of the same error, degrees",
    "turned_round": "share of views whose predicted angle is more than 90 degrees off",
    "leak_r2": "R2 of cosine and sine of the angle predicted from the intrinsic latents by a ridge regression fitted "
    "on training chairs; 0 where the prediction is no better than the mean",
}
RETRIEVAL = (
    "share of test chairs whose intrinsic code at 90 degrees is nearest, by cosine, to their own at 0 degrees, among "
    "those of all test chairs"
)


@dataclass(frozen=True)
class TurnCodes:
    """Codes of whole turns: every chair is shown at all angles of a turn, once or more, each at another elevation."""

    angles: Array
    """(S,) degrees of the views of one turn, from 0 on, even."""
    train: Array
    """(N, turns, S, latents): the training split, which calibrates."""
    test: Array
    """(N, turns, S, latents): the test split, which is measured."""
    latents: NDArray[np.int64]
    """The latents of the factor."""
    rest: NDArray[np.int64]
    """The intrinsic latents."""

    def statistics(self) -> dict[str, dict[str, Statistic]]:
        """The measures that need no decoder, as statistics over chairs, by kind and name."""
        train, test = (codes.reshape(-1, *codes.shape[2:]) for codes in (self.train, self.test))
        own = (train[..., self.latents], test[..., self.latents])
        chairs, turns = self.test.shape[:2]
        by_turn = statistics(*own, self.angles, (np.take(train, self.rest, axis=-1), np.take(test, self.rest, axis=-1)))
        found = {"turning": {name: _over_chairs(one, chairs, turns) for name, one in by_turn.items()}}
        found["symmetry"] = {"d_lsbd": d_lsbd(self.test, self.angles)}
        if len(self.rest):
            intrinsic, quarter = np.take(self.test, self.rest, axis=-1), len(self.angles) // 4
            found["retrieval"] = {"retrieval": retrieval(intrinsic[:, 0, quarter], intrinsic[:, 0, 0])}
        return found


def _over_chairs(statistic: Statistic, chairs: int, turns: int) -> Statistic:
    """A statistic over turns as a statistic over chairs: a resample takes all turns of a chair together."""
    return Statistic(lambda chosen: statistic.of((chosen[:, None] * turns + np.arange(turns)).reshape(-1)), chairs)


def way(difference: Array) -> Array:
    """The shortest way round of differences of angles, in degrees, 0..180."""
    turned: Array = np.abs((np.asarray(difference) + 180) % 360 - 180)
    return turned


def circle(angles: Array) -> Array:
    """(..., 2) cosine and sine of angles in degrees."""
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=-1)


def read_angles(train: Array, angles: Array, test: Array) -> Array:
    """Angles predicted by the training views whose latents are nearest.

    Parameters
    ----------
    train : (N, G) latents of views whose `angles` (N,) in degrees are known
    test : (M, G)

    Returns
    -------
    (M,) degrees, -180..180
    """
    model = KNeighborsRegressor(n_neighbors=min(NEIGHBOURS, len(train))).fit(train, circle(angles))
    cosine, sine = model.predict(test).T
    return np.asarray(np.rad2deg(np.arctan2(sine, cosine)))


def statistics(train: Array, test: Array, angles: Array, intrinsic: tuple[Array, Array]) -> dict[str, Statistic]:
    """The measures of `DEFINITIONS`, as statistics over turns.

    Parameters
    ----------
    train, test : (turns, S, G) azimuth latents of S views
    angles : (S,) degrees of the views
    intrinsic : (turns, S, D) intrinsic latents, training and test
    """
    known = np.tile(angles, len(train))
    read = read_angles(train.reshape(-1, train.shape[-1]), known, test.reshape(-1, test.shape[-1]))
    errors = way(read.reshape(test.shape[:2]) - angles)
    found = {
        "angle_rmse": Statistic(lambda chosen: float(np.sqrt(np.square(errors[chosen]).mean())), len(test)),
        "angle_median": Statistic(lambda chosen: float(np.median(errors[chosen])), len(test)),
        "turned_round": Statistic(lambda chosen: float((errors[chosen] > 90).mean()), len(test)),
    }
    if intrinsic[0].shape[-1]:
        missed = _leak(*intrinsic, angles)
        found["leak_r2"] = Statistic(lambda chosen: max(0.0, 1 - float(missed[chosen].mean())), len(test))
    return found


def _leak(train: Array, test: Array, angles: Array) -> Array:
    """(turns,) mean squared distance on the circle from the ridge regression's prediction; the mean predicts 1."""
    rows, target = train.reshape(-1, train.shape[-1]), np.tile(circle(angles), (len(train), 1))
    scaler = StandardScaler().fit(rows)
    model = RidgeCV(STRENGTHS).fit(scaler.transform(rows), target)
    predicted = model.predict(scaler.transform(test.reshape(-1, test.shape[-1]))).reshape(*test.shape[:2], 2)
    missed: Array = np.square(predicted - circle(angles)).sum(axis=-1).mean(axis=1)
    return missed
