"""Errors between images: squared errors within masks, peak signal-to-noise ratio, structural similarity, nats.

Images become planes, (n, C, H, W) float32 of 0..1, so that grey and colour images are measured by the same code.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
SIGMA, RADIUS = 1.5, 5
"""The Gaussian window of structural similarity: 11 x 11 pixels."""
C1, C2 = 0.01**2, 0.03**2


def planes(images: NDArray[np.float32], masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, H, W) or (n, H, W, 3) images with (n, H, W) masks to (n, C, H, W)."""
    return images[:, None] if images.ndim == masks.ndim else np.moveaxis(images, -1, 1)


def true_planes(images: NDArray[np.uint8], masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, H, W) or (n, H, W, 3) uint8 to (n, C, H, W) of 0..1."""
    return planes(images.astype(np.float32) / np.float32(255), masks)


def squared(shown: NDArray[np.float32], truth: NDArray[np.float32]) -> Array:
    """(S or 1, S or 1, C, H, W) against (S, C, H, W): (S, S, 1, H, W) squared errors, mean over channels."""
    steps = len(truth)
    squares = np.square(shown - truth[None], dtype=np.float64).mean(axis=2, keepdims=True)
    return np.broadcast_to(squares, (steps, steps, *squares.shape[2:]))


def mean_within(values: NDArray[np.floating], masks: NDArray[np.uint8]) -> Array:
    """(S, S) mean of (S, S, 1, H, W) values over the union of both views' masks."""
    covered = masks > 0
    union = (covered[:, None] | covered[None])[:, :, None]
    pixels = np.maximum(union.sum(axis=(2, 3, 4)), 1)
    mean: Array = (values * union).sum(axis=(2, 3, 4), dtype=np.float64) / pixels
    return mean


def cross_entropy(truth: NDArray[np.float32], shown: NDArray[np.float32]) -> Array:
    """(n,) nats: -sum(t log x + (1 - t) log(1 - x)) over all pixels, x clipped to 1e-7..1 - 1e-7, 0 log 0 = 0."""
    t, x = truth.astype(np.float64), np.clip(shown.astype(np.float64), 1e-7, 1 - 1e-7)
    nats: Array = -(t * np.log(x) + (1 - t) * np.log1p(-x)).sum(axis=(1, 2, 3))
    return nats


def psnr(mse: Array) -> Array:
    """-10 log10 of mean squared errors of grey levels 0..1, in dB; at most 99, for images that are equal."""
    return -10 * np.log10(np.maximum(mse, 10**-9.9))


def ssim_map(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Structural similarity around every pixel (Wang et al. 2004).

    Parameters
    ----------
    a, b : (..., H, W) float32 of 0..1
        Leading axes broadcast; an image that is repeated along one of them is filtered once.

    Returns
    -------
    (..., H, W) float32 of -1..1; borders are reflected
    """
    x, y = torch.from_numpy(np.ascontiguousarray(a)), torch.from_numpy(np.ascontiguousarray(b))
    mx, my = _blur(x), _blur(y)
    vx, vy, vxy = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    found = ((2 * mx * my + C1) * (2 * vxy + C2)) / ((mx * mx + my * my + C1) * (vx + vy + C2))
    return found.numpy()


def gaussian(x: Tensor, sigma: float, radius: int) -> Tensor:
    """Gaussian means of (..., H, W) over 2 `radius` + 1 pixels, borders reflected with their edge (c b a | a b c).

    As two matrix products: torch is slow at convolutions of one channel.
    """
    return _window(x.shape[-2], sigma, radius) @ x @ _window(x.shape[-1], sigma, radius).T


def _blur(x: Tensor) -> Tensor:
    return gaussian(x, SIGMA, RADIUS)


@cache
def _window(size: int, sigma: float, radius: int) -> Tensor:
    """(size, size) float32: each row the weights of one pixel's neighbours."""
    offsets = np.arange(-radius, radius + 1)
    taps = np.exp(-(offsets**2) / (2 * sigma**2))
    window = np.zeros((size, size))
    for offset, tap in zip(offsets, taps / taps.sum(), strict=True):
        at = np.mod(np.arange(size) + offset, 2 * size)
        np.add.at(window, (np.arange(size), np.minimum(at, 2 * size - 1 - at)), tap)
    return torch.from_numpy(window.astype(np.float32))
