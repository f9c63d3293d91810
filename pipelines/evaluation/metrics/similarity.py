"""How alike two pictures are: peak signal-to-noise ratio, and structural similarity (Wang et al. 2004)."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIGMA, RADIUS = 1.5, 5
"""The Gaussian window: 11 x 11 pixels."""
C1, C2 = 0.01**2, 0.03**2


def psnr(mse: NDArray[np.float64]) -> NDArray[np.float64]:
    """-10 log10 of mean squared errors of grey levels 0..1, in dB; at most 99 for pictures that are equal."""
    return -10 * np.log10(np.maximum(mse, 10**-9.9))


def ssim_map(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Structural similarity around every pixel.

    Parameters
    ----------
    a, b : (..., H, W) float32 of 0..1
        Leading axes broadcast; what is the same along one of them is filtered once.

    Returns
    -------
    (..., H, W) float32 of -1..1; borders are reflected
    """
    x, y = torch.from_numpy(np.ascontiguousarray(a)), torch.from_numpy(np.ascontiguousarray(b))
    mx, my = _blur(x), _blur(y)
    vx, vy, vxy = _blur(x * x) - mx * mx, _blur(y * y) - my * my, _blur(x * y) - mx * my
    found = ((2 * mx * my + C1) * (2 * vxy + C2)) / ((mx * mx + my * my + C1) * (vx + vy + C2))
    return found.numpy()


def _blur(x: Tensor) -> Tensor:
    """Gaussian means of (..., H, W), borders reflected with their edge (c b a | a b c).

    As two matrix products: torch is slow at convolutions of one channel.
    """
    return _window(x.shape[-2]) @ x @ _window(x.shape[-1]).T


@cache
def _window(size: int) -> Tensor:
    """(size, size) float32: each row the weights of one pixel's neighbours."""
    offsets = np.arange(-RADIUS, RADIUS + 1)
    taps = np.exp(-(offsets**2) / (2 * SIGMA**2))
    window = np.zeros((size, size))
    for offset, tap in zip(offsets, taps / taps.sum(), strict=True):
        at = np.arange(size) + offset
        np.add.at(
            window, (np.arange(size), np.where(at < 0, -at - 1, np.where(at >= size, 2 * size - 1 - at, at))), tap
        )
    return torch.from_numpy(window.astype(np.float32))
