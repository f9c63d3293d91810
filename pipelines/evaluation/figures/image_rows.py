"""Rows of images with a label each, and labels of the columns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.figures.style import Target, figure_file

Row = tuple[str, NDArray[np.uint8]]
"""Label of a row, and its (n, H, W) or (n, H, W, 3) images."""
GAP = 0.06
"""White between images, as a share of their width."""
INCHES = 1.05
"""Width of an image."""
LABELS, SPARE, MARGIN = 1.6, 0.4, 0.1
"""Inches left of the rows, above or below them where there is text, and around."""


def draw_rows(rows: Sequence[Row], columns: Sequence[str], path: Target, title: str = "") -> None:
    """Draw rows of images, labels on the left, the columns' labels under the last row.

    Parameters
    ----------
    rows : all with the same number of images, of one size
    columns : a label for each image of a row; empty for none
    path : where to write
    """
    count, height, width = rows[0][1].shape[:3]
    gap = max(1, round(GAP * width))
    scale = INCHES / width
    wide, tall = scale * (count * (width + gap) - gap), scale * height
    below, above = (SPARE if columns else MARGIN), (SPARE if title else MARGIN)
    across, high = LABELS + wide + MARGIN, below + len(rows) * (tall + scale * gap) + above
    with figure_file(path, across, high) as figure:
        figure.set_layout_engine("none")  # every position is known
        for k, (label, images) in enumerate(rows):
            bottom = below + (len(rows) - 1 - k) * (tall + scale * gap)
            panel = figure.add_axes((LABELS / across, bottom / high, wide / across, tall / high))
            panel.imshow(_strip(images, gap), cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
            panel.set_yticks([height / 2], [label])
            panel.set_xticks([])
            panel.tick_params(length=0)
            panel.spines[:].set_visible(False)
        if columns:
            panel.set_xticks([k * (width + gap) + width / 2 for k in range(count)], columns)
        if title:
            figure.suptitle(title, y=1 - MARGIN / high, va="top")


def _strip(images: NDArray[np.uint8], gap: int) -> NDArray[np.uint8]:
    """The images side by side on white."""
    count, height, width, *channels = images.shape
    strip = np.full((height, count * (width + gap) - gap, *channels), 255, np.uint8)
    for k, image in enumerate(images):
        strip[:, k * (width + gap) : k * (width + gap) + width] = image
    return strip
