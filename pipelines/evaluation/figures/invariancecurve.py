"""How alike the intrinsic codes of one person are while pose or light changes (arXiv v1 Figure 9, d to f)."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.evaluation.figures.style import COLOURS, figure_file, quiet

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
"""Angles in degrees and cosines of the three original nets, read from the authors' vector figures."""
MARKS = {"without shape bias": "v", "with shape bias": "^", "targeted invariance": "D"}


Curve = Mapping[str, Any]
"""`angle` and `value`, (G,) each, as metrics.json has them."""


def draw_invariance(runs: Mapping[str, Mapping[str, Curve]], path: str | Path, title: str = "") -> None:
    """One panel a factor, one line a run, and the original nets as grey marks.

    Parameters
    ----------
    runs : name to the curve of each factor
    path : where to write, as `pipelines.evaluation.figures.style.figure_file` has it
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
        panels[0].set_ylabel("cosine to the same person at the middle")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        if title:
            figure.suptitle(title)
