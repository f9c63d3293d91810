"""Figure of one inference: hypotheses over time, their pixel errors, and the posterior of the angles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipelines.evaluation.figures.style import COLOURS, figure_file, quiet

BINS = 60
WIDTH, HEIGHT = 10.5, 5.6


@dataclass(frozen=True)
class Panel:
    """Posterior samples of one quantity."""

    name: str
    unit: str
    range: tuple[float, float]
    """Range of the prior."""
    values: NDArray[np.float64]
    """(m,) samples."""
    truth: float | None
    """True value, where it is known."""


def plot_inference(
    observed: NDArray[np.uint8],
    hypotheses: NDArray[np.uint8],
    titles: Sequence[str],
    mse: NDArray[np.float64],
    failed: NDArray[np.bool_],
    settling: int,
    prior_mse: float,
    panels: Sequence[Panel],
    path: str | Path,
) -> None:
    """Save the figure of one inference.

    Parameters
    ----------
    observed : (H, W) or (H, W, 3)
    hypotheses : (n, H, W) or (n, H, W, 3)
    titles : n titles of the hypotheses
    mse : (iterations + 1, chains) pixel mean squared errors, pixels in 0..1
    failed : (chains,) True for chains that failed
    settling : iterations at the start that are no samples
    prior_mse : median pixel error of scenes sampled from the prior
    panels : posteriors to show, three
    path : PNG file to write
    """
    with figure_file(path, WIDTH, HEIGHT) as figure:
        grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.55))
        above = grid[0].subgridspec(1, len(hypotheses) + 1)
        shown = zip([observed, *hypotheses], ["observed", *titles], strict=True)
        for k, (picture, title) in enumerate(shown):
            panel = figure.add_subplot(above[k])
            panel.imshow(picture, cmap="gray", vmin=0, vmax=255)
            panel.set_title(title, fontsize=9)
            panel.set_axis_off()
        below = grid[1].subgridspec(1, 2, width_ratios=(1.25, 2))
        _plot_errors(figure.add_subplot(below[0]), mse, failed, settling, prior_mse)
        right = below[1].subgridspec(1, len(panels))
        for k, quantity in enumerate(panels):
            _plot_posterior(figure.add_subplot(right[k]), quantity)


def _plot_errors(
    panel: Axes, mse: NDArray[np.float64], failed: NDArray[np.bool_], settling: int, prior_mse: float
) -> None:
    for chain, bad in enumerate(failed):
        style = {"color": COLOURS[5], "linestyle": "--"} if bad else {"color": COLOURS[0], "alpha": 0.45}
        panel.plot(mse[:, chain], linewidth=0.9, **style)
    panel.axhline(prior_mse, color="0.4", linewidth=0.9, linestyle=":")
    panel.annotate("scenes of the prior", (len(mse), prior_mse), ha="right", va="bottom", fontsize=8, color="0.3")
    panel.axvline(settling, color="0.8", linewidth=0.9)
    panel.set(xlabel="iteration", ylabel="pixel MSE", yscale="log", xlim=(0, len(mse)))
    panel.set_title(f"{len(failed)} chains, {int(failed.sum())} failed (dashed)", fontsize=9)
    quiet(panel)


def _plot_posterior(panel: Axes, quantity: Panel) -> None:
    low, high = quantity.range
    panel.hist(quantity.values, bins=np.linspace(low, high, BINS + 1).tolist(), color=COLOURS[0])
    if quantity.truth is not None:
        panel.axvline(quantity.truth, color=COLOURS[5], linewidth=1.4)
    mean = quantity.values.mean()
    title = f"{quantity.name}: {mean:.0f}°" + ("" if quantity.truth is None else f", truth {quantity.truth:.0f}°")
    panel.set_title(title.replace("-", "−"), fontsize=9)
    panel.set(xlabel=quantity.unit, xlim=(low, high), yticks=[])
    quiet(panel)
