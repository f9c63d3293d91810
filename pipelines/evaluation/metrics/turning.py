"""A factor that goes round, such as the azimuth of a chair: no end, no middle, no rank; errors are shortest ways.

A scalar cannot follow a circle without a jump somewhere, so what a code knows of the angle is read from it by its
nearest neighbours, whatever its shape.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.invariance import STRENGTHS

Array = NDArray[np.float64]

NEIGHBOURS = 25
DEFINITIONS = {
    "angle_rmse": "root mean square of the shortest way between the true angle and the mean direction of the "
    f"{NEIGHBOURS} training views whose azimuth latents are nearest, degrees; 104 for guessing",
    "angle_median": "median of the same, degrees",
    "turned_round": "share of views that are read more than 90 degrees off",
    "leak_r2": "R2 of cosine and sine of the angle that ridge regression, fitted on training chairs, reads from the "
    "intrinsic latents; 0 where it reads nothing",
}


def way(difference: Array) -> Array:
    """Degrees of the shortest way round, 0..180."""
    turned: Array = np.abs((np.asarray(difference) + 180) % 360 - 180)
    return turned


def circle(angles: Array) -> Array:
    """(..., 2) cosine and sine of angles in degrees."""
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=-1)


def read_angles(train: Array, angles: Array, test: Array) -> Array:
    """Angles that the training views nearest in the code tell.

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
    """The measures of `DEFINITIONS` over test chairs.

    Parameters
    ----------
    train, test : (chairs, S, G) azimuth latents of S views
    angles : (S,) degrees of the views
    intrinsic : (chairs, S, D) each, training and test
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
    """(chairs,) mean squared distance on the circle from what ridge regression reads; guessing the middle gives 1."""
    rows, target = train.reshape(-1, train.shape[-1]), np.tile(circle(angles), (len(train), 1))
    scaler = StandardScaler().fit(rows)
    model = RidgeCV(STRENGTHS).fit(scaler.transform(rows), target)
    read = model.predict(scaler.transform(test.reshape(-1, test.shape[-1]))).reshape(*test.shape[:2], 2)
    missed: Array = np.square(read - circle(angles)).sum(axis=-1).mean(axis=1)
    return missed
