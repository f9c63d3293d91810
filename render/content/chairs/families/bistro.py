"""Chairs of bent rods: a round seat, and one hoop that is both back legs and the frame of the back."""

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.parts.legs import column
from render.content.chairs.parts.spindle_backs import arch, height_under, spindle
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab, web
from render.content.chairs.solids.curves import evenly, spline
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import circle
from render.content.chairs.solids.outlines import ellipse, flat, level
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import flat_section, hoop, rod, round_section, tube

FILLS = ("inner hoop", "two hoops", "cane", "spindles", "cross loop", "ring")


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("bistro")
    size, style = rng.topic("size"), rng.topic("style")
    wood = finish.steel(rng.topic("wood")) if style.chance(0.15) else finish.timber(rng.topic("wood"))
    height, wide = size.between(0.44, 0.475), size.between(0.39, 0.44)
    seat = add_seat(rng.topic("seat"), chair, wood, height, wide)
    r = size.between(0.0125, 0.0155)
    high, tall = wide * size.between(0.38, 0.46), size.between(0.38, 0.48)
    back = Back(height, -0.30 * wide, 0.40 * wide, high, tall, slopes=(0.05, 0.34), bow=0.03)
    add_hoop(chair, wood, back, r, size.between(0.05, 0.09))
    add_legs(rng.topic("legs"), chair, wood, height, wide, r)
    fill = style.pick(FILLS)
    fill_back(rng.topic("fill"), chair, back, wood, fill, r)
    chair.note(seat=seat, back=fill, wood=str(wood), seat_height=height, width=wide, back_height=back.height)
    return chair


def add_seat(rng: Sampler, chair: Chair, wood: Finish, height: float, wide: float) -> str:
    """Add the seat: a bent ring with cane, a board or a pad in it; returns which."""
    kind = rng.pick(("cane", "board", "pad"))
    ring = ellipse(wide - 0.03, wide - 0.03, 32)
    path = level(ring, height - 0.017)
    chair.add("seat", wood, hoop(path, flat_section(0.034, 0.030, 0.006)))
    if kind == "cane":
        chair.add("seat", finish.cane(rng), web(ring).lying().moved(y=height - 0.006))
    elif kind == "board":
        board = slab(ring, 0.012, 0.004, inner=3, crown=-0.004).lying()
        chair.add("seat", finish.wood(rng) if wood.recipe == "metal" else wood, board.moved(y=height - 0.014))
    else:
        pad = slab(ellipse(wide - 0.03, wide - 0.03, 32), 0.042, 0.016, inner=4, crown=0.014).lying()
        chair.add("seat", finish.cover(rng), pad.moved(y=height - 0.022))
    return kind


def add_hoop(chair: Chair, wood: Finish, back: Back, r: float, kick: float) -> None:
    """Add one rod from the left foot over the back to the right foot."""
    above = back.bend(flat(evenly(arch(back, 0.0), 33)))
    x, y, z = above[-1].tolist()
    low = [(x + 0.02, 0.0, z - kick), (x + 0.012, 0.33 * y, z - 0.5 * kick), (x + 0.004, 0.7 * y, z - 0.12 * kick)]
    leg = spline([*low, (x, y, z)], 3)[:-1]
    path = np.concatenate([leg * np.array([-1.0, 1.0, 1.0]), above, leg[::-1]])
    chair.add("leg", wood, tube(path, round_section(r, 10), up=(0.0, 0.0, 1.0)))


def add_legs(rng: Sampler, chair: Chair, wood: Finish, height: float, wide: float, r: float) -> None:
    """Add front legs, and a ring between all four legs."""
    splay = rng.between(0.03, 0.055)
    top = np.array([0.365 * wide, height - 0.02, 0.255 * wide])
    foot = top + np.array([0.7 * splay, -top[1], 1.3 * splay])
    bent = [foot, foot + (top - foot) * 0.5 - np.array([0.008, 0.0, 0.008]), top]
    leg = column(spline([p.tolist() for p in bent], 4), r * circle(10), np.linspace(0.85, 1.1, 9))
    chair.add("leg", wood, leg, leg.mirrored())
    if rng.chance(0.75):
        y = rng.between(0.17, 0.25)
        share = y / height
        ahead = foot + (top - foot) * share
        # The ellipse passes through the legs: its half axes are their x and z times the square root of two.
        ring = ellipse(2.828 * float(ahead[0]) - 0.012, 2.828 * float(ahead[2]) - 0.012, 32)
        path = level(ring, y)
        chair.add("stretcher", wood, hoop(path, round_section(0.75 * r, 8)))


def fill_back(rng: Sampler, chair: Chair, back: Back, wood: Finish, kind: str, r: float) -> None:
    """Add the filling of the hoop."""
    curve = arch(back, 0.0)
    thin = round_section(0.75 * r, 8)
    if kind == "cane":
        bar = rod((-0.97 * back.low, 0.09, 0.0), (0.97 * back.low, 0.09, 0.0), 0.8 * r)
        closed = curve[curve[:, 1] > 0.09]
        chair.add("back", finish.cane(rng), *back.place(web(closed[::-1], 4)))
        chair.add("back", wood, *back.place(bar))
        return
    if kind == "spindles":
        rods = []
        for k in range(6):
            share = (2 * k + 1) / 6 - 1.0
            x = 0.86 * share * back.high
            rods.append(spindle((0.8 * share * back.low, -0.02), (x, height_under(curve, abs(x))), 0.006, 1.3))
        chair.add("back", wood, *back.place(*rods))
        return
    chair.add("back", wood, *back.place(*_loops(rng, back, curve, kind, thin)))


def _loops(rng: Sampler, back: Back, curve: Array, kind: str, thin: Array) -> list[Shape]:
    """Smaller rods inside the hoop, drawn flat."""
    if kind == "ring":
        wide = 1.3 * back.high
        ring = ellipse(wide, wide, 28) + np.array([0.0, 0.58 * back.height])
        shape = hoop(flat(ring), thin, up=(0.0, 0.0, 1.0))
        side = rod((0.5 * wide - 0.002, 0.58 * back.height, 0.0), (0.985 * back.high, 0.58 * back.height, 0.0), 0.008)
        stem = rod((0.0, -0.02, 0.0), (0.0, 0.58 * back.height - 0.5 * wide, 0.0), 0.009)
        return [shape, side, side.mirrored(), stem]
    if kind == "cross loop":
        foot, high = 0.55 * back.low, 0.8 * back.high
        top = height_under(curve, high)
        bent = [(-foot, -0.02), (-0.1 * foot, 0.3 * top), (0.6 * high, 0.72 * top), (high, top)]
        one = tube(flat(spline(bent, 6)), thin)
        return [one, one.mirrored()]
    out = []
    for share in (0.62,) if kind == "inner hoop" else (0.74, 0.44):
        inner = evenly(curve, 33) * np.array([share, rng.between(0.78, 0.84) if share > 0.5 else 0.6])
        inner[[0, -1], 1] = -0.02
        out.append(tube(flat(inner), thin))
    return out
