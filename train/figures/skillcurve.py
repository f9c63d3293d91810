"""The re-render error by difference of angle as one figure: ours between copy, mean face and oracle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

LINES = {
    "copy": ("#D55E00", "--", "source unchanged (skill 0)"),
    "mean_face": ("#E69F00", ":", "mean training face at the target"),
    "ours": ("#0072B2", "-", "neuron set to the target"),
    "oracle": ("#009E73", "-.", "target itself encoded (skill 1)"),
}
"""Method to colour (Okabe and Ito), dashes and name."""


def draw_skill(factors: Mapping[str, Mapping[str, Any]], path: str | Path, title: str = "") -> None:
    """One panel a factor: masked MSE against difference of angle, in a format that matplotlib knows by suffix.

    `factors` is factor to the report of `train.measures.rerender.rerender_report`, with `unit`.
    """
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": "dcign", "svg.fonttype": "none"}):
        figure = Figure(figsize=(4.2 * len(factors), 4.2), layout="constrained")
        panels = figure.subplots(1, len(factors), squeeze=False)[0]
        for panel, (name, report) in zip(panels, factors.items(), strict=True):
            curve, region = report["masked"]["curve"], report["masked"]
            for method, (colour, dashes, _) in LINES.items():
                panel.plot(curve["difference"], curve[method], dashes, color=colour, linewidth=1.6)
            panel.set_title(_title(region), fontsize=10)
            panel.set_xlabel(f"difference of {name} ({report['unit']})")
            panel.set_ylim(bottom=0)
            panel.grid(color="0.9", linewidth=0.6)
            panel.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylabel("MSE over the masks, grey levels 0..1")
        figure.legend(
            [panels[0].lines[k] for k in range(len(LINES))],
            [label for _, _, label in LINES.values()],
            loc="outside lower center",
            ncols=len(LINES) if len(factors) > 1 else 1,
            frameon=False,
        )
        if title:
            figure.suptitle(title)
        undated = {"Date": None} if Path(path).suffix.lower() == ".svg" else None
        figure.savefig(path, dpi=150, metadata=undated)


def _title(region: Mapping[str, Any]) -> str:
    """The skill with its interval, and that of the mean face."""
    if region["skill"] is None:
        return "no skill: the target itself is drawn\nno better than the source unchanged"
    low, high = region["interval"]
    return f"skill {region['skill']:.2f} [{low:.2f}, {high:.2f}]\nmean face {region['skill_of_mean_face']:.2f}"
