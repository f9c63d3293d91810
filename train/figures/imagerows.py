"""Rows of pictures with a label each, and what the columns are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.figures.style import figure_file

Row = tuple[str, NDArray[np.uint8]]
"""What the row shows, and (n, H, W) or (n, H, W, 3) pictures."""
GAP = 0.06
"""White between pictures, as a share of their width."""
INCHES = 1.05
"""Width of a picture."""


def draw_rows(rows: Sequence[Row], columns: Sequence[str], path: str | Path, title: str = "") -> None:
    """A row under another, labels on the left, `columns` under the last.

    Parameters
    ----------
    rows : each as many pictures of one size
    columns : a word for each picture of a row; empty for none
    path : where to write, as `train.figures.style.figure_file` has it
    """
    count, height, width = rows[0][1].shape[:3]
    gap = max(1, round(GAP * width))
    tall = INCHES * height / width
    with figure_file(path, 2.0 + INCHES * (1 + GAP) * count, len(rows) * tall * (1 + GAP) + 0.7) as figure:
        panels = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
        for panel, (label, pictures) in zip(panels, rows, strict=True):
            strip = _strip(pictures, gap)
            panel.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
            panel.set_yticks([height / 2], [label])
            panel.set_xticks([])
            panel.tick_params(length=0)
            panel.spines[:].set_visible(False)
            panel.set_anchor("E")  # what room there is belongs to the labels
        if columns:
            centres = [k * (width + gap) + width / 2 for k in range(count)]
            panels[-1].set_xticks(centres, columns)
        if title:
            figure.suptitle(title)


def _strip(pictures: NDArray[np.uint8], gap: int) -> NDArray[np.uint8]:
    """The pictures side by side on white."""
    count, height, width, *channels = pictures.shape
    strip = np.full((height, count * (width + gap) - gap, *channels), 255, np.uint8)
    for k, picture in enumerate(pictures):
        strip[:, k * (width + gap) : k * (width + gap) + width] = picture
    return strip
