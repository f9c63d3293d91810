"""Names of directions along the axes of a file, and how they become ours: +x right, +y up, +z front."""

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError

AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
USUAL_FRONT = {"+y": "+z", "-y": "+z", "+z": "-y", "-z": "-y", "+x": "+z", "-x": "+z"}
"""Default front by up axis, for a mesh whose front is unknown: the viewpoint of tools with that up axis."""


def parse_axis(name: str) -> str:
    """The axis in its full form: `Z` and `z` are `+z`; MeshError for other names."""
    full = name.strip().lower()
    full = full if full[:1] in "+-" and full else f"+{full}"
    if full not in AXES:
        raise MeshError(f"{name!r} is no axis; expected one of {', '.join(AXES)}")
    return full


def turned(positions: NDArray[np.float64], up: str, front: str) -> NDArray[np.float64]:
    """Positions (V, 3) in our axes. They are exchanged and negated, never multiplied: no bit is lost.

    Raises
    ------
    MeshError
        When front and up lie along one axis.
    """
    if up[1] == front[1]:
        raise MeshError(f"up ({up}) and front ({front}) lie along one axis")
    y, z = (("xyz".index(name[1]), -1.0 if name[0] == "-" else 1.0) for name in (up, front))
    x = 3 - y[0] - z[0]
    # The third axis completes a right-handed frame: right = up x front.
    cyclic = (y[0] + 1) % 3 == z[0]
    right = (x, y[1] * z[1] * (1.0 if cyclic else -1.0))
    # Adding zero turns -0 into 0.
    return np.stack([positions[:, axis] * sign + 0.0 for axis, sign in (right, y, z)], axis=1)
