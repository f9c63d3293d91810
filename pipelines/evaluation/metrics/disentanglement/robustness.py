"""IRS, the interventional robustness score: how far a latent moves while one factor stays and all others change."""

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.disentanglement.information import constant

Array = NDArray[np.float64]

QUANTILE = 0.99


def irs(codes: Array, ids: NDArray[np.int64]) -> float:
    """Interventional robustness of (N, D) codes with (N, K) levels of factors, 0..1; 1 where nothing else moves them.

    Suter et al. 2019 (arXiv:1811.00007), in the form of Locatello et al. 2019: 1 minus the `QUANTILE` of the distance
    from the mean at a level, mean over levels, over the largest distance from the mean of all; of each latent the best
    factor, and the mean over latents weighted by that largest distance. The weights depend on the scale of the latents.
    Normal noise scores about 0.4, because its largest distance is far above its quantile.
    """
    moving = codes[:, [not constant(column) for column in codes.T]]
    if not moving.size:
        return 0.0
    largest = np.abs(moving - moving.mean(axis=0)).max(axis=0)
    robust = np.stack([1 - _deviation(moving, column) / largest for column in ids.T], axis=1)
    return float(np.average(robust.max(axis=1), weights=largest))


def _deviation(codes: Array, level: NDArray[np.int64]) -> Array:
    """(D,) the quantile of the distance from the mean of the images on a level, mean over the levels that occur."""
    parts = [codes[level == value] for value in np.unique(level)]
    found: Array = np.mean([np.quantile(np.abs(part - part.mean(axis=0)), QUANTILE, axis=0) for part in parts], axis=0)
    return found
