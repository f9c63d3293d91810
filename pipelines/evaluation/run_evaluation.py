"""One run on one store of sweeps: the arrays that all numbers and figures are computed from.

Faces and chairs are evaluated by the same code. What differs is a value of `FactorSweeps` (whole turns have a period,
and an identity may have several) and the measures of the codes: `SweepCodes` for factors with two ends, `TurnCodes`
for a periodic one.
"""

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
from pipelines.console.extras import needing
from pipelines.console.progress import progress_bar
from pipelines.evaluation.cache import Arrays, cached
from pipelines.evaluation.metrics import invariance, reconstruction, rerender
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.circular import TurnCodes
from pipelines.evaluation.metrics.codes import SweepCodes, choose_neurons
from pipelines.evaluation.metrics.rerender import ENERGY, METHODS, QUANTITIES, Errors, pair_errors
from pipelines.evaluation.sweeps import (
    CALIBRATES,
    MEASURED,
    FactorSweeps,
    angles_of,
    factor_sweeps,
    mean_images,
    open_sweeps,
    read_views,
    swept_factors,
    true_values,
)
from train.layout import INTRINSIC
from train.runs.run_directory import RunDirectory
from train.runs.trained_run import TrainedRun, load_run


@dataclass(frozen=True)
class RunEvaluation:
    """One run on one store of sweeps. Arrays are computed when they are first used, and cached in the run."""

    path: Path
    """The run directory, or a checkpoint."""
    run: TrainedRun
    store: Store
    digest: str
    """Digest of the sweeps."""
    home: Path
    """The run directory, also where a checkpoint was given; the folder of a checkpoint that lies outside a run."""
    model: str | None = None
    """File of the store's face model, for what is rendered anew; None for the file that the store's last run used."""
    score_images: int | None = None
    """Images of independent factors for the disentanglement scores; None for the default number."""

    @property
    def name(self) -> str:
        """The name of the run: its directory, with the checkpoint where one was given."""
        name = self.home.resolve().name
        return name if self.path.is_dir() else f"{name}-{self.path.stem}"

    @property
    def folder(self) -> Path:
        """The folder of cached arrays."""
        return self.home / "measured"

    @cached_property
    def sweeps(self) -> dict[str, FactorSweeps]:
        """The evaluated factors, which the store sweeps and the run encodes, with the arrangement of their views."""
        return {f.name: factor_sweeps(self.store, f.name) for f in swept_factors(self.store, self.run)}

    @property
    def factors(self) -> tuple[str, ...]:
        """The evaluated factors."""
        return tuple(self.sweeps)

    @property
    def periodic(self) -> bool:
        """True where the evaluated factors are periodic: whole turns of chairs."""
        return any(sweeps.period is not None for sweeps in self.sweeps.values())

    @cached_property
    def subject(self) -> Any:
        """The subject that renders the store's identities anew (`pipelines.rendering.subjects.Subject`).

        Raises
        ------
        StoreError, RenderError
            It cannot be found, or is another one than the store was made with.
        click.ClickException
            The renderer is not installed.
        """
        with needing("rendering test identities", "render"):
            from pipelines.rendering.settings import Sources
            from pipelines.rendering.subjects import open_subject
        return open_subject(self.store, Sources(model=self.model))

    @cached_property
    def key(self) -> dict[str, Any]:
        """Everything that decides the arrays except the code that computes them."""
        return self.run.identity() | {"sweeps": self.digest, "calibration": store_digest(self.store, [CALIBRATES])}

    @cached_property
    def codes(self) -> SweepCodes:
        """The codes of the sweeps of factors with two ends; StoreError where a factor is periodic."""
        angles = {f: angles_of(self.store, f) for f in self.factors}
        train, test = ({f: self._encoded[f"{split}/{f}"][:, 0] for f in angles} for split in (CALIBRATES, MEASURED))
        _, neurons, intrinsic = self._neurons(train)
        return SweepCodes(
            {f: sweeps.unit for f, sweeps in self.sweeps.items()},
            angles,
            train,
            test,
            neurons,
            intrinsic,
            {f: true_values(self.store, self.factors, f) for f in angles},
        )

    @cached_property
    def turns(self) -> dict[str, TurnCodes]:
        """The codes of the turns of each periodic factor; all latents of a factor belong to it."""
        layout, every = self.run.layout, np.arange(self.run.latents)
        rest = every[layout.slice(INTRINSIC)] if INTRINSIC in layout.names else every[:0]
        return {
            f: TurnCodes(
                sweeps.angles,
                self._encoded[f"{CALIBRATES}/{f}"].astype(np.float64),
                self._encoded[f"{MEASURED}/{f}"].astype(np.float64),
                every[layout.slice(f)],
                rest,
            )
            for f, sweeps in self.sweeps.items()
        }

    @property
    def rule(self) -> str:
        """The rule by which the neurons were chosen: a key of `NEURON_RULES`."""
        return self._neurons(self.codes.train)[0]

    @property
    def kl(self) -> NDArray[np.float64]:
        """(latents,) nats per image, mean over all test images."""
        kl: NDArray[np.float64] = self._encoded["kl"]
        return kl

    @cached_property
    def decoded(self) -> Arrays:
        """The errors of decoded images: (N, S, S) of re-rendering and (N,) of reconstruction, by factor and name."""
        return cached(self.folder, "drawn", self.key, self._decode, __name__)

    def identities(self, split: str = MEASURED) -> int:
        """Number of identities of a split."""
        return self.store.batches(split, self.factors[0])

    def latents(self, factor: str) -> NDArray[np.int64] | int:
        """The factor's neuron; all its latents where it is periodic."""
        return self.turns[factor].latents if self.periodic else self.codes.neurons[factor]

    def calibration(self, factor: str, sweep: int = 0) -> NDArray[np.float64]:
        """(G,), or (G, latents) where periodic: the factor's latents at each angle, mean over training identities."""
        train = self._encoded[f"{CALIBRATES}/{factor}"][:, sweep][..., self.latents(factor)]
        mean: NDArray[np.float64] = train.astype(np.float64).mean(axis=0)
        return mean

    def views(self, factor: str, identity: int, sweep: int = 0) -> NDArray[np.uint8]:
        """(G, H, W[, 3]) true renders of one sweep of a test identity."""
        return read_views(self.store, MEASURED, self.sweeps[factor], identity)[sweep]

    def test_codes(self, factor: str, identity: int, sweep: int = 0) -> NDArray[np.float32]:
        """(G, latents) the codes of one sweep of a test identity."""
        return np.asarray(self._encoded[f"{MEASURED}/{factor}"][identity, sweep], np.float32)

    def errors(self, factor: str) -> Errors:
        """Re-render errors of a factor, mean over the sweeps of an identity."""
        names = [(q, m) for q in QUANTITIES for m in METHODS] + [ENERGY]
        table = {(q, m): self.decoded[f"{factor}/{q}/{m}"] for q, m in names}
        return Errors(self.sweeps[factor].grid, table)

    def statistics(self, factor: str) -> dict[str, dict[str, Statistic]]:
        """Every measure of a factor, by kind and name."""
        own = {name: self.decoded[f"{factor}/reconstruction/{name}"] for name in reconstruction.DEFINITIONS}
        of_codes = self.turns[factor].statistics() if self.periodic else self.codes.statistics(factor)
        skills = rerender.statistics(self.errors(factor))
        if self.periodic:
            skills = {name: statistic for name, statistic in skills.items() if "to_60" not in name}
        return of_codes | {"rerender": skills, "reconstruction": reconstruction.statistics(own)}

    def collapse(self) -> dict[str, float]:
        """The part of the intrinsic code that is in use: its KL in nats per image, and its active latents."""
        kl = self.kl[self.codes.rest]
        return {"kl_intrinsic": float(kl.sum()), "active_latents": int((kl > invariance.ACTIVE_NATS).sum())}

    def _neurons(self, train: Mapping[str, NDArray[np.floating]]) -> tuple[str, dict[str, int], NDArray[np.int64]]:
        return choose_neurons(self.run.layout, train, axis_aligned=self.run.family.axis_aligned)

    @cached_property
    def _encoded(self) -> Arrays:
        """Codes: "split/factor" to (N, count, G, latents) float32, and "kl", (latents,), the mean over test images."""
        return cached(self.folder, "codes", self.key, self._encode, __name__)

    def _encode(self) -> Arrays:
        wanted = [(split, sweeps) for split in (CALIBRATES, MEASURED) for sweeps in self.sweeps.values()]
        arrays: Arrays = {}
        kl, images = np.zeros(self.run.latents), 0
        with progress_bar("images") as progress:
            total = sum(self.store.batches(split, s.factor) * s.count * len(s.angles) for split, s in wanted)
            bar = progress.add_task(f"encoding sweeps ({self.name})", total=total, note="")
            for split, sweeps in wanted:
                codes = []
                for index in range(self.store.batches(split, sweeps.factor)):
                    mu, logvar = self.run.posterior(self.store.read(split, sweeps.factor, index)["image"])
                    codes.append(mu.reshape(sweeps.count, len(sweeps.angles), -1))
                    if split == MEASURED:
                        kl, images = kl + invariance.kl_nats(mu, logvar).sum(axis=0), images + len(mu)
                    progress.advance(bar, len(mu))
                arrays[f"{split}/{sweeps.factor}"] = np.stack(codes)
        return arrays | {"kl": kl / images}

    def _decode(self) -> Arrays:
        arrays: Arrays = {}
        with progress_bar("identities") as progress:
            total = sum(self.store.batches(MEASURED, factor) for factor in self.factors)
            bar = progress.add_task(f"re-rendering ({self.name})", total=total, note="")
            for factor, sweeps in self.sweeps.items():
                mean = mean_images(self.store, sweeps)
                found = []
                for identity in range(self.store.batches(MEASURED, factor)):
                    each = [self._sweep_errors(sweeps, identity, k, mean[k]) for k in range(sweeps.count)]
                    found.append({name: np.mean([one[name] for one in each], axis=0) for name in each[0]})
                    progress.advance(bar)
                for name in found[0]:
                    arrays[f"{factor}/{name}"] = np.stack([one[name] for one in found])
        return arrays

    def _sweep_errors(
        self, sweeps: FactorSweeps, identity: int, sweep: int, mean: NDArray[np.float64]
    ) -> dict[str, Any]:
        """The errors of one sweep of one test identity."""
        factor, chosen, latents = sweeps.factor, slice(None, None, sweeps.stride), self.latents(sweeps.factor)
        images, masks = (
            read_views(self.store, MEASURED, sweeps, identity, n)[sweep, chosen] for n in ("image", "mask")
        )
        codes, values = self.test_codes(factor, identity, sweep)[chosen], self.calibration(factor, sweep)[chosen]
        clamped = np.tile(codes.mean(axis=0), (len(codes), 1))
        clamped[:, latents] = codes[:, latents]
        errors = pair_errors(codes, self.run.decode, images, masks, mean, latents, values)
        own = reconstruction.reconstruction_errors(images, masks, self.run.decode(codes), self.run.decode(clamped))
        return {f"{q}/{m}": table for (q, m), table in errors.items()} | {
            f"reconstruction/{name}": value for name, value in own.items()
        }


