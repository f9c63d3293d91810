"""Errors of images decoded from their own codes, and the cost of clamping the code."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.image_errors import cross_entropy, planes, psnr, ssim_map

DEFINITIONS = {
    "mse": "mean squared error over all pixels and channels, grey levels 0..1",
    "mse_over_3": "mse divided by 3, as the authors' test script does for one-channel images",
    "mse_masked": "mean squared error over the mask",
    "psnr": "-10 log10 of each image's MSE, in dB",
    "psnr_masked": "-10 log10 of each image's masked MSE, in dB",
    "ssim_masked": "structural similarity (11 x 11 Gaussian window, sigma 1.5), mean over the mask",
    "excess_nats": "binary cross-entropy minus the entropy of the image itself, nats per image: the part that a "
    "perfect reconstruction would not have",
    "leak_gap": "cross-entropy with all latents but the factor's set to their mean over the sweep, minus the "
    "cross-entropy with the whole code, nats per image: the information on the factor in the other latents",
}


def reconstruction_errors(
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    decoded: NDArray[np.float32],
    clamped: NDArray[np.float32],
) -> dict[str, float]:
    """The measures of `DEFINITIONS`, mean over the S images of one identity's sweep.

    Parameters
    ----------
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders.
    decoded, clamped : (S, H, W[, 3]) float32 of 0..1
        Decoded from their codes, and from codes whose latents but the factor's are at their mean over the sweep.
    """
    truth = planes(images.astype(np.float32) / np.float32(255), masks)
    shown = planes(decoded, masks)
    covered = (masks > 0)[:, None]
    pixels = np.maximum(covered.sum(axis=(1, 2, 3)), 1)
    squares = np.square(shown - truth, dtype=np.float64).mean(axis=1, keepdims=True)
    whole, masked = squares.mean(axis=(1, 2, 3)), (squares * covered).sum(axis=(1, 2, 3)) / pixels
    similarity = ssim_map(shown, truth).mean(axis=1, keepdims=True)
    nats = cross_entropy(truth, shown)
    each = {
        "mse": whole,
        "mse_over_3": whole / 3,
        "mse_masked": masked,
        "psnr": psnr(whole),
        "psnr_masked": psnr(masked),
        "ssim_masked": (similarity * covered).sum(axis=(1, 2, 3), dtype=np.float64) / pixels,
        "excess_nats": nats - cross_entropy(truth, truth),
        "leak_gap": cross_entropy(truth, planes(clamped, masks)) - nats,
    }
    return {name: float(values.mean()) for name, values in each.items()}


def statistics(measures: Mapping[str, NDArray[np.floating]]) -> dict[str, Statistic]:
    """From measure to (N,) values, one of each identity: their means as statistics."""
    return {name: mean_of(values) for name, values in measures.items()}
