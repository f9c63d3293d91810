"""Names of directions along the axes of a file, and the change to the axes used here: +x right, +y up, +z front."""

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError

AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
USUAL_FRONT = {"+y": "+z", "-y": "+z", "+z": "-y", "-z": "-y", "+x": "+z", "-x": "+z"}
"""Default front for each up axis: the side from which tools with that up axis view a mesh."""


def parse_axis(name: str) -> str:
    """Return an axis name in its full form (`Z` and `z` become `+z`); raise MeshError for other names."""
    full = name.strip().lower()
    full = full if full[:1] in "+-" and full else f"+{full}"
    if full not in AXES:
        raise MeshError(f"{name!r} is not an axis; expected one of {', '.join(AXES)}")
    return full


def turned(positions: NDArray[np.float64], up: str, front: str) -> NDArray[np.float64]:
    """Permute and negate coordinates so that `up` becomes +y and `front` becomes +z; no bit is lost.

    Parameters
    ----------
    positions : (V, 3) float64
    up, front : str
        Full names of axes, such as `+z`.

    Raises
    ------
    MeshError
        When front and up lie along one axis.
    """
    if up[1] == front[1]:
        raise MeshError(f"up ({up}) and front ({front}) lie along one axis; expected two different ones")
    y, z = (("xyz".index(name[1]), -1.0 if name[0] == "-" else 1.0) for name in (up, front))
    x = 3 - y[0] - z[0]
    # The third axis completes a right-handed frame: right = up x front.
    cyclic = (y[0] + 1) % 3 == z[0]
    right = (x, y[1] * z[1] * (1.0 if cyclic else -1.0))
    # Adding zero turns -0 into 0.
    return np.stack([positions[:, axis] * sign + 0.0 for axis, sign in (right, y, z)], axis=1)
