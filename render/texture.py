"""Pictures on surfaces: mip levels in one flat array, as the kernels want them.

What a texture shows between its texels and between its levels is written down here once, for every backend: bilinear in
a level; the two levels whose texels are next smaller and next larger than a sample's footprint, mixed in proportion to
the footprint's excess (rho / 2^k - 1, which is log2 rho to within 0.09 and needs no logarithm). The footprint rho is
the longer of the two steps in texels that one sample to the right and one down make on the surface.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WRAPS = ("repeat", "clamp", "mirror")
"""Behaviour of a texture outside 0..1."""
LARGEST = 1024
"""Pixels of a texture's longer side."""
MOST_LEVELS = LARGEST.bit_length()
CUT = 0.5
"""Alpha below which a texture that is cut out has no surface."""


@dataclass(frozen=True)
class Textures:
    """The textures of one mesh."""

    texels: NDArray[np.uint8]
    """(N, 4) RGBA of all levels of all textures, row by row, row 0 on top."""
    levels: NDArray[np.int32]
    """(K, MOST_LEVELS, 3): first texel, rows and columns of each level; 0 rows after the last one."""
    wrap: NDArray[np.uint8]
    """(K, 2) index into `WRAPS`, along u and v."""
    cut: NDArray[np.bool_]
    """(K,) True where there is no surface below an alpha of `CUT`; elsewhere alpha is ignored."""

    def __len__(self) -> int:
        return len(self.cut)

    def level(self, texture: int, number: int) -> NDArray[np.uint8]:
        """(rows, columns, 4) of one level."""
        first, rows, columns = self.levels[texture, number]
        return self.texels[first : first + rows * columns].reshape(rows, columns, 4)


@dataclass(frozen=True)
class Skin:
    """The assignment of textures to a mesh."""

    textures: Textures
    uv: NDArray[np.float32]
    """(V, 2) of each vertex; v = 0 is a texture's bottom."""
    index: NDArray[np.int16]
    """(T,) which texture a triangle shows, -1 for none; triangles whose texture is cut out come last."""

    def check(self, vertices: int, triangles: int) -> None:
        """Raise ValueError where this is no skin for a mesh of so many vertices and triangles."""
        if self.uv.shape != (vertices, 2) or self.uv.dtype != np.float32 or not np.isfinite(self.uv).all():
            raise ValueError(
                f"uv must be finite, float32, of shape ({vertices}, 2), not {self.uv.dtype} of shape {self.uv.shape}"
            )
        if self.index.shape != (triangles,) or self.index.dtype != np.int16:
            raise ValueError(
                f"index must be int16 of shape ({triangles},), not {self.index.dtype} of shape {self.index.shape}"
            )
        if triangles and not (self.index.min() >= -1 and self.index.max() < len(self.textures)):
            raise ValueError(
                f"triangles name textures {self.index.min()} to {self.index.max()}; there are {len(self.textures)}"
            )
        if (np.diff(self._cut_out().astype(np.int8)) < 0).any():
            raise ValueError("triangles whose texture is cut out must come last")

    @property
    def whole(self) -> int:
        """Number of triangles, the first ones, without holes."""
        return len(self.index) - int(self._cut_out().sum())

    def _cut_out(self) -> NDArray[np.bool_]:
        """(T,) whether a triangle's texture is cut out."""
        found: NDArray[np.bool_] = np.append(self.textures.cut, False)[self.index]
        return found


def make_textures(
    pictures: Sequence[NDArray[np.uint8]],
    wraps: Sequence[tuple[str, str]] | None = None,
    cuts: Sequence[float | None] | None = None,
) -> Textures:
    """Mip levels of pictures.

    Parameters
    ----------
    pictures : (H, W, 4) uint8 RGBA each, at most `LARGEST` a side
    wraps : a pair of `WRAPS` each, default repeat
    cuts : alpha (0..1) below which there is no surface, or None, each; default None

    Raises
    ------
    ValueError
        On other shapes or types.
    """
    texels: list[NDArray[np.uint8]] = []
    levels = np.zeros((len(pictures), MOST_LEVELS, 3), np.int32)
    wraps = wraps or [("repeat", "repeat")] * len(pictures)
    cuts = cuts or [None] * len(pictures)
    first = 0
    for k, (picture, cut) in enumerate(zip(pictures, cuts, strict=True)):
        for number, level in enumerate(_pyramid(_checked(picture), cut)):
            rows, columns = level.shape[:2]
            levels[k, number] = first, rows, columns
            texels.append(level.reshape(-1, 4))
            first += rows * columns
    kinds = np.array([[WRAPS.index(way) for way in pair] for pair in wraps], np.uint8).reshape(-1, 2)
    flat = np.concatenate(texels) if texels else np.zeros((0, 4), np.uint8)
    return Textures(flat, levels, kinds, np.array([cut is not None for cut in cuts], bool))


def _checked(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4 or not picture.size:
        raise ValueError(f"a texture is (H, W, 4) uint8, not {picture.shape} {picture.dtype}")
    if max(picture.shape[:2]) > LARGEST:
        raise ValueError(f"a texture has at most {LARGEST} pixels a side, not {picture.shape[1]} x {picture.shape[0]}")
    return picture


def _pyramid(picture: NDArray[np.uint8], cut: float | None) -> list[NDArray[np.uint8]]:
    """Levels down to one texel, each half as large as the one before, rounded down."""
    if cut is not None:
        # One threshold for all textures: alpha is stretched so that theirs becomes `CUT`.
        alpha = np.minimum(255, np.floor(picture[..., 3] * (CUT / max(cut, 1 / 255)) + 0.5))
        picture = np.concatenate([picture[..., :3], alpha[..., None].astype(np.uint8)], axis=2)
    levels = [picture]
    while max(levels[-1].shape[:2]) > 1:
        levels.append(_halved(levels[-1], weighted=cut is not None))
    return levels


def _halved(level: NDArray[np.uint8], *, weighted: bool) -> NDArray[np.uint8]:
    """The level below; `weighted`: what is cut out lends no colour to what is not."""
    values = level.astype(np.float64)
    weight = np.maximum(values[..., 3:], 1e-6) if weighted else np.ones_like(values[..., 3:])
    sums = _shrunk(_shrunk(np.concatenate([values[..., :3] * weight, weight, values[..., 3:]], axis=2), 0), 1)
    mean = np.concatenate([sums[..., :3] / sums[..., 3:4], sums[..., 4:]], axis=2)
    return np.floor(mean + 0.5).astype(np.uint8)


def _shrunk(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Means over half as many intervals of equal length: 2 texels each, or shares of 3 where the number is odd."""
    x = np.moveaxis(values, axis, 0)
    size, half = len(x), max(1, len(x) // 2)
    if size == 1:
        return values
    if size % 2 == 0:
        mean = (x[0::2] + x[1::2]) / 2
    else:
        k = np.arange(half).reshape(-1, *[1] * (x.ndim - 1))
        mean = (
            (half - k) * x[0 : 2 * half : 2] + half * x[1 : 2 * half : 2] + (k + 1) * x[2 : 2 * half + 1 : 2]
        ) / size
    return np.moveaxis(mean, 0, axis)
