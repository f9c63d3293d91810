"""Disentanglement scores of any codes: `score(codes, factors)`.

For comparison with other work only. Most scores miss what `pipelines.evaluation.metrics.equivariance` measures: a
neuron that jumps at zero, or loses the sign of its angle, has 1 in FactorVAE and no less than the truth in MIG.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import RESAMPLES, centred_interval
from pipelines.evaluation.metrics.disentanglement.correlation import levels, mcc, mig, sap
from pipelines.evaluation.metrics.disentanglement.fitted import beta_vae, dci, factor_vae
from train.errors import WrongCodes

DEFINITIONS = {
    "mig": "mutual information gap: (largest - second largest MI of a latent with a factor) / entropy, mean over "
    "factors; 20 bins of equal width (Chen et al. 2018)",
    "sap": "squared correlation of the best latent minus that of the second best, mean over factors "
    "(Kumar et al. 2018)",
    "mcc": "mean |Spearman correlation| of the best one-to-one matching of latents and factors",
    "dci": "disentanglement and completeness of the importances of gradient-boosted regressors, and their mean R2 "
    "(Eastwood and Williams 2018)",
    "factor_vae": "accuracy of a majority vote on the latent of least relative variance (Kim and Mnih 2018)",
    "beta_vae": "accuracy of a linear classifier on the mean difference of pairs that share a factor "
    "(Higgins et al. 2017)",
}
LEAST_IMAGES = 100
"""Least number of images: with fewer, 20 bins hold too few each for an entropy."""
INTERVALS = ("mig", "sap", "mcc")
"""Metrics with an interval over identities. The others fit a model in each resample: hours for a thousand."""


def score(
    codes: NDArray[np.floating],
    factors: NDArray[np.floating],
    groups: Sequence[Sequence[int]] | None = None,
    bins: int = 20,
    seed: int = 0,
    identity: NDArray[np.integer] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """All metrics of `DEFINITIONS`, each in 0..1, higher is better; None for FactorVAE and BetaVAE of one factor.

    Parameters
    ----------
    codes : (N, D)
        One row for each image: means of the latents, not samples.
    factors : (N, K)
        True values, in any unit.
    groups : sequence of sequences of int, optional
        Latents that count as one, such as the intrinsic ones; by default each counts alone.
    bins : int
        Factors with more values than this are cut into so many bins of equal width.
    seed : int
        Of the sampled pairs and batches.
    identity : (N,) integers, optional
        The identity in each image. Then `intervals` has a 95% bootstrap interval over identities for `INTERVALS`.
    resamples : int
        Of the bootstrap.

    Raises
    ------
    WrongCodes
        Shapes that do not fit, values that are not finite, groups that name a latent twice or not at all.
    """
    z, v = np.asarray(codes, np.float64), np.asarray(factors, np.float64)
    parts = [[d] for d in range(z.shape[-1])] if groups is None else [list(group) for group in groups]
    _check(z, v, parts)
    if identity is not None and np.shape(identity) != (len(z),):
        raise WrongCodes(f"expected the identity in each of the {len(z)} images; got shape {np.shape(identity)}")
    owner = np.zeros(len(z), np.int64) if identity is None else np.unique(identity, return_inverse=True)[1]
    ids = np.stack([levels(column, bins) for column in v.T], axis=1)
    rng = np.random.Generator(np.random.Philox(seed))
    statistics = {"mig": mig(z, ids, parts, owner), "sap": sap(z, v, parts, owner), "mcc": mcc(z, v, parts, owner)}
    known = statistics.items() if identity is not None else ()
    intervals = {name: list(centred_interval(statistic, 0, 1, resamples=resamples)) for name, statistic in known}
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
            f"expected (N, D) codes and (N, K) factors of {LEAST_IMAGES} images or more; "
            f"got {codes.shape} and {factors.shape}"
        )
    if not (np.isfinite(codes).all() and np.isfinite(factors).all()):
        raise WrongCodes("expected finite codes and factors; got NaN or infinite values")
    if not all(groups):
        raise WrongCodes("expected groups that name a latent or more; got an empty group")
    if sorted(d for group in groups for d in group) != list(range(codes.shape[1])):
        raise WrongCodes(f"expected groups that name each of the {codes.shape[1]} latents once; got {groups}")
