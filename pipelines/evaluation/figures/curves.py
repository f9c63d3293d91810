"""Line figures: losses against batches, re-render error and intrinsic cosine against angle."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipelines.evaluation.figures.style import COLOURS, Target, figure_file, quiet

_DEGREES = 180 / np.pi
ORIGINALS: dict[str, tuple[Sequence[float], dict[str, Sequence[float]]]] = {
    "azimuth": (
        [_DEGREES * a for a in (-1.5, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 1.5)],
        {
            "without shape bias": (0.063, 0.150, 0.268, 0.535, 1, 0.504, 0.232, 0.123, 0.132),
            "with shape bias": (0.633, 0.673, 0.738, 0.813, 1, 0.802, 0.731, 0.687, 0.630),
            "targeted invariance": (0.291, 0.374, 0.386, 0.582, 1, 0.519, 0.411, 0.357, 0.325),
        },
    ),
    "elevation": (
        [_DEGREES * a for a in (-0.4, -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3, 0.4)],
        {
            "without shape bias": (0.570, 0.693, 0.832, 0.944, 1, 0.933, 0.776, 0.620, 0.531),
            "with shape bias": (0.793, 0.853, 0.918, 0.974, 1, 0.967, 0.894, 0.818, 0.755),
            "targeted invariance": (0.652, 0.741, 0.849, 0.944, 1, 0.937, 0.806, 0.693, 0.635),
        },
    ),
}
"""Angles in degrees and cosines of the three original nets, measured in the authors' vector figures."""
MARKS = {"without shape bias": "v", "with shape bias": "^", "targeted invariance": "D"}
Curve = Mapping[str, Any]
"""`angle` and `value`, (G,) each, as in metrics.json."""
PARTS = {"reconstruction": "reconstruction, nats per image", "kl": "KL, nats per image"}
MOST_POINTS = 60
"""Largest number of points of a loss curve; neighbouring lines of metrics.jsonl are averaged to reduce noise."""
LINES = {
    "copy": ("#D55E00", "--", "source unchanged (absolute skill 0)"),
    "mean_face": ("#E69F00", ":", "mean training {subject} at the target"),
    "oracle": ("#009E73", "-.", "target itself encoded"),
    "ours": ("#0072B2", "-", "latent set to the target"),
}
"""Method to colour, dashes and label."""
ENTANGLED: dict[str, Any] = {
    "color": "#CC79A7",
    "linestyle": (0, (5, 1, 1, 1, 1, 1)),
    "label": "entangled net, neuron set",
}


def draw_losses(metrics: Sequence[Mapping[str, Any]], path: Target) -> None:
    """Plot reconstruction and KL, in nats per image, of each factor's batches against the number of batches.

    Parameters
    ----------
    metrics : lines of metrics.jsonl
    path : where to write
    """
    with figure_file(path, 9.2, 3.6) as figure:
        for panel, (part, label) in zip(figure.subplots(1, len(PARTS)), PARTS.items(), strict=True):
            _draw_loss(panel, metrics, part)
            panel.set(xlabel="batches", ylabel=label)
            quiet(panel)
        if metrics:
            figure.axes[0].legend(frameon=False, title="varied factor")


def _draw_loss(panel: Axes, metrics: Sequence[Mapping[str, Any]], part: str) -> None:
    factors = sorted({name for line in metrics for name in line[part]})
    together = max(1, len(metrics) // MOST_POINTS)
    for colour, factor in zip(COLOURS, factors, strict=False):
        steps, values = [], []
        for start in range(0, len(metrics), together):
            lines = [line for line in metrics[start : start + together] if factor in line[part]]
            if lines:
                steps.append(lines[-1]["step"])
                values.append(sum(line[part][factor] for line in lines) / len(lines))
        panel.plot(steps, values, color=colour, label=factor, linewidth=1.4)


def draw_skill(
    record: Mapping[str, Any],
    path: Target,
    title: str = "",
    baseline: Mapping[str, Any] | None = None,
    subject: str = "face",
) -> None:
    """Plot masked MSE against difference of angle, one panel for each factor.

    Parameters
    ----------
    record, baseline : the `factors` and `curves` of metrics.json, of the run and of the entangled net
    path : where to write
    subject : the word for an identity in the labels
    """
    factors = record["factors"]
    with figure_file(path, 4.2 * len(factors), 4.2) as figure:
        panels = figure.subplots(1, len(factors), squeeze=False)[0]
        for panel, (name, report) in zip(panels, factors.items(), strict=True):
            curve = record["curves"]["rerender"][name]
            for method, (colour, dashes, label) in LINES.items():
                panel.plot(
                    curve["difference"],
                    curve[method],
                    dashes,
                    color=colour,
                    linewidth=1.6,
                    label=label.format(subject=subject),
                )
            if baseline is not None:
                theirs = baseline["curves"]["rerender"][name]
                panel.plot(theirs["difference"], theirs["ours"], linewidth=1.6, **ENTANGLED)
            panel.set_title(_skill_title(report["rerender"], subject), fontsize=10)
            panel.set_xlabel(f"difference of {name} ({report['unit']})")
            panel.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=(1, 2, 3, 5, 10)))
            panel.set_ylim(bottom=0)
            quiet(panel)
        panels[0].set_ylabel("masked MSE (grey levels 0..1)")
        handles, labels = panels[0].get_legend_handles_labels()
        columns = 3 if len(factors) > 1 else 1
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
        if title:
            figure.suptitle(title)


def _skill_title(report: Mapping[str, Any], subject: str) -> str:
    """The absolute skill with its interval, and that of the mean face."""
    low, high = report["absolute"]["interval"]
    mean_face = report["absolute_mean_face"]["value"]
    return f"absolute skill {report['absolute']['value']:.2f} [{low:.2f}, {high:.2f}]\nmean {subject} {mean_face:.2f}"


def draw_invariance(runs: Mapping[str, Mapping[str, Curve]], path: Target, title: str = "") -> None:
    """Plot the cosine of the intrinsic code with that at the middle angle (arXiv v1 Figure 9 d to f).

    One panel for each factor, one line for each run, and the original nets as grey marks.

    Parameters
    ----------
    runs : name to the curve of each factor
    path : where to write
    """
    factors = [*next(iter(runs.values()))]
    with figure_file(path, 4.2 * len(factors), 4.2) as figure:
        panels = figure.subplots(1, len(factors), squeeze=False, sharey=True)[0]
        for panel, factor in zip(panels, factors, strict=True):
            angles, nets = ORIGINALS.get(factor, ([], {}))
            for net, values in nets.items():
                panel.plot(angles, values, MARKS[net], color="0.6", markersize=4, label=f"original, {net}")
            for colour, (name, curves) in zip(cycle(COLOURS), runs.items(), strict=False):
                panel.plot(curves[factor]["angle"], curves[factor]["value"], color=colour, linewidth=1.6, label=name)
            panel.set(xlabel=f"true {factor} (degrees)", ylim=(min(0.0, panel.get_ylim()[0]), 1.02))
            quiet(panel)
        panels[0].set_ylabel("cosine with the middle view")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        if title:
            figure.suptitle(title)
