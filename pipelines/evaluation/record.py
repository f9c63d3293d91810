"""metrics.json: every number of a run on a store of sweeps, with its definition, sample sizes and interval."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.evaluation import analogies
from pipelines.evaluation.cache import cached_json
from pipelines.evaluation.facts import facts
from pipelines.evaluation.metrics import circular, codes, disentanglement, reconstruction, rerender, symmetry
from pipelines.evaluation.metrics.analogies import DEFINITIONS as ANALOGY_DEFINITIONS
from pipelines.evaluation.metrics.bootstrap import RESAMPLES, estimates
from pipelines.evaluation.metrics.codes import SweepCodes, rest
from pipelines.evaluation.metrics.equivariance import sizes
from pipelines.evaluation.metrics.portraits import DEFINITIONS as PORTRAIT_DEFINITIONS
from pipelines.evaluation.metrics.portraits import METHODS as PORTRAIT_METHODS
from pipelines.evaluation.metrics.recognition import DEFINITIONS as RECOGNITION_DEFINITIONS
from pipelines.evaluation.metrics.rerender import difference_curve
from pipelines.evaluation.portraits import portrait_statistics, why_none
from pipelines.evaluation.run_evaluation import RunEvaluation
from pipelines.evaluation.scores import LEADING, bounds, scores
from pipelines.evaluation.sweeps import CALIBRATES, MEASURED
from pipelines.evaluation.targets import reached

DEFINITIONS = codes.DEFINITIONS | {
    "portraits": PORTRAIT_DEFINITIONS | {f"row {name}": label for name, label in PORTRAIT_METHODS.items()},
    "rerender": rerender.DEFINITIONS,
    "analogy": ANALOGY_DEFINITIONS,
    "reconstruction": reconstruction.DEFINITIONS,
    "disentanglement": disentanglement.DEFINITIONS,
    "neurons": codes.NEURON_RULES,
}
"""Kind to measure to definition, for faces."""
TURN_DEFINITIONS: dict[str, Any] = {
    "turning": circular.DEFINITIONS,
    "rerender": {k: v.replace("identities", "chairs") for k, v in rerender.DEFINITIONS.items() if "to_60" not in k},
    "reconstruction": reconstruction.DEFINITIONS,
    "retrieval": circular.RETRIEVAL,
    "symmetry": symmetry.DEFINITIONS,
    "disentanglement": disentanglement.DEFINITIONS,
}
"""Kind to measure to definition, for turned chairs."""
ORIGINAL_CHAIR_MSE = 2.7722e-4
"""The paper's test error on its own chairs; the paper gives no normalisation."""
MakeCodes = Callable[[str, str], NDArray[np.float64]]
"""From split and factor to (N, G, D) synthetic codes."""


