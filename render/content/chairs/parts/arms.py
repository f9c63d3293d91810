"""Arms of chairs with posts: from a point on the back post to a support in front."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.parts.legs import column
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import plank
from render.content.chairs.solids.curves import fillet, lerp, spline, stations
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point, circle
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import flat_section, round_section, tube


@dataclass(frozen=True)
class ArmJob:
    """The line of a right-hand (+x) arm. Metres."""

    rear: Point
    """The point on the back post at which it ends."""
    front: Point
    """The foot of the support in front, on the seat's rim or leg."""
    thick: float
    """Thickness of the support."""
    round: bool
    """True for a round support, False for a square one."""


def paddle(rng: Sampler, job: ArmJob) -> list[Shape]:
    """A flat arm, broadest in front, on a post."""
    width, thick = rng.between(0.040, 0.062), rng.between(0.018, 0.026)
    over = rng.between(0.02, 0.06)
    drop = rng.between(0.0, 0.02)
    top = job.rear[1] - drop
    z = stations(job.rear[2] - 0.004, job.front[2] + over, 12)
    share = (z - z[0]) / (z[-1] - z[0])
    half = width / 2 * lerp([(0, 0.55), (0.4, 0.7), (0.8, 1.0), (0.93, 0.95), (1.0, 0.6)], share)
    x = job.rear[0] + (job.front[0] - job.rear[0]) * share
    y = job.rear[1] - drop * share
    arm = plank(z, x - half, x + half, thick).along_z()
    return [arm.bent(lifted(z, y)), _post(job, top)]


def lifted(z: Array, y: Array) -> Callable[[Array], Array]:
    """A function that raises points (V, 3) by heights y (n,), linear between the places z (n,)."""
    knots = list(zip(z.tolist(), y.tolist(), strict=True))

    def way(points: Array) -> Array:
        return points + np.column_stack([0.0 * points[:, 0], lerp(knots, points[:, 2]), 0.0 * points[:, 0]])

    return way


def _post(job: ArmJob, top: float) -> Shape:
    section = job.thick / 2 * circle(10) if job.round else flat_section(job.thick, job.thick)
    x, y, z = job.front
    return column(np.array([[x, y, z], [x, (y + top) / 2, z], [x, top, z]]), section)


def swept(rng: Sampler, job: ArmJob) -> list[Shape]:
    """A rail that starts level at the back post and bends down to the seat in front."""
    r = rng.between(0.05, 0.10)
    w = rng.between(0.020, 0.030)
    x, y, z = job.front
    a = job.rear
    corner = (x, a[1] - 0.005, z)
    path = fillet([a, corner, (x, y, z)], r, 6)
    section = round_section(w / 2, 8) if job.round else flat_section(w, 1.5 * w)
    return [tube(path, section, up=(0.0, 1.0, 0.0))]


def scrolled(rng: Sampler, job: ArmJob) -> list[Shape]:
    """A rail that dips behind, rises, and curls down over a curved support."""
    w = rng.between(0.022, 0.030)
    x, y, z = job.front
    rx, ry, rz = job.rear
    dip, rise = rng.between(0.015, 0.035), rng.between(0.0, 0.012)
    knots = [(0.0, 0.0, 0.0), (0.35, -dip, 0.012), (0.75, rise, 0.012), (1.0, rise, 0.004), (1.14, -0.012, 0.0)]
    span = z - rz
    path = [(rx + (x - rx) * t + out, ry + up, rz + span * t) for t, up, out in knots]
    arm = tube(spline(path, 5), round_section(w / 2, 8), up=(0.0, 1.0, 0.0))
    lean = [(x, y, z - 0.03), (x + 0.006, (y + ry) / 2, z - 0.015), (x + 0.004, ry + rise - 0.002, z)]
    support = tube(spline(lean, 5), round_section(w / 2 * 0.9, 8))
    return [arm, support]


ARMS: dict[str, Callable[[Sampler, ArmJob], list[Shape]]] = {"paddle": paddle, "swept": swept, "scrolled": scrolled}
"""Each returns the shapes of the right-hand arm, supports included."""
