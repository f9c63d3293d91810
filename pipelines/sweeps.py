"""Sweeps through a trained encoder: what every neuron says at every angle of every person."""

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import Factor
from dataset.store import Store, open_store
from pipelines.progress import progress_bar
from train.measures.equivariance import NeuronSweep
from train.trained import TrainedRun

Codes = dict[tuple[str, str], NDArray[np.float32]]
"""(split, factor) to (people, angles, latents): the means of all latents on that factor's sweeps."""


def open_sweeps(url: str, run: TrainedRun) -> Store:
    """The sweep store at `url`, if it can be shown to the run.

    Raises
    ------
    StoreError
        When it is no sweep store, or its images or factors are not those the run was trained on.
    """
    store = open_store(url)
    if store.spec.content != "sweeps":
        raise StoreError(f"{url} holds batches, not sweeps; render-sweeps --like {url} makes sweeps that go with it")
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
    return store


def swept_factors(store: Store, run: TrainedRun) -> tuple[Factor, ...]:
    """Factors that the store sweeps and the run has a neuron for."""
    found = tuple(f for f in store.spec.factors if f.name in run.layout.names and f.name in store.spec.groups)
    if not found:
        raise StoreError(f"{store.url} sweeps none of the run's factors ({', '.join(run.layout.names)})")
    return found


def encode_sweeps(store: Store, run: TrainedRun, splits: tuple[str, ...] = ("train", "test")) -> Codes:
    """Encode all sweeps of these splits.

    Raises
    ------
    StoreError
        When a split has no sweeps of a factor.
    """
    wanted = [(split, f.name) for split in splits for f in swept_factors(store, run)]
    for split, name in wanted:
        if not store.batches(split, name):
            raise StoreError(
                f"{store.url} has no {name} sweeps in {split}; run render-sweeps --store {store.url} again"
            )
    codes: Codes = {}
    with progress_bar("images") as progress:
        total = sum(store.batches(split, name) * store.spec.views(name) for split, name in wanted)
        bar = progress.add_task("encoding sweeps", total=total, note="")
        for split, name in wanted:
            people = []
            for index in range(store.batches(split, name)):
                images = store.read(split, name, index).images
                people.append(run.encode(images))
                progress.advance(bar, len(images))
            codes[split, name] = np.stack(people)
    return codes


def neuron_sweeps(store: Store, run: TrainedRun, codes: Codes) -> list[NeuronSweep]:
    """Each swept factor's own neuron: the first latent of its part of the code."""
    sweeps = []
    for factor in swept_factors(store, run):
        latent = run.layout.slice(factor.name).start
        angles = np.linspace(factor.low, factor.high, store.spec.views(factor.name))
        train, test = (codes[split, factor.name][:, :, latent].astype(np.float64) for split in ("train", "test"))
        sweeps.append(NeuronSweep(factor.name, factor.unit, angles, train, test))
    return sweeps
