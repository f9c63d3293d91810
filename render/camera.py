"""The camera: one perspective view for a whole store, framed on the mean subject."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import RenderError
from render.pose import rotation

FIELD_OF_VIEW = 20.0
"""Vertical field of view in degrees."""
HEAD_SHARE = 0.9
"""Share of the frame's height that the head box, crown to chin, takes at pose zero."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera on the +z axis that points at the subject's centre.

    A subject's point X is seen at p ~ K (R' X + t) in OpenCV form (x right, y down, z forward), where
    R' = diag(1, -1, -1) R scale and R is the pose of `render.pose.rotation`.
    """

    height: int
    """Pixels."""
    width: int
    """Pixels."""
    centre: tuple[float, float, float]
    """The point, in model units, about which the subject turns and at which the camera looks."""
    distance: float
    """From the camera to the centre, in scene units (model units times scale)."""
    scale: float = 1.0
    """Scene units per model unit."""
    field_of_view: float = FIELD_OF_VIEW
    """Vertical, degrees."""

    def __post_init__(self) -> None:
        if not (1 <= self.height <= 4096 and 1 <= self.width <= 4096):
            raise RenderError(f"an image is 1 to 4096 pixels a side, not {self.width} x {self.height}")
        if not (self.distance > 0 and self.scale > 0 and 0 < self.field_of_view < 180):
            raise RenderError(
                f"distance ({self.distance}), scale ({self.scale}) and field of view "
                f"({self.field_of_view} degrees) must be positive, the last below 180"
            )

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return self.height / 2 / math.tan(math.radians(self.field_of_view) / 2)

    @property
    def K(self) -> NDArray[np.float64]:
        """(3, 3) intrinsic matrix; pixel (row, column) covers [row, row + 1) x [column, column + 1)."""
        f = self.focal
        return np.array([[f, 0, self.width / 2], [0, f, self.height / 2], [0, 0, 1.0]])

    def extrinsics(self, azimuth: float, elevation: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """R (3, 3) and t (3,) in OpenCV form, scale included in R, for a pose in degrees."""
        R = np.diag([1.0, -1.0, -1.0]) @ rotation(azimuth, elevation) * self.scale
        return R, np.array([0.0, 0.0, self.distance]) - R @ np.array(self.centre)

    def project(self, points: NDArray[np.floating], azimuth: float, elevation: float) -> NDArray[np.float64]:
        """Pixel coordinates of a subject's points.

        Parameters
        ----------
        points : (n, 3) float
            Model units.
        azimuth, elevation : float
            Degrees.

        Returns
        -------
        (n, 3) float64
            x and y in pixels from the image's top left corner; depth along the axis in scene units.
        """
        R, t = self.extrinsics(azimuth, elevation)
        seen = points.astype(np.float64) @ R.T + t
        with np.errstate(divide="ignore", invalid="ignore"):
            x = self.focal * seen[:, 0] / seen[:, 2] + self.width / 2
            y = self.focal * seen[:, 1] / seen[:, 2] + self.height / 2
        return np.stack([x, y, seen[:, 2]], axis=1)

    def to_json(self) -> dict[str, Any]:
        """The fields, with K beside them for readers that want matrices."""
        return {**asdict(self), "centre": list(self.centre), "K": self.K.tolist()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Camera":
        """The camera that `to_json` described."""
        own = {k: v for k, v in fields.items() if k != "K"}
        return cls(**{**own, "centre": tuple(own["centre"])})


def frame_head(
    mean: NDArray[np.float32],
    chin: float | None,
    size: int,
    azimuths: Sequence[float],
    elevations: Sequence[float],
    rolls: Sequence[float] = (0.0,),
) -> Camera:
    """Camera on which the mean head takes 90% of the height, or less where a corner of the ranges needs it.

    Parameters
    ----------
    mean : (V, 3) float32
        The mean subject, model units.
    chin : float or None
        The chin's height (y, model units), where a landmark tells; else the whole mean is the head.
    size : int
        Pixels a side.
    azimuths, elevations, rolls : sequence of float
        Degrees at which the head must stay inside the frame: low, middle and high of each range. What lies
        below the chin (neck, shoulders) may leave the frame.

    Raises
    ------
    RenderError
        When the mean is flat, or its chin is its highest point.
    """
    points = mean.astype(np.float64)
    bottom = points[:, 1].min() if chin is None else chin
    head = points[points[:, 1] >= bottom]
    low, high = head.min(axis=0), head.max(axis=0)
    if not (np.isfinite(points).all() and high[1] > low[1]):
        raise RenderError("the mean subject has no finite height above its chin to frame; is it upside down?")
    x, y, z = (float(c) for c in (low + high) / 2)
    centre = (x, y, z)
    half = math.tan(math.radians(FIELD_OF_VIEW) / 2)
    distance = (high[1] - low[1]) / 2 / (HEAD_SHARE * half)
    for pose in itertools.product(azimuths, elevations, rolls):
        R = rotation(*pose)
        # Written out rather than left to BLAS: the distance reaches every pixel.
        turned = (head[:, :1] - x) * R[:, 0] + (head[:, 1:2] - y) * R[:, 1] + (head[:, 2:] - z) * R[:, 2]
        # A point fits when |x| and |y| are at most half * (distance - z).
        distance = max(distance, float((np.abs(turned[:, :2]).max(axis=1) / half + turned[:, 2]).max()))
    return Camera(size, size, centre, float(distance))
