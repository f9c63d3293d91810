"""Pictures of any size, kind and shape -> square uint8 arrays of one size, grey or in colour.

Transparent parts become white, as the background of every rendered image is. What is not square is cut to its middle.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pipelines.interchange.errors import SourceError

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM")
"""Others are refused: for EPS Pillow starts a program on a file that came from elsewhere, and the library behind TIFF
prints lines of its own about every damaged one."""
MOST_PIXELS = 64_000_000
LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of red, green and blue, as in the renderer."""


@dataclass(frozen=True)
class ImageFormat:
    """How images are to come out."""

    size: int
    """Pixels a side."""
    color: str
    """`grey` or `rgb`."""
    kept: float = 1.0
    """Share of the shorter side that is cut out of the middle."""


def read_image(path: str | Path, image_format: ImageFormat) -> NDArray[np.uint8]:
    """(size, size) or (size, size, 3).

    Raises
    ------
    SourceError
        No file, no picture, damaged, or too large.
    """
    with _opened(path) as image:
        return fit(_on_white(image), image_format)


def check_image(path: str | Path) -> None:
    """Raise what `read_image` would. The checksums of a PNG tell without decoding it."""
    with _opened(path) as image:
        if image.format == "PNG":
            image.verify()
        else:
            _on_white(image)


def fit(image: Image.Image, image_format: ImageFormat) -> NDArray[np.uint8]:
    """Cut the middle out of a grey or RGB picture, and scale it.

    The filter averages over the area that a pixel covers, with falling weights: a box has two or three source pixels
    to a pixel by turns where 400 become 150, and Lanczos draws rims around what stands on white.
    """
    side = max(1, math.floor(min(image.size) * image_format.kept + 0.5))
    left, top = ((length - side) // 2 for length in image.size)
    image = image.crop((left, top, left + side, top + side))
    if side != image_format.size:
        image = image.resize((image_format.size, image_format.size), Image.Resampling.HAMMING)
    if image_format.color == "rgb":
        return np.array(image.convert("RGB"))
    return np.array(image) if image.mode == "L" else grey(np.array(image))


def grey(colour: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., 3) to (...) by luminance."""
    red, green, blue = (weight * colour[..., k] for k, weight in enumerate(LUMINANCE))
    return np.floor(red + green + blue + 0.5).astype(np.uint8)


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """The picture, not decoded yet; whatever goes wrong with it inside the block becomes one error."""
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
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise SourceError(f"{path} is no picture that can be read ({said})") from error


def _refuse(path: str | Path, image: Image.Image) -> None:
    """What cannot be used, told by its first bytes."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise SourceError(f"{path} has {width} x {height} pixels, more than {MOST_PIXELS:,}: scale it down")
    if image.mode in ("I", "F"):
        raise SourceError(f"{path} has numbers of 32 bits, and which of them is white is unknown: save it with 8 bits")


def _on_white(image: Image.Image) -> Image.Image:
    """Upright, grey or RGB, 8 bits, over white."""
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
    """Turned as the camera says it was held; damaged notes of the camera say nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  (fuzzed EXIF raises TypeError, struct.error, AttributeError and more)
        return image
