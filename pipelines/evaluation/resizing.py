"""Stored images as the planes of another network: another side, another number of channels."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in a grey level, as the renderers have them."""


def as_planes(images: NDArray[np.uint8], channels: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Images as float32 planes of a given size.

    Parameters
    ----------
    images : (N, H, W) or (N, H, W, 3) uint8
    channels : 1 or 3; grey images are repeated, colour images become their luminance
    size : (height, width) in pixels; bilinear, with a low-pass filter where the image becomes smaller

    Returns
    -------
    (N, channels, height, width) float32 of 0..1
    """
    planes = torch.from_numpy(np.ascontiguousarray(images)).float().div_(255)
    planes = planes[:, None] if planes.ndim == 3 else planes.permute(0, 3, 1, 2)
    if channels == 1 and planes.shape[1] == 3:
        planes = (planes * torch.tensor(LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
    if planes.shape[2:] != size:
        planes = functional.interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)
    found: NDArray[np.float32] = planes.clamp(0, 1).expand(-1, channels, -1, -1).contiguous().numpy()
    return found
