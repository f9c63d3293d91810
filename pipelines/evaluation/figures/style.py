"""What all figures share: type, colours that are told apart with any colour vision, and files without a date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
"""Okabe and Ito's palette; its yellow is too pale for points on white."""


@contextmanager
def figure_file(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches that is written as PNG, SVG or PDF, by the path's suffix, on leaving. No display.

    Raises
    ------
    ValueError
        A suffix that matplotlib cannot write.
    """
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": "dcign", "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=0.05))
        yield figure
        undated = {"Date": None} if Path(path).suffix.lower() == ".svg" else None
        figure.savefig(path, dpi=150, metadata=undated)


def quiet(panel: Axes) -> None:
    """A pale grid behind, and no frame on the right and on top."""
    panel.grid(color="0.9", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
