"""Image figures of a run: one image encoded, its neuron set to other values, decoded, beside the true renders.

NIPS 2015 Figures 4, 5 and 7; arXiv v1 Figures 8 and 10.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.console.pictures import sheet
from pipelines.evaluation.analogies import identity_before
from pipelines.evaluation.figures.image_rows import Row, draw_rows
from pipelines.evaluation.figures.style import Target
from pipelines.evaluation.metrics.analogies import answers
from pipelines.evaluation.run_evaluation import RunEvaluation
from train.runs.trained_run import TrainedRun, to_uint8

IDENTITY = 0
"""The test identity of single-identity figures: always the first one."""
STEPS = 9
FIXED = 15.0
"""The paper moves a neuron from -15 to 15 (section 4.1)."""
QUANTILES = (0.02, 0.98)
"""Quantiles of the neuron over all training sweeps that end its range."""
RELIT_IDENTITIES, RELIT_STEPS = 3, 9
RANDOM_STEPS = 9
RECONSTRUCTED = 9
ANALOGIES = 3
"""Analogies of each factor in the figure: always the first ones."""
TURN_SOURCE = 1
"""The decoded view of a turn that chairs are turned from in figures: 30 degrees off the front."""
TURNED = 3
"""Best chairs in the figure of turned chairs, and as many of the worst."""
FILM_FRAMES = 15
MOST_FILM_SIDE = 100
"""Largest side of an image in an animation, in pixels: larger animations take megabytes."""


def moved(
    run: TrainedRun, code: NDArray[np.floating], latents: NDArray[np.integer] | int, values: NDArray[np.floating]
) -> NDArray[np.uint8]:
    """Decode one code with some latents set to each of the values in turn.

    Parameters
    ----------
    run : decodes
    code : (D,) the code
    latents : one latent, or (G,) of them
    values : (n,) or (n, G)

    Returns
    -------
    (n, H, W[, 3]) uint8
    """
    codes = np.tile(code.astype(np.float32), (len(values), 1))
    codes[:, latents] = values
    return to_uint8(run.decode(codes))


def draw_sweep(evaluation: RunEvaluation, factor: str, path: Target, baseline: RunEvaluation | None) -> None:
    """Draw one image with one neuron moved, beside the true renders and the entangled net."""
    angles = evaluation.codes.angles[factor]
    shown = np.linspace(0, len(angles) - 1, STEPS).round().astype(int)
    rows: list[Row] = [("true renders", evaluation.views(factor, IDENTITY)[shown])]
    rows.append(
        ("neuron at its\ncalibrated value", _from_middle(evaluation, factor, evaluation.calibration(factor)[shown]))
    )
    rows.append((f"neuron from\n−{FIXED:.0f} to {FIXED:.0f}", _from_middle(evaluation, factor, _span(-FIXED, FIXED))))
    if baseline is not None:
        values = baseline.calibration(factor)[shown]
        rows.append(("entangled net,\ncalibrated value", _from_middle(baseline, factor, values)))
        rows.append(("entangled net,\nneuron's range", _from_middle(baseline, factor, _range(baseline, factor))))
    unit = "°" if evaluation.codes.units[factor] == "degrees" else ""
    columns = [f"{angles[k]:.0f}{unit}".replace("-", "−") for k in shown]
    draw_rows(rows, columns, path, f"one image, its {factor} neuron moved")


def draw_relit(evaluation: RunEvaluation, path: Target) -> None:
    """Draw images with the light neuron at random values and all other latents unchanged."""
    low, high = _range(evaluation, "light")[[0, -1]]
    rng = np.random.Generator(np.random.Philox(0))
    rows = []
    for identity in range(min(RELIT_IDENTITIES, evaluation.identities())):
        values = rng.uniform(low, high, RELIT_STEPS)
        rows.append((f"identity {identity + 1}", _from_middle(evaluation, "light", values, identity)))
    draw_rows(rows, [], path, "the light neuron at random values")


def draw_random(evaluation: RunEvaluation, path: Target) -> None:
    """Draw one image with each neuron in turn at random values and all other latents unchanged (arXiv v1 Figure 8).

    A row for each factor: the image, the image decoded from its code, and images decoded with the factor's neuron at
    values that are uniform between the quantiles `QUANTILES` of the neuron over all training sweeps.
    """
    rng = np.random.Generator(np.random.Philox(0))
    first = evaluation.factors[0]
    view = source_view(evaluation, first)
    image, code = evaluation.views(first, IDENTITY)[view], evaluation.test_codes(first, IDENTITY)[view]
    own = to_uint8(evaluation.run.decode(code[None]))[0]
    rows: list[Row] = []
    for factor in evaluation.factors:
        low, high = _range(evaluation, factor)[[0, -1]]
        values = rng.uniform(low, high, RANDOM_STEPS)
        shown = moved(evaluation.run, code, evaluation.codes.neurons[factor], values)
        rows.append((f"{factor} neuron,\n{low:.1f} to {high:.1f}".replace("-", "−"), np.stack([image, own, *shown])))
    columns = ["image", "its code", *[""] * (RANDOM_STEPS // 2), "random values"]
    columns += [""] * (RANDOM_STEPS + 2 - len(columns))
    draw_rows(rows, columns, path, "one image, each neuron in turn at random values")


def draw_reconstructions(evaluation: RunEvaluation, path: Target) -> None:
    """Draw middle views and the images decoded from their codes, from the best to the worst by masked error."""
    factor = evaluation.factors[0]
    order = np.argsort(evaluation.decoded[f"{factor}/reconstruction/mse_masked"], kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(RECONSTRUCTED, len(order))).round().astype(int)]
    view = source_view(evaluation, factor)
    images = np.stack([evaluation.views(factor, int(k))[view] for k in chosen])
    codes = np.stack([evaluation.test_codes(factor, int(k))[view] for k in chosen])
    draw_rows(
        [("true renders", images), ("from their codes", to_uint8(evaluation.run.decode(codes)))],
        ["best", *[""] * (len(chosen) - 2), "worst"][: len(chosen)],
        path,
        "held-out identities, by masked error",
    )


def draw_turns(evaluation: RunEvaluation, factor: str, path: Target) -> None:
    """Draw held-out chairs turned from one image each below their true renders, the best and the worst by skill."""
    sweeps, errors = evaluation.sweeps[factor], evaluation.errors(factor).table
    off = ~np.eye(len(sweeps.grid), dtype=bool)
    sums = {method: errors["masked", method][:, off].sum(axis=1) for method in ("copy", "ours")}
    order = np.argsort(-(sums["copy"] - sums["ours"]) / sums["copy"], kind="stable")
    half = min(TURNED, len(order) // 2) or 1
    rows: list[Row] = []
    for word, chairs in (("best", order[:half]), ("worst", order[half:][-half:])):
        for chair in map(int, chairs):
            code = evaluation.test_codes(factor, chair)[source_view(evaluation, factor)]
            values = evaluation.calibration(factor)[:: sweeps.stride]
            turned = moved(evaluation.run, code, evaluation.latents(factor), values)
            rows += [(f"{word}: true", evaluation.views(factor, chair)[:: sweeps.stride]), ("from one image", turned)]
    columns = [f"{angle:.0f}°" for angle in sweeps.grid]
    draw_rows(rows, columns, path, f"held-out chairs, each turned from its view at {sweeps.grid[TURN_SOURCE]:.0f}°")


def draw_analogies(evaluation: RunEvaluation, baseline: RunEvaluation | None, path: Target) -> None:
    """Draw a row for each analogy: A, B and C, the answers of the nets, D from its own code, and D."""
    rows: list[Row] = []
    for factor in evaluation.factors:
        views = len(evaluation.codes.angles[factor])
        a, b = views // 4, views - 1 - views // 4
        low, high = (f"{evaluation.codes.angles[factor][k]:.0f}".replace("-", "−") for k in (a, b))
        for identity in range(1, 1 + min(ANALOGIES, evaluation.identities() - 1)):
            other, own = evaluation.views(factor, identity - 1), evaluation.views(factor, identity)
            best = to_uint8(evaluation.run.decode(evaluation.codes.test[factor][identity, [b]]))[0]
            nets = [evaluation, *([baseline] if baseline else [])]
            answered = [_answered(net, factor, identity, a, b) for net in nets]
            rows.append((f"{factor}\n{low} to {high}", np.stack([other[a], other[b], own[a], *answered, best, own[b]])))
    columns = ["A", "B", "C", "answer", *(["entangled\nnet's"] if baseline else []), "D from its\nown code", "D"]
    draw_rows(rows, columns, path, "A is to B as C is to D")


def source_view(evaluation: RunEvaluation, factor: str) -> int:
    """The view that figures encode: the middle of a sweep, or of a whole turn one near the front."""
    sweeps = evaluation.sweeps[factor]
    return len(sweeps.angles) // 2 if sweeps.period is None else TURN_SOURCE * sweeps.stride


def film_frames(
    evaluation: RunEvaluation, factor: str, identities: Sequence[int], frames: int = FILM_FRAMES
) -> NDArray[np.uint8]:
    """Frames of an animation with a column for each test identity: (frames, H, W[, 3]) uint8.

    Rows: the one image that the network encodes, decoded images with the factor's neuron at each angle, true renders.
    """
    sweeps, view = evaluation.sweeps[factor], source_view(evaluation, factor)
    shown = np.linspace(0, len(sweeps.angles) - 1, frames).round().astype(int)
    values = evaluation.calibration(factor)[shown]
    sources, decoded, truth = [], [], []
    for identity in identities:
        images, code = evaluation.views(factor, identity), evaluation.test_codes(factor, identity)[view]
        sources.append(images[view])
        decoded.append(moved(evaluation.run, code, evaluation.latents(factor), values))
        truth.append(images[shown])
    rows = (np.stack(sources), np.stack(decoded), np.stack(truth))
    return np.stack([_small(sheet([rows[0], rows[1][:, k], rows[2][:, k]]), len(identities)) for k in range(frames)])


def _small(frame: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """The frame, with images of at most `MOST_FILM_SIDE` pixels."""
    share = MOST_FILM_SIDE * columns / frame.shape[1]
    if share >= 1:
        return frame
    size = (round(frame.shape[1] * share), round(frame.shape[0] * share))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def _from_middle(
    evaluation: RunEvaluation, factor: str, values: NDArray[np.floating], identity: int = IDENTITY
) -> NDArray[np.uint8]:
    """The code of an identity's middle view, decoded with the factor's neuron at each value."""
    code = evaluation.test_codes(factor, identity)[source_view(evaluation, factor)]
    return moved(evaluation.run, code, evaluation.codes.neurons[factor], values)


def _range(evaluation: RunEvaluation, factor: str) -> NDArray[np.float64]:
    """(STEPS,) values between the quantiles of the neuron over the training sweeps."""
    return _span(*np.quantile(evaluation.codes.sweep(factor).train, QUANTILES))


def _span(low: float, high: float) -> NDArray[np.float64]:
    """(STEPS,) values from low to high."""
    return np.linspace(low, high, STEPS)


def _answered(evaluation: RunEvaluation, factor: str, identity: int, a: int, b: int) -> NDArray[np.uint8]:
    """The image of one answer, `a` and `b` being views of the sweeps."""
    codes, latent = evaluation.codes.test[factor], evaluation.codes.neurons[factor]
    own, other = codes[identity], codes[identity_before(identity, len(codes))]
    value = answers(own[[a, b], latent], other[[a, b], latent])[0, 1]
    return moved(evaluation.run, own[a], latent, np.array([value]))[0]
