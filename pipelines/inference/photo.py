"""Any picture file -> an image like those a network was trained on: upright, square, on white, same size and colour."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Kinds of pictures that are read. Pillow knows many more, and for some of them starts other programs."""
MOST_PIXELS = 150_000_000
LONGEST = 1000
"""Larger pictures are first averaged to this length of the longer side, in pixels."""
PLAIN_BORDER = 0.6
"""A background is plain if this share of the border has one colour; the rest may be neck and shoulders."""
BACKGROUND_LEVELS = 12
"""Largest difference of background pixels from the border's median, in grey levels."""
SMALL, TO_SPARE, SPECK = 0.7, 1.1, 0.01
"""Shares of a side: smaller heads are cropped; the crop's size, as a multiple of the head's; fewer pixels are dust."""
LUMINANCE = (0.2126, 0.7152, 0.0722)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to the transposition that undoes it."""
Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels."""


class PictureError(ValueError):
    """A file that cannot be used as a picture; the text names the reason and what to do."""


def read_picture(path: Path, side: int, channels: int, box: Box | None = None) -> tuple[NDArray[np.uint8], list[str]]:
    """Read a picture in the form of a network's training images, and list the changes made to it.

    Transparent parts and a plain background become white. A picture that is not square is padded with white where its
    background is known, else cropped to its middle. On a known background a head that fills less than `SMALL` of the
    square is cropped, since the heads of the training images fill theirs.

    Parameters
    ----------
    path : a file that Pillow can read; of an animation the first frame is used
    side : pixels a side
    channels : 1 (grey, by luminance) or 3
    box : part to use, cropped first; a head in it is not cropped again

    Returns
    -------
    (side, side) or (side, side, 3) uint8, and notes on the changes, for the user

    Raises
    ------
    PictureError
        The file is missing, damaged, too large or not a picture, or the box is outside it.
    """
    notes: list[str] = []
    rgba, scale = _open(path, box, notes)
    colour, known = _on_white(rgba, notes)
    square = _square(colour, known, scale, notes)
    if known and box is None:
        square = _closer(square, scale, notes)
    scaled = np.array(Image.fromarray(square).resize((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0))
    if channels == 3:
        return scaled, notes
    return np.floor(scaled @ np.array(LUMINANCE) + 0.5).astype(np.uint8), notes


def _open(path: Path, box: Box | None, notes: list[str]) -> tuple[NDArray[np.uint8], float]:
    """Open a picture as (H, W, 4) uint8, upright, cropped, no side above `LONGEST`; and the factor of reduction."""
    try:
        with warnings.catch_warnings():
            # Warnings about size, which is checked below with a larger bound, and about damage that Pillow tolerates.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=KINDS) as image:
                _check_size(path, image)
                if getattr(image, "n_frames", 1) > 1:
                    notes.append("an animation: its first frame is used")
                turned = _upright(image)
                return _shrunk(turned if box is None else turned.crop(_inside(box, turned.size)))
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder, not a picture") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{path} has more than {MOST_PIXELS:,} pixels; scale it down") from None
    except PictureError:
        raise
    except (Exception, MemoryError) as error:
        # Damaged files raise whatever their decoder happens to.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise PictureError(f"{path} cannot be read as a picture ({reason}); give a PNG or a JPEG") from error


def _check_size(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise PictureError(f"{path} has {width} x {height} pixels, more than {MOST_PIXELS:,}; scale it down")


def _upright(image: Image.Image) -> Image.Image:
    """Convert to eight bits a channel, rotated upright by EXIF; damaged EXIF data are ignored."""
    image.load()
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  (fuzzed EXIF raises TypeError, struct.error, AttributeError and more)
        turn = None
    eight = _eight_bits(image)
    return eight if turn is None else eight.transpose(turn)


def _inside(box: Box, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    width, height = size
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise PictureError(
            f"the box {left} {top} {right} {bottom} does not lie in a picture of {width} x {height} pixels"
        )
    return box


def _shrunk(image: Image.Image) -> tuple[NDArray[np.uint8], float]:
    scale = max(1.0, max(image.size) / LONGEST)
    if scale > 1:
        size = (max(1, round(image.width / scale)), max(1, round(image.height / scale)))
        # Palettes and single bits have no averages.
        image = image.convert("RGBA") if image.mode in ("P", "PA", "1") else image
        image = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return np.array(image.convert("RGBA")), scale


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale grey pictures of 16 bits or floats to eight bits; a plain conversion would clip them."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.nan_to_num(np.asarray(image, np.float32))
    largest = float(values.max(initial=0))
    # A picture with 32 bits may hold values up to 1, 255 or 65535.
    likely = (65535.0,) if image.mode.startswith("I;16") else (1.0, 255.0, 65535.0)
    top = next((white for white in likely if largest <= white), largest)
    return Image.fromarray(np.clip(255 * values / top + 0.5, 0, 255).astype(np.uint8))


def _on_white(rgba: NDArray[np.uint8], notes: list[str]) -> tuple[NDArray[np.uint8], bool]:
    """Make transparent parts and a plain background white: (H, W, 3), and True if the background is known."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    colour = np.floor(rgba[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
    if (alpha < 1).any():
        notes.append("transparent parts are white")
    middle = np.median(_border(colour), axis=0)
    alike = np.abs(colour.astype(np.int16) - middle.astype(np.int16)).max(axis=-1) <= BACKGROUND_LEVELS
    if _border(alike).mean() < PLAIN_BORDER:
        notes.append("its background stays, but training images have none: a transparent background works better")
        return colour, False
    patches, _ = ndimage.label(alike)
    rim = np.unique(_border(patches))
    behind = np.isin(patches, rim[rim > 0])
    if middle.min() < 255 - BACKGROUND_LEVELS:
        notes.append("its plain background is made white")
    return np.where(behind[..., None], np.uint8(255), colour), True


def _border(pixels: NDArray[Any]) -> NDArray[Any]:
    """Concatenate the outermost pixels of (H, W, ...)."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


def _square(colour: NDArray[np.uint8], known: bool, scale: float, notes: list[str]) -> NDArray[np.uint8]:
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
    whole = round(side * scale)
    notes.append(f"cropped to the middle {whole} x {whole} pixels; --box chooses another part")
    top, left = (height - side) // 2, (width - side) // 2
    return colour[top : top + side, left : left + side]


def _closer(square: NDArray[np.uint8], scale: float, notes: list[str]) -> NDArray[np.uint8]:
    """Crop what is not white, where it is small: space above the head, the neck on the border, as in training."""
    side = len(square)
    inked = (square < 255).any(axis=-1)
    rows, columns = (np.flatnonzero(inked.sum(axis=axis) > SPECK * side) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return square
    height, width = (int(np.ptp(found)) + 1 for found in (rows, columns))
    if max(height, width) >= SMALL * side:
        return square
    part = int(TO_SPARE * max(height, width) + 0.5)
    top, left = int(rows[-1]) + 1 - part, int(columns[0]) - (part - width) // 2
    whole = round(part * scale)
    notes.append(f"the head was small: cropped to {whole} x {whole} pixels around it; --box chooses another part")
    around = np.pad(square, ((part, part), (part, part), (0, 0)), constant_values=255)
    return around[part + top : 2 * part + top, part + left : 2 * part + left]
