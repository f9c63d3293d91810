"""Re-rendering: the error of an identity drawn by the network at another angle, beside that of simpler methods.

An image of an identity at one angle is encoded, the factor's neuron set to its mean value at another angle, and the
code decoded. The result is compared with the true render of that identity at that angle. Others are compared with it,
too: *copy* is the source unchanged, the *oracle* encodes and decodes the target itself, the *mean face* is the average
training identity at the target's angle, *left alone* decodes the source's code unchanged. The absolute skill is 0 for
the copy and 1 for the true render. The older skill is 1 for the oracle, so that a network's own blur sets its scale: it
is not compared between networks.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic, mean_of
from pipelines.evaluation.metrics.detail import detail_errors, grown, high_pass, pixels
from pipelines.evaluation.metrics.image_errors import mean_within, planes, psnr, squared, ssim_map, true_planes

Array = NDArray[np.float64]
Decode = Callable[[NDArray[np.float32]], NDArray[np.float32]]
METHODS = ("ours", "left_alone", "copy", "mean_face", "oracle")
QUANTITIES = ("masked", "whole", "ssim", "detail")
ENERGY = ("detail", "energy")
"""Key of the sums of squares of the true detail."""
NEAR = 60.0
"""Largest difference of angles of `skill_to_60`, in degrees."""
DEFINITIONS = {
    "absolute": "1 - sum of MSE / sum of MSE of the source unchanged, over all test identities and all ordered pairs "
    "of different grid angles; MSE over the union of the pair's two masks, grey levels 0..1; 1 is the true render",
    "absolute_mean_face": "the absolute skill of the average training identity at the target's angle",
    "absolute_left_alone": "the absolute skill of the source's code decoded unchanged",
    "absolute_oracle": "the absolute skill of the target itself encoded and decoded",
    "detail_mask_r2": "1 - sum (H(drawn) - H(true))^2 / sum H(true)^2 over the same pairs, where H(x) is x minus "
    "its blur by a Gaussian of 4 pixels at a side of 150, over the target's mask grown by 4 such pixels",
    "detail_mask_skill": "(detail_mask_r2 - that of the average training identity) / (1 - that)",
    "skill": "(sum of MSE of copy - sum of MSE) / (sum of MSE of copy - sum of MSE of the oracle), over all test "
    "identities and all ordered pairs of different grid angles; MSE over the union of the pair's two masks, grey "
    "levels 0..1; null where the oracle is no better than the copy",
    "skill_whole": "skill with the MSE over the whole image",
    "skill_to_60": "skill over pairs that differ by 60 degrees or less",
    "skill_to_60_mean_face": "skill_mean_face over those pairs",
    "skill_to_60_left_alone": "skill_left_alone over those pairs",
    "skill_mean_face": "the skill of the average training identity at the target's angle",
    "skill_left_alone": "the skill of the source's code decoded unchanged",
    "mse_METHOD": "MSE over the masks, mean over pairs and identities",
    "psnr_METHOD": "-10 log10 of each pair's masked MSE, in dB, mean over pairs and identities",
    "ssim_METHOD": "structural similarity (11 x 11 Gaussian window, sigma 1.5), mean over the masks, pairs and "
    "identities",
}


@dataclass(frozen=True)
class Errors:
    """The errors of every method on every pair of angles of every identity."""

    angles: Array
    """(S,) the grid, in the unit of the factor."""
    table: Mapping[tuple[str, str], Array]
    """(quantity, method) to (N, S, S): identity, source angle, target angle. "masked" and "whole" are MSE."""

    @property
    def identities(self) -> int:
        """Number of identities."""
        return len(self.table["whole", "ours"])

    @property
    def pairs(self) -> int:
        """Number of ordered pairs of different angles, over all identities."""
        return self.identities * len(self.angles) * (len(self.angles) - 1)


def pair_errors(
    codes: NDArray[np.float32],
    decode: Decode,
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    mean_faces: NDArray[np.floating],
    latents: NDArray[np.integer] | int,
    values: NDArray[np.floating],
) -> dict[tuple[str, str], Array]:
    """The errors of one identity: (quantity, method) to (S, S), by source angle, then by target angle.

    Parameters
    ----------
    codes : (S, latents)
        Codes of the images.
    decode : function
        (n, latents) to (n, H, W[, 3]) float of 0..1.
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders along the grid.
    mean_faces : (S, H, W[, 3]) float of 0..1
    latents : int, or (G,) int
        The factor's neuron, or neurons.
    values : broadcasts to (S, S) or (S, S, G) float
        Their values for each source and target angle; (S,) or (S, G) where they depend on the target only.
    """
    steps = len(images)
    truth, own = true_planes(images, masks), planes(decode(codes), masks)
    fine, near = high_pass(truth), grown(masks > 0, pixels(masks.shape[-1]))
    decoded = {
        "ours": planes(decode(with_values(codes, latents, values)), masks).reshape(steps, *truth.shape),
        "left_alone": own[:, None],
        "copy": truth[:, None],
        "mean_face": planes(mean_faces.astype(np.float32), masks)[None],
        "oracle": own[None],
    }
    found: dict[tuple[str, str], Array] = {}
    for method, shown in decoded.items():
        squares = squared(shown, truth)
        found["whole", method] = squares.mean(axis=(2, 3, 4))
        found["masked", method] = mean_within(squares, masks)
        found["ssim", method] = mean_within(ssim_map(shown, truth[None]).mean(axis=2, keepdims=True), masks)
        found["detail", method] = np.broadcast_to(detail_errors(high_pass(shown), fine, near), (steps, steps))
    found[ENERGY] = np.broadcast_to(detail_errors(np.zeros_like(fine[:1]), fine, near), (steps, steps))
    return found


def with_values(
    codes: NDArray[np.float32], latents: NDArray[np.integer] | int, values: NDArray[np.floating]
) -> NDArray[np.float32]:
    """(S, latents) codes to (S * S, latents), source by source, the factor's set to `values` as in `pair_errors`."""
    steps, which = len(codes), np.shape(latents)
    found = np.repeat(codes, steps, axis=0)
    found[:, latents] = np.broadcast_to(values, (steps, steps, *which)).reshape(steps * steps, *which)
    return found


