"""Stores of sweeps: whether they fit a run, how a factor's views are arranged in them, and what evaluation reads."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import Factor
from dataset.store import Store, open_store
from pipelines.training.store_source import scene
from train.runs.trained_run import TrainedRun

CALIBRATES, MEASURED = "train", "test"
"""The splits of the sweeps: the first calibrates the neurons, the second is measured."""
STRIDES = {"azimuth": 5, "elevation": 2, "light": 8}
"""Every how many views of a sweep one is decoded, by factor."""


@dataclass(frozen=True)
class FactorSweeps:
    """The arrangement of a factor's views in a store: for each identity one sweep, or several at other elevations."""

    factor: str
    unit: str
    """The unit of the angles."""
    angles: NDArray[np.float64]
    """(G,) the angles of one sweep, ascending."""
    count: int
    """Sweeps of an identity, one after the other: whole turns of a chair at each elevation; 1 for faces."""
    period: float | None
    """The period of the factor in its unit; None for one with ends."""

    @property
    def stride(self) -> int:
        """Every how many views one is decoded."""
        return STRIDES.get(self.factor, 1)

    @property
    def grid(self) -> NDArray[np.float64]:
        """(S,) the angles that are decoded."""
        return self.angles[:: self.stride]


def factor_sweeps(store: Store, factor: str) -> FactorSweeps:
    """The arrangement of a factor's views in a store of sweeps."""
    known = next(f for f in store.spec.factors if f.name == factor)
    count = math.prod(len(f.values) or 1 for f in store.spec.factors if f.name != factor)
    angles = known.grid(store.spec.views(factor) // count)
    return FactorSweeps(factor, known.unit, angles, count, known.period)


def angles_of(store: Store, factor: str) -> NDArray[np.float64]:
    """(G,) the angles of the sweeps of a factor with ends.

    Raises
    ------
    StoreError
        The factor is periodic: it has neither rank nor middle.
    """
    found = factor_sweeps(store, factor)
    if found.period is not None:
        raise StoreError(
            f"the {factor} of {store.url} goes round, and this needs a factor with two ends; evaluate-dcign and "
            "compare-runs measure it"
        )
    return found.angles


def read_views(store: Store, split: str, sweeps: FactorSweeps, identity: int, name: str = "image") -> NDArray[Any]:
    """(count, G, ...) of one array of an identity, such as (count, G, H, W[, 3]) images."""
    found = store.values(split, sweeps.factor, name, identity)
    return found.reshape(sweeps.count, len(sweeps.angles), *found.shape[1:])


def true_values(store: Store, factors: tuple[str, ...], factor: str) -> NDArray[np.float32]:
    """(N, G, factors) the values of all `factors` in the measured sweeps of one."""
    names = [f.name for f in store.spec.factors]
    rows = [store.values(MEASURED, factor, "factors", p) for p in range(store.batches(MEASURED, factor))]
    return np.stack(rows)[:, :, [names.index(f) for f in factors]]


def mean_images(store: Store, sweeps: FactorSweeps) -> NDArray[np.float64]:
    """(count, S, H, W[, 3]) of 0..1: the average training identity at each angle of the grid."""
    identities = store.batches(CALIBRATES, sweeps.factor)
    total = np.zeros((sweeps.count, len(sweeps.grid), *store.spec.frame_shape))
    for identity in range(identities):
        total += read_views(store, CALIBRATES, sweeps, identity)[:, :: sweeps.stride]
    return total / (255 * identities)


def open_sweeps(url: str, run: TrainedRun) -> Store:
    """Open the sweep store at `url` and check that it fits the run.

    Raises
    ------
    StoreError
        The store holds no sweeps, lacks a split, or has other factors, images, model, camera or light than the run
        was trained on.
    """
    store = open_store(url)
    if store.spec.content != "sweeps":
        raise StoreError(f"{url} holds batches, not sweeps; render-sweeps --like {url} makes sweeps that go with it")
    if "mask" not in store.spec.channels:
        raise StoreError(
            f"{url} has no masks, which errors are measured within; render-sweeps --channels mask adds them"
        )
    if store.spec.frame_shape != run.image_shape:
        raise StoreError(f"{url} has images of {store.spec.frame_shape}, the run was trained on {run.image_shape}")
    theirs = {name: (unit, low, high) for name, unit, low, high in run.store.factors}
    for factor in swept_factors(store, run):
        ours = (factor.unit, factor.low, factor.high)
        if theirs.get(factor.name) != ours:
            raise StoreError(
                f"{url} sweeps {factor.name} over {ours}, the run was trained on {theirs.get(factor.name)}"
            )
    ours_now = scene(store)
    for what, there in run.store.scene.items():
        if ours_now.get(what) != there:
            raise StoreError(
                f"{url} has another {what} than the run was trained on: {_short(ours_now.get(what))}, not "
                f"{_short(there)}; render-sweeps --like STORE makes sweeps that go with it"
            )
    for split in (CALIBRATES, MEASURED):
        for factor in swept_factors(store, run):
            if not store.batches(split, factor.name):
                raise StoreError(f"{url} has no {factor.name} sweeps in {split}; run render-sweeps --store {url} again")
    return store


def check_scene(run: TrainedRun, store: Store) -> None:
    """Raise `StoreError` unless the store's images are of the scene that the run was trained on."""
    if store.spec.frame_shape != run.image_shape:
        raise StoreError(
            f"{store.url} has images of {store.spec.frame_shape}, the run was trained on {run.image_shape}"
        )
    ours = scene(store)
    if others := [what for what, there in run.store.scene.items() if ours.get(what) != there]:
        raise StoreError(
            f"{store.url} has another {' and '.join(others)} than the run was trained on; render-batches and "
            "render-sweeps --like STORE make images that go with it"
        )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def swept_factors(store: Store, run: TrainedRun) -> tuple[Factor, ...]:
    """The factors that the store sweeps and the run has a neuron for; where some are periodic, only those.

    Raises
    ------
    StoreError
        There is none.
    """
    found = tuple(f for f in store.spec.factors if f.name in run.layout.names and f.name in store.spec.batch_factors)
    if not found:
        raise StoreError(f"{store.url} sweeps none of the run's factors ({', '.join(run.layout.names)})")
    periodic = tuple(f for f in found if f.period is not None)
    return periodic or found
