"""What a perfect code and mere noise score on the same sweeps: the ends of every scale."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.store import Store
from pipelines.evaluation.measure import CALIBRATES, MEASURED, Measured
from pipelines.evaluation.metrics.codes import SweepCodes
from pipelines.evaluation.metrics.neurons import rest

LEADING = 10
"""Coefficients of each block that the perfect code has for the person; the first ones hold nearly all variance."""


def perfect(measured: Measured) -> SweepCodes:
    """The true angles, and the person's own coefficients."""

    def codes(split: str, factor: str) -> NDArray[np.float64]:
        store = measured.store
        people = range(store.batches(split, factor))
        return np.stack([_person(store, split, factor, person, measured.factors) for person in people])

    return _replaced(measured, codes)


def noise(measured: Measured) -> SweepCodes:
    """Standard normal numbers."""
    rng = np.random.Generator(np.random.Philox(0))
    latents = perfect(measured).test[measured.factors[0]].shape[-1]

    def codes(split: str, factor: str) -> NDArray[np.float64]:
        people, views = measured.store.batches(split, factor), measured.store.spec.views(factor)
        return rng.standard_normal((people, views, latents))

    return _replaced(measured, codes)


def values(codes: SweepCodes) -> dict[str, Any]:
    """Every measure of a made-up code, without intervals."""
    return {
        "factors": {
            factor: {
                kind: {name: _finite(statistic.value) for name, statistic in found.items()}
                for kind, found in codes.statistics(factor).items()
            }
            for factor in codes.factors
        },
        "disentanglement": codes.disentanglement(),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _replaced(measured: Measured, codes: Any) -> SweepCodes:
    real, factors = measured.codes, measured.factors
    train, test = ({f: codes(split, f) for f in factors} for split in (CALIBRATES, MEASURED))
    neurons = {factor: k for k, factor in enumerate(factors)}
    return SweepCodes(
        real.units, real.angles, train, test, neurons, rest(test[factors[0]].shape[-1], neurons), real.truth
    )


def _person(store: Store, split: str, factor: str, person: int, factors: tuple[str, ...]) -> NDArray[np.float64]:
    names = [f.name for f in store.spec.factors]
    true = store.values(split, factor, "factors", person)[:, [names.index(f) for f in factors]]
    blocks = [store.values(split, factor, f"coefficients/{b}", person)[:, :LEADING] for b in store.spec.coefficients]
    return np.concatenate([true, *blocks], axis=1).astype(np.float64)
