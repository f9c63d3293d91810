"""metrics.json: every number of a run on a store of sweeps, with its definition, sample sizes and interval."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from pipelines.evaluation import bounds
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.measure import Measured, facts
from pipelines.evaluation.targets import reached
from pipelines.progress import progress_bar
from train import disentanglement
from train.measures import neurons, reconstruction, rerender
from train.measures.bootstrap import estimates
from train.measures.codes import DEFINITIONS as CODE_DEFINITIONS
from train.measures.equivariance import sizes
from train.measures.rerender import difference_curve

DEFINITIONS = CODE_DEFINITIONS | {
    "rerender": rerender.DEFINITIONS,
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
    found = _kept(measured, "numbers", _numbers)
    return {"run": facts(measured), "sweeps": measured.digest} | found


def record(measured: Measured, baseline: Measured | None) -> dict[str, Any]:
    """metrics.json: the numbers, those of the entangled baseline, the ends of every scale, and the bars reached."""
    own = numbers(measured)
    other = None if baseline is None else numbers(baseline)
    return {
        "definitions": DEFINITIONS,
        **own,
        "baseline": other,
        "bounds": _kept(measured, "bounds", _bounds),
        "targets": reached(own, other),
    }


def _kept(measured: Measured, kind: str, make: Callable[[Measured], dict[str, Any]]) -> dict[str, Any]:
    """What `make` says of a run, from the cache where it is there."""

    def text() -> Arrays:
        return {"json": np.array(json.dumps(make(measured), allow_nan=False))}

    found: dict[str, Any] = json.loads(str(cached(measured.folder, kind, measured.key, text)["json"]))
    return found


def _numbers(measured: Measured) -> dict[str, Any]:
    codes, factors = measured.codes, {}
    with progress_bar("factors") as progress:
        bar = progress.add_task(f"measuring ({measured.name})", total=len(codes.factors) + 1, note="")
        for factor in codes.factors:
            errors = measured.errors(factor)
            found = {kind: estimates(stats) for kind, stats in measured.statistics(factor).items()}
            found["crosstalk"] = codes.crosstalk()[factor]
            counted = {"drawn_images": errors.people * len(errors.angles), "pairs": errors.pairs}
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
