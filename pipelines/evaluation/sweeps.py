"""Whether a store of sweeps can be shown to a run."""

from typing import Any

from dataset.errors import StoreError
from dataset.factors import Factor
from dataset.store import Store, open_store
from pipelines.training.store_source import scene
from train.runs.trained_run import TrainedRun


def open_sweeps(url: str, run: TrainedRun) -> Store:
    """The sweep store at `url`, if it can be shown to the run.

    Raises
    ------
    StoreError
        When it is no sweep store, lacks a split, or shows other factors, images, model, camera or light than the
        run was trained on.
    """
    store = open_store(url)
    if store.spec.content != "sweeps":
        raise StoreError(f"{url} holds batches, not sweeps; render-sweeps --like {url} makes sweeps that go with it")
    if "mask" not in store.spec.channels:
        raise StoreError(f"{url} has no masks, which say where the head is; render-sweeps --channels mask adds them")
    shape = (run.config.side, run.config.side) + ((3,) if run.config.channels == 3 else ())
    if store.spec.frame_shape != shape:
        raise StoreError(f"{url} has images of {store.spec.frame_shape}, the run was trained on {shape}")
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
    for split in ("train", "test"):
        for factor in swept_factors(store, run):
            if not store.batches(split, factor.name):
                raise StoreError(f"{url} has no {factor.name} sweeps in {split}; run render-sweeps --store {url} again")
    return store


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def swept_factors(store: Store, run: TrainedRun) -> tuple[Factor, ...]:
    """Factors that the store sweeps and the run has a neuron for."""
    found = tuple(f for f in store.spec.factors if f.name in run.layout.names and f.name in store.spec.batch_factors)
    if not found:
        raise StoreError(f"{store.url} sweeps none of the run's factors ({', '.join(run.layout.names)})")
    return found
