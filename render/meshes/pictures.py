"""Pictures become textures: decoded within bounds, reduced to a side of 512, their alpha a cut or nothing."""

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
"""Where the alpha of a texture without a cut of its own goes to both sides of this, it is cut here."""


@dataclass
class Pictures:
    """Decodes the pictures of one mesh, and keeps count of their pixels."""

    pixels: int = 0
    number: int = 0

    def open(self, data: bytes) -> Image.Image:
        """The picture, as RGB or RGBA, in its own size.

        Raises
        ------
        MeshError
            When it is damaged, of no known format, or larger than allowed (alone or with those before it).
        """
        if data.startswith(LFS):
            raise MeshError("a git-LFS pointer instead of the picture (fetch it with `git lfs pull`)")
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            width, height = image.size
            self._count(width * height)
            image.load()
        except MeshError:
            raise
        except Exception as error:
            # Pillow meets damage with every exception there is.
            raise MeshError(
                f"no picture that can be read ({one_line(f'{type(error).__name__}: {error}', 100)})"
            ) from error
        return _coloured(image)

    def _count(self, pixels: int) -> None:
        self.number += 1
        self.pixels += pixels
        if not 0 < pixels <= MOST_PIXELS or self.pixels > MOST_PIXELS_TOGETHER or self.number > MOST_PICTURES:
            self.pixels -= pixels
            raise MeshError(
                f"a picture of {pixels} pixels; the most are {MOST_PIXELS}, and {MOST_PIXELS_TOGETHER} in "
                f"{MOST_PICTURES} pictures of one mesh"
            )


@dataclass(frozen=True)
class Texture:
    """What a material needs of a picture."""

    rgba: NDArray[np.uint8]
    """(H, W, 4), row 0 on top."""
    cut_below: float | None
    invisible: bool
    """Whether all of it lies below the cut, so that it is drawn whole instead."""


def texture(image: Image.Image, threshold: float | None) -> Texture:
    """The texture of a picture, at most 512 pixels a side.

    Parameters
    ----------
    image : RGB or RGBA
    threshold : float, optional
        Alpha (0..1) below which there is no surface, where the alpha really is on both sides of it. None when the
        material pays no heed to alpha: it is then full everywhere.
    """
    if threshold is None or image.mode != "RGBA":
        return Texture(_pixels(image.convert("RGB")), None, False)
    alpha = np.asarray(image.getchannel("A"))
    lowest, highest = float(alpha.min()) / 255, float(alpha.max()) / 255
    if lowest < threshold <= highest:
        # With alpha Pillow weighs colours by it, so that what is cut away does not tint the edge.
        reduced = _pixels(image)
        if reduced[..., 3].max() >= threshold * 255:
            return Texture(reduced, threshold, False)
    return Texture(_pixels(image.convert("RGB")), None, highest < threshold)


def with_mask(image: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with the alpha of another: its own alpha where it has some, else its brightness."""
    alpha = mask.getchannel("A") if mask.mode == "RGBA" else mask.convert("L")
    masked = image.convert("RGB")
    masked.putalpha(alpha.resize(image.size, Image.Resampling.BOX))
    return masked


def _coloured(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # Pillow cuts 16-bit greys off at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise MeshError("a picture of 32-bit greys; expected 8 bits a channel")
    alpha = image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info
    return image.convert("RGBA" if alpha else "RGB")


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 4), by the means over boxes: they need no library's sine, so that all machines agree."""
    longest = max(image.size)
    if longest > TEXTURE_SIDE:
        width, height = (max(1, (side * TEXTURE_SIDE + longest // 2) // longest) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BOX)
    return np.array(image.convert("RGBA"), np.uint8)
