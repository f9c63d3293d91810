"""Stools, low and for the bar: round and square tops on three or four legs, or on a column."""

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.bases import BaseJob, disc, pedestal, star
from render.content.chairs.parts.legs import METAL, WOODEN, add_legs_with_tips, between
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab
from render.content.chairs.solids.exact import Array, tilted
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.outlines import ellipse, level, rectangle, squircle
from render.content.chairs.solids.tubes import bar, hoop, rod, round_section

LEG_WEIGHTS = {"square": 0.8, "tapered": 0.8, "tapered round": 1.2, "turned": 1.0, "tube": 0.8, "hairpin": 0.4}


def build(rng: Sampler) -> Chair:
    """Build one stool, without its textures."""
    chair = Chair("stool")
    size, style = rng.topic("size"), rng.topic("style")
    bar_height = style.chance(0.45)
    height = size.between(0.62, 0.76) if bar_height else size.between(0.42, 0.50)
    wide = size.between(0.30, 0.37) if bar_height else size.between(0.32, 0.42)
    shape = style.pick(("round", "round", "square", "soft square"))
    wood = finish.timber(rng.topic("wood"))
    under = add_top(rng.topic("top"), chair, wood, outline(shape, wide), height)
    if shape != "square" and style.chance(0.25):
        kind = on_column(rng.topic("base"), chair, under, wide)
    else:
        kind = on_legs(rng.topic("legs"), chair, wood, shape, under, wide)
    chair.note(top=shape, legs=kind, wood=str(wood), seat_height=height, width=wide)
    return chair


def outline(shape: str, wide: float) -> Array:
    """Outline (n, 2) of the seat."""
    if shape == "round":
        return ellipse(wide, wide, 36)
    return rectangle(wide, wide, 0.02) if shape == "square" else squircle(wide, wide, 40)


def add_top(rng: Sampler, chair: Chair, wood: Finish, edge: Array, height: float) -> float:
    """Add a board, a hollowed board, or a pad on a board; returns the height of its underside."""
    kind = rng.pick(("board", "dished", "pad", "thick pad"))
    chair.note(seat=kind)
    if kind in ("board", "dished"):
        thick = rng.between(0.026, 0.042)
        crown = -rng.between(0.005, 0.012) if kind == "dished" else 0.0
        board = slab(edge, thick, rng.pick((0.004, 0.012)), inner=4, crown=crown).lying()
        chair.add("seat", wood, board.moved(y=height - thick))
        return height - thick
    thick = rng.between(0.035, 0.05) if kind == "pad" else rng.between(0.065, 0.10)
    pad = slab(edge * 0.99, thick, 0.38 * thick if kind == "pad" else 0.02, inner=4, crown=0.012).lying()
    board = slab(edge, 0.016, 0.004).lying()
    chair.add("seat", finish.cover(rng), pad.moved(y=height - thick))
    chair.add("seat", wood, board.moved(y=height - thick - 0.012))
    return height - thick - 0.012


def on_legs(rng: Sampler, chair: Chair, wood: Finish, shape: str, under: float, wide: float) -> str:
    """Add three or four legs and what connects them; returns the kind of leg."""
    metal = rng.chance(0.25)
    weights = {k: v for k, v in LEG_WEIGHTS.items() if (k in METAL) == metal}
    leg = (METAL if metal else WOODEN)[rng.weighted(weights)](rng)
    surface = finish.metal(rng) if metal else wood
    count = 4 if shape == "square" or leg.kind == "hairpin" else rng.pick((3, 4, 4))
    radius = 0.30 * wide * (1.32 if shape == "square" else 1.0)
    out = rng.between(0.02, 0.04) if shape == "square" and rng.chance(0.5) else rng.between(0.05, 0.10)
    # Of three legs one is in front; four are at the corners.
    turns = [k / count + (0.125 if count == 4 else 0.0) for k in range(count)]
    tops, feet = [_around(t, radius, under + 0.008) for t in turns], [_around(t, radius + out, 0.0) for t in turns]
    legs = [leg.make(foot, top) for foot, top in zip(feet, tops, strict=True)]
    add_legs_with_tips(rng.topic("feet"), chair, surface, legs)
    tie(rng, chair, surface, list(zip(feet, tops, strict=True)), under)
    return leg.kind


def tie(rng: Sampler, chair: Chair, surface: Finish, legs: list[tuple[Point, Point]], under: float) -> None:
    """Connect the legs by a ring, by bars from leg to leg, or, on low stools, not at all."""
    kind = rng.pick(("ring", "bars", "bars") if under > 0.52 else ("ring", "bars", "none", "none"))
    share = rng.between(0.30, 0.45)
    chair.note(tie=kind)
    if kind == "ring":
        x, y, z = between(*legs[0], np.array([share]))[0].tolist()
        r = float(np.sqrt(x * x + z * z))
        ring = hoop(level(ellipse(2 * r, 2 * r, 32), y), round_section(0.009, 8))
        chair.add("stretcher", finish.steel(rng), ring)
    elif kind == "bars":
        # With alternate heights no two bars meet in a leg; three bars cannot alternate and be symmetric.
        step = rng.pick((0.0, 0.06)) / under if len(legs) == 4 else 0.0
        thick, square = rng.between(0.014, 0.020), rng.chance(0.4)
        for k, (leg, other) in enumerate(zip(legs, legs[1:] + legs[:1], strict=True)):
            at = np.array([share + step * (k % 2)])
            here, there = (_point(between(*line, at)[0]) for line in (leg, other))
            # The bar ends just before the legs' middles, where the next one starts.
            a, b = (_point(p) for p in between(here, there, np.array([0.02, 0.98])))
            chair.add("stretcher", surface, bar(a, b, 1.4 * thick, thick) if square else rod(a, b, thick / 2))


def on_column(rng: Sampler, chair: Chair, under: float, wide: float) -> str:
    """Add a column on a disc, a pedestal or a star; returns which."""
    low = under < 0.52
    kind = rng.pick(("disc", "pedestal", "star") if low else ("disc", "pedestal"))
    job = BaseJob(
        chair, finish.steel(rng), finish.dark_plastic(rng), under + 0.004, 0.52 * wide + (0.02 if low else 0.06)
    )
    {"disc": disc, "pedestal": pedestal, "star": star}[kind](rng, job)
    if not low:
        y = rng.between(0.24, 0.30)
        path = level(ellipse(0.34, 0.34, 32), y)
        spokes = [rod((-0.17, y, 0.0), (0.17, y, 0.0), 0.008), rod((0.0, y, -0.17), (0.0, y, 0.17), 0.008)]
        chair.add("stretcher", job.metal, hoop(path, round_section(0.009, 8)), *spokes)
    return kind


def _around(turn: float, radius: float, y: float) -> Point:
    """The point of a horizontal circle about the y axis at an angle in turns; 0 is in front."""
    cos, sin = tilted(turn)
    return radius * sin, y, radius * cos


def _point(p: Array) -> Point:
    x, y, z = p.tolist()
    return x, y, z
