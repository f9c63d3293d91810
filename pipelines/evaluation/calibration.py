"""What a run's neurons say at each angle: a small file in the run, so that angles mean degrees without the sweeps."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.measure import Measured, home_of, measure
from train.errors import RunUnreadable
from train.runs.trained_run import TrainedRun

FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """One factor's neuron and what it says, on average over training people, along the factor's range."""

    factor: str
    unit: str
    latent: int
    angles: NDArray[np.float64]
    """(G,) ascending."""
    values: NDArray[np.float64]
    """(G,)."""

    def value(self, angle: NDArray[np.floating]) -> NDArray[np.float64]:
        """What the neuron should say at these angles; the ends of the range outside it."""
        found: NDArray[np.float64] = np.interp(angle, self.angles, self.values)
        return found

    def angle(self, value: float) -> float:
        """The angle at which the neuron says what is nearest to `value`."""
        fine = np.linspace(self.angles[0], self.angles[-1], 1001)
        return float(fine[np.abs(self.value(fine) - value).argmin()])


def calibrations(measured: Measured) -> list[Calibration]:
    """Of every factor, from the training people's sweeps."""
    codes = measured.codes
    return [
        Calibration(f, codes.units[f], codes.neurons[f], codes.angles[f], measured.calibration(f))
        for f in measured.factors
    ]


def calibrations_of(path: Path, run: TrainedRun, sweeps: str | None, device: str) -> list[Calibration]:
    """Those of the run at `path`: from sweeps where they are given, which are then kept, else those that it keeps.

    Raises
    ------
    RunUnreadable
        There are none; see `read_calibrations`.
    TrainError, StoreError
        The sweeps do not fit the run; see `measure`.
    """
    if sweeps is None:
        return read_calibrations(home_of(path), run)
    measured = measure(path, sweeps, device)
    save_calibrations(measured)
    return calibrations(measured)


def save_calibrations(measured: Measured) -> None:
    """Write RUN/calibration.json; a run that cannot be written to is left without, and so is a lone checkpoint."""
    if not measured.path.is_dir():
        return
    factors = {
        c.factor: {"unit": c.unit, "latent": c.latent, "angles": c.angles.tolist(), "values": c.values.tolist()}
        for c in calibrations(measured)
    }
    content = {"weights": measured.run.identity()["weights"], "factors": factors}
    try:
        (measured.path / FILE).write_text(json.dumps(content, indent=1) + "\n")
    except OSError:
        return


def read_calibrations(run: Path, trained: TrainedRun) -> list[Calibration]:
    """Those in a run directory, for the weights at hand.

    Raises
    ------
    RunUnreadable
        There is no such file, it is of other weights, or it does not fit.
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
            f"{run} does not know yet which angle its neurons mean: give sweeps with --sweeps, once, "
            "or run evaluate-dcign"
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunUnreadable(f"{path} cannot be read ({error!r}); delete it, and give sweeps with --sweeps") from error
    if weights != trained.identity()["weights"]:
        raise RunUnreadable(f"{path} is of other weights than those asked for: give sweeps with --sweeps once more")
    latents = trained.config.latents
    if not found or any(
        c.angles.shape != c.values.shape or len(c.angles) < 2 or not 0 <= c.latent < latents for c in found
    ):
        raise RunUnreadable(f"{path} does not fit the run; delete it, and give sweeps with --sweeps")
    return found


def _numbers(values: object) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise ValueError("expected a list of numbers")
    return found
