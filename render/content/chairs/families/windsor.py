"""Windsor chairs: legs below and spindles above are all fixed in a thick seat."""

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.arms import ArmJob, paddle, scrolled
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.parts.legs import LegStyle, add_legs_with_tips, tapered_round, turned
from render.content.chairs.parts.spindle_backs import comb, fan, hoop_back
from render.content.chairs.parts.stretchers import STRETCHERS, BarStyle, Legs
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.outlines import curve, ellipse, trapezoid
from render.content.chairs.solids.tubes import rod

BACKS = {"hoop": hoop_back, "comb": comb, "fan": fan}


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("windsor")
    size, style = rng.topic("size"), rng.topic("style")
    wood = finish.timber(rng.topic("wood"))
    height, width, depth = size.between(0.42, 0.46), size.between(0.42, 0.50), size.between(0.39, 0.44)
    top = finish.wood(rng.topic("top")) if style.chance(0.2) else wood
    thick = add_seat(rng.topic("seat"), chair, top, (width, depth), height)
    leg = style.pick((turned, turned, tapered_round))(rng.topic("legs"))
    lines = splayed(rng.topic("splay"), width, depth, height - thick + 0.012)
    add_legs(rng.topic("bars"), chair, leg, lines, wood)
    back = sheet(rng.topic("back"), width, depth, height)
    kind = style.pick(tuple(BACKS))
    chair.add("back", wood, *BACKS[kind](rng.topic(kind), back, height - 0.5 * thick))
    if style.chance(0.35):
        add_arms(rng.topic("arms"), chair, back, wood, width, height)
    chair.note(back=kind, legs=leg.kind, wood=str(wood), seat_height=height, width=width, depth=depth)
    return chair


def outline(rng: Sampler, width: float, depth: float) -> Array:
    """Outline (n, 2) of the seat: a shield, an oval, or four sides with round corners."""
    kind = rng.pick(("shield", "shield", "oval", "square"))
    if kind == "oval":
        return ellipse(width, depth, 40)
    if kind == "square":
        return trapezoid(width, 0.84 * width, depth, (0.05, 0.08), 0.02, 0.04)
    w, half = width / 2, depth / 2
    nose = rng.between(0.96, 1.04)
    points = [(0, -nose * half), (0.5 * w, -half), (0.9 * w, -0.72 * half), (w, -0.1 * half), (0.84 * w, 0.6 * half)]
    return curve([*points, (0.5 * w, 0.95 * half), (0, half)], 44)


def add_seat(rng: Sampler, chair: Chair, wood: Finish, size: tuple[float, float], height: float) -> float:
    """Add the hollowed seat; returns its thickness."""
    thick = rng.between(0.032, 0.046)
    solid = slab(outline(rng, *size), thick, rng.between(0.010, 0.015), inner=4, crown=-rng.between(0.006, 0.013))
    chair.add("seat", wood, solid.lying().moved(y=height - thick))
    return thick


def splayed(rng: Sampler, width: float, depth: float, top: float) -> Legs:
    """Lines of legs that start well inside the seat's rim and end outside it."""
    out, ahead = rng.between(0.05, 0.09), rng.between(0.05, 0.09)
    x, z = 0.33 * width, 0.31 * depth
    rear = 0.30 * width
    return Legs((x + out, 0.0, z + ahead), (x, top, z), (rear + out, 0.0, -z - ahead - 0.02), (rear, top, -z))


def add_legs(rng: Sampler, chair: Chair, leg: LegStyle, lines: Legs, wood: Finish) -> None:
    """Add four legs and the bars between them."""
    front, back = leg.make(lines.front_foot, lines.front_top), leg.make(lines.back_foot, lines.back_top)
    add_legs_with_tips(rng.topic("feet"), chair, wood, (front, front.mirrored(), back, back.mirrored()))
    kind = rng.weighted({"H": 2.0, "box": 0.7, "X": 0.3, "none": 0.4})
    bars = BarStyle(True, rng.between(0.015, 0.020), rng.between(1.2, 1.8))
    chair.add("stretcher", wood, *STRETCHERS[kind](rng, lines, bars))
    chair.note(stretchers=kind)


def sheet(rng: Sampler, width: float, depth: float, height: float) -> Back:
    """The sheet of a back that follows the curve of the seat's rear rim."""
    low, bow = rng.between(0.33, 0.37) * width, rng.between(0.045, 0.065)
    first = rng.between(0.10, 0.20)
    return Back(
        seat=height,
        behind=-depth / 2 + 0.040 + bow,
        low=low,
        high=low * rng.between(1.02, 1.22),
        height=rng.between(0.44, 0.62),
        slopes=(first, first + rng.between(0.06, 0.2)),
        bow=bow,
    )


def add_arms(rng: Sampler, chair: Chair, back: Back, wood: Finish, width: float, height: float) -> None:
    """Add arms, each on a post and a short spindle."""
    up = rng.between(0.20, 0.24)
    rear = back.at(float(back.half(up)) * 0.985, up)
    front: Point = (0.43 * width, height - 0.015, rng.between(0.06, 0.10))
    arm = rng.pick((paddle, scrolled))(rng, ArmJob(rear, front, 0.022, round=True))
    x, z = 0.5 * (front[0] + rear[0]), 0.5 * (front[2] + rear[2])
    prop = rod((0.42 * width, height - 0.015, z), (x + 0.004, rear[1] - 0.012, z), 0.007)
    chair.add("arm", wood, *(s for one in [*arm, prop] for s in (one, one.mirrored())))
    chair.note(arms=True)
