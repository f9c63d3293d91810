"""How a net does while it trains, on people who are neither trained on nor tested: rank correlation and skill."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from pipelines.console.pictures import sheet
from pipelines.evaluation.experiments import moved
from pipelines.evaluation.metrics.codes import choose_neurons
from pipelines.evaluation.metrics.equivariance import spearman
from pipelines.evaluation.metrics.rerender import METHODS, pair_errors, skill
from pipelines.evaluation.sweeps import angles_of, open_sweeps, swept_factors
from train.config import TrainConfig
from train.engine.validation import ValidationResult
from train.networks.authors import Network
from train.networks.build_network import make_network
from train.objectives import assigned
from train.runs.checkpoint import StoreFacts
from train.runs.trained_run import TrainedRun

SPLIT = "val"
PEOPLE, ANGLES = 10, 5
"""So many people and angles are drawn: what is looked at while a net trains must be quick, and may be rough."""


@dataclass(frozen=True)
class Person:
    """One sweep of one person."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]


class SweepValidator:
    """Looks at the val people of a store of sweeps.

    Unlike evaluation it calibrates the neurons on the very people it looks at, takes few of them and few angles, and
    the mean face is theirs.

    Raises
    ------
    StoreError
        The sweeps cannot be shown to the run, or have no val people.
    """

    def __init__(self, url: str, config: TrainConfig, facts: StoreFacts, every: int) -> None:
        self.every = every
        self._config, self._facts = config, facts
        run = self._run(make_network(config), 0)
        self._store = open_sweeps(url, run)
        self._factors = tuple(factor.name for factor in swept_factors(self._store, run))
        for factor in self._factors:
            angles_of(self._store, factor)  # refuses those that go round, before a run has begun
            if not self._store.batches(SPLIT, factor):
                raise StoreError(f"{url} has no {factor} sweeps in {SPLIT}; run render-sweeps --store {url} again")

    def look(self, network: Network, step: int) -> ValidationResult:
        """Per factor: |rank correlation| pooled over people and mean over people, and the re-render skill."""
        run = self._run(network, step)
        codes = {f: np.stack([run.encode(person.images) for person in people]) for f, people in self._people.items()}
        _, neurons, _ = choose_neurons(self._config.layout, codes, axis_aligned=assigned(self._config))
        numbers: dict[str, float | None] = {}
        rows = []
        for factor, latent in neurons.items():
            said, angles = codes[factor][:, :, latent].astype(np.float64), angles_of(self._store, factor)
            numbers[f"{factor} rho"] = abs(spearman(said.ravel(), np.tile(angles, len(said))))
            numbers[f"{factor} rho per face"] = float(np.mean([abs(spearman(row, angles)) for row in said]))
            values = said.mean(axis=0)
            numbers[f"{factor} skill"] = self._skill(run, factor, codes[factor], latent, values)
            shown = np.linspace(0, len(angles) - 1, ANGLES).round().astype(int)
            first = self._people[factor][0].images
            rows += [first[shown], moved(run, codes[factor][0, len(angles) // 2], latent, values[shown])]
        return ValidationResult(numbers, sheet(rows))

    def _skill(
        self, run: TrainedRun, factor: str, codes: NDArray[np.float32], latent: int, values: NDArray[np.float64]
    ) -> float | None:
        people = self._people[factor]
        shown = np.linspace(0, len(values) - 1, ANGLES).round().astype(int)
        faces = np.mean([person.images[shown] for person in people], axis=0) / 255
        off = ~np.eye(ANGLES, dtype=bool)
        totals: dict[str, list[float]] = {method: [] for method in METHODS}
        for person, code in zip(people, codes, strict=True):
            images, masks = person.images[shown], person.masks[shown]
            found = pair_errors(code[shown], run.decode, images, masks, faces, latent, values[shown])
            for method in METHODS:
                totals[method].append(float(found["masked", method][off].sum()))
        value = skill({name: np.array(sums) for name, sums in totals.items()}, np.arange(len(people)))
        return value if np.isfinite(value) else None

    @cached_property
    def _people(self) -> dict[str, list[Person]]:
        store = self._store
        return {
            factor: [
                Person(store.read(SPLIT, factor, k)["image"], store.values(SPLIT, factor, "mask", k))
                for k in range(min(PEOPLE, store.batches(SPLIT, factor)))
            ]
            for factor in self._factors
        }

    def _run(self, network: Network, step: int) -> TrainedRun:
        return TrainedRun(network, self._config, self._facts, step)
