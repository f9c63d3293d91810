"""Garden chairs of boards: a seat that slopes back, a fan of boards behind it, broad arms."""

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import block, plank
from render.content.chairs.solids.curves import lerp, stations
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import bar

THICK = 0.020
"""Thickness of every board, metres."""


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("garden")
    size = rng.topic("size")
    wood = finish.outdoor(rng.topic("wood"))
    front, slope = size.between(0.36, 0.42), size.between(0.16, 0.32)
    half, deep = size.between(0.25, 0.30), size.between(0.44, 0.50)
    rear = front - slope * deep
    side, ahead = half - 0.03, deep / 2
    add_sides(chair, wood, front, slope, side, ahead)
    add_seat(rng.topic("seat"), chair, wood, front, slope, half, ahead)
    lean = size.between(0.36, 0.52)
    back = Back(rear, -ahead + 0.01, half, half, size.between(0.66, 0.80), (lean, lean), size.between(0.0, 0.03))
    arm = front + size.between(0.18, 0.22)
    add_back(rng.topic("back"), chair, wood, back, arm)
    add_arms(rng.topic("arms"), chair, wood, back, arm, half, ahead)
    chair.note(wood=str(wood), seat_height=front, width=2 * half, depth=deep, back_height=back.height, slope=slope)
    return chair


def add_sides(chair: Chair, wood: Finish, front: float, slope: float, side: float, ahead: float) -> None:
    """Add boards on edge that carry the seat and reach the floor as back legs."""
    reach = -ahead - 0.26
    z = np.array([reach, -ahead - 0.02, -0.5 * ahead, 0.5 * ahead, ahead])
    top = front - THICK - slope * (ahead - z)
    top[0] = 0.07
    low = np.maximum(top - lerp([(reach, 0.07), (-ahead, 0.13), (ahead, 0.11)], z), 0.0)
    board = plank(z, low, top, 0.026)
    one = board.on_edge().moved(x=side)
    chair.add("leg", wood, one, one.mirrored())


def add_seat(rng: Sampler, chair: Chair, wood: Finish, front: float, slope: float, half: float, ahead: float) -> None:
    """Add the boards of the seat, which run across, and the apron in front."""
    count = rng.whole(5, 8)
    space = 0.009
    each = (2 * ahead + 0.012) / count
    for k in range(count):
        z = ahead + 0.012 - (k + 0.5) * each
        board = block(2 * half, each - space, THICK, 0.004, "x").lying()
        chair.add("seat", wood, board.turned("x", _rise(slope)).moved(y=front - slope * (ahead - z) - THICK / 2, z=z))
    apron = block(2 * half - 0.02, 0.10, THICK, 0.004, "x")
    chair.add("frame", wood, apron.moved(y=front - 0.064, z=ahead - 0.006))


def _rise(slope: float) -> float:
    """Angle in turns about x by which a board rises toward the front with a slope: the arctangent's first terms."""
    return -(slope - slope * slope * slope / 3.0 + slope * slope * slope * slope * slope / 5.0) / (2.0 * np.pi)


def add_back(rng: Sampler, chair: Chair, wood: Finish, back: Back, arm: float) -> None:
    """Add the boards of the back, which spread upward and end on an arch, and the rails behind them."""
    count = rng.pick((5, 5, 7))
    spread, arch = rng.between(1.05, 1.35), rng.between(0.05, 0.16)
    style = rng.pick(("arch", "arch", "flat", "steps"))
    each = 2 * (back.low - 0.035) / count
    shapes: list[Shape] = []
    for k in range(count):
        x = (k - (count - 1) / 2) * each
        off = abs(x) / back.low
        drop = {"arch": arch * off * off * 1.6, "flat": 0.0, "steps": 0.5 * arch * abs(k - (count - 1) / 2)}[style]
        y = stations(-0.05, back.height - drop, 9)
        share = (y + 0.05) / back.height
        middle = x * (1.0 + (spread - 1.0) * share)
        wide = 0.5 * (each - 0.008) * (1.0 + (spread - 1.0) * share)
        wide = wide * lerp([(0.0, 1.0), (0.93, 1.0), (1.0, 0.72)], (y + 0.05) / (y[-1] + 0.05))
        shapes.append(plank(y, -middle - wide, -middle + wide, THICK).turned("z", 0.25))
    chair.add("back", wood, *back.place(*shapes))
    chair.add("frame", wood, _across(back, 0.02, back.low - 0.02))
    up = _up_to(back, arm - 0.02)
    chair.add("frame", wood, _across(back, up, back.low + 0.07))
    if back.height - up > 0.35:
        chair.add("frame", wood, _across(back, up + 0.26, back.low * spread * 0.9))


def _up_to(back: Back, height: float) -> float:
    """Distance along the back's straight sheet at which it reaches a height."""
    rise = back.at(0.0, 1.0)[1] - back.at(0.0, 0.0)[1]
    return (height - back.seat) / rise


def _across(back: Back, up: float, half: float) -> Shape:
    """A rail behind the boards."""
    rail = plank(stations(-half, half, 9), up - 0.03, up + 0.03, THICK)
    return back.place(rail.moved(z=-THICK + 0.002))[0]


def add_arms(rng: Sampler, chair: Chair, wood: Finish, back: Back, arm: float, half: float, ahead: float) -> None:
    """Add arms: broad boards on the front legs and on the rail behind the back."""
    end = back.at(0.0, _up_to(back, arm))[2] - 0.05
    over = rng.between(0.03, 0.08)
    z = stations(end, ahead + over, 13)
    share = (z - z[0]) / (z[-1] - z[0])
    broad = rng.between(0.10, 0.14)
    wide = broad * lerp([(0, 0.62), (0.35, 0.7), (0.75, 1.0), (0.92, 0.96), (1.0, 0.55)], share)
    inner = half - 0.012
    rest = plank(z, inner, inner + wide, THICK).along_z().moved(y=arm)
    chair.add("arm", wood, rest, rest.mirrored())
    leg_wide = rng.between(0.075, 0.10)
    x = half + 0.5 * THICK - 0.016
    leg = bar((x, 0.0, ahead - 0.055), (x, arm, ahead - 0.055), leg_wide, THICK + 0.004, up=(0.0, 0.0, 1.0))
    chair.add("leg", wood, leg, leg.mirrored())
