"""Rows of pictures with a label each, and what the columns are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.figures.style import figure_file

Row = tuple[str, NDArray[np.uint8]]
"""What the row shows, and (n, H, W) or (n, H, W, 3) pictures."""
GAP = 0.06
"""White between pictures, as a share of their width."""
INCHES = 1.05
"""Width of a picture."""
LABELS, SPARE, MARGIN = 1.6, 0.4, 0.1
"""Inches left of the rows, above or below them where there are words, and around."""


def draw_rows(rows: Sequence[Row], columns: Sequence[str], path: str | Path, title: str = "") -> None:
    """A row under another, labels on the left, `columns` under the last.

    Parameters
    ----------
    rows : each as many pictures of one size
    columns : a word for each picture of a row; empty for none
    path : where to write, as `pipelines.evaluation.figures.style.figure_file` has it
    """
    count, height, width = rows[0][1].shape[:3]
    gap = max(1, round(GAP * width))
    scale = INCHES / width
    wide, tall = scale * (count * (width + gap) - gap), scale * height
    below, above = (SPARE if columns else MARGIN), (SPARE if title else MARGIN)
    across, high = LABELS + wide + MARGIN, below + len(rows) * (tall + scale * gap) + above
    with figure_file(path, across, high) as figure:
        figure.set_layout_engine("none")  # every place is known
        for k, (label, pictures) in enumerate(rows):
            bottom = below + (len(rows) - 1 - k) * (tall + scale * gap)
            panel = figure.add_axes((LABELS / across, bottom / high, wide / across, tall / high))
            panel.imshow(_strip(pictures, gap), cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
            panel.set_yticks([height / 2], [label])
            panel.set_xticks([])
            panel.tick_params(length=0)
            panel.spines[:].set_visible(False)
        if columns:
            panel.set_xticks([k * (width + gap) + width / 2 for k in range(count)], columns)
        if title:
            figure.suptitle(title, y=1 - MARGIN / high, va="top")


def _strip(pictures: NDArray[np.uint8], gap: int) -> NDArray[np.uint8]:
    """The pictures side by side on white."""
    count, height, width, *channels = pictures.shape
    strip = np.full((height, count * (width + gap) - gap, *channels), 255, np.uint8)
    for k, picture in enumerate(pictures):
        strip[:, k * (width + gap) : k * (width + gap) + width] = picture
    return strip
