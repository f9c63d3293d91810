"""What a run says and draws of every sweep: the arrays that all numbers and figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.metrics import reconstruction, rerender, retrieval
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.codes import SweepCodes
from pipelines.evaluation.metrics.neurons import choose_neurons
from pipelines.evaluation.metrics.rerender import METHODS, QUANTITIES, Errors, person_errors
from pipelines.evaluation.sweeps import open_sweeps, swept_factors
from train.runs.run_directory import RunDirectory
from train.runs.trained_run import TrainedRun, load_run

GRID = {"azimuth": 5, "elevation": 2, "light": 8}
"""Every how many angles of a sweep are a grid point of what is drawn."""
CALIBRATES, MEASURED = "train", "test"
"""The splits of the sweeps."""


@dataclass(frozen=True)
class Measured:
    """One run on one store of sweeps."""

    path: Path
    run: TrainedRun
    store: Store
    digest: str
    """Of the sweeps."""
    home: Path
    """The run's directory, also where a checkpoint was given; one that lies alone is at home where it lies."""

    @property
    def name(self) -> str:
        """What people call the run: its directory, and the checkpoint where one was given."""
        name = self.home.resolve().name
        return name if self.path.is_dir() else f"{name}-{self.path.stem}"

    @property
    def folder(self) -> Path:
        """Where arrays are kept."""
        return self.home / "measured"

    @property
    def factors(self) -> tuple[str, ...]:
        """Factors that the store sweeps and the run knows."""
        return tuple(f.name for f in swept_factors(self.store, self.run))

    @property
    def key(self) -> dict[str, Any]:
        """Everything that decides the arrays, but for the code that computes them."""
        return self.run.identity() | {"sweeps": self.digest, "calibration": store_digest(self.store, [CALIBRATES])}

    @cached_property
    def codes(self) -> SweepCodes:
        """The codes of all sweeps, from the cache or the encoder."""
        arrays = cached(self.folder, "codes", self.key, self._encode)
        train, test = ({f: arrays[f"{split}/{f}"] for f in self.factors} for split in (CALIBRATES, MEASURED))
        _, neurons, intrinsic = choose_neurons(self.run.config, train)
        return SweepCodes(
            {f.name: f.unit for f in swept_factors(self.store, self.run)},
            {f: angles_of(self.store, f) for f in self.factors},
            train,
            test,
            neurons,
            intrinsic,
            {f: true_values(self.store, self.factors, f) for f in self.factors},
        )

    @property
    def rule(self) -> str:
        """How the neurons were chosen."""
        return choose_neurons(self.run.config, self.codes.train)[0]

    @cached_property
    def kl(self) -> NDArray[np.float64]:
        """(latents,) nats an image, mean over all test images."""
        kl: NDArray[np.float64] = cached(self.folder, "codes", self.key, self._encode)["kl"]
        return kl

    @cached_property
    def drawn(self) -> Arrays:
        """What `_draw` computed, from the cache where it is there."""
        return cached(self.folder, "drawn", self.key, self._draw)

    def errors(self, factor: str) -> Errors:
        """Re-render errors of a factor."""
        table = {(q, m): self.drawn[f"{factor}/{q}/{m}"] for q in QUANTITIES for m in METHODS}
        return Errors(self.codes.angles[factor][grid(factor, len(self.codes.angles[factor]))], table)

    def statistics(self, factor: str) -> dict[str, dict[str, Statistic]]:
        """Every measure of a factor, by kind and name."""
        own = {name: self.drawn[f"{factor}/reconstruction/{name}"] for name in reconstruction.DEFINITIONS}
        return self.codes.statistics(factor) | {
            "rerender": rerender.statistics(self.errors(factor)),
            "reconstruction": reconstruction.statistics(own),
        }

    def collapse(self) -> dict[str, float]:
        """How much of the intrinsic code is in use."""
        kl = self.kl[self.codes.rest]
        return {"kl_intrinsic": float(kl.sum()), "active_latents": int((kl > retrieval.ACTIVE_NATS).sum())}

    def calibration(self, factor: str) -> NDArray[np.float64]:
        """(G,) what the factor's neuron says on average over training people at each angle of the sweep."""
        mean: NDArray[np.float64] = self.codes.sweep(factor).train.mean(axis=0)
        return mean

    def _encode(self) -> Arrays:
        wanted = [(split, factor) for split in (CALIBRATES, MEASURED) for factor in self.factors]
        arrays: Arrays = {}
        kl, images = np.zeros(self.run.config.latents), 0
        with progress_bar("images") as progress:
            total = sum(self.store.batches(split, f) * self.store.spec.views(f) for split, f in wanted)
            bar = progress.add_task(f"encoding sweeps ({self.name})", total=total, note="")
            for split, factor in wanted:
                people = []
                for index in range(self.store.batches(split, factor)):
                    mu, logvar = self.run.posterior(self.store.read(split, factor, index)["image"])
                    people.append(mu)
                    if split == MEASURED:
                        kl, images = kl + retrieval.kl_nats(mu, logvar).sum(axis=0), images + len(mu)
                    progress.advance(bar, len(mu))
                arrays[f"{split}/{factor}"] = np.stack(people)
        return arrays | {"kl": kl / images}

    def _draw(self) -> Arrays:
        arrays: Arrays = {}
        with progress_bar("people") as progress:
            total = sum(self.store.batches(MEASURED, factor) for factor in self.factors)
            bar = progress.add_task(f"re-rendering ({self.name})", total=total, note="")
            for factor in self.factors:
                chosen = grid(factor, self.store.spec.views(factor))
                faces = mean_faces(self.store, factor)[chosen]
                found = []
                for person in range(self.store.batches(MEASURED, factor)):
                    found.append(self._draw_person(factor, person, chosen, faces))
                    progress.advance(bar)
                for name in found[0]:
                    arrays[f"{factor}/{name}"] = np.stack([one[name] for one in found])
        return arrays

    def _draw_person(
        self, factor: str, person: int, chosen: NDArray[np.int64], faces: NDArray[np.float64]
    ) -> dict[str, Any]:
        images = self.store.read(MEASURED, factor, person)["image"][chosen]
        masks = self.store.values(MEASURED, factor, "mask", person)[chosen]
        codes, latent = self.codes.test[factor][person][chosen].astype(np.float32), self.codes.neurons[factor]
        clamped = np.tile(codes.mean(axis=0), (len(codes), 1))
        clamped[:, latent] = codes[:, latent]
        errors = person_errors(codes, self.run.decode, images, masks, faces, latent, self.calibration(factor)[chosen])
        own = reconstruction.person_reconstruction(images, masks, self.run.decode(codes), self.run.decode(clamped))
        return {f"{q}/{m}": table for (q, m), table in errors.items()} | {
            f"reconstruction/{name}": value for name, value in own.items()
        }


