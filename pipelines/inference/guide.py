"""What the statistics alone say of a scene, learned from hypotheses: where chains start, and how far they step.

A linear map from statistics to coefficients, with the covariance of what it misses; and kernel ridge regression for
what is uniform, which is no linear function of anything. Both are fitted to draws from the prior.
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
"""One is chosen by leaving out each draw in turn."""
WIDTH, KERNEL_PENALTY = 0.5, 0.05
"""Of the kernel exp(-WIDTH |x - y|^2), for features whose variances sum to 1."""
FOLDS = 5
"""Parts that the draws are cut into, to see what the fits miss on draws that they have not seen."""
FLOOR = 1e-6
"""Added to the covariance's diagonal."""
NOTHING = 1e-5
"""Share of the largest variance under which an axis is rounding."""
FIRST_ELLIPSE = 0.3
"""Size of the first elliptical steps."""


@dataclass(frozen=True)
class Guide:
    """An approximate posterior: a normal distribution of the coefficients, and values with errors of the rest."""

    space: SceneSpace
    mean: Floats
    """(G,)."""
    factor: Floats
    """(G, G) lower triangular factor of the covariance."""
    uniform: Floats
    """(U,) in -1..1."""
    error: Floats
    """(U,) root mean square of what the regression misses, same unit."""

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """(count, D) states to start from, spread as the guide is uncertain."""
        normal = self.mean + rng.standard_normal((count, len(self.mean))) @ self.factor.T
        rest = self.uniform + rng.standard_normal((count, len(self.uniform))) * self.error
        return np.concatenate([normal, np.clip(rest, -1, 1)], axis=1)

    @property
    def best(self) -> Floats:
        """(D,) the guess itself."""
        return np.concatenate([self.mean, self.uniform])

    def moves(self) -> list[tuple[Move, float]]:
        """Moves of one part of the scene each; a part that has many coordinates has more of the turns."""
        found: list[tuple[Move, float]] = []
        for block in self.space.blocks:
            columns = self.space.columns(block)
            covariance = self.factor[columns] @ self.factor[columns].T
            found += 2 * [(Elliptical(columns, self.mean[columns], _cholesky(covariance)), FIRST_ELLIPSE)]
        for names in (("azimuth",), ("elevation",), ("light",), tuple(CAMERA)):
            if set(names) <= set(self.space.names):
                columns = self.space.columns(*names)
                error = self.error[columns.start - self.space.gaussian.stop :][: len(names)]
                found.append((Reflected(columns), float(np.clip(error.mean(), 1e-3, 1))))
        return found


class GuideFit:
    """Both regressions, fitted to (m, D) states of the prior and their (m, d) statistics."""

    def __init__(self, space: SceneSpace, states: NDArray[np.floating], statistics: NDArray[np.floating]) -> None:
        self.space = space
        self._middle = statistics.mean(axis=0)
        # One scale for all statistics: those that say nothing hardly vary, and should not count as much as others.
        self._scale = float(np.sqrt(statistics.var(axis=0).sum())) or 1.0
        self._axes = span((statistics - self._middle) / self._scale)
        features = self._features(statistics)
        normal, rest = states[:, space.gaussian], states[:, space.uniform]
        self._linear, missed = _fitted(RidgeCV(LINEAR_PENALTIES), features, normal)
        self._kernel, off = _fitted(KernelRidge(alpha=KERNEL_PENALTY, kernel="rbf", gamma=WIDTH), features, rest)
        covariance = missed.T @ missed / len(missed) + FLOOR * np.eye(normal.shape[1])
        self._factor = _cholesky(covariance)
        self._error = np.sqrt((off**2).mean(axis=0))

    def guide(self, statistics: NDArray[np.floating]) -> Guide:
        """What (d,) statistics of an observation say."""
        features = self._features(statistics[None])
        mean, rest = self._linear.predict(features)[0], np.clip(self._kernel.predict(features)[0], -1, 1)
        return Guide(self.space, mean, self._factor, rest, self._error)

    @property
    def errors(self) -> dict[str, float]:
        """Root mean square error of each uniform quantity in its own unit, on draws that were left out."""
        return dict(zip(self.space.names, (self._error * self.space.half_ranges()).tolist(), strict=True))

    def _features(self, statistics: NDArray[np.floating]) -> Floats:
        found: Floats = (statistics - self._middle) / self._scale
        return found if self._axes is None else found @ self._axes


def span(features: NDArray[np.floating]) -> NDArray[np.floating] | None:
    """(d, r) orthonormal axes of the (m, d) rows where d > m; None where there is nothing to save.

    Rows and distances between them are the same along the axes, so that a ridge regression is too; what an observation
    has across them is of no kind that any draw has. Pixels are 15 times more numbers than draws.
    """
    if features.shape[1] <= features.shape[0]:
        return None
    values, vectors = np.linalg.eigh((features @ features.T).astype(np.float64))
    kept = values > NOTHING * values[-1]
    found: NDArray[np.floating] = features.T @ (vectors[:, kept] / np.sqrt(values[kept])).astype(features.dtype)
    return found


def _fitted(model: Any, features: Floats, wanted: NDArray[np.floating]) -> tuple[Any, Floats]:
    """The model fitted to all draws, and what it misses on those that it was not fitted to."""
    missed = wanted - cross_val_predict(model, features, wanted, cv=KFold(FOLDS))
    return model.fit(features, wanted), missed


def _cholesky(covariance: Floats) -> Floats:
    return np.linalg.cholesky(covariance).astype(np.float64)
