"""Fine detail of images: what is left of them without a blurred copy, compared where the features of a face are.

Mean squared errors are mostly of outline and shading, so a blur of a head gets good marks. `high_pass` takes those
away. Within the eyes, brows, nose and mouth, its error says whether a person's own features were drawn.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from pipelines.evaluation.metrics.image_errors import gaussian

Array = NDArray[np.float64]
SHARE = 4 / 150
"""Standard deviation of the blur, and width by which features are grown, over the side of the image."""
FILLS = (16, 8, 4, 2)
"""Widths of the means that features are painted over with, over that of `high_pass`; the last one that has skin."""
LEAST_SKIN = 0.02
"""Weight of the skin in such a mean, from which on it is used."""
SMOOTHINGS = 20


def pixels(side: int, share: float = SHARE) -> float:
    """A length in pixels, from its share of the image's side."""
    return share * side


def high_pass(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., H, W) images minus their blur by a Gaussian of 4 pixels at a side of 150, in proportion elsewhere."""
    return planes - blurred(planes, pixels(planes.shape[-1]))


def blurred(planes: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """(..., H, W) images blurred by a Gaussian of `sigma` pixels; borders are reflected."""
    return gaussian(torch.from_numpy(np.ascontiguousarray(planes)), sigma, round(4 * sigma)).numpy()


def grown(features: NDArray[np.bool_], by: float) -> NDArray[np.bool_]:
    """(n, H, W) areas, with every pixel that is at most `by` pixels away from them."""
    found = [distance_transform_edt(~one) <= by if one.any() else one for one in features]
    return np.stack(found) if found else features


def painted_out(
    planes: NDArray[np.float32], features: NDArray[np.bool_], covered: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Images without their features: skin from around is continued over them, smoothly.

    Parameters
    ----------
    planes : (n, C, H, W) of 0..1
    features : (n, H, W), what is painted over
    covered : (n, H, W), the head; only its pixels are continued
    """
    where = (features & covered)[:, None]
    head = covered[:, None].astype(np.float32)
    known = head * ~where
    sigma, found = pixels(planes.shape[-1]), planes
    for share in FILLS:  # a first guess: the mean of the skin around
        near = blurred(known, share * sigma)
        fill = blurred(planes * known, share * sigma) / np.maximum(near, np.float32(1e-9))
        found = np.where(where & (near > LEAST_SKIN), fill, found)
    inside = np.maximum(blurred(head, sigma), np.float32(1e-9))
    for _ in range(SMOOTHINGS):  # no seam stays
        found = np.where(where, blurred(found * head, sigma) / inside, found)
    return found


def detail_errors(fine: NDArray[np.float32], true: NDArray[np.float32], weights: NDArray[np.bool_]) -> Array:
    """Sums of squared differences of `high_pass` images within the features.

    Parameters
    ----------
    fine : (..., T, C, H, W), or with T of 1
        Of what was drawn.
    true : (T, C, H, W)
        Of the true renders.
    weights : (T, H, W)

    Returns
    -------
    (..., T) float64, mean over channels
    """
    squares = np.square(fine - true, dtype=np.float64).mean(axis=-3)
    found: Array = (squares * weights).sum(axis=(-2, -1))
    return found