def open_evaluation(path: Path, url: str, device: str = "auto", model: str | None = None) -> RunEvaluation:
    """A run on a store of sweeps. Nothing is computed yet.

    Parameters
    ----------
    path : run directory, or a checkpoint
    url : store of sweeps, a path or an fsspec URL
    device : as `train.runs.trained_run.load_run` takes it
    model : file of the store's face model; None for the file that the store's last run used

    Raises
    ------
    TrainError, StoreError
        No run, no sweeps, incomplete sweeps, or sweeps of other images, factors, model or camera.
    """
    return evaluation_of(load_run(path, device), path, url, model)


def evaluation_of(run: TrainedRun, path: Path, url: str, model: str | None = None) -> RunEvaluation:
    """A run that is loaded already, from `path`, on a store of sweeps; otherwise as `open_evaluation`."""
    store = open_sweeps(url, run)
    return RunEvaluation(path, run, store, store_digest(store), home_of(path), model)


def home_of(path: Path) -> Path:
    """The run directory of a run or of a checkpoint in it; the folder of a checkpoint that lies elsewhere."""
    if path.is_dir():
        return path
    run = path.resolve().parent.parent
    return run if RunDirectory(run).config_file.exists() else path.parent


def check_same_factors(evaluations: Sequence[RunEvaluation]) -> None:
    """Raise `StoreError` unless the codes of all runs have the factors of the first one's."""
    first, *others = evaluations
    for one in others:
        theirs, ours = ", ".join(one.run.layout.names), ", ".join(first.run.layout.names)
        if theirs != ours:
            raise StoreError(
                f"expected runs with the same factors; {one.name} encodes {theirs}, and {first.name} encodes {ours}"
            )
