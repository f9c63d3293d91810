"""How well an image comes back from its own code, and what clamping the code costs."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.rerender import planes
from pipelines.evaluation.metrics.similarity import psnr, ssim_map

Array = NDArray[np.float64]

DEFINITIONS = {
    "mse": "mean squared error over all pixels and channels, grey levels 0..1",
    "mse_over_3": "the same divided by 3, as the authors' test script does for one-channel images",
    "mse_masked": "mean squared error over the mask",
    "psnr": "-10 log10 of each image's MSE, in dB",
    "psnr_masked": "-10 log10 of each image's masked MSE, in dB",
    "ssim_masked": "structural similarity (11 x 11 Gaussian window, sigma 1.5), mean over the mask",
    "excess_nats": "binary cross-entropy less the entropy of the image itself, nats an image: what reconstruction "
    "costs beyond what grey levels cost in any case",
    "leak_gap": "cross-entropy with all but the factor's neuron at their mean over the sweep, less that with the code "
    "as it is, nats an image: what the rest of the code knows of the factor",
}


def person_reconstruction(
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    drawn: NDArray[np.float32],
    clamped: NDArray[np.float32],
) -> dict[str, float]:
    """The measures of `DEFINITIONS`, mean over the S images of one person's sweep.

    Parameters
    ----------
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders.
    drawn, clamped : (S, H, W[, 3]) float32 of 0..1
        Decoded from their codes, and from codes whose latents but the factor's are at their mean over the sweep.
    """
    truth = planes(images.astype(np.float32) / np.float32(255), masks)
    shown = planes(drawn, masks)
    covered = (masks > 0)[:, None]
    seen = np.maximum(covered.sum(axis=(1, 2, 3)), 1)
    squares = np.square(shown - truth, dtype=np.float64).mean(axis=1, keepdims=True)
    whole, masked = squares.mean(axis=(1, 2, 3)), (squares * covered).sum(axis=(1, 2, 3)) / seen
    alike = ssim_map(shown, truth).mean(axis=1, keepdims=True)
    nats = cross_entropy(truth, shown)
    each = {
        "mse": whole,
        "mse_over_3": whole / 3,
        "mse_masked": masked,
        "psnr": psnr(whole),
        "psnr_masked": psnr(masked),
        "ssim_masked": (alike * covered).sum(axis=(1, 2, 3), dtype=np.float64) / seen,
        "excess_nats": nats - cross_entropy(truth, truth),
        "leak_gap": cross_entropy(truth, planes(clamped, masks)) - nats,
    }
    return {name: float(values.mean()) for name, values in each.items()}


def cross_entropy(truth: NDArray[np.float32], shown: NDArray[np.float32]) -> Array:
    """(n,) -sum(t log x + (1 - t) log(1 - x)) over all pixels, x kept a hair within 0..1 and 0 log 0 = 0."""
    t, x = truth.astype(np.float64), np.clip(shown.astype(np.float64), 1e-7, 1 - 1e-7)
    nats: Array = -(t * np.log(x) + (1 - t) * np.log1p(-x)).sum(axis=(1, 2, 3))
    return nats


def statistics(people: Mapping[str, NDArray[np.floating]]) -> dict[str, Statistic]:
    """From measure to (people,): their means as statistics."""
    return {name: mean_of(values) for name, values in people.items()}
