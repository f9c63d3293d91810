"""Bases: stars on casters, pedestals and columns under a seat, and legs that are screwed under a shell."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.legs import add_legs_with_tips, between, column
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import block, plank, slab
from render.content.chairs.solids.curves import fillet, lerp, stations
from render.content.chairs.solids.exact import tilted
from render.content.chairs.solids.loft import Point, circle, lathe
from render.content.chairs.solids.outlines import rectangle
from render.content.chairs.solids.shape import Shape, join
from render.content.chairs.solids.tubes import rod, round_section, tube


@dataclass(frozen=True)
class BaseJob:
    """Materials and sizes of a base under the middle of a seat. Metres."""

    chair: Chair
    metal: Finish
    dark: Finish
    """Finish of casters, shrouds and mechanisms."""
    top: float
    """Height of the seat's underside."""
    reach: float
    """Radius on the floor."""


def star(rng: Sampler, job: BaseJob, arms: int = 5, wheels: bool = True) -> None:
    """Add arms from a hub, on casters or glides, a gas column and the mechanism under the seat."""
    wheel = rng.between(0.024, 0.030)
    tip = 2 * wheel + 0.026 if wheels else rng.between(0.018, 0.03)
    hub = tip + rng.between(0.02, 0.05)
    reach, wide = job.reach, rng.between(0.040, 0.056)
    at = stations(0.012, reach, 5)
    share = (at - at[0]) / (at[-1] - at[0])
    upper = hub + 0.022 + (tip + 0.010 - hub - 0.022) * lerp([(0, 0), (0.25, 0.12), (1, 1)], share)
    depth = lerp([(0, 0.050), (0.2, 0.042), (1, 0.020)], share)
    arm = plank(at, upper - depth, upper, lerp([(0, 0.9), (0.3, 1.0), (1, 0.6)], share) * wide, 0.006)
    turns = [0.25 + k / arms for k in range(arms)]
    job.chair.add("base", job.metal, *(arm.turned("y", t) for t in turns))
    if wheels:
        one = caster(wheel, tip)
        swivel = rng.between(0.05, 0.45), rng.between(0.05, 0.45)
        # The caster behind is straight, the others are mirror images of each other.
        angles = [0.0, swivel[0], swivel[1], -swivel[1], -swivel[0]]
        job.chair.add("caster", job.dark, *_around(one, reach - 0.018, turns, angles))
    else:
        foot = lathe([(0.016, 0.0), (0.016, 0.006), (0.009, 0.009), (0.009, tip)], 10).moved(x=reach - 0.02)
        job.chair.add("base", job.dark, *(foot.turned("y", t) for t in turns))
    gas_column(rng, job, hub)


def _around(one: Shape, reach: float, turns: list[float], angles: list[float]) -> list[Shape]:
    """Casters at the arms' ends, each at its own angle to the chair."""
    out = []
    for turn, angle in zip(turns, angles, strict=True):
        cos, sin = tilted(turn)
        out.append(one.turned("y", angle).moved(x=reach * cos, z=-reach * sin))
    return out


def caster(radius: float, height: float) -> Shape:
    """A twin wheel under a hood, its stem on the y axis, rolling along z."""
    r, w = radius, 0.017
    profile = [(0.86 * r, -w / 2), (r, -0.3 * w), (r, 0.3 * w), (0.86 * r, w / 2)]
    wheel = lathe(profile, 12).turned("z", 0.25).moved(x=0.013, y=r, z=-0.018)
    hood = block(0.012, 1.5 * r, 1.1 * r).moved(z=0.55 * r).lying().moved(y=0.75 * r, z=-0.012)
    stem = rod((0.0, 1.2 * r, 0.0), (0.0, height + 0.006, 0.0), 0.0085, 8)
    return join([wheel, wheel.mirrored(), hood, stem])


