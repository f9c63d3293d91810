"""Calibrations of a run's neurons in degrees, stored in the run so that they can be used without the sweeps."""

import errno
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.run_evaluation import RunEvaluation, evaluation_of, home_of
from train.errors import RunUnreadable
from train.runs.checkpoint import write_durably
from train.runs.trained_run import TrainedRun

FILE = "calibration.json"
GIVE_SWEEPS = "give sweeps once: --sweeps SWEEPS in a command, load_run(run, sweeps=...) in Python"


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


def calibrations_of(path: Path, run: TrainedRun, sweeps: str | None) -> list[Calibration]:
    """The calibrations of a run that was loaded from `path`: from sweeps where they are given, else those stored in it.

    Those from sweeps are then stored in the run.

    Raises
    ------
    RunUnreadable
        The run stores none; see `read_calibrations`.
    TrainError, StoreError
        The sweeps do not fit the run; see `evaluation_of`.
    """
    if sweeps is None:
        return read_calibrations(home_of(path), run)
    evaluation = evaluation_of(run, path, sweeps)
    save_calibrations(evaluation)
    return calibrations(evaluation)


def save_calibrations(evaluation: RunEvaluation) -> None:
    """Write RUN/calibration.json; nothing for a checkpoint, or where nobody may write into the run directory."""
    if not evaluation.path.is_dir():
        return
    factors = {
        c.factor: {"unit": c.unit, "latent": c.latent, "angles": c.angles.tolist(), "values": c.values.tolist()}
        for c in calibrations(evaluation)
    }
    content = {"weights": evaluation.run.identity()["weights"], "factors": factors}
    try:
        write_durably(evaluation.path / FILE, (json.dumps(content, indent=1) + "\n").encode())
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise


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
        raise RunUnreadable(f"{run} has no calibration of its latents in degrees yet; {GIVE_SWEEPS}") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunUnreadable(f"{path} cannot be read ({error!r}); delete it and {GIVE_SWEEPS}") from error
    if weights != trained.identity()["weights"]:
        raise RunUnreadable(f"{path} was made with other weights than those of this run; {GIVE_SWEEPS}")
    latents = trained.latents
    if not found or any(
        c.angles.shape != c.values.shape or len(c.angles) < 2 or not 0 <= c.latent < latents for c in found
    ):
        raise RunUnreadable(f"{path} does not fit the run; delete it and {GIVE_SWEEPS}")
    return found


def _numbers(values: object) -> NDArray[np.float64]:
    """(n,) finite numbers; ValueError for anything else."""
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError("expected a list of numbers")
    return found
