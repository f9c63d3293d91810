"""Disentanglement metrics of codes from anywhere: `score(codes, factors)`.

For comparison with other work only. Most cannot see what `pipelines.evaluation.metrics.equivariance` sees: a neuron that jumps at
zero, or loses the sign of its angle, scores 1 in FactorVAE and no less than the truth in MIG.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import centred_interval
from pipelines.evaluation.metrics.disentanglement.importance import dci
from pipelines.evaluation.metrics.disentanglement.matching import mcc, sap
from pipelines.evaluation.metrics.disentanglement.mutual import levels, mig
from pipelines.evaluation.metrics.disentanglement.voting import beta_vae, factor_vae
from train.errors import WrongCodes

DEFINITIONS = {
    "mig": "mutual information gap: (largest - second largest MI of a latent with a factor) / entropy, mean over "
    "factors; 20 bins of equal width (Chen et al. 2018)",
    "sap": "squared correlation of the best latent less that of the second best, mean over factors (Kumar et al. 2018)",
    "mcc": "mean |Spearman correlation| of the best one-to-one matching of latents and factors",
    "dci": "disentanglement and completeness of the importances of gradient-boosted regressors, and their mean R2 "
    "(Eastwood and Williams 2018)",
    "factor_vae": "accuracy of a majority vote on the latent of least relative variance (Kim and Mnih 2018)",
    "beta_vae": "accuracy of a linear classifier on the mean difference of pairs that share a factor "
    "(Higgins et al. 2017)",
}
LEAST_IMAGES = 100
"""With fewer, 20 bins hold too few images each for an entropy."""
INTERVALS = ("mig", "sap", "mcc")
"""Metrics with an interval over people. The others are fitted or drawn anew for each: hours for a thousand."""


def score(
    codes: NDArray[np.floating],
    factors: NDArray[np.floating],
    groups: Sequence[Sequence[int]] | None = None,
    bins: int = 20,
    seed: int = 0,
    people: NDArray[np.integer] | None = None,
) -> dict[str, Any]:
    """All metrics of `DEFINITIONS`, each in 0..1, higher better; None for those that guess among factors, of one.

    Parameters
    ----------
    codes : (N, D)
        One row an image; the means, not samples.
    factors : (N, K)
        True values, in any unit.
    groups : sequence of sequences of int, optional
        Latents that count as one, such as the 197 of an identity; by default each counts alone.
    bins : int
        Factors with more values than this are cut into so many bins of equal width.
    seed : int
        Of the drawn pairs and batches.
    people : (N,) integers, optional
        Who is in each image. Then `intervals` has a 95% bootstrap interval over people for `INTERVALS`.

    Raises
    ------
    WrongCodes
        Shapes that do not fit, values that are not finite, groups that name a latent twice or not at all.
    """
    z, v = np.asarray(codes, np.float64), np.asarray(factors, np.float64)
    parts = [[d] for d in range(z.shape[-1])] if groups is None else [list(group) for group in groups]
    _check(z, v, parts)
    if people is not None and np.shape(people) != (len(z),):
        raise WrongCodes(f"expected who is in each of the {len(z)} images, not {np.shape(people)} numbers")
    who = np.zeros(len(z), np.int64) if people is None else np.unique(people, return_inverse=True)[1]
    ids = np.stack([levels(column, bins) for column in v.T], axis=1)
    rng = np.random.Generator(np.random.Philox(seed))
    statistics = {"mig": mig(z, ids, parts, who), "sap": sap(z, v, parts, who), "mcc": mcc(z, v, parts, who)}
    known = statistics.items() if people is not None else ()
    intervals = {name: list(centred_interval(statistic, 0, 1)) for name, statistic in known}
    several = ids.shape[1] > 1
    return {
        "images": len(z),
        **{name: statistic.value for name, statistic in statistics.items()},
        "dci": dci(z, v, parts, seed),
        "factor_vae": factor_vae(z, ids, parts, rng) if several else None,
        "beta_vae": beta_vae(z, ids, rng) if several else None,
        **({"intervals": intervals} if intervals else {}),
    }


def _check(codes: NDArray[np.float64], factors: NDArray[np.float64], groups: list[list[int]]) -> None:
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or len(codes) < LEAST_IMAGES:
        raise WrongCodes(
            f"expected (N, D) codes and (N, K) factors of {LEAST_IMAGES} images or more, "
            f"not {codes.shape}, {factors.shape}"
        )
    if not (np.isfinite(codes).all() and np.isfinite(factors).all()):
        raise WrongCodes("codes and factors must be finite")
    if not all(groups):
        raise WrongCodes("a group must name a latent or more")
    if sorted(d for group in groups for d in group) != list(range(codes.shape[1])):
        raise WrongCodes(f"the groups must name each of the {codes.shape[1]} latents once")
