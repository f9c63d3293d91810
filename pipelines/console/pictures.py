"""Contact sheets and animations of grey or colour images."""

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".gif")
GAP = 2
"""White pixels between the cells of a sheet."""


def sheet(rows: Sequence[NDArray[np.uint8]], gap: int = GAP) -> NDArray[np.uint8]:
    """One image of rows of cells: each row is (n, H, W) or (n, H, W, 3); shorter rows end in white."""
    most = max(len(row) for row in rows)
    height, width, *channels = rows[0].shape[1:]
    size = (len(rows) * (height + gap) - gap, most * (width + gap) - gap, *channels)
    canvas = np.full(size, 255, np.uint8)
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            canvas[top : top + height, left : left + width] = cell
    return canvas


def check_picture_name(path: Path) -> None:
    """Raise `click.BadParameter` for a file name that has no image's ending, before anything is computed."""
    if path.suffix.lower() not in ENDINGS:
        raise click.BadParameter(f"{path} should end in one of {', '.join(ENDINGS)}")


def save_picture(image: NDArray[np.uint8], path: Path) -> None:
    """Write a PNG or JPEG, by the file's ending."""
    check_picture_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def save_animation(frames: NDArray[np.uint8], path: Path, seconds: float = 3.0) -> None:
    """Write a GIF that plays (n, H, W[, 3]) frames forward and back in about `seconds`, in a loop."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there_and_back = [Image.fromarray(f) for f in (*frames, *frames[-2:0:-1])]
    duration = max(20, round(1000 * seconds / len(there_and_back)))
    there_and_back[0].save(path, save_all=True, append_images=there_and_back[1:], duration=duration, loop=0)