def statistics(errors: Errors) -> dict[str, Statistic]:
    """All measures of `DEFINITIONS` as statistics over identities."""
    steps = len(errors.angles)
    apart = np.abs(np.subtract.outer(errors.angles, errors.angles))
    every, near = ~np.eye(steps, dtype=bool), (apart > 0) & (apart <= NEAR)

    def shares(quantity: str, method: str, scale: str) -> Statistic:
        one, other = (errors.table[quantity, name][:, every].sum(axis=1) for name in (method, scale))
        return share(one, other)

    def skills(quantity: str, pairs: NDArray[np.bool_], method: str = "ours") -> Statistic:
        totals = {m: errors.table[quantity, m][:, pairs].sum(axis=1) for m in METHODS}
        return Statistic(lambda chosen: skill(totals, chosen, method), errors.identities)

    found = {
        "absolute": shares("masked", "ours", "copy"),
        **{f"absolute_{m}": shares("masked", m, "copy") for m in ("mean_face", "left_alone", "oracle")},
        "detail_mask_r2": shares("detail", "ours", "energy"),
        "detail_mask_skill": shares("detail", "ours", "mean_face"),
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


def share(errors: Array, scale: Array) -> Statistic:
    """1 minus the ratio of two sums of (N,) values over identities; NaN where the second is 0."""

    def of(chosen: Chosen) -> float:
        whole = float(scale[chosen].sum())
        return 1 - float(errors[chosen].sum()) / whole if whole else math.nan

    return Statistic(of, len(errors))


def skill(totals: Mapping[str, Array], chosen: Chosen, method: str = "ours") -> float:
    """Skill from (N,) sums of MSE by method; NaN where the oracle is no better than the copy: there is no scale."""
    copied, shown, best = (float(totals[name][chosen].sum()) for name in ("copy", method, "oracle"))
    return (copied - shown) / (copied - best) if best < copied else math.nan


def difference_curve(errors: Errors, period: float | None = None) -> dict[str, Array]:
    """Mean masked MSE of each method at each difference of angle of the grid.

    Parameters
    ----------
    errors : on an even grid
    period : of the factor, in the unit of the angles; differences are then the shortest way round

    Returns
    -------
    "difference" and each of `METHODS`, all of one length
    """
    steps = len(errors.angles)
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    if period is not None:
        apart = np.minimum(apart, steps - apart)
    known = np.arange(1, int(apart.max()) + 1)
    curve = {"difference": (errors.angles[1] - errors.angles[0]) * known}
    for method in METHODS:
        mean = errors.table["masked", method].mean(axis=0)
        curve[method] = np.array([mean[apart == k].mean() for k in known])
    return curve
