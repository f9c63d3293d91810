"""Scatter plots of the inferred neuron against the true angle, one panel a factor (NIPS 2015 Figure 6 a to c)."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipelines.evaluation.figures.style import COLOURS, Target, figure_file, quiet
from pipelines.evaluation.metrics.equivariance import NeuronSweep

FACES = 20
"""Number of test faces shown; the numbers are over all of them."""
MARKERS = ("o", "s", "^")
"""Seven colours times three shapes: no two of the faces shown look alike."""


def draw_scatter(sweeps: Sequence[NeuronSweep], report: Mapping[str, Any], path: Target, title: str = "") -> None:
    """Plot each factor's neuron against the true angle, with the main measures in the panel's title.

    Parameters
    ----------
    sweeps : the factors in the order of the panels
    report : from `pipelines.evaluation.metrics.equivariance.equivariance_report` of the same sweeps
    path : where to write
    title : above the panels

    Raises
    ------
    ValueError
        A suffix matplotlib cannot write.
    """
    with figure_file(path, 4.2 * len(sweeps), 4.3) as figure:
        panels = figure.subplots(1, len(sweeps), squeeze=False)[0]
        for panel, sweep in zip(panels, sweeps, strict=True):
            _draw_panel(panel, sweep, report["factors"][sweep.factor]["equivariance"])
        if title:
            figure.suptitle(title)
        figure.supxlabel(_caption(sweeps), fontsize=8, color="0.35")


def _caption(sweeps: Sequence[NeuronSweep]) -> str:
    faces = max(len(sweep.test) for sweep in sweeps)
    return f"{min(FACES, faces)} of {faces} test faces, one colour and shape each; numbers over all test faces"


def _draw_panel(panel: Axes, sweep: NeuronSweep, numbers: Mapping[str, Any]) -> None:
    shown = sweep.test[:FACES]
    for face, z in enumerate(shown):
        colour, marker = COLOURS[face % len(COLOURS)], MARKERS[face // len(COLOURS) % len(MARKERS)]
        panel.plot(sweep.angles, z, color=colour, linewidth=0.5, alpha=0.35)
        panel.scatter(sweep.angles, z, s=10, c=colour, marker=marker, alpha=0.7, linewidths=0)
    degrees = "°" if sweep.unit in ("degree", "degrees") else f" {sweep.unit}"
    rho, pooled, r2, rmse = (
        numbers[name]["value"] for name in ("spearman_per_face", "spearman_pooled", "linear_r2", "isotonic_rmse")
    )
    panel.set_title(
        f"|ρ| per face {rho:.2f}, pooled {pooled:.2f}\nlinear R² {r2:.2f}, calibrated RMSE {rmse:.1f}{degrees}",
        fontsize=10,
    )
    panel.set_xlabel(f"true {sweep.factor} ({sweep.unit})")
    panel.set_ylabel(f"inferred {sweep.factor} neuron")
    panel.margins(x=0.03)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=(1, 2, 3, 5, 10)))
    quiet(panel)
