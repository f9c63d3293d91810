"""Visual analogies through the graphics code: A is to B as C is to D.

A and B show one person at two values of a factor, C another person at A's value. C is encoded, the factor's neuron
changed by as much as it changes from A to B, and the code decoded; the right answer D is the true render of C's person
at B's value. No calibration is needed: two pictures say how far to turn. The scale is that of `rerender`: *copy*
answers with C itself (skill 0), the *oracle* encodes and decodes D (skill 1). Two more stand beside them: *left alone*
decodes C's code as it is, *calibrated* sets the neuron to what it says on average at B's value.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.rerender import (
    Array,
    Decode,
    mean_within,
    planes,
    skill,
    squared,
    true_planes,
    turned,
)

METHODS = ("ours", "calibrated", "left_alone", "copy", "oracle")
DEFINITIONS = {
    "skill": "(sum of MSE of copy - sum of MSE) / (sum of MSE of copy - sum of MSE of the oracle), over all test "
    "people as C's person, A's being the person before in the sweeps, the last before the first, and over all ordered "
    "pairs of different grid values for A and B; MSE over the union of C's and D's masks, grey levels 0..1; null where "
    "the oracle is no better than the copy",
    "skill_calibrated": "the skill of setting the neuron to what it says on average over training people at B's value",
    "skill_left_alone": "the skill of C's code decoded as it is",
    "mse_METHOD": "MSE over the masks, mean over pairs of values and people",
}


def answers(own: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.floating]:
    """What the neuron of C's person should say at B's value.

    Parameters
    ----------
    own, other : (S,) or (S, G) float
        The factor's neuron, or neurons, of C's person and of A's along the same grid.

    Returns
    -------
    (S, S) or (S, S, G): by A's value, then by B's
    """
    return own[:, None] + (other[None] - other[:, None])


def answer_errors(
    codes: NDArray[np.float32],
    others: NDArray[np.float32],
    decode: Decode,
    images: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    latents: NDArray[np.integer] | int,
) -> Array:
    """(S, S) masked MSE of the answers, by A's value, then by B's.

    Parameters
    ----------
    codes, others : (S, latents)
        Of C's person and of A's along the grid.
    decode : function
        (n, latents) to (n, H, W[, 3]) float of 0..1.
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders of C's person along the grid.
    latents : int, or (G,) int
        The factor's neuron, or neurons.
    """
    truth = true_planes(images, masks)
    shown = planes(decode(turned(codes, latents, answers(codes[:, latents], others[:, latents]))), masks)
    return mean_within(squared(shown.reshape(len(truth), *truth.shape), truth), masks)


def statistics(table: Mapping[str, Array]) -> dict[str, Statistic]:
    """Everything of `DEFINITIONS` as statistics of people.

    Parameters
    ----------
    table : each of `METHODS` to (people, S, S) masked MSE, by the value of A and C, then by that of B and D
    """
    different = ~np.eye(table["ours"].shape[1], dtype=bool)
    errors = {method: table[method][:, different] for method in METHODS}
    totals = {method: mse.sum(axis=1) for method, mse in errors.items()}

    def skills(method: str) -> Statistic:
        return Statistic(lambda chosen: skill(totals, chosen, method), len(table["ours"]))

    return {
        "skill": skills("ours"),
        "skill_calibrated": skills("calibrated"),
        "skill_left_alone": skills("left_alone"),
        **{f"mse_{method}": mean_of(mse.mean(axis=1)) for method, mse in errors.items()},
    }
