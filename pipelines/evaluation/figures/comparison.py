"""Dot plots that compare runs: one panel a measure, one line a run, a dot and an interval for each factor."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.evaluation.figures.style import COLOURS, Target, figure_file, quiet

MARKERS = ("o", "s", "^", "D", "v")


def draw_comparison(
    table: Mapping[str, Mapping[str, Mapping[str, Any]]],
    measures: Sequence[tuple[str, str]],
    path: Target,
    *,
    one_scale: bool = False,
) -> None:
    """Plot measures of runs as dots with their 95% intervals.

    Parameters
    ----------
    table : run to factor to measure to {"value", "interval"}
    measures : (key, title of its panel)
    path : where to write
    one_scale : True for the same horizontal axis in all panels
    """
    runs, factors = [*table], [*next(iter(table.values()))]
    with figure_file(path, 2.0 + 2.6 * len(measures), 1.4 + 0.32 * len(runs) + 0.3) as figure:
        panels = figure.subplots(1, len(measures), squeeze=False, sharey=True, sharex=one_scale)[0]
        for panel, (key, title) in zip(panels, measures, strict=True):
            for f, factor in enumerate(factors):
                _draw_factor(panel, [table[run][factor].get(key) for run in runs], f, len(factors), factor)
            panel.set_title(title, fontsize=10)
            quiet(panel)
        panels[0].set_yticks(range(len(runs)), runs)
        panels[0].invert_yaxis()
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(factors), frameon=False)


def _draw_factor(panel: Any, found: Sequence[Mapping[str, Any] | None], f: int, count: int, label: str) -> None:
    """Draw one factor of all runs, a little above or below their lines."""
    known = [(k, e) for k, e in enumerate(found) if e is not None and e["value"] is not None]
    rows = [k + 0.22 * (f - (count - 1) / 2) for k, _ in known]
    values = [e["value"] for _, e in known]
    # A percentile interval need not hold the value itself.
    below = [max(0.0, e["value"] - e["interval"][0]) for _, e in known]
    above = [max(0.0, e["interval"][1] - e["value"]) for _, e in known]
    style = {"fmt": MARKERS[f % len(MARKERS)], "color": COLOURS[f % len(COLOURS)], "markersize": 4.5, "linewidth": 1.4}
    panel.errorbar(values, rows, xerr=[below, above], label=label, **style)