def measure(path: Path, url: str, device: str = "auto") -> Measured:
    """A run on a store of sweeps; nothing is computed yet.

    Raises
    ------
    TrainError, StoreError
        No run, no sweeps, sweeps that are incomplete, or sweeps of other images, factors, model or camera.
    """
    run = load_run(path, device)
    store = open_sweeps(url, run)
    return Measured(path, run, store, store_digest(store), home_of(path))


def home_of(path: Path) -> Path:
    """The run directory of a run directory, or of a checkpoint in one; the folder of a checkpoint elsewhere."""
    if path.is_dir():
        return path
    run = path.resolve().parent.parent
    return run if RunDirectory(run).config_file.exists() else path.parent


def refuse_strangers(measured: Sequence[Measured]) -> None:
    """Raise `StoreError` unless the codes of all runs speak of what the first one's does."""
    first, *others = measured
    for one in others:
        theirs, ours = ", ".join(one.run.layout.names), ", ".join(first.run.layout.names)
        if theirs != ours:
            raise StoreError(f"{one.name} knows {theirs}, and {first.name} knows {ours}")


def grid(factor: str, views: int) -> NDArray[np.int64]:
    """The angles of a sweep that are drawn."""
    return np.arange(0, views, GRID.get(factor, 1))


def angles_of(store: Store, factor: str) -> NDArray[np.float64]:
    """(G,) the angles of a factor's sweep; StoreError for one that goes round, which has neither rank nor middle."""
    known = next(f for f in store.spec.factors if f.name == factor)
    if known.period is not None:
        raise StoreError(f"the {factor} of {store.url} goes round: evaluate-dcign measures it, nothing else does")
    return known.grid(store.spec.views(factor))


def true_values(store: Store, factors: tuple[str, ...], factor: str) -> NDArray[np.float32]:
    """(people, G, factors) the values of all `factors` in the measured sweeps of one."""
    names = [f.name for f in store.spec.factors]
    rows = [store.values(MEASURED, factor, "factors", p) for p in range(store.batches(MEASURED, factor))]
    return np.stack(rows)[:, :, [names.index(f) for f in factors]]


def mean_faces(store: Store, factor: str) -> NDArray[np.float64]:
    """(G, H, W[, 3]) of 0..1: the average training person at each angle."""
    people = store.batches(CALIBRATES, factor)
    total = np.zeros((store.spec.views(factor), *store.spec.frame_shape))
    for person in range(people):
        total += store.read(CALIBRATES, factor, person)["image"]
    return total / (255 * people)


def facts(measured: Measured) -> Mapping[str, Any]:
    """Which run, trained on what."""
    return facts_of(measured.run, measured.name)


def facts_of(run: TrainedRun, name: str) -> dict[str, Any]:
    """The same of a run and what people call it."""
    config = run.config
    return {
        "name": name,
        "objective": config.objective,
        "label_fraction": config.label_fraction,
        "batches": run.step,
        "maps": config.maps,
        "widest": config.widest,
        "latents": config.latents,
        "ratio": dict(config.ratio),
        "clamp": config.clamp,
        "invariance": config.invariance,
        "beta": config.beta,
        "agreement": config.agreement,
        "orient": config.orient,
        "optimizer": config.optimizer,
        "learning_rate": config.learning_rate,
        "decay": config.decay,
        "seed": config.seed,
        "store": run.store.digest,
        **run.identity(),
    }
