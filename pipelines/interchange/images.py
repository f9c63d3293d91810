"""Picture files of any size, kind and shape -> square uint8 arrays of one size, grey or in colour.

Transparent parts become white, like the background of rendered images. A picture that is not square is cropped to its
middle.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipelines.interchange.source import ImageFormat, SourceError

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM")
"""Kinds of pictures that are read. Others are refused: for EPS Pillow starts another program on a file from elsewhere,
and the library behind TIFF prints its own lines about every damaged one."""
MOST_PIXELS = 64_000_000
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue, as in the renderer."""


def read_image(path: str | Path, image_format: ImageFormat) -> NDArray[np.uint8]:
    """Read a picture file as a (size, size) or (size, size, 3) uint8 array.

    Raises
    ------
    SourceError
        The file is missing, damaged, too large, or not a picture.
    """
    with _opened(path) as image:
        return fit(_on_white(image), image_format)


def check_image(path: str | Path) -> None:
    """Raise the error that `read_image` would raise; a PNG is checked by its checksums, without decoding it."""
    with _opened(path) as image:
        if image.format == "PNG":
            image.verify()
        else:
            _on_white(image)


def fit(image: Image.Image, image_format: ImageFormat) -> NDArray[np.uint8]:
    """Crop the middle of a grey or RGB picture, and scale it.

    The Hamming filter averages over the area that a pixel covers, with falling weights. A box filter would alternate
    between two and three source pixels where 400 become 150, and Lanczos makes rims around subjects on white.
    """
    side = max(1, math.floor(min(image.size) * image_format.crop + 0.5))
    left, top = ((length - side) // 2 for length in image.size)
    image = image.crop((left, top, left + side, top + side))
    if side != image_format.size:
        image = image.resize((image_format.size, image_format.size), Image.Resampling.HAMMING)
    if image_format.color == "rgb":
        return np.array(image.convert("RGB"))
    return np.array(image) if image.mode == "L" else grey(np.array(image))


def grey(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert (..., 3) uint8 to (...) uint8 by luminance, rounded."""
    red, green, blue = (weight * colour[..., k] for k, weight in enumerate(LUMINANCE))
    return np.floor(red + green + blue + 0.5).astype(np.uint8)


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """Open a picture without decoding it; any failure inside the block becomes a `SourceError`."""
    try:
        with Image.open(path, formats=KINDS) as image:
            _refuse(path, image)
            yield image
    except SourceError:
        raise
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise SourceError(f"{path} has more than {MOST_PIXELS:,} pixels: scale it down") from None
    except (Exception, MemoryError) as error:
        # Damaged files raise whatever their decoder happens to.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SourceError(f"{path} cannot be read as a picture ({reason})") from error


def _refuse(path: str | Path, image: Image.Image) -> None:
    """Refuse a picture that cannot be used, by its header."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise SourceError(f"{path} has {width} x {height} pixels, more than {MOST_PIXELS:,}: scale it down")
    if image.mode in ("I", "F"):
        raise SourceError(f"{path} has 32-bit values, and which value is white is unknown: save it with 8 bits")


def _on_white(image: Image.Image) -> Image.Image:
    """Convert a picture to upright grey or RGB with 8 bits, over white where it is transparent."""
    image.load()
    if image.mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))
    turned = _upright(image)
    if turned.has_transparency_data:
        whole = turned.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
    return turned.convert("L" if turned.mode in ("1", "L") else "RGB")


def _upright(image: Image.Image) -> Image.Image:
    """Rotate a picture upright by its EXIF orientation; damaged EXIF data are ignored."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  (fuzzed EXIF raises TypeError, struct.error, AttributeError and more)
        return image
