"""Wicker chairs: a woven wall around a cushion, on a woven foot or on canes, with a thick rim."""

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.legs import between
from render.content.chairs.parts.tubs import Tub, parted
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point, loft
from render.content.chairs.solids.outlines import ellipse, level
from render.content.chairs.solids.tubes import hoop, rod, round_section

WALL = 0.022
"""Thickness of the wall, metres."""


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("wicker")
    size, style = rng.topic("size"), rng.topic("style")
    wicker, soft = finish.wicker(rng.topic("wicker")), finish.cloth(rng.topic("soft"))
    seat, pad = size.between(0.41, 0.46), size.between(0.06, 0.10)
    peacock = style.chance(0.25)
    tub = Tub(
        floor=seat - pad + 0.01,
        half=(size.between(0.25, 0.29), size.between(0.24, 0.28)),
        lean=(size.between(0.03, 0.09), size.between(0.06, 0.14)),
        back=size.between(0.62, 0.78) if peacock else size.between(0.36, 0.50),
        arms=size.between(0.20, 0.26),
        front=0.03,
        box=size.between(0.0, 0.5),
        flat=0.88,
    )
    base = style.pick(("skirt", "waist", "canes"))
    body = tub.barrel(WALL, 0.0) if base == "skirt" else tub.solid(WALL)
    for label, part in zip(("frame", "back", "arm"), parted(tub, body, 0.05), strict=True):
        chair.add(label, wicker, part)
    rim = hoop(_beside(tub.rings()[0], 0.5 * WALL), round_section(size.between(0.014, 0.022), 8))
    chair.add("frame", wicker, rim)
    cushion = slab(tub.pad(-0.07), pad, 0.42 * pad, inner=4, crown=0.018).lying()
    chair.add("seat", soft, cushion.moved(y=seat - pad, z=0.006))
    if base == "canes":
        add_canes(rng.topic("base"), chair, tub)
    elif base == "waist":
        add_waist(rng.topic("base"), chair, wicker, tub)
    chair.note(base=base, wicker=str(wicker), soft=str(soft), peacock=peacock)
    chair.note(seat_height=seat, height=tub.floor + tub.back)
    return chair


def _beside(rim: Array, out: float) -> Array:
    """The rim (n, 3) moved outward horizontally by `out` metres."""
    flat = np.stack([rim[:, 0], rim[:, 2]], axis=1)
    size = np.sqrt(flat[:, 0] * flat[:, 0] + flat[:, 1] * flat[:, 1])[:, None]
    step = flat / size * out
    return np.column_stack([rim[:, 0] + step[:, 0], rim[:, 1], rim[:, 2] + step[:, 1]])


def add_waist(rng: Sampler, chair: Chair, wicker: Finish, tub: Tub) -> None:
    """Add a woven foot with a waist, from the wall down to the floor."""
    inward, flare = rng.between(0.12, 0.22), rng.between(0.0, 0.06)
    rings = []
    for k in range(7):
        t = k / 6  # from the floor up
        grow = 0.9 * WALL / tub.half[1] + flare * (1.0 - t) - inward * 4.0 * t * (1.0 - t)
        edge = tub.outline(grow)
        rings.append(np.column_stack([edge[:, 0], np.full(len(edge), t * (tub.floor - 0.5 * WALL)), edge[:, 1]]))
    chair.add("base", wicker, loft(np.array(rings)))


def add_canes(rng: Sampler, chair: Chair, tub: Tub) -> None:
    """Add four canes and a ring between them."""
    wood, r = finish.wood(rng), rng.between(0.014, 0.018)
    wide, deep = tub.half
    out = rng.between(0.02, 0.06)
    ends: list[tuple[Point, Point]] = []
    for z in (0.58 * deep, -0.58 * deep):
        ahead = 1.0 if z > 0 else -1.0
        ends.append(((0.58 * wide + out, 0.0, z + ahead * out), (0.58 * wide, tub.floor - 0.5 * WALL, z)))
    for foot, top in ends:
        leg = rod(foot, top, r, 10)
        chair.add("leg", wood, leg, leg.mirrored())
    x, y, z = between(*ends[0], np.array([rng.between(0.3, 0.5)]))[0].tolist()
    ring = ellipse(2.0 * x * 1.41, 2.0 * z * 1.41, 32)
    path = level(ring, y)
    chair.add("stretcher", wood, hoop(path, round_section(0.6 * r, 8)))
