"""The re-render error by difference of angle as one figure: ours between copy, mean face and oracle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.evaluation.figures.style import figure_file, quiet

LINES = {
    "copy": ("#D55E00", "--", "source unchanged (skill 0)"),
    "mean_face": ("#E69F00", ":", "mean training face at the target"),
    "ours": ("#0072B2", "-", "neuron set to the target"),
    "oracle": ("#009E73", "-.", "target itself encoded (skill 1)"),
}
"""Method to colour, dashes and name."""
ENTANGLED: dict[str, Any] = {
    "color": "#CC79A7",
    "linestyle": (0, (5, 1, 1, 1, 1, 1)),
    "label": "entangled net, neuron set",
}


def draw_skill(
    record: Mapping[str, Any], path: str | Path, title: str = "", baseline: Mapping[str, Any] | None = None
) -> None:
    """One panel a factor: masked MSE against difference of angle.

    Parameters
    ----------
    record, baseline : with the `factors` and `curves` of metrics.json, of the run and of the entangled net
    path : where to write, as `pipelines.evaluation.figures.style.figure_file` has it
    """
    factors = record["factors"]
    with figure_file(path, 4.2 * len(factors), 4.2) as figure:
        panels = figure.subplots(1, len(factors), squeeze=False)[0]
        for panel, (name, report) in zip(panels, factors.items(), strict=True):
            curve = record["curves"]["rerender"][name]
            for method, (colour, dashes, label) in LINES.items():
                panel.plot(curve["difference"], curve[method], dashes, color=colour, linewidth=1.6, label=label)
            if baseline is not None:
                theirs = baseline["curves"]["rerender"][name]
                panel.plot(theirs["difference"], theirs["ours"], linewidth=1.6, **ENTANGLED)
            panel.set_title(_title(report["rerender"]), fontsize=10)
            panel.set_xlabel(f"difference of {name} ({report['unit']})")
            panel.set_ylim(bottom=0)
            quiet(panel)
        panels[0].set_ylabel("masked MSE (grey levels 0..1)")
        handles, labels = panels[0].get_legend_handles_labels()
        columns = 3 if len(factors) > 1 else 1
        figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
        if title:
            figure.suptitle(title)


def _title(report: Mapping[str, Any]) -> str:
    """The skill with its interval, and that of the mean face."""
    if report["skill"]["value"] is None:
        return "no skill: the target itself is drawn\nno better than the source unchanged"
    low, high = report["skill"]["interval"]
    mean_face = report["skill_mean_face"]["value"]
    return f"skill {report['skill']['value']:.2f} [{low:.2f}, {high:.2f}]\nmean face {mean_face:.2f}"
