"""Patterns, which know no colours yet, and how they are coloured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from render.content.chairs.finishes.noise import SIZE
from render.content.chairs.solids.turns import Array

Texture = NDArray[np.uint8]
Field = NDArray[np.float32]


@dataclass(frozen=True)
class Pattern:
    """A tileable square, to be coloured by a pair of colours."""

    share: Field
    """(SIZE, SIZE), 0..1: how much of the second colour there is."""
    shade: Field | None = None
    """(SIZE, SIZE) factor on the mixture; None for 1 everywhere."""
    alpha: Texture | None = None
    """(SIZE, SIZE); None where nothing is cut out."""

    @classmethod
    def of(cls, share: Array, shade: Array | None = None, alpha: Array | None = None) -> "Pattern":
        """The pattern of fields in float64."""
        return cls(
            np.clip(share, 0.0, 1.0).astype(np.float32),
            None if shade is None else shade.astype(np.float32),
            None if alpha is None else np.floor(np.clip(alpha, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8),
        )

    def colored(self, first: tuple[float, ...], second: tuple[float, ...]) -> Texture:
        """(SIZE, SIZE, 4) RGBA in two colours (RGB, 0..1), read-only."""
        out = np.full((SIZE, SIZE, 4), 255, np.uint8)
        for k in range(3):
            low, high = np.float32(255.0 * first[k]), np.float32(255.0 * second[k])
            mixed = low + (high - low) * self.share
            if self.shade is not None:
                mixed = np.minimum(mixed * self.shade, np.float32(255.0))
            out[..., k] = (mixed + np.float32(0.5)).astype(np.uint8)
        if self.alpha is not None:
            out[..., 3] = self.alpha
        # Parts of many chairs share it.
        out.setflags(write=False)
        return out