def gas_column(rng: Sampler, job: BaseJob, hub: float) -> None:
    """Add hub, shroud, piston, and the plate under the seat."""
    r = rng.between(0.026, 0.034)
    top = job.top
    rise = top - hub
    shroud = hub + rng.between(0.35, 0.6) * rise
    wide = r + 0.016
    ring = [(r + 0.008, hub - 0.028), (wide, hub - 0.020), (wide, hub + 0.014), (r, hub + 0.03), (0.8 * r, hub + 0.034)]
    job.chair.add("base", job.metal, lathe(ring, 16))
    job.chair.add("base", job.dark, lathe([(r - 0.004, hub), (r - 0.004, shroud), (r - 0.008, shroud + 0.004)], 14))
    job.chair.add("base", job.metal, lathe([(0.014, shroud - 0.01), (0.014, top - 0.012)], 12))
    plate = slab(rectangle(0.17, 0.21, 0.03), 0.034, 0.008).lying().moved(y=top - 0.030)
    job.chair.add("frame", job.dark, plate)


def pedestal(rng: Sampler, job: BaseJob) -> None:
    """Add one turned piece that widens into a foot."""
    foot, neck = job.reach, rng.between(0.018, 0.034)
    flare = rng.between(0.10, 0.22)
    rise = job.top - 0.006
    shares = [(0.0, 0.985), (0.006, 1.0), (0.012, 0.985), (0.02, 0.9), (0.03, 0.74)]
    profile = [(foot * r, y) for y, r in shares]
    ups = (0.1, 0.25, 0.45, 0.7, 1.0)
    profile += [(neck + (0.62 * foot - neck) * (1 - t) * (1 - t) * (1 - t), 0.036 + t * flare) for t in ups]
    profile += [(neck, 0.5 * (flare + rise)), (1.1 * neck, 0.8 * rise), (1.9 * neck, 0.96 * rise), (3.2 * neck, rise)]
    job.chair.add("base", job.metal, lathe(profile, 28))
    plate = slab(rectangle(0.18, 0.18, 0.05), 0.016, 0.005).lying().moved(y=job.top - 0.012)
    job.chair.add("frame", job.metal, plate)


def disc(rng: Sampler, job: BaseJob) -> None:
    """Add a flat round foot and a straight column."""
    r, thick, neck = job.reach, rng.between(0.008, 0.016), rng.between(0.022, 0.034)
    foot = [(r - 0.004, 0.0), (r, 0.004), (r, thick), (r - 0.006, thick + 0.005), (0.3 * r, thick + 0.018)]
    job.chair.add("base", job.metal, lathe([*foot, (neck + 0.01, thick + 0.026), (neck, thick + 0.04)], 32))
    job.chair.add("base", job.metal, lathe([(neck - 0.003, thick + 0.03), (neck - 0.003, job.top - 0.008)], 16))
    plate = slab(rectangle(0.19, 0.19, 0.04), 0.018, 0.005).lying().moved(y=job.top - 0.014)
    job.chair.add("frame", job.dark, plate)


def cross(rng: Sampler, job: BaseJob) -> None:
    """Add four arms on glides."""
    star(rng, job, arms=4, wheels=False)


BASES: dict[str, Callable[[Sampler, BaseJob], None]] = {
    "star": star,
    "pedestal": pedestal,
    "disc": disc,
    "cross": cross,
}

LET_IN = 0.005
"""Depth in metres to which dowels enter what they carry."""


@dataclass(frozen=True)
class CarriageJob:
    """The points at which right-hand (+x) legs meet the lower face of what they carry."""

    chair: Chair
    front: Point
    back: Point


def _feet(rng: Sampler, job: CarriageJob) -> tuple[Point, Point]:
    """Points on the floor for front and back leg, farther apart than their tops."""
    out, ahead, behind = rng.between(0.06, 0.11), rng.between(0.05, 0.09), rng.between(0.06, 0.11)
    (x, _, z), (xb, _, zb) = job.front, job.back
    return (x + out, 0.0, z + ahead), (xb + out, 0.0, zb - behind)


def _below(job: CarriageJob, r: float) -> tuple[Point, Point]:
    """Middles of tubes of radius `r` that touch the lower face but do not pass through a thin shell."""
    (x, y, z), (xb, yb, zb) = job.front, job.back
    return (x, y - 0.8 * r, z), (xb, yb - 0.8 * r, zb)


