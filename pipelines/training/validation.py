"""Validation of a network during its training, on the val split of a store of sweeps."""

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from dataset.errors import StoreError
from pipelines.console.pictures import sheet
from pipelines.evaluation.experiments import moved
from pipelines.evaluation.metrics.codes import choose_neurons
from pipelines.evaluation.metrics.equivariance import spearman
from pipelines.evaluation.metrics.rerender import pair_errors, share
from pipelines.evaluation.sweeps import angles_of, open_sweeps, swept_factors
from train.config import TrainConfig
from train.engine.validation import ValidationResult
from train.families.dcign import Dcign
from train.networks.interface import Network
from train.runs.checkpoint import StoreFacts
from train.runs.trained_run import TrainedRun

SPLIT = "val"
IDENTITIES, ANGLES = 10, 5
"""Identities and angles that are decoded: validation during training must be quick, and may be rough."""


@dataclass(frozen=True)
class Sweep:
    """One sweep of one identity."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]


class SweepValidator:
    """Evaluates a network on the val split of a store of sweeps.

    Unlike evaluation it calibrates the latents on the same identities that it evaluates, reads few of them and few
    angles, and uses their own mean face.

    Raises
    ------
    StoreError
        The sweeps do not fit the run, or have no val split.
    """

    def __init__(self, url: str, config: TrainConfig, facts: StoreFacts, every: int) -> None:
        self.every = every
        self._config, self._facts = config, facts
        run = self._run(Dcign(config).network(), 0)
        self._store = open_sweeps(url, run)
        self._factors = tuple(factor.name for factor in swept_factors(self._store, run))
        for factor in self._factors:
            angles_of(self._store, factor)  # refuses periodic factors before a run has started
            if not self._store.batches(SPLIT, factor):
                raise StoreError(f"{url} has no {factor} sweeps in {SPLIT}; run render-sweeps --store {url} again")

    def validate(self, network: nn.Module, step: int) -> ValidationResult:
        """Per factor: |rank correlation|, pooled and mean over identities, and the absolute skill of re-rendering."""
        run = self._run(cast("Network", network), step)
        codes = {f: np.stack([run.encode(sweep.images) for sweep in sweeps]) for f, sweeps in self._sweeps.items()}
        _, neurons, _ = choose_neurons(run.layout, codes, axis_aligned=run.family.axis_aligned)
        numbers: dict[str, float | None] = {}
        rows = []
        for factor, latent in neurons.items():
            predicted, angles = codes[factor][:, :, latent].astype(np.float64), angles_of(self._store, factor)
            numbers[f"{factor} rho"] = abs(spearman(predicted.ravel(), np.tile(angles, len(predicted))))
            numbers[f"{factor} rho per face"] = float(np.mean([abs(spearman(row, angles)) for row in predicted]))
            values = predicted.mean(axis=0)
            numbers[f"{factor} absolute skill"] = self._skill(run, factor, codes[factor], latent, values)
            shown = np.linspace(0, len(angles) - 1, ANGLES).round().astype(int)
            first = self._sweeps[factor][0].images
            rows += [first[shown], moved(run, codes[factor][0, len(angles) // 2], latent, values[shown])]
        return ValidationResult(numbers, sheet(rows))

    def _skill(
        self, run: TrainedRun, factor: str, codes: NDArray[np.float32], latent: int, values: NDArray[np.float64]
    ) -> float | None:
        sweeps = self._sweeps[factor]
        shown = np.linspace(0, len(values) - 1, ANGLES).round().astype(int)
        faces = np.mean([sweep.images[shown] for sweep in sweeps], axis=0) / 255
        off = ~np.eye(ANGLES, dtype=bool)
        totals: dict[str, list[float]] = {"ours": [], "copy": []}
        for sweep, code in zip(sweeps, codes, strict=True):
            images, masks = sweep.images[shown], sweep.masks[shown]
            found = pair_errors(code[shown], run.decode, images, masks, faces, latent, values[shown])
            for method, sums in totals.items():
                sums.append(float(found["masked", method][off].sum()))
        value = share(np.array(totals["ours"]), np.array(totals["copy"])).value
        return value if np.isfinite(value) else None

    @cached_property
    def _sweeps(self) -> dict[str, list[Sweep]]:
        store = self._store
        return {
            factor: [
                Sweep(store.read(SPLIT, factor, k)["image"], store.values(SPLIT, factor, "mask", k))
                for k in range(min(IDENTITIES, store.batches(SPLIT, factor)))
            ]
            for factor in self._factors
        }

    def _run(self, network: Network, step: int) -> TrainedRun:
        return TrainedRun(network, self._config, self._facts, step)
