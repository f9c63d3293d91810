"""Calibrations of a run's neurons in degrees, stored in the run so that they can be used without the sweeps."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.run_evaluation import RunEvaluation, home_of, open_evaluation
from train.errors import RunUnreadable
from train.runs.trained_run import TrainedRun

FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """One factor's neuron and its mean values over training identities along the factor's range."""

    factor: str
    unit: str
    latent: int
    angles: NDArray[np.float64]
    """(G,) ascending, in the unit."""
    values: NDArray[np.float64]
    """(G,) the neuron's mean at each angle."""

    def value(self, angle: NDArray[np.floating]) -> NDArray[np.float64]:
        """The neuron's values at these angles, linear between the known ones; the end values outside the range."""
        found: NDArray[np.float64] = np.interp(angle, self.angles, self.values)
        return found

    def angle(self, value: float) -> float:
        """The angle at which the neuron's mean is nearest to `value`."""
        fine = np.linspace(self.angles[0], self.angles[-1], 1001)
        return float(fine[np.abs(self.value(fine) - value).argmin()])


def calibrations(evaluation: RunEvaluation) -> list[Calibration]:
    """The calibration of every factor, from the training identities' sweeps."""
    codes = evaluation.codes
    return [
        Calibration(f, codes.units[f], codes.neurons[f], codes.angles[f], evaluation.calibration(f))
        for f in evaluation.factors
    ]


def calibrations_of(path: Path, run: TrainedRun, sweeps: str | None, device: str) -> list[Calibration]:
    """The calibrations of the run at `path`: from sweeps where they are given, else those stored in the run.

    Those from sweeps are then stored in the run.

    Raises
    ------
    RunUnreadable
        The run stores none; see `read_calibrations`.
    TrainError, StoreError
        The sweeps do not fit the run; see `open_evaluation`.
    """
    if sweeps is None:
        return read_calibrations(home_of(path), run)
    evaluation = open_evaluation(path, sweeps, device)
    save_calibrations(evaluation)
    return calibrations(evaluation)


def save_calibrations(evaluation: RunEvaluation) -> None:
    """Write RUN/calibration.json; for a checkpoint, or where the run cannot be written to, nothing is written."""
    if not evaluation.path.is_dir():
        return
    factors = {
        c.factor: {"unit": c.unit, "latent": c.latent, "angles": c.angles.tolist(), "values": c.values.tolist()}
        for c in calibrations(evaluation)
    }
    content = {"weights": evaluation.run.identity()["weights"], "factors": factors}
    try:
        (evaluation.path / FILE).write_text(json.dumps(content, indent=1) + "\n")
    except OSError:
        return


def read_calibrations(run: Path, trained: TrainedRun) -> list[Calibration]:
    """The calibrations stored in a run directory, for the weights of `trained`.

    Raises
    ------
    RunUnreadable
        There is no such file, it cannot be read, or it was made with other weights.
    """
    path = run / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = [
            Calibration(str(f), str(c["unit"]), int(c["latent"]), _numbers(c["angles"]), _numbers(c["values"]))
            for f, c in content["factors"].items()
        ]
        weights = str(content["weights"])
    except FileNotFoundError:
        raise RunUnreadable(
            f"{run} has no calibration of its neurons in degrees yet: give sweeps with --sweeps, once, or run "
            "evaluate-dcign"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunUnreadable(f"{path} cannot be read ({error!r}); delete it and give sweeps with --sweeps") from error
    if weights != trained.identity()["weights"]:
        raise RunUnreadable(f"{path} is of other weights than those of this run: give sweeps with --sweeps once more")
    latents = trained.latents
    if not found or any(
        c.angles.shape != c.values.shape or len(c.angles) < 2 or not 0 <= c.latent < latents for c in found
    ):
        raise RunUnreadable(f"{path} does not fit the run; delete it and give sweeps with --sweeps")
    return found


def _numbers(values: object) -> NDArray[np.float64]:
    """(n,) finite numbers; ValueError for anything else."""
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError("expected a list of numbers")
    return found
