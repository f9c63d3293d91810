"""The paper's pictures: one image encoded, one neuron moved, decoded (NIPS 2015 Figures 4 and 5; arXiv v1 8 and 10)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.figures.imagerows import Row, draw_rows
from pipelines.evaluation.measure import MEASURED, Measured
from train.runs.trained_run import TrainedRun, to_uint8

PERSON = 0
"""The test person of the pictures: the first one, so that nobody chose it."""
STEPS = 9
FIXED = 15.0
"""The paper moves a neuron from -15 to 15 (section 4.1)."""
QUANTILES = (0.02, 0.98)
"""Of the neuron over all training sweeps: the range in which it says anything."""
RELIT_PEOPLE, RELIT_STEPS = 3, 9
SHOWN_PEOPLE = 9


def moved(run: TrainedRun, code: NDArray[np.floating], latent: int, values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Decode one code with a latent set to each value in turn: (n, H, W[, 3]) uint8."""
    codes = np.tile(code.astype(np.float32), (len(values), 1))
    codes[:, latent] = values
    return to_uint8(run.decode(codes))


def draw_sweep(measured: Measured, factor: str, path: Path, baseline: Measured | None) -> None:
    """E7 and E9: one image, one neuron moved, beside the true renders and the entangled net."""
    angles = measured.codes.angles[factor]
    shown = np.linspace(0, len(angles) - 1, STEPS).round().astype(int)
    images = measured.store.read(MEASURED, factor, PERSON)["image"]
    rows: list[Row] = [("true renders", images[shown])]
    rows.append(("neuron at what\nit says there", _from_middle(measured, factor, measured.calibration(factor)[shown])))
    rows.append((f"neuron from\n−{FIXED:.0f} to {FIXED:.0f}", _from_middle(measured, factor, _span(-FIXED, FIXED))))
    if baseline is not None:
        values = baseline.calibration(factor)[shown]
        rows.append(("entangled net,\nits neuron there", _from_middle(baseline, factor, values)))
        rows.append(("entangled net,\nneuron's range", _from_middle(baseline, factor, _range(baseline, factor))))
    unit = "°" if measured.codes.units[factor] == "degrees" else ""
    columns = [f"{angles[k]:.0f}{unit}".replace("-", "−") for k in shown]
    draw_rows(rows, columns, path, f"one image, its {factor} neuron moved")


def draw_relit(measured: Measured, path: Path) -> None:
    """E8: the light neuron set at random, everything else as it was."""
    low, high = _range(measured, "light")[[0, -1]]
    rng = np.random.Generator(np.random.Philox(0))
    rows = []
    for person in range(min(RELIT_PEOPLE, measured.store.batches(MEASURED, "light"))):
        values = rng.uniform(low, high, RELIT_STEPS)
        rows.append((f"person {person + 1}", _from_middle(measured, "light", values, person)))
    draw_rows(rows, [], path, "the light neuron at random values")


def draw_reconstructions(measured: Measured, path: Path) -> None:
    """Frontal views and what comes back from their codes, from the best to the worst by masked MSE of their sweeps."""
    factor = measured.factors[0]
    worse = np.argsort(measured.drawn[f"{factor}/reconstruction/mse_masked"], kind="stable")
    people = worse[np.linspace(0, len(worse) - 1, min(SHOWN_PEOPLE, len(worse))).round().astype(int)]
    middle = len(measured.codes.angles[factor]) // 2
    images = np.stack([measured.store.read(MEASURED, factor, int(p))["image"][middle] for p in people])
    drawn = to_uint8(measured.run.decode(measured.codes.test[factor][people, middle].astype(np.float32)))
    draw_rows(
        [("true renders", images), ("from their codes", drawn)],
        ["best", *[""] * (len(people) - 2), "worst"][: len(people)],
        path,
        "test people, by masked error",
    )


def _from_middle(
    measured: Measured, factor: str, values: NDArray[np.floating], person: int = PERSON
) -> NDArray[np.uint8]:
    """The code of a person's middle view, with the factor's neuron at each value."""
    codes = measured.codes
    return moved(
        measured.run, codes.test[factor][person, len(codes.angles[factor]) // 2], codes.neurons[factor], values
    )


def _range(measured: Measured, factor: str) -> NDArray[np.float64]:
    """Steps between the quantiles of the neuron over the training sweeps."""
    return _span(*np.quantile(measured.codes.sweep(factor).train, QUANTILES))


def _span(low: float, high: float) -> NDArray[np.float64]:
    return np.linspace(low, high, STEPS)
