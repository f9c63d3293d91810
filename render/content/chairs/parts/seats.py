"""Seats of chairs with a frame of wood or metal: boards, pads, cane, cord, straps."""

from collections.abc import Callable
from dataclasses import dataclass

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab, web
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.outlines import trapezoid
from render.content.chairs.solids.tubes import bar, straps


@dataclass(frozen=True)
class Plan:
    """The size of a seat, its middle over the origin. Metres."""

    height: float
    """Height of the upper face at the rim."""
    front: float
    """Width."""
    back: float
    """Width."""
    depth: float

    def corner(self, ahead: bool, inset: float, y: float) -> Point:
        """The right-hand (+x) corner in front or behind, moved inward by `inset`, at the height `y`."""
        x = (self.front if ahead else self.back) / 2 - inset
        z = self.depth / 2 - inset
        return x, y, z if ahead else -z

    def shrunk(self, by: float) -> "Plan":
        """The plan made smaller by so many metres on each side."""
        return Plan(self.height, self.front - 2 * by, self.back - 2 * by, self.depth - 2 * by)


@dataclass(frozen=True)
class SeatJob:
    """Materials and sizes of a seat. Metres."""

    chair: Chair
    plan: Plan
    wood: Finish
    """Finish of boards and frames."""
    soft: Finish
    """Finish of pads."""
    corners: tuple[float, float]
    """Radii of the corners in front and behind."""
    bow: float = 0.0
    """Distance by which the middle of the front edge is pushed out."""

    def outline(self, inset: float = 0.0, step: float = 0.06) -> Array:
        """Outline (n, 2) of the seat, made smaller by `inset` on all sides."""
        p = self.plan.shrunk(inset)
        front, back = (max(r - inset, 0.006) for r in self.corners)
        return trapezoid(p.front, p.back, p.depth, (front, back), self.bow, step)


def board(rng: Sampler, job: SeatJob) -> float:
    """A flat board."""
    thick = rng.between(0.018, 0.032)
    edge = rng.pick((0.003, 0.006, thick * 0.45))
    plank = slab(job.outline(), thick, edge).lying()
    job.chair.add("seat", job.wood, plank.moved(y=job.plan.height - thick))
    return job.plan.height - thick


def saddle(rng: Sampler, job: SeatJob) -> float:
    """A thick, hollowed board."""
    thick = rng.between(0.028, 0.042)
    plank = slab(job.outline(), thick, 0.010, inner=4, crown=-rng.between(0.006, 0.013)).lying()
    job.chair.add("seat", job.wood, plank.moved(y=job.plan.height - thick))
    return job.plan.height - thick


def pad(rng: Sampler, job: SeatJob) -> float:
    """A cushion on a board."""
    thick, under = rng.between(0.035, 0.060), 0.016
    crown = rng.between(0.006, 0.016)
    cushion = slab(job.outline(0.008), thick, rng.between(0.35, 0.5) * thick, inner=4, crown=crown).lying()
    board_ = slab(job.outline(), under, 0.004).lying()
    job.chair.add("seat", job.soft, cushion.moved(y=job.plan.height - thick))
    job.chair.add("seat", job.wood, board_.moved(y=job.plan.height - thick - under + 0.004))
    return job.plan.height - thick - under + 0.004


def stuffed(rng: Sampler, job: SeatJob) -> float:
    """Upholstery over the whole frame."""
    thick = rng.between(0.065, 0.10)
    body = slab(job.outline(), thick, rng.between(0.016, 0.030), inner=4, crown=rng.between(0.008, 0.02)).lying()
    job.chair.add("seat", job.soft, body.moved(y=job.plan.height - thick))
    return job.plan.height - thick


def caned(rng: Sampler, job: SeatJob) -> float:
    """Cane in a frame of rails."""
    thick, wide = rng.between(0.022, 0.030), rng.between(0.045, 0.060)
    middle = job.plan.height - thick / 2
    _rails(job, wide, thick, middle)
    sheet = web(job.outline(wide / 2)).lying()
    job.chair.add("seat", finish.cane(rng), sheet.moved(y=job.plan.height - 0.005))
    return job.plan.height - thick


def corded(rng: Sampler, job: SeatJob) -> float:
    """Cord wound over the frame; it sags a little."""
    thick = rng.between(0.028, 0.038)
    body = slab(job.outline(), thick, 0.45 * thick, inner=4, crown=-rng.between(0.006, 0.014), belly=-0.006, grain="y")
    job.chair.add("seat", finish.cord(rng), body.lying().moved(y=job.plan.height - thick))
    return job.plan.height - thick


def strapped(rng: Sampler, job: SeatJob) -> float:
    """Woven straps on a frame of rails."""
    thick, wide = 0.024, 0.036
    middle = job.plan.height - 0.006 - thick / 2
    _rails(job, wide, thick, middle)
    p = job.plan.shrunk(wide / 2)
    narrow = min(p.front, p.back)
    net = [
        s.lying().moved(y=job.plan.height - 0.004) for s in straps(narrow, p.depth, rng.pick((5, 7)), rng.pick((5, 7)))
    ]
    job.chair.add("seat", finish.plain_cloth(rng), *net)
    return job.plan.height - 0.006 - thick


def _rails(job: SeatJob, wide: float, thick: float, y: float) -> None:
    """Add four bars around the seat."""
    p = job.plan
    x, xb, z = p.front / 2, p.back / 2, p.depth / 2 - wide / 2
    ahead = bar((-x + 0.004, y, z), (x - 0.004, y, z), thick, wide)
    behind = bar((-xb + 0.004, y, -z), (xb - 0.004, y, -z), thick, wide)
    side = bar((x - wide / 2, y, z), (xb - wide / 2, y, -z), thick, wide)
    job.chair.add("seat", job.wood, ahead, behind, *(side, side.mirrored()))


SEATS: dict[str, Callable[[Sampler, SeatJob], float]] = {
    "board": board,
    "saddle": saddle,
    "pad": pad,
    "stuffed": stuffed,
    "cane": caned,
    "cord": corded,
    "straps": strapped,
}
"""Each adds a seat and returns the height of its underside."""


def apron(job: SeatJob, top: float, height: float, inset: float, thick: float = 0.020) -> None:
    """Add rails under the seat, from leg to leg, their middles `inset` metres inside the seat's rim."""
    y = top - height / 2 + 0.002
    front, behind = job.plan.corner(True, inset, y), job.plan.corner(False, inset, y)
    across = [bar((-c[0], y, c[2]), c, height, thick) for c in (front, behind)]
    side = bar(behind, front, height, thick)
    job.chair.add("frame", job.wood, *across, side, side.mirrored())
