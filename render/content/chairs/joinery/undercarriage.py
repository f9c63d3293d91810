"""Legs that are screwed under a shell or a pad: dowels, tubes, wires, sleds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.draws import Draws
from render.content.chairs.finishes import finish
from render.content.chairs.joinery.legs import between, column, put
from render.content.chairs.solids.loft import Point, circle
from render.content.chairs.solids.paths import fillet
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tube import rod, round_section, tube

LET_IN = 0.005
"""Metres by which dowels go into what they carry."""


@dataclass(frozen=True)
class CarriageJob:
    """Where the right-hand (+x) legs meet the lower face of what they carry."""

    chair: Chair
    front: Point
    back: Point


def _feet(d: Draws, job: CarriageJob) -> tuple[Point, Point]:
    """Where the legs stand: farther apart than they start."""
    out, ahead, behind = d.between(0.06, 0.11), d.between(0.05, 0.09), d.between(0.06, 0.11)
    (x, _, z), (xb, _, zb) = job.front, job.back
    return (x + out, 0.0, z + ahead), (xb + out, 0.0, zb - behind)


def _below(job: CarriageJob, r: float) -> tuple[Point, Point]:
    """Middles of tubes of a radius that touch the lower face: they must not show through a thin shell."""
    (x, y, z), (xb, yb, zb) = job.front, job.back
    return (x, y - 0.8 * r, z), (xb, yb - 0.8 * r, zb)


def _both(shapes: list[Shape]) -> list[Shape]:
    return shapes + [shape.mirrored() for shape in shapes]


def dowels(d: Draws, job: CarriageJob) -> None:
    """Wooden pegs, braced by rods."""
    wood, r = finish.wood(d), d.between(0.014, 0.019)
    size = np.array([0.6, 0.68, 0.9, 1.0, 0.9])
    shares = np.array([0.0, 0.16, 0.5, 0.8, 1.0])
    tops = [(x, y + LET_IN, z) for x, y, z in (job.front, job.back)]
    lines = list(zip(_feet(d, job), tops, strict=True))
    legs = [column(between(foot, top, shares), r * circle(12), size) for foot, top in lines]
    put(d.of("feet"), job.chair, wood, _both(legs))
    if d.chance(0.6):
        places = np.array([d.between(0.40, 0.60), d.between(0.72, 0.85)])
        (f_low, f_high), (b_low, b_high) = ([_point(p) for p in between(foot, top, places)] for foot, top in lines)
        braces = [rod(f_low, b_high, 0.004, 6), rod(b_low, f_high, 0.004, 6)]
        braces += [rod(f_low, _mirrored(f_high), 0.004, 6), rod(b_low, _mirrored(b_high), 0.004, 6)]
        job.chair.add("stretcher", finish.steel(d), *_both(braces))


def tubes(d: Draws, job: CarriageJob) -> None:
    """Two bent tubes, each a pair of legs and the bar between them under the seat."""
    r, metal = d.between(0.009, 0.013), finish.steel(d)
    for foot, top in zip(_feet(d, job), _below(job, r), strict=True):
        path = fillet([foot, top, _mirrored(top), _mirrored(foot)], 0.03, 5)
        job.chair.add("leg", metal, tube(path, round_section(r, 10), up=(0.0, 0.0, 1.0)))


def wires(d: Draws, job: CarriageJob) -> None:
    """A cage of thin rods: legs, and rods aslant between them."""
    r, metal = d.between(0.005, 0.0065), finish.steel(d)
    feet, tops = _feet(d, job), _below(job, r)
    legs = [rod((f[0], 0.004, f[2]), t, r, 8) for f, t in zip(feet, tops, strict=True)]
    knee = [_point(between(f, t, np.array([0.55]))[0]) for f, t in zip(feet, tops, strict=True)]
    x, y, z = job.front
    meet = (0.55 * x, y - 0.03, (z + job.back[2]) / 2)
    stays = [rod(k, meet, 0.7 * r, 6) for k in knee]
    across = [rod(_mirrored(k), k, 0.7 * r, 6) for k in (meet, *tops)]
    job.chair.add("leg", metal, *_both(legs))
    job.chair.add("stretcher", metal, *_both(stays), *across)


def sled(d: Draws, job: CarriageJob) -> None:
    """A tube at each side: down in front, back along the floor, up behind."""
    r, metal = d.between(0.006, 0.011), finish.steel(d)
    (fx, _, fz), (bx, _, bz) = _feet(d, job)
    floor = [(fx, r, fz), (bx, r, bz)]
    front, back = _below(job, r)
    path = fillet([front, *floor, back], d.between(0.03, 0.06), 6)
    side = tube(path, round_section(r, 10), up=(1.0, 0.0, 0.0))
    bars = [rod(_mirrored(p), p, r, 8) for p in (front, back)]
    job.chair.add("base", metal, side, side.mirrored())
    job.chair.add("frame", metal, *bars)


def _point(p: np.ndarray) -> Point:
    x, y, z = p.tolist()
    return x, y, z


def _mirrored(p: Point) -> Point:
    return -p[0], p[1], p[2]


CARRIAGES: dict[str, Callable[[Draws, CarriageJob], None]] = {
    "dowels": dowels,
    "tubes": tubes,
    "wires": wires,
    "sled": sled,
}