def definitions(*, periodic: bool, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Kind to measure to definition, with the definition of the intervals."""
    if periodic:
        return TURN_DEFINITIONS | {"interval": f"95% percentile bootstrap over test chairs, {resamples:,} resamples"}
    interval = (
        f"95% percentile bootstrap over test identities, {resamples:,} resamples, calibrations unchanged; for MIG, SAP "
        "and MCC the value plus and minus 1.96 bootstrap standard deviations"
    )
    return DEFINITIONS | {"interval": {"interval": interval}}


def numbers(evaluation: RunEvaluation, resamples: int = RESAMPLES) -> dict[str, Any]:
    """All numbers of one run, from the cache where they are there.

    `resamples` is the number of bootstrap resamples of every interval.
    """
    key = _key(evaluation, resamples)
    make = _turn_numbers if evaluation.periodic else _numbers
    found = cached_json(evaluation.folder, "numbers", key, lambda: make(evaluation, resamples), __name__)
    scored = {"disentanglement": scores(evaluation, resamples)}
    return {"run": facts(evaluation), "sweeps": evaluation.digest} | found | scored


def record(
    evaluation: RunEvaluation,
    baseline: RunEvaluation | None = None,
    recognised: dict[str, Any] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """The content of metrics.json.

    Parameters
    ----------
    evaluation : the run
    baseline : the entangled net, whose numbers are added; not for chairs
    recognised : the numbers of `pipelines.evaluation.recognition`, where they were requested
    resamples : bootstrap resamples of every interval
    """
    own = numbers(evaluation, resamples)
    known = definitions(periodic=evaluation.periodic, resamples=resamples)
    if evaluation.periodic:
        return {"definitions": known, **own}
    other = None if baseline is None else numbers(baseline, resamples)
    ends = cached_json(evaluation.folder, "bounds", evaluation.key, lambda: _scale_ends(evaluation), __name__)
    scored = bounds(evaluation, resamples)
    return {
        "definitions": known | ({} if recognised is None else {"recognition": RECOGNITION_DEFINITIONS}),
        **own,
        "baseline": other,
        "bounds": {name: found | {"disentanglement": scored[name]} for name, found in ends.items()},
        "targets": reached(own, other),
        "recognition": recognised,
    }


def _key(evaluation: RunEvaluation, resamples: int) -> dict[str, Any]:
    """The key of cached numbers."""
    return evaluation.key | ({} if resamples == RESAMPLES else {"resamples": resamples})


def _numbers(evaluation: RunEvaluation, resamples: int) -> dict[str, Any]:
    """The numbers of a run on sweeps of factors with two ends."""
    of, factors = evaluation.codes, {}
    with progress_bar("factors") as progress:
        bar = progress.add_task(f"measuring ({evaluation.name})", total=len(of.factors), note="")
        for factor in of.factors:
            errors = evaluation.errors(factor)
            found = {kind: estimates(stats, resamples) for kind, stats in evaluation.statistics(factor).items()}
            found["analogy"] = estimates(analogies.statistics(evaluation, factor), resamples)
            found["portraits"] = {
                method: estimates(stats, resamples) for method, stats in portrait_statistics(evaluation, factor).items()
            }
            found["crosstalk"] = of.crosstalk()[factor]
            counted = {"drawn_images": errors.identities * len(errors.angles), "pairs": errors.pairs}
            counted["analogies"] = analogies.count_analogies(evaluation, factor)
            factors[factor] = sizes(of.sweep(factor)) | counted | found
            progress.advance(bar)
    return {
        "neurons": {"rule": evaluation.rule, "latents": dict(of.neurons)},
        "factors": factors,
        "no_portraits": why_none(evaluation),
        "collapse": evaluation.collapse(),
        "curves": {
            "cosine": {f: _curve(of.angles[f], of.cosine_curve(f)) for f in of.factors if len(of.rest)},
            "rerender": _rerender_curves(evaluation),
        },
    }


def _turn_numbers(evaluation: RunEvaluation, resamples: int) -> dict[str, Any]:
    """The numbers of a run on whole turns of chairs."""
    (factor,) = evaluation.factors
    return {
        "chairs": evaluation.identities(),
        "original": {"mse": ORIGINAL_CHAIR_MSE},
        **{kind: estimates(stats, resamples) for kind, stats in evaluation.statistics(factor).items()},
        "curves": {"rerender": _rerender_curves(evaluation)},
    }


def _rerender_curves(evaluation: RunEvaluation) -> dict[str, dict[str, list[float]]]:
    """Factor to the re-render error of each method by difference of angle."""
    return {
        factor: {n: line.tolist() for n, line in difference_curve(evaluation.errors(factor), sweeps.period).items()}
        for factor, sweeps in evaluation.sweeps.items()
    }


def _curve(angles: NDArray[np.float64], values: NDArray[np.float64]) -> dict[str, list[float]]:
    return {"angle": angles.tolist(), "value": values.tolist()}


def _scale_ends(evaluation: RunEvaluation) -> dict[str, Any]:
    """The measures of a perfect code and of noise on the same sweeps, without intervals.

    Re-rendering has its own ends: the true image has skill 1, the source unchanged 0.
    """
    with progress_bar("codes") as progress:
        bar = progress.add_task("measuring a perfect code and noise", total=2, note="")
        found = {}
        for name, make in (("perfect", _perfect_codes), ("noise", _noise_codes)):
            found[name] = _values(_synthetic(evaluation, make(evaluation)))
            progress.advance(bar)
    return found


def _values(of: SweepCodes) -> dict[str, Any]:
    """Every measure of synthetic codes."""
    return {
        "factors": {
            factor: {
                kind: {name: _finite(statistic.value) for name, statistic in found.items()}
                for kind, found in of.statistics(factor).items()
            }
            for factor in of.factors
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _perfect_codes(evaluation: RunEvaluation) -> MakeCodes:
    """The true angles, then the identity's own coefficients."""

    def make(split: str, factor: str) -> NDArray[np.float64]:
        store, identities = evaluation.store, range(evaluation.store.batches(split, factor))
        return np.stack([_true_code(store, split, factor, k, evaluation.factors) for k in identities])

    return make


def _noise_codes(evaluation: RunEvaluation) -> MakeCodes:
    """Standard normal numbers, as many for an image as the perfect code has."""
    rng = np.random.Generator(np.random.Philox(0))
    latents = _perfect_codes(evaluation)(MEASURED, evaluation.factors[0]).shape[-1]

    def make(split: str, factor: str) -> NDArray[np.float64]:
        identities, views = evaluation.store.batches(split, factor), evaluation.store.spec.views(factor)
        return rng.standard_normal((identities, views, latents))

    return make


def _synthetic(evaluation: RunEvaluation, make: MakeCodes) -> SweepCodes:
    """Synthetic codes in the place of the run's, the first latents as the factors' neurons."""
    real, factors = evaluation.codes, evaluation.factors
    train, test = ({f: make(split, f) for f in factors} for split in (CALIBRATES, MEASURED))
    neurons = {factor: k for k, factor in enumerate(factors)}
    intrinsic = rest(test[factors[0]].shape[-1], neurons)
    return SweepCodes(real.units, real.angles, train, test, neurons, intrinsic, real.truth)


def _true_code(store: Store, split: str, factor: str, identity: int, factors: tuple[str, ...]) -> NDArray[np.float64]:
    """(G, D) the perfect code of one sweep."""
    names = [f.name for f in store.spec.factors]
    true = store.values(split, factor, "factors", identity)[:, [names.index(f) for f in factors]]
    blocks = [store.values(split, factor, f"coefficients/{b}", identity)[:, :LEADING] for b in store.spec.coefficients]
    return np.concatenate([true, *blocks], axis=1).astype(np.float64)
