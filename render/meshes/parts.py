"""Output of every reader and generator of meshes: parts in one frame, each with its own material."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Material:
    """Appearance of a part: the rendered albedo is colour times texture times the part's own colours."""

    color: tuple[float, float, float] = (0.8, 0.8, 0.8)
    """RGB, 0..1, display-referred."""
    texture: NDArray[np.uint8] | None = None
    """(H, W, 4) RGBA, row 0 on top, at most 512 pixels a side; display-referred."""
    wrap: tuple[str, str] = ("repeat", "repeat")
    """Wrap modes along u and v, of `render.texture.WRAPS`."""
    cut_below: float | None = None
    """Alpha (0..1) of the texture below which there is no surface; None for an opaque surface."""


@dataclass(frozen=True)
class Part:
    """Triangles of one material."""

    positions: NDArray[np.float64]
    """(V, 3), the file's units and axes; finite."""
    triangles: NDArray[np.int32]
    """(T, 3) vertex indices; any winding."""
    material: Material = Material()
    uv: NDArray[np.float32] | None = None
    """(V, 2); v = 0 is the texture's bottom row, as in OBJ and OpenGL."""
    colors: NDArray[np.float32] | None = None
    """(V, 3) RGB, 0..1, display-referred."""
    label: int = 0
    """Value in the region channel, 1..255; 0 for an unnamed part."""


@dataclass(frozen=True)
class RawMesh:
    """A mesh as it was read or generated, with warnings about its defects."""

    parts: tuple[Part, ...]
    """At least one part; together they have at least one triangle."""
    warnings: tuple[str, ...] = field(default=())
    """One line for each item that was left out or replaced, with the reason."""
    files: tuple[Path, ...] = ()
    """Full paths of the files it was read from: the mesh first, then buffers, material libraries, pictures."""
