"""metrics.json: every number of a run on a store of sweeps, with its definition, sample sizes and interval."""

from typing import Any

from pipelines.console.progress import progress_bar
from pipelines.evaluation import analogies, bounds
from pipelines.evaluation.cache import kept
from pipelines.evaluation.measure import Measured, facts
from pipelines.evaluation.metrics import disentanglement, neurons, reconstruction, rerender
from pipelines.evaluation.metrics.analogies import DEFINITIONS as ANALOGY_DEFINITIONS
from pipelines.evaluation.metrics.bootstrap import estimates
from pipelines.evaluation.metrics.codes import DEFINITIONS as CODE_DEFINITIONS
from pipelines.evaluation.metrics.equivariance import sizes
from pipelines.evaluation.metrics.recognition import DEFINITIONS as RECOGNITION_DEFINITIONS
from pipelines.evaluation.metrics.rerender import difference_curve
from pipelines.evaluation.targets import reached

DEFINITIONS = CODE_DEFINITIONS | {
    "rerender": rerender.DEFINITIONS,
    "analogy": ANALOGY_DEFINITIONS,
    "reconstruction": reconstruction.DEFINITIONS,
    "disentanglement": disentanglement.DEFINITIONS,
    "neurons": neurons.DEFINITIONS,
    "interval": {
        "interval": "95% percentile bootstrap over test people, 1,000 resamples, calibrations kept as they are; of "
        "MIG, SAP and MCC the value plus and minus 1.96 bootstrap standard deviations"
    },
}


def numbers(measured: Measured) -> dict[str, Any]:
    """All numbers of one run, from the cache where they are there."""
    found = kept(measured.folder, "numbers", measured.key, lambda: _numbers(measured))
    return {"run": facts(measured), "sweeps": measured.digest} | found


def record(measured: Measured, baseline: Measured | None, recognised: dict[str, Any] | None = None) -> dict[str, Any]:
    """metrics.json: the numbers, those of the entangled baseline, the ends of every scale, and the bars reached.

    `recognised` is what `pipelines.evaluation.recognition` found, where it was asked.
    """
    own = numbers(measured)
    other = None if baseline is None else numbers(baseline)
    return {
        "definitions": DEFINITIONS | ({} if recognised is None else {"recognition": RECOGNITION_DEFINITIONS}),
        **own,
        "baseline": other,
        "bounds": kept(measured.folder, "bounds", measured.key, lambda: _bounds(measured)),
        "targets": reached(own, other),
        "recognition": recognised,
    }


def _numbers(measured: Measured) -> dict[str, Any]:
    codes, factors = measured.codes, {}
    with progress_bar("factors") as progress:
        bar = progress.add_task(f"measuring ({measured.name})", total=len(codes.factors) + 1, note="")
        for factor in codes.factors:
            errors = measured.errors(factor)
            found = {kind: estimates(stats) for kind, stats in measured.statistics(factor).items()}
            found["analogy"] = estimates(analogies.statistics(measured, factor))
            found["crosstalk"] = codes.crosstalk()[factor]
            counted = {"drawn_images": errors.people * len(errors.angles), "pairs": errors.pairs}
            counted["analogies"] = analogies.asked(measured, factor)
            factors[factor] = sizes(codes.sweep(factor)) | counted | found
            progress.advance(bar)
        scores = codes.disentanglement()
        progress.advance(bar)
    return {
        "neurons": {"rule": measured.rule, "latents": dict(codes.neurons)},
        "factors": factors,
        "collapse": measured.collapse(),
        "disentanglement": scores,
        "curves": {
            "cosine": {f: _curve(codes.angles[f], codes.cosine_curve(f)) for f in codes.factors if len(codes.rest)},
            "rerender": {
                f: {name: line.tolist() for name, line in difference_curve(measured.errors(f)).items()}
                for f in codes.factors
            },
        },
    }


def _curve(angles: Any, values: Any) -> dict[str, list[float]]:
    return {"angle": angles.tolist(), "value": values.tolist()}


def _bounds(measured: Measured) -> dict[str, Any]:
    """Re-rendering has its own ends: the true picture has skill 1, the source unchanged 0."""
    with progress_bar("codes") as progress:
        bar = progress.add_task("measuring a perfect code and noise", total=2, note="")
        found = {}
        for name, make in (("perfect", bounds.perfect), ("noise", bounds.noise)):
            found[name] = bounds.values(make(measured))
            progress.advance(bar)
    return found
