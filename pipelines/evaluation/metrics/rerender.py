"""Re-render skill: how well turning a neuron draws the same person at another angle.

An image of a person at one angle is encoded, the factor's neuron set to what it says on average at another angle, and
the code decoded. What comes out is compared with the true render of that person at that angle. It is put on a scale
between two others: *copy* shows the source unchanged (skill 0), the *oracle* encodes and decodes the target itself
(skill 1). Two more stand beside them: the *mean face* shows the average training person at the target's angle, *left
alone* decodes the source's code as it is.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic, mean_of
from pipelines.evaluation.metrics.similarity import psnr, ssim_map

Array = NDArray[np.float64]
Decode = Callable[[NDArray[np.float32]], NDArray[np.float32]]
METHODS = ("ours", "left_alone", "copy", "mean_face", "oracle")
QUANTITIES = ("masked", "whole", "ssim")
NEAR = 60.0
"""Largest difference of angles of `skill_to_60`, in degrees."""
DEFINITIONS = {
    "skill": "(sum of MSE of copy - sum of MSE) / (sum of MSE of copy - sum of MSE of the oracle), over all test "
    "people and all ordered pairs of different grid angles; MSE over the union of the pair's two masks, grey levels "
    "0..1; null where the oracle is no better than the copy",
    "skill_whole": "the same over the whole image",
    "skill_to_60": "skill over pairs that differ by 60 degrees or less",
    "skill_to_60_mean_face": "skill_mean_face over those pairs",
    "skill_to_60_left_alone": "skill_left_alone over those pairs",
    "skill_mean_face": "the skill of the average training person at the target's angle",
    "skill_left_alone": "the skill of the source's code decoded as it is",
    "mse_METHOD": "MSE over the masks, mean over pairs and people",
    "psnr_METHOD": "-10 log10 of each pair's masked MSE, in dB, mean over pairs and people",
    "ssim_METHOD": "structural similarity (11 x 11 Gaussian window, sigma 1.5), mean over the masks, pairs and people",
}


@dataclass(frozen=True)
class Errors:
    """Every quantity of every method on every pair of angles of every person."""

    angles: Array
    """(S,) the grid."""
    table: Mapping[tuple[str, str], Array]
    """(quantity, method) to (people, S, S): source angle, target angle. "masked" and "whole" are MSE."""

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self.table["whole", "ours"])

    @property
    def pairs(self) -> int:
        """Ordered pairs of different angles, over all people."""
        return self.people * len(self.angles) * (len(self.angles) - 1)


def person_errors(
    codes: NDArray[np.float32],
    decode: Decode,
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    mean_faces: NDArray[np.floating],
    latents: NDArray[np.integer] | int,
    values: NDArray[np.floating],
) -> dict[tuple[str, str], Array]:
    """(quantity, method) to (S, S) of one person.

    Parameters
    ----------
    codes : (S, latents)
        Of the images.
    decode : function
        (n, latents) to (n, H, W[, 3]) float of 0..1.
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders along the grid.
    mean_faces : (S, H, W[, 3]) float of 0..1
    latents : int, or (G,) int
        The factor's neuron, or neurons.
    values : broadcasts to (S, S) or (S, S, G) float
        What they should say on the way from each angle of the grid to each: (S,) or (S, G) where the source does not
        matter.
    """
    steps = len(images)
    truth, own = true_planes(images, masks), planes(decode(codes), masks)
    drawn = {
        "ours": planes(decode(turned(codes, latents, values)), masks).reshape(steps, *truth.shape),
        "left_alone": own[:, None],
        "copy": truth[:, None],
        "mean_face": planes(mean_faces.astype(np.float32), masks)[None],
        "oracle": own[None],
    }
    found: dict[tuple[str, str], Array] = {}
    for method, shown in drawn.items():
        squares = squared(shown, truth)
        found["whole", method] = squares.mean(axis=(2, 3, 4))
        found["masked", method] = mean_within(squares, masks)
        found["ssim", method] = mean_within(ssim_map(shown, truth[None]).mean(axis=2, keepdims=True), masks)
    return found


def turned(
    codes: NDArray[np.float32], latents: NDArray[np.integer] | int, values: NDArray[np.floating]
) -> NDArray[np.float32]:
    """(S, latents) codes to (S * S, latents), source by source, the factor's at `values` as in `person_errors`."""
    steps, which = len(codes), np.shape(latents)
    found = np.repeat(codes, steps, axis=0)
    found[:, latents] = np.broadcast_to(values, (steps, steps, *which)).reshape(steps * steps, *which)
    return found


