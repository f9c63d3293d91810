"""The course of a run as one figure: reconstruction and KL in nats per image, for each factor, against batches."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from pipelines.evaluation.figures.style import COLOURS, figure_file, quiet

PARTS = {"reconstruction": "reconstruction, nats per image", "kl": "KL, nats per image"}
MOST_POINTS = 60
"""Points of a curve; neighbouring lines of metrics are averaged so that noise does not hide the course."""


def draw_losses(metrics: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw `metrics.jsonl`, as read by `RunDirectory.read_metrics`, in a format that matplotlib knows by suffix."""
    with figure_file(path, 9.2, 3.6) as figure:
        for panel, (part, label) in zip(figure.subplots(1, len(PARTS)), PARTS.items(), strict=True):
            _draw_panel(panel, metrics, part)
            panel.set(xlabel="batches", ylabel=label)
            quiet(panel)
        if metrics:
            figure.axes[0].legend(frameon=False, title="what varies")


def _draw_panel(panel: Axes, metrics: Sequence[Mapping[str, Any]], part: str) -> None:
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
