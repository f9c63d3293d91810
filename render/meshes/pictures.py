"""Conversion of pictures to textures: decoded within limits, reduced to a side of 512, alpha cut or dropped."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from render.errors import MeshError
from render.meshes.limits import MOST_PICTURES, MOST_PIXELS, MOST_PIXELS_TOGETHER, TEXTURE_SIDE
from render.models.assemble import one_line
from render.models.content import LFS

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TGA", "GIF")
HALF = 0.5
"""Default alpha threshold: a texture with alpha on both sides of it is cut there."""
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    """A decoded picture of at most 512 pixels a side, (H, W, 4) uint8 with row 0 on top."""

    whole: Pixels
    """The stored colours, opaque."""
    cut: Pixels | None
    """The picture with alpha, reduced with colours weighted by it, so that edges are not tinted; None without alpha."""
    lowest: float
    """Lowest and (below) highest alpha, 0..1, before the picture was reduced."""
    highest: float


@dataclass(frozen=True)
class Texture:
    """Texture of a material, made from a picture."""

    rgba: Pixels
    cut_below: float | None
    invisible: bool
    """True when all of it is below the cut, so that it is rendered opaque instead."""


@dataclass
class Pictures:
    """Decoder of the pictures of one mesh, which enforces the limits on their number and pixels."""

    pixels: int = 0
    number: int = 0

    def open(self, data: bytes) -> Picture:
        """Decode the picture in the bytes of a file.

        Raises
        ------
        MeshError
            When it is damaged, of an unknown format, or larger than allowed (alone or with those before it).
        """
        if data.startswith(LFS):
            raise MeshError("it is a git-LFS pointer instead of the picture (fetch it with `git lfs pull`)")
        try:
            return _reduced(self._opened(data))
        except MeshError:
            raise
        except Exception as error:
            # Pillow raises exceptions of any type for damaged files.
            why = one_line(f"{type(error).__name__}: {error}", 100)
            raise MeshError(f"it is not a readable picture ({why})") from error

    def masked(self, picture: Picture, mask: Picture) -> Picture:
        """Return the picture with alpha from a mask: the mask's own alpha if it has any, else its brightness."""
        self._count(1)
        height, width = picture.whole.shape[:2]
        alpha = Image.fromarray(mask.whole).convert("L") if mask.cut is None else Image.fromarray(mask.cut[..., 3])
        cut = picture.whole.copy()
        cut[..., 3] = np.asarray(alpha.resize((width, height), Image.Resampling.BOX))
        return Picture(picture.whole, cut, float(cut[..., 3].min()) / 255, float(cut[..., 3].max()) / 255)

    def _opened(self, data: bytes) -> Image.Image:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        self._count(image.width * image.height)
        return image

    def _count(self, pixels: int) -> None:
        """Count a picture, or raise MeshError, before its memory is allocated: a few bytes can declare any size."""
        together = self.pixels + pixels
        if not 0 < pixels <= MOST_PIXELS or together > MOST_PIXELS_TOGETHER or self.number >= MOST_PICTURES:
            raise MeshError(
                f"it is a picture of {pixels} pixels after {self.number} others; the most are {MOST_PIXELS}, and "
                f"{MOST_PIXELS_TOGETHER} in {MOST_PICTURES} pictures together"
            )
        self.number += 1
        self.pixels = together


def texture(picture: Picture, threshold: float | None) -> Texture:
    """Make the texture of a material from a picture.

    Parameters
    ----------
    picture : Picture
    threshold : float, optional
        Alpha (0..1) below which there is no surface; used only if the picture has alpha on both sides of it. None
        when the material ignores alpha.
    """
    if threshold is None or picture.cut is None:
        return Texture(picture.whole, None, False)
    # Fine wickerwork may have no pixel above the threshold once it is reduced; opaque is better than invisible.
    if picture.lowest < threshold <= picture.highest and picture.cut[..., 3].max() >= threshold * 255:
        return Texture(picture.cut, threshold, False)
    return Texture(picture.whole, None, picture.lowest < threshold)


def _reduced(image: Image.Image) -> Picture:
    image.load()
    image = _coloured(image)
    if image.mode != "RGBA":
        return Picture(_pixels(image), None, 1.0, 1.0)
    # Reduced band by band: a second copy of a picture of 8192 x 8192 would take a quarter of a gigabyte.
    whole = Image.merge("RGB", [_small(image.getchannel(band)) for band in "RGB"])
    levels = np.flatnonzero(image.getchannel("A").histogram()) / 255
    return Picture(_pixels(whole), _pixels(image), float(levels[0]), float(levels[-1]))


def _coloured(image: Image.Image) -> Image.Image:
    """Convert to RGB, or to RGBA where the picture has alpha."""
    if image.mode.startswith("I"):
        # Greys of 16 bits, which Pillow would cut off at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    alpha = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    wanted = "RGBA" if alpha else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def _pixels(image: Image.Image) -> Pixels:
    """RGBA pixels (H, W, 4) uint8 of the reduced picture."""
    return np.array(_small(image).convert("RGBA"), np.uint8)


def _small(image: Image.Image) -> Image.Image:
    """Reduce to at most 512 pixels a side by box means, which are the same on every machine."""
    longest = max(image.size)
    if longest <= TEXTURE_SIDE:
        return image
    width, height = (max(1, (side * TEXTURE_SIDE + longest // 2) // longest) for side in image.size)
    return image.resize((width, height), Image.Resampling.BOX)
