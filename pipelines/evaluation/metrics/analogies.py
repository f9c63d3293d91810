"""Visual analogies through the graphics code: A is to B as C is to D.

A and B show one identity at two values of a factor, C another identity at A's value. C is encoded, the factor's neuron
changed by the difference between B's and A's, and the code decoded. The correct answer D is the true render of C's
identity at B's value. No calibration is needed. The scale is that of `rerender`: *copy* answers with C itself (skill
0), the *oracle* encodes and decodes D (skill 1). Two other methods are compared: *left alone* decodes C's code
unchanged, *calibrated* sets the neuron to its mean value at B's value.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.image_errors import Array, mean_within, planes, squared, true_planes
from pipelines.evaluation.metrics.rerender import Decode, skill, with_values

METHODS = ("ours", "calibrated", "left_alone", "copy", "oracle")
DEFINITIONS = {
    "skill": "(sum of MSE of copy - sum of MSE) / (sum of MSE of copy - sum of MSE of the oracle), over all test "
    "identities as C's identity, A's being the one before it in the sweeps, the last before the first, and over all "
    "ordered pairs of different grid values for A and B; MSE over the union of C's and D's masks, grey levels 0..1; "
    "null where the oracle is no better than the copy",
    "skill_calibrated": "the skill of setting the neuron to its mean over training identities at B's value",
    "skill_left_alone": "the skill of C's code decoded unchanged",
    "mse_METHOD": "MSE over the masks, mean over pairs of values and identities",
}


def answers(own: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.floating]:
    """The values of the neuron of C's identity that answer the analogies.

    Parameters
    ----------
    own, other : (S,) or (S, G) float
        The factor's neuron, or neurons, of C's identity and of A's along the same grid.

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
        Codes of C's identity and of A's along the grid.
    decode : function
        (n, latents) to (n, H, W[, 3]) float of 0..1.
    images, masks : (S, H, W[, 3]) and (S, H, W) uint8
        True renders of C's identity along the grid.
    latents : int, or (G,) int
        The factor's neuron, or neurons.
    """
    truth = true_planes(images, masks)
    shown = planes(decode(with_values(codes, latents, answers(codes[:, latents], others[:, latents]))), masks)
    return mean_within(squared(shown.reshape(len(truth), *truth.shape), truth), masks)


def statistics(table: Mapping[str, Array]) -> dict[str, Statistic]:
    """All measures of `DEFINITIONS` as statistics over identities.

    Parameters
    ----------
    table : each of `METHODS` to (N, S, S) masked MSE, by the value of A and C, then by that of B and D
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