def _both(shapes: list[Shape]) -> list[Shape]:
    return shapes + [shape.mirrored() for shape in shapes]


def dowels(rng: Sampler, job: CarriageJob) -> None:
    """Add wooden legs, often braced by rods."""
    wood, r = finish.wood(rng), rng.between(0.014, 0.019)
    size = np.array([0.6, 0.68, 0.9, 1.0, 0.9])
    shares = np.array([0.0, 0.16, 0.5, 0.8, 1.0])
    tops = [(x, y + LET_IN, z) for x, y, z in (job.front, job.back)]
    lines = list(zip(_feet(rng, job), tops, strict=True))
    legs = [column(between(foot, top, shares), r * circle(12), size) for foot, top in lines]
    add_legs_with_tips(rng.topic("feet"), job.chair, wood, _both(legs))
    if rng.chance(0.6):
        places = np.array([rng.between(0.40, 0.60), rng.between(0.72, 0.85)])
        (f_low, f_high), (b_low, b_high) = ([_point(p) for p in between(foot, top, places)] for foot, top in lines)
        braces = [rod(f_low, b_high, 0.004, 6), rod(b_low, f_high, 0.004, 6)]
        braces += [rod(f_low, _mirrored(f_high), 0.004, 6), rod(b_low, _mirrored(b_high), 0.004, 6)]
        job.chair.add("stretcher", finish.steel(rng), *_both(braces))


def tubes(rng: Sampler, job: CarriageJob) -> None:
    """Add two bent tubes, each a pair of legs and the bar between them under the seat."""
    r, metal = rng.between(0.009, 0.013), finish.steel(rng)
    for foot, top in zip(_feet(rng, job), _below(job, r), strict=True):
        path = fillet([foot, top, _mirrored(top), _mirrored(foot)], 0.03, 5)
        job.chair.add("leg", metal, tube(path, round_section(r, 10), up=(0.0, 0.0, 1.0)))


def wires(rng: Sampler, job: CarriageJob) -> None:
    """Add thin rods: legs, and diagonal rods between them."""
    r, metal = rng.between(0.005, 0.0065), finish.steel(rng)
    feet, tops = _feet(rng, job), _below(job, r)
    legs = [rod((f[0], 0.004, f[2]), t, r, 8) for f, t in zip(feet, tops, strict=True)]
    knee = [_point(between(f, t, np.array([0.55]))[0]) for f, t in zip(feet, tops, strict=True)]
    x, y, z = job.front
    meet = (0.55 * x, y - 0.03, (z + job.back[2]) / 2)
    stays = [rod(k, meet, 0.7 * r, 6) for k in knee]
    across = [rod(_mirrored(k), k, 0.7 * r, 6) for k in (meet, *tops)]
    job.chair.add("leg", metal, *_both(legs))
    job.chair.add("stretcher", metal, *_both(stays), *across)


def sled(rng: Sampler, job: CarriageJob) -> None:
    """Add a tube at each side: down in front, backward along the floor, up behind."""
    r, metal = rng.between(0.006, 0.011), finish.steel(rng)
    (fx, _, fz), (bx, _, bz) = _feet(rng, job)
    floor = [(fx, r, fz), (bx, r, bz)]
    front, back = _below(job, r)
    path = fillet([front, *floor, back], rng.between(0.03, 0.06), 6)
    side = tube(path, round_section(r, 10), up=(1.0, 0.0, 0.0))
    bars = [rod(_mirrored(p), p, r, 8) for p in (front, back)]
    job.chair.add("base", metal, side, side.mirrored())
    job.chair.add("frame", metal, *bars)


def _point(p: np.ndarray) -> Point:
    x, y, z = p.tolist()
    return x, y, z


def _mirrored(p: Point) -> Point:
    return -p[0], p[1], p[2]


CARRIAGES: dict[str, Callable[[Sampler, CarriageJob], None]] = {
    "dowels": dowels,
    "tubes": tubes,
    "wires": wires,
    "sled": sled,
}
