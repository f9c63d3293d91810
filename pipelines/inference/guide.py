"""An approximate posterior of the scene given its statistics, by regression on hypotheses.

It gives the chains their start and the lengths of their steps. The coefficients are predicted by ridge regression, with
the covariance of its errors; the uniform quantities, which are not linear in the statistics, by kernel ridge
regression. Both are fitted to samples of the prior.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict

from pipelines.inference.moves import Elliptical, Floats, Move, Reflected
from pipelines.inference.scenes import CAMERA, SceneSpace

LINEAR_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Penalties of the ridge regression; one is chosen by leave-one-out cross-validation."""
WIDTH, KERNEL_PENALTY = 0.5, 0.05
"""Kernel exp(-WIDTH |x - y|^2), for features whose variances sum to 1, and its ridge penalty."""
FOLDS = 5
"""Folds of the cross-validation that gives the regressions' errors on held-out samples."""
FLOOR = 1e-6
"""Added to the covariance's diagonal."""
NOTHING = 1e-5
"""Share of the largest variance below which the variance of an axis is rounding error."""
FIRST_ELLIPSE = 0.3
"""Size of the first elliptical steps."""


@dataclass(frozen=True)
class Guide:
    """An approximate posterior: a normal distribution of the coefficients, and values with errors of the uniforms."""

    space: SceneSpace
    mean: Floats
    """(G,) mean of the coefficients."""
    factor: Floats
    """(G, G) lower triangular factor of the covariance."""
    uniform: Floats
    """(U,) predicted uniform quantities, in -1..1."""
    error: Floats
    """(U,) root mean square error of that prediction, same unit."""

    def sample(self, count: int, rng: np.random.Generator) -> Floats:
        """Sample (count, D) states from the approximate posterior."""
        normal = self.mean + rng.standard_normal((count, len(self.mean))) @ self.factor.T
        rest = self.uniform + rng.standard_normal((count, len(self.uniform))) * self.error
        return np.concatenate([normal, np.clip(rest, -1, 1)], axis=1)

    @property
    def best(self) -> Floats:
        """(D,) the state at the mean of the approximate posterior."""
        return np.concatenate([self.mean, self.uniform])

    def moves(self) -> list[tuple[Move, float]]:
        """List moves of one part of the scene each, with their first sizes; blocks of coefficients come twice."""
        found: list[tuple[Move, float]] = []
        for block in self.space.blocks:
            columns = self.space.columns(block)
            covariance = self.factor[columns] @ self.factor[columns].T
            found += 2 * [(Elliptical(columns, self.mean[columns], _cholesky(covariance)), FIRST_ELLIPSE)]
        for names in (*((name,) for name in self.space.names if name not in CAMERA), tuple(CAMERA)):
            if set(names) <= set(self.space.names):
                columns = self.space.columns(*names)
                error = self.error[columns.start - self.space.gaussian.stop :][: len(names)]
                found.append((Reflected(columns), float(np.clip(error.mean(), 1e-3, 1))))
        return found


class GuideFit:
    """Both regressions, fitted to (m, D) states and their (m, d) statistics."""

    def __init__(self, space: SceneSpace, states: NDArray[np.floating], statistics: NDArray[np.floating]) -> None:
        self.space = space
        self._middle = statistics.mean(axis=0)
        # One scale for all statistics: those without information hardly vary, and should count less than others.
        self._scale = float(np.sqrt(statistics.var(axis=0).sum())) or 1.0
        self._axes = span((statistics - self._middle) / self._scale)
        features = self._features(statistics)
        normal, rest = states[:, space.gaussian], states[:, space.uniform]
        self._linear, normal_errors = _fit_with_errors(RidgeCV(LINEAR_PENALTIES), features, normal)
        self._kernel, rest_errors = _fit_with_errors(
            KernelRidge(alpha=KERNEL_PENALTY, kernel="rbf", gamma=WIDTH), features, rest
        )
        covariance = normal_errors.T @ normal_errors / len(normal_errors) + FLOOR * np.eye(normal.shape[1])
        self._factor = _cholesky(covariance)
        self._error = np.sqrt((rest_errors**2).mean(axis=0))

    def guide(self, statistics: NDArray[np.floating]) -> Guide:
        """Predict the approximate posterior of an observation from its (d,) statistics."""
        features = self._features(statistics[None])
        mean, rest = self._linear.predict(features)[0], np.clip(self._kernel.predict(features)[0], -1, 1)
        return Guide(self.space, mean, self._factor, rest, self._error)

    @property
    def errors(self) -> dict[str, float]:
        """Root mean square error of each uniform quantity in its own unit, on held-out samples."""
        return dict(zip(self.space.names, (self._error * self.space.half_ranges()).tolist(), strict=True))

    def _features(self, statistics: NDArray[np.floating]) -> Floats:
        found: Floats = (statistics - self._middle) / self._scale
        return found if self._axes is None else found @ self._axes


def span(features: NDArray[np.floating]) -> NDArray[np.floating] | None:
    """Compute (d, r) orthonormal axes of (m, d) rows where d > m; None where m is larger and nothing is gained.

    Distances between rows are the same along the axes, and so is a ridge regression. A component of an observation
    orthogonal to them is one that no sample has. Pixels are 15 times as many numbers as there are samples.
    """
    if features.shape[1] <= features.shape[0]:
        return None
    values, vectors = np.linalg.eigh((features @ features.T).astype(np.float64))
    large = values > NOTHING * values[-1]
    found: NDArray[np.floating] = features.T @ (vectors[:, large] / np.sqrt(values[large])).astype(features.dtype)
    return found


def _fit_with_errors(model: Any, features: Floats, wanted: NDArray[np.floating]) -> tuple[Any, Floats]:
    """Fit a model to all samples, and compute its errors on held-out samples by cross-validation."""
    errors = wanted - cross_val_predict(model, features, wanted, cv=KFold(FOLDS))
    return model.fit(features, wanted), errors


def _cholesky(covariance: Floats) -> Floats:
    return np.linalg.cholesky(covariance).astype(np.float64)
