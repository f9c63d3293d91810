"""Disentanglement scores of any codes: `score(codes, factors)`.

For comparison with other work. Published scores are of images whose factors are independent, and of single latents.
Beside each that can have one stands its block score, where a block of latents counts as one. Most of them miss what
`pipelines.evaluation.metrics.equivariance` measures: a neuron that jumps at zero, or loses the sign of its angle, has 1
in FactorVAE and no less than the truth in MIG.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics.bootstrap import RESAMPLES, Statistic, centred_interval
from pipelines.evaluation.metrics.disentanglement import dci
from pipelines.evaluation.metrics.disentanglement.columns import Columns, columns_of
from pipelines.evaluation.metrics.disentanglement.correlation import mcc, sap
from pipelines.evaluation.metrics.disentanglement.definitions import DEFINITIONS as DEFINITIONS
from pipelines.evaluation.metrics.disentanglement.fitted import beta_vae, explicitness, factor_vae
from pipelines.evaluation.metrics.disentanglement.information import levels, mig, modularity
from pipelines.evaluation.metrics.disentanglement.robustness import irs
from train.errors import WrongCodes

Array = NDArray[np.float64]

LEAST_IMAGES = 100
"""Least number of images: with fewer, 20 bins hold too few each for an entropy."""


def score(
    codes: NDArray[np.floating],
    factors: NDArray[np.floating],
    groups: Sequence[Sequence[int]] | None = None,
    bins: int = 20,
    seed: int = 0,
    identity: NDArray[np.integer] | None = None,
    resamples: int = RESAMPLES,
    periods: Sequence[float | None] | None = None,
) -> dict[str, Any]:
    """All metrics of `DEFINITIONS`, each in 0..1, higher is better; D_LSBD is not among them.

    Parameters
    ----------
    codes : (N, D)
        One row for each image: means of the latents, not samples.
    factors : (N, K)
        True values, in any unit.
    groups : sequence of sequences of int, optional
        Latents that count as one in the scores whose names end in `_block`, such as the intrinsic ones; without a group
        of two or more there are no such scores.
    bins : int
        Factors with more values than this are cut into so many bins of equal width.
    seed : int
        Of the sampled pairs and batches.
    identity : (N,) integers, optional
        The identity in each image. Then `intervals` has a 95% bootstrap interval over identities of MIG, SAP and MCC;
        the other metrics fit a model in each resample. And no identity is both fitted and predicted by a block's read.
    resamples : int
        Of the bootstrap.
    periods : (K,) of float or None, optional
        The period of each factor that is a circle, in its unit.

    Returns
    -------
    A dictionary of JSON-able values. FactorVAE, BetaVAE and modularity of one factor are None, and so is the MCC where
    a factor is a circle, which has no rank. `block_r2` has, for each group of two latents or more, the R2 of each
    factor as it is predicted from the group.

    Raises
    ------
    WrongCodes
        Shapes that do not fit, values that are not finite, groups that name a latent twice or not at all.
    """
    z, v = np.asarray(codes, np.float64), np.asarray(factors, np.float64)
    single = [[d] for d in range(z.shape[-1])]
    parts = single if groups is None else [list(group) for group in groups]
    _check(z, v, parts)
    if identity is not None and np.shape(identity) != (len(z),):
        raise WrongCodes(f"expected the identity in each of the {len(z)} images; got shape {np.shape(identity)}")
    owner = np.zeros(len(z), np.int64) if identity is None else np.unique(identity, return_inverse=True)[1]
    circles = [None] * v.shape[1] if periods is None else list(periods)
    ids = np.stack([levels(column, bins) for column in v.T], axis=1)
    rng = np.random.Generator(np.random.Philox(seed))
    divisions = {"": single} | ({"_block": parts} if max(map(len, parts)) > 1 else {})
    columns = {suffix: columns_of(z, v, division, circles, owner) for suffix, division in divisions.items()}
    statistics = {
        f"{name}{suffix}": statistic
        for suffix, one in columns.items()
        for name, statistic in _statistics(one, v, ids, owner).items()
    }
    known = statistics.items() if identity is not None else ()
    intervals = {name: list(centred_interval(statistic, 0, 1, resamples=resamples)) for name, statistic in known}
    return {
        "images": len(z),
        **{name: statistic.value for name, statistic in statistics.items()},
        **({"mcc": None} if "mcc" not in statistics else {}),
        **_fits(z, v, columns[""].targets, divisions, seed),
        **_shared(z, ids, columns, divisions, rng),
        "explicitness": explicitness(z, v, rng),
        "irs": irs(z, ids),
        **({"block_r2": columns["_block"].reads} if "_block" in columns else {}),
        **({"intervals": intervals} if intervals else {}),
    }


def _statistics(one: Columns, v: Array, ids: NDArray[np.int64], owner: NDArray[np.int64]) -> dict[str, Statistic]:
    """The metrics that have an interval."""
    found = {"mig": mig(one.values, ids, one.groups, owner), "sap": sap(one.shares, one.groups)}
    return found if one.circular else found | {"mcc": mcc(one.values, v, one.groups, owner)}


def _fits(z: Array, v: Array, targets: Sequence[Array], divisions: dict[str, Any], seed: int) -> dict[str, Any]:
    """DCI by both kinds of learners, for each division of the latents."""
    fits = {"dci_classifiers": dci.by_classifiers(z, v, seed), "dci_regressors": dci.by_regressors(z, targets, seed)}
    return {f"{name}{suffix}": fit.scores(parts) for name, fit in fits.items() for suffix, parts in divisions.items()}


def _shared(
    z: Array,
    ids: NDArray[np.int64],
    columns: dict[str, Columns],
    divisions: dict[str, Any],
    rng: np.random.Generator,
) -> dict[str, float | None]:
    """The metrics that compare factors, for each division of the latents: None where there is one factor only."""
    names = [f"{name}{suffix}" for suffix in divisions for name in ("modularity", "factor_vae")]
    if ids.shape[1] < 2:
        return dict.fromkeys([*names, "beta_vae"])
    tables = [one.information(ids) for one in columns.values()]
    voted = factor_vae(z, ids, list(divisions.values()), rng)
    found = [score for pair in zip(map(modularity, tables), voted, strict=True) for score in pair]
    return {**dict(zip(names, found, strict=True)), "beta_vae": beta_vae(z, ids, rng)}


def _check(codes: Array, factors: Array, groups: list[list[int]]) -> None:
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
