"""The common style of all figures: type, colours for any colour vision, and files without a date."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
"""Okabe and Ito's palette; its yellow is too pale for points on white."""


Target = str | Path | Sequence[Path]
"""One file to write a figure to, or several of one figure: PNG, SVG or PDF, by the suffix. The folder exists."""


@contextmanager
def figure_file(path: Target, width: float, height: float) -> Iterator[Figure]:
    """A figure of `width` x `height` inches that is written to each path on leaving. Needs no display.

    Raises
    ------
    ValueError
        A suffix that matplotlib cannot write.
    """
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": "dcign", "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(wspace=0.05))
        yield figure
        for target in [path] if isinstance(path, str | Path) else path:
            undated = {"Date": None} if Path(target).suffix.lower() == ".svg" else None
            figure.savefig(target, dpi=150, metadata=undated)


def quiet(panel: Axes) -> None:
    """Give a panel a pale grid behind its lines, and no frame on the right and on top."""
    panel.grid(color="0.9", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
