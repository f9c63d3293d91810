"""The sign conventions: degrees in, rotation matrices and unit vectors out. The only trigonometry in the renderer.

Axes are right-handed: +x to the viewer's right, +y up, +z out of the subject toward the camera at azimuth 0.
"""

import math

import numpy as np
from numpy.typing import NDArray

LIGHT_ELEVATION = 20.0
"""Degrees the directional light stands above the horizon, for faces."""


def rotation(azimuth: float, elevation: float, roll: float = 0.0) -> NDArray[np.float64]:
    """Turn of the subject as the camera sees it, R = Rz(roll) Rx(elevation) Ry(azimuth).

    Parameters
    ----------
    azimuth : float
        Degrees about +y. Positive moves the nose toward +x, the viewer's right.
    elevation : float
        Degrees the camera is raised. Positive shows more of the top of the head.
    roll : float
        Degrees about the camera's axis. Positive turns the image counter-clockwise.

    Returns
    -------
    (3, 3) float64
        Rows are the camera's axes x right, y up, z backward; `R @ x` takes a subject's vector there.
    """
    a, e = math.radians(azimuth), math.radians(elevation)
    ca, sa, ce, se = math.cos(a), math.sin(a), math.cos(e), math.sin(e)
    about_y = np.array([[ca, 0.0, sa], [0.0, 1.0, 0.0], [-sa, 0.0, ca]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, ce, -se], [0.0, se, ce]])
    # Written out rather than left to BLAS: these bits reach the pixels.
    turned = _product(about_x, about_y)
    if roll == 0:
        return turned
    c, s = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    return _product(np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]), turned)


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) matrix product in a fixed order of summation."""
    return np.array([[sum(a[i, k] * b[k, j] for k in range(3)) for j in range(3)] for i in range(3)])


def light_direction(light: float, elevation: float = LIGHT_ELEVATION) -> NDArray[np.float64]:
    """Unit vector from the subject toward the light, in the camera's frame.

    Parameters
    ----------
    light : float
        Degrees about +y. 0 is over the camera, positive comes from the viewer's right.
    elevation : float
        Degrees above the horizon.

    Returns
    -------
    (3,) float64
    """
    a, e = math.radians(light), math.radians(elevation)
    return np.array([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
