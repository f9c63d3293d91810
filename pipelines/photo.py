"""Any picture as what a network was trained on: upright, square, on white, of its size and colour."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

MOST_PIXELS = 150_000_000
PLAIN_BORDER = 0.6
"""Share of the border that has one colour where a background is plain; the rest may be neck and shoulders."""
BACKGROUND_LEVELS = 12
"""Grey levels around the border's median that still are background."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
Box = tuple[int, int, int, int]


class PictureError(ValueError):
    """The file is no picture, or none that can be used; the text says what came and what to do."""


def read_picture(path: Path, side: int, channels: int, box: Box | None = None) -> tuple[NDArray[np.uint8], list[str]]:
    """A picture for a network, and what was done to it.

    Transparent parts and a plain background become white. A picture that is not square is padded with white where its
    background is known, else cut to its middle; `box` (left, top, right, bottom in pixels) cuts it first.

    Parameters
    ----------
    path : a file that Pillow can read; of an animation the first frame is taken
    side : pixels a side
    channels : 1 (grey, by luminance) or 3

    Returns
    -------
    (side, side) or (side, side, 3) uint8, and notes for the user

    Raises
    ------
    PictureError
        No file, no picture, damaged, too large, or a box outside it.
    """
    rgba, notes = _open(path)
    if box is not None:
        rgba = _cut(rgba, box)
    colour, known = _on_white(rgba, notes)
    square = _square(colour, known, notes)
    scaled = np.asarray(Image.fromarray(square).resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0))
    if channels == 3:
        return scaled, notes
    return np.floor(scaled @ np.array(LUMINANCE) + 0.5).astype(np.uint8), notes


def _open(path: Path) -> tuple[NDArray[np.uint8], list[str]]:
    """(H, W, 4) uint8, turned upright as its EXIF says."""
    notes = []
    try:
        with warnings.catch_warnings():
            # About size, which is checked below against a larger bound, and about damage that Pillow reads around.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise PictureError(
                        f"{path} has {image.width} x {image.height} pixels, more than {MOST_PIXELS:,}; scale it down"
                    )
                if getattr(image, "n_frames", 1) > 1:
                    notes.append("an animation: its first frame is taken")
                upright = ImageOps.exif_transpose(_eight_bits(image))
                return np.asarray(upright.convert("RGBA")), notes
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder, not a picture") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{path} has more than {MOST_PIXELS:,} pixels; scale it down") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        if isinstance(error, PictureError):
            raise
        raise PictureError(f"{path} is no picture that can be read: {str(error).splitlines()[0]}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey pictures of 16 bits or floats would be clipped, not scaled, by a plain conversion."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image, np.float64)
    top = 65535.0 if image.mode.startswith("I") else max(1.0, float(values.max(initial=0)))
    return Image.fromarray(np.clip(255 * values / top + 0.5, 0, 255).astype(np.uint8))


def _cut(rgba: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    left, top, right, bottom = box
    height, width = rgba.shape[:2]
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise PictureError(
            f"the box {left} {top} {right} {bottom} does not lie in a picture of {width} x {height} pixels"
        )
    return rgba[top:bottom, left:right]


def _on_white(rgba: NDArray[np.uint8], notes: list[str]) -> tuple[NDArray[np.uint8], bool]:
    """(H, W, 3), and whether the background is known."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    colour = np.floor(rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
    if (alpha < 1).any():
        notes.append("transparent parts are white")
    middle = np.median(_border(colour), axis=0)
    alike = np.abs(colour.astype(np.int16) - middle.astype(np.int16)).max(axis=-1) <= BACKGROUND_LEVELS
    if _border(alike).mean() < PLAIN_BORDER:
        notes.append("its background stays, and no training image has one: a transparent background reads better")
        return colour, False
    patches, _ = ndimage.label(alike)
    rim = np.unique(_border(patches))
    behind = np.isin(patches, rim[rim > 0])
    if middle.min() < 255 - BACKGROUND_LEVELS:
        notes.append("its plain background is made white")
    return np.where(behind[..., None], np.uint8(255), colour), True


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    """The outermost pixels of (H, W, ...), one after another."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _square(colour: NDArray[np.uint8], known: bool, notes: list[str]) -> NDArray[np.uint8]:
    height, width = colour.shape[:2]
    if height == width:
        return colour
    if known:
        side = max(height, width)
        square = np.full((side, side, 3), 255, np.uint8)
        top, left = (side - height) // 2, (side - width) // 2
        square[top : top + height, left : left + width] = colour
        return square
    side = min(height, width)
    notes.append(f"cut to the middle {side} x {side} pixels; --box chooses another part")
    top, left = (height - side) // 2, (width - side) // 2
    return colour[top : top + side, left : left + side]
