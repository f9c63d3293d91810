"""Re-render skill: how well turning a neuron draws the same person at another angle.

An image of a person at one angle is encoded, the factor's neuron set to what it says on average at another angle, and
the code decoded. What comes out is compared with the true render of that person at that angle. It is put on a scale
between two others: *copy* shows the source unchanged (skill 0), the *oracle* encodes and decodes the target itself
(skill 1). A third, the *mean face*, shows the average training person at the target's angle.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.measures.bootstrap import interval

Array = NDArray[np.float64]
METHODS = ("ours", "copy", "mean_face", "oracle")
REGIONS = ("masked", "whole")
DEFINITIONS = {
    "skill": "(sum of MSE of copy - sum of MSE) / (sum of MSE of copy - sum of MSE of the oracle), over all test "
    "people and all ordered pairs of different angles; null where the oracle is no better than the copy",
    "masked": "MSE over the union of the two masks of a pair; grey levels 0..1",
    "whole": "MSE over the whole image",
}


@dataclass(frozen=True)
class Errors:
    """MSE of every method on every pair of angles of every person."""

    angles: Array
    """(S,) the grid."""
    mse: Mapping[tuple[str, str], Array]
    """(region, method) to (people, S, S): source angle, target angle."""

    @property
    def people(self) -> int:
        """Number of people."""
        return len(self.mse["whole", "ours"])


def person_errors(
    encode: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    decode: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    mean_faces: NDArray[np.floating],
    latent: int,
    values: NDArray[np.floating],
) -> dict[tuple[str, str], Array]:
    """(region, method) to (S, S) MSE of one person.

    Parameters
    ----------
    encode, decode : functions
        (n, H, W[, 3]) uint8 to (n, latents), and back to float images of 0..1.
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders along the grid.
    mean_faces : (S, H, W[, 3]) float of 0..1
    latent : int
        The factor's neuron.
    values : (S,) float
        What the neuron should say at each angle of the grid.
    """
    steps = len(images)
    truth, covered = images.astype(np.float32) / np.float32(255), masks > 0
    codes = encode(images)
    turned = np.repeat(codes, steps, axis=0)
    turned[:, latent] = np.tile(values, steps)
    drawn = {
        "ours": decode(turned).reshape(steps, *truth.shape),
        "copy": np.broadcast_to(truth[:, None], (steps, *truth.shape)),
        "mean_face": np.broadcast_to(mean_faces, (steps, *truth.shape)),
        "oracle": np.broadcast_to(decode(codes), (steps, *truth.shape)),
    }
    union = covered[:, None] | covered[None]
    errors: dict[tuple[str, str], Array] = {}
    for method, shown in drawn.items():
        squares = np.square(shown - truth[None], dtype=np.float64)
        squares = squares.mean(axis=-1) if truth.ndim == 4 else squares
        errors["whole", method] = squares.mean(axis=(2, 3))
        errors["masked", method] = (squares * union).sum(axis=(2, 3)) / np.maximum(union.sum(axis=(2, 3)), 1)
    return errors


def rerender_report(errors: Errors) -> dict[str, Any]:
    """Skill with its interval over people, mean errors, and the curve by difference of angle, for both regions."""
    return {
        "people": errors.people,
        "pairs": errors.people * len(errors.angles) * (len(errors.angles) - 1),
        **{region: _region(errors, region) for region in REGIONS},
    }


def _region(errors: Errors, region: str) -> dict[str, Any]:
    totals = {method: _over_pairs(errors.mse[region, method]).sum(axis=1) for method in METHODS}
    everybody = np.arange(errors.people)
    curve = difference_curve(errors, region)
    found = skill(totals, everybody)
    # JSON knows no NaN: null says that a network this blurred has no skill to speak of.
    defined = math.isfinite(found)
    return {
        "skill": found if defined else None,
        "interval": interval(lambda chosen: skill(totals, chosen), errors.people) if defined else None,
        "skill_of_mean_face": skill(totals | {"ours": totals["mean_face"]}, everybody) if defined else None,
        "mse": {method: float(_over_pairs(errors.mse[region, method]).mean()) for method in METHODS},
        "curve": {name: values.tolist() for name, values in curve.items()},
    }


def skill(totals: Mapping[str, Array], chosen: NDArray[np.int64]) -> float:
    """From (people,) sums of MSE by method; NaN where the oracle is no better than the copy, and no scale is left."""
    copied, ours, best = (float(totals[method][chosen].sum()) for method in ("copy", "ours", "oracle"))
    return (copied - ours) / (copied - best) if best < copied else math.nan


def difference_curve(errors: Errors, region: str) -> dict[str, Array]:
    """Mean MSE of each method at each difference of angle of the grid."""
    steps = len(errors.angles)
    apart = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    curve = {"difference": (errors.angles[1] - errors.angles[0]) * np.arange(1, steps)}
    for method in METHODS:
        mean = errors.mse[region, method].mean(axis=0)
        curve[method] = np.array([mean[apart == k].mean() for k in range(1, steps)])
    return curve


def _over_pairs(mse: Array) -> Array:
    """(people, pairs) of different angles."""
    return mse[:, ~np.eye(mse.shape[1], dtype=bool)]
