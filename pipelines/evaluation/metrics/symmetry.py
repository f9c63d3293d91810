"""D_LSBD: how far the code of a whole turn is from a circle that turns with it.

Linear symmetry-based disentanglement: a turn of the object by an angle should rotate its code in a plane, at k times
that angle. Tonnaer, Perez Rey, Menkovski, Holenderski and Portegies, Quantifying and learning linear symmetry-based
disentanglement, ICML 2022 (arXiv:2011.06070), section 4; first in Perez Rey et al. 2020 (arXiv:2011.13306).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic

Array = NDArray[np.float64]

SPEEDS = np.arange(-10, 11)
"""Turns of the code for one turn of the object, k, that are tried; the authors' range."""
DEFINITIONS = {
    "d_lsbd": "D_LSBD of the azimuth, 0..1, lower is better: the codes of each turn minus their mean, in the plane of "
    "their two largest principal components and scaled there to variance 1/2 each, are turned back by k times the "
    "angle; the mean squared distance from their mean, for the best k of -10 to 10. 0: a circle; noise: 1 (an upper "
    "bound, Tonnaer et al. 2022)",
}


def d_lsbd(codes: Array, angles: Array) -> Statistic:
    """D_LSBD of one circle, as a statistic over objects.

    Parameters
    ----------
    codes : (N, turns, S, D)
        All latents of N objects, in whole turns of S views.
    angles : (S,) degrees
        Of the views of a turn, even over 360 degrees.

    Notes
    -----
    Scaled codes p in the plane, as complex numbers, have mean |p|^2 = 1 and are centred, so that the dispersion of
    p exp(-i k angle) is 1 - |mean of it|^2. A plane that the codes do not fill counts as filled with noise.
    """
    z = codes - codes.mean(axis=2, keepdims=True)
    turned = np.exp(-1j * np.outer(SPEEDS, np.deg2rad(angles)))
    waves = np.einsum("ks,ntsd->nkd", turned, z, optimize=True) / (z.shape[1] * z.shape[2])
    rows = z.reshape(len(z), -1, z.shape[-1])
    spread = np.einsum("nvd,nve->nde", rows, rows, optimize=True) / rows.shape[1]
    return Statistic(lambda chosen: _dispersion(waves, spread, chosen), len(z))


def _dispersion(waves: NDArray[np.complex128], spread: Array, chosen: Chosen) -> float:
    """The value over the chosen objects, from their (N, K, D) waves and (N, D, D) covariances."""
    weights = np.bincount(chosen, minlength=len(spread)) / len(chosen)
    plane = _plane(np.tensordot(weights, spread, axes=1))
    first, second = np.moveaxis(np.tensordot(weights, waves, axes=1) @ plane, -1, 0)
    return float(np.clip(1 - np.square(np.abs(first + 1j * second)), 0, 1).min())


def _plane(covariance: Array) -> Array:
    """(D, 2) directions of largest variance, scaled so that each has variance 1/2; zeros for one without variance."""
    D = len(covariance)
    variances, directions = eigh(covariance, subset_by_index=(max(0, D - 2), D - 1))
    real = variances > 1e-12 * max(variances[-1], 0) if variances[-1] > 0 else np.zeros(len(variances), bool)
    scaled = directions * np.where(real, 1 / np.sqrt(2 * np.where(real, variances, 1)), 0)
    return np.pad(scaled, ((0, 0), (2 - scaled.shape[1], 0)))
