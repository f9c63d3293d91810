"""What was drawn flat, laid along a curve: backs along a profile, walls along a plan."""

import numpy as np

from render.content.chairs.solids.paths import along
from render.content.chairs.solids.shape import length
from render.content.chairs.solids.turns import Array


class Bend:
    """A plane curve by its length: points on it, and beside it on its left.

    Parameters
    ----------
    path : (n, 2) float64
        Continued straight beyond its ends.
    start : float
        Distance from the path's start that counts as 0, metres.
    """

    def __init__(self, path: Array, start: float = 0.0) -> None:
        legs = path[1:] - path[:-1]
        ways = legs / length(legs)[:, None]
        mean = np.concatenate([ways[:1], ways[1:] + ways[:-1], ways[-1:]])
        mean = mean / length(mean)[:, None]
        run = np.concatenate([[0.0], np.cumsum(length(legs))])
        self.start, self.long = start, float(run[-1])
        self._path = path
        # Normals by distance: looked up as a curve of their own over the same lengths.
        self._run, self._normals = run, np.stack([-mean[:, 1], mean[:, 0]], axis=1)

    def place(self, at: Array, left: Array) -> Array:
        """Points (..., 2) at distances along the curve and beside it."""
        at = at + self.start
        k = np.clip(np.searchsorted(self._run, at, side="right") - 1, 0, len(self._run) - 2)
        share = np.clip((at - self._run[k]) / (self._run[k + 1] - self._run[k]), 0.0, 1.0)[..., None]
        normal = self._normals[k] * (1.0 - share) + self._normals[k + 1] * share
        normal = normal / length(normal)[..., None]
        return np.asarray(along(self._path, at) + left[..., None] * normal)

    def profile(self, points: Array) -> Array:
        """(V, 3) with y as the distance along a (y, z) curve and z beside it; x stays."""
        yz = self.place(points[:, 1], points[:, 2])
        return np.column_stack([points[:, 0], yz])

    def plan(self, points: Array) -> Array:
        """(V, 3) with x as the distance along an (x, z) curve and z beside it; y stays."""
        xz = self.place(points[:, 0], points[:, 2])
        return np.column_stack([xz[:, 0], points[:, 1], xz[:, 1]])