def true_planes(images: NDArray[np.uint8], masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, H, W) or (n, H, W, 3) uint8 to (n, C, H, W) of 0..1."""
    return planes(images.astype(np.float32) / np.float32(255), masks)


def squared(shown: NDArray[np.float32], truth: NDArray[np.float32]) -> Array:
    """(S or 1, S or 1, C, H, W) against (S, C, H, W): (S, S, 1, H, W) squared errors, mean over channels."""
    steps = len(truth)
    squares = np.square(shown - truth[None], dtype=np.float64).mean(axis=2, keepdims=True)
    return np.broadcast_to(squares, (steps, steps, *squares.shape[2:]))


def mean_within(values: NDArray[np.floating], masks: NDArray[np.uint8]) -> Array:
    """(S, S) mean of (S, S, 1, H, W) values over the union of both angles' masks."""
    covered = masks > 0
    union = (covered[:, None] | covered[None])[:, :, None]
    seen = np.maximum(union.sum(axis=(2, 3, 4)), 1)
    mean: Array = (values * union).sum(axis=(2, 3, 4), dtype=np.float64) / seen
    return mean


def planes(images: NDArray[np.float32], masks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, H, W) or (n, H, W, 3) to (n, C, H, W)."""
    return images[:, None] if images.ndim == masks.ndim else np.moveaxis(images, -1, 1)


def statistics(errors: Errors) -> dict[str, Statistic]:
    """Everything of `DEFINITIONS` as statistics of people."""
    steps = len(errors.angles)
    apart = np.abs(np.subtract.outer(errors.angles, errors.angles))
    every, near = ~np.eye(steps, dtype=bool), (apart > 0) & (apart <= NEAR)

    def skills(quantity: str, pairs: NDArray[np.bool_], method: str = "ours") -> Statistic:
        totals = {m: errors.table[quantity, m][:, pairs].sum(axis=1) for m in METHODS}
        return Statistic(lambda chosen: skill(totals, chosen, method), errors.people)

    found = {
        "skill": skills("masked", every),
        "skill_whole": skills("whole", every),
        "skill_to_60": skills("masked", near),
        "skill_to_60_mean_face": skills("masked", near, "mean_face"),
        "skill_to_60_left_alone": skills("masked", near, "left_alone"),
        "skill_mean_face": skills("masked", every, "mean_face"),
        "skill_left_alone": skills("masked", every, "left_alone"),
    }
    for method in METHODS:
        mse = errors.table["masked", method][:, every]
        found[f"mse_{method}"] = mean_of(mse.mean(axis=1))
        found[f"psnr_{method}"] = mean_of(psnr(mse).mean(axis=1))
        found[f"ssim_{method}"] = mean_of(errors.table["ssim", method][:, every].mean(axis=1))
    return found


def skill(totals: Mapping[str, Array], chosen: Chosen, method: str = "ours") -> float:
    """From (people,) sums of MSE by method; NaN where the oracle is no better than the copy, and no scale is left."""
    copied, shown, best = (float(totals[name][chosen].sum()) for name in ("copy", method, "oracle"))
    return (copied - shown) / (copied - best) if best < copied else math.nan


def difference_curve(errors: Errors) -> dict[str, Array]:
    """Mean masked MSE of each method at each difference of angle of the grid."""
    steps = len(errors.angles)
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    curve = {"difference": (errors.angles[1] - errors.angles[0]) * np.arange(1, steps)}
    for method in METHODS:
        mean = errors.table["masked", method].mean(axis=0)
        curve[method] = np.array([mean[apart == k].mean() for k in range(1, steps)])
    return curve
