"""Upholstered armchairs: boxes with square, rolled or sloping arms, wing chairs, and round tubs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.parts.legs import FEET
from render.content.chairs.parts.tubs import Tub, parted
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import plank, slab
from render.content.chairs.solids.curves import lerp, stations
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import lathe
from render.content.chairs.solids.outlines import rectangle, trapezoid
from render.content.chairs.solids.shape import Shape

ARM_WEIGHTS = {"square": 1.2, "rolled": 1.0, "slope": 0.8, "slim": 0.6}


@dataclass(frozen=True)
class Bulk:
    """Measures of an armchair, metres."""

    seat: float
    """Height of the seat's upper face."""
    inner: float
    """Width between the arms."""
    deep: float
    """Depth of the whole chair."""
    legs: float
    """Height of the body above the floor."""
    arm: float
    """Thickness of an arm."""
    arm_top: float
    """Height of the arms."""
    top: float
    """Height of the back."""
    lean: float
    """Slope of the back: metres backward per metre upward."""

    @property
    def front(self) -> float:
        """The z of the front."""
        return self.deep / 2

    @property
    def rear(self) -> float:
        """The z of the back's rear face at the seat's height."""
        return -self.deep / 2


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    style = rng.topic("style")
    chair = Chair("armchair")
    soft, second = finish.cover(rng.topic("soft")), finish.cloth(rng.topic("second"))
    loose = second if style.chance(0.2) else soft
    if style.chance(0.25):
        build_tub(rng, chair, soft, loose)
    else:
        build_box(rng, chair, soft, loose)
    return chair


def build_box(rng: Sampler, chair: Chair, soft: Finish, loose: Finish) -> None:
    """Build a box or wing chair: seat, back and arms as blocks."""
    size, style = rng.topic("size"), rng.topic("style of the box")
    wing = style.chance(0.3)
    arms = style.weighted(ARM_WEIGHTS)
    bulk = Bulk(
        seat=size.between(0.41, 0.46),
        inner=size.between(0.50, 0.60),
        deep=size.between(0.74, 0.86),
        legs=size.pick((size.between(0.03, 0.06), size.between(0.09, 0.16))),
        arm=size.between(0.05, 0.075) if arms == "slim" else size.between(0.10, 0.17),
        arm_top=size.between(0.56, 0.65),
        top=size.between(1.00, 1.12) if wing else size.between(0.76, 0.94),
        lean=size.between(0.10, 0.24),
    )
    add_body(chair, soft, bulk)
    arm = ARMS[arms](rng.topic("arms"), bulk)
    chair.add("arm", soft, *(s for one in arm for s in (one, one.mirrored())))
    add_back(rng.topic("back"), chair, soft, loose, bulk, wing)
    add_cushion(rng.topic("cushion"), chair, loose, bulk)
    add_feet(rng.topic("feet"), chair, bulk)
    chair.note(kind="wing" if wing else "box", arms=arms, soft=str(soft), seat_height=bulk.seat)
    chair.note(width=bulk.inner + 2 * bulk.arm, depth=bulk.deep, height=bulk.top)


def add_body(chair: Chair, soft: Finish, bulk: Bulk) -> None:
    """Add the box under the cushion."""
    thick = bulk.seat - 0.10 - bulk.legs
    body = slab(rectangle(bulk.inner + 0.04, bulk.deep - 0.05, 0.015), thick, 0.012).lying()
    chair.add("frame", soft, body.moved(y=bulk.legs, z=0.005))


def add_cushion(rng: Sampler, chair: Chair, loose: Finish, bulk: Bulk) -> None:
    """Add the seat cushion."""
    thick = rng.between(0.115, 0.15)
    back_face = bulk.rear + 0.16
    ahead = bulk.front + rng.between(-0.01, 0.02)
    outline = rectangle(bulk.inner - 0.006, ahead - back_face, rng.between(0.03, 0.06), 0.07)
    cushion = slab(outline, thick, rng.between(0.030, 0.055), inner=4, crown=rng.between(0.012, 0.03)).lying()
    chair.add("seat", loose, cushion.moved(y=bulk.seat - thick, z=(ahead + back_face) / 2))


def add_back(rng: Sampler, chair: Chair, soft: Finish, loose: Finish, bulk: Bulk, wing: bool) -> None:
    """Add the back, and in front of it a cushion or padding, or wings beside it."""
    thick = rng.between(0.13, 0.17)
    tall = bulk.top - bulk.legs - 0.01
    full = bulk.inner + (2 * bulk.arm if not wing and rng.chance(0.25) else 0.02)
    sheet = Back(bulk.legs, bulk.rear, full / 2, full / 2, tall, (0.0, 1.6 * bulk.lean))
    arch = rng.pick((0.0, 0.0, 0.03, 0.06))
    outline = _arched(
        trapezoid(full, full * rng.between(0.9, 1.0), tall, (0.02, rng.between(0.04, 0.12)), step=0.07), arch
    )
    slab_ = slab(outline, thick, 0.045, inner=5, crown=0.012).moved(y=tall / 2)
    chair.add("back", soft, *sheet.place(slab_))
    if wing:
        chair.add("back", soft, *_wings(rng, bulk, sheet, thick, tall))
    elif rng.chance(0.6):
        high = bulk.top - bulk.seat - rng.between(0.0, 0.05)
        pillow = slab(rectangle(bulk.inner - 0.02, high, 0.07, 0.06), 0.11, 0.05, inner=4, crown=0.03)
        up = bulk.seat - bulk.legs + high / 2 - 0.01
        chair.add("cushion", loose, *sheet.place(pillow.moved(y=up, z=thick - 0.035)))
    else:
        rise = bulk.seat - bulk.legs
        face = rectangle(bulk.inner - 0.03, tall - rise - 0.05, 0.05, 0.06)
        front = slab(face, 0.05, 0.022, inner=4, crown=0.02).moved(y=rise + (tall - rise - 0.05) / 2, z=thick - 0.02)
        chair.add("back", soft, *sheet.place(front))


def _arched(outline: Array, rise: float) -> Array:
    """The outline (n, 2) with the middle of its upper edge raised by `rise` metres."""
    x = outline[:, 0] / outline[:, 0].max()
    up = np.clip(outline[:, 1] / outline[:, 1].max(), 0.0, 1.0)
    return np.stack([outline[:, 0], outline[:, 1] + rise * (1.0 - x * x) * up * up], axis=1)


def _wings(rng: Sampler, bulk: Bulk, sheet: Back, thick: float, tall: float) -> list[Shape]:
    """Wings on both sides of the sitter's head, their lower ends inside the arms."""
    low, high = bulk.arm_top - bulk.legs - 0.06, tall - 0.02
    y = stations(low, high, 9)
    reach = rng.between(0.16, 0.24)
    knots = [(low, 1.25), (low + 0.35 * (high - low), 1.0), (high - 0.08, 0.85), (high, 0.4)]
    ahead = reach * lerp(knots, y)
    wing = plank(y, 0.03 * np.ones(9), thick + ahead, 0.055, 0.02)
    # The plank is drawn along x; here x becomes y (up), y becomes z (forward) and z becomes x (outward).
    ear = replace(wing, positions=wing.positions[:, [2, 0, 1]]).moved(x=bulk.inner / 2 + 0.018)
    return sheet.place(ear, ear.mirrored())


def square_arm(rng: Sampler, bulk: Bulk) -> list[Shape]:
    """A block, or a thin panel on slim chairs; the right-hand arm alone, as for all arms."""
    edge = min(rng.between(0.015, 0.045), 0.4 * bulk.arm)
    return [_side(bulk, lambda z: bulk.arm_top + 0.0 * z, edge)]


def slope_arm(rng: Sampler, bulk: Bulk) -> list[Shape]:
    """A block that is higher behind than in front."""
    rise = rng.between(0.05, 0.14)
    return [_side(bulk, lambda z: bulk.arm_top + rise * np.clip(-z / bulk.front, -0.7, 1.0), 0.03)]


def rolled_arm(rng: Sampler, bulk: Bulk) -> list[Shape]:
    """A block under a roll that is wider than it."""
    r = 0.5 * bulk.arm + rng.between(0.012, 0.03)
    long = bulk.deep - 0.03
    block = _side(bulk, lambda z: bulk.arm_top - r + 0.0 * z, 0.015)
    ends = [(0.80 * r, 0.0), (0.94 * r, 0.010), (r, 0.028)]
    profile = [*ends, (r, long - 0.028), (0.94 * r, long - 0.010), (0.80 * r, long)]
    roll = lathe(profile, 20).turned("x", 0.25).moved(z=-long / 2 + 0.012)
    return [block, roll.moved(x=bulk.inner / 2 + 0.5 * bulk.arm + 0.008, y=bulk.arm_top - r)]


def _side(bulk: Bulk, top: Callable[[Array], Array], edge: float) -> Shape:
    """The right-hand side panel; `top` gives the height of its upper edge as a function of z (n,)."""
    z = stations(bulk.rear + 0.01, bulk.front - 0.01, 9)
    panel = plank(z, bulk.legs + 0.0 * z, top(z), bulk.arm, edge, grain="y")
    x = bulk.inner / 2 + bulk.arm / 2 - 0.002
    return panel.on_edge().moved(x=x)


ARMS: dict[str, Callable[[Sampler, Bulk], list[Shape]]] = {
    "square": square_arm,
    "rolled": rolled_arm,
    "slope": slope_arm,
    "slim": square_arm,
}


def add_feet(rng: Sampler, chair: Chair, bulk: Bulk) -> None:
    """Add four feet as high as the gap between floor and body."""
    x, z = bulk.inner / 2 + 0.4 * bulk.arm, bulk.front - 0.07
    kind = rng.pick(("peg", "block", "splayed")) if bulk.legs > 0.07 else rng.pick(("bun", "block"))
    made = FEET[kind](rng, bulk.legs + 0.012)
    front = made.moved(x=x, z=z)
    back = made.turned("y", 0.5).mirrored().moved(x=x, z=-z)
    surface = finish.metal(rng) if rng.chance(0.25) else finish.wood(rng)
    chair.add("leg", surface, *(s for one in (front, back) for s in (one, one.mirrored())))
    chair.note(feet=kind)


def build_tub(rng: Sampler, chair: Chair, soft: Finish, loose: Finish) -> None:
    """Build a tub chair: back and arms are one curve around a round cushion."""
    size = rng.topic("size")
    legs = size.pick((0.05, size.between(0.10, 0.17)))
    seat = size.between(0.41, 0.46)
    floor = seat - 0.12
    tub = Tub(
        floor=floor,
        half=(size.between(0.27, 0.31), size.between(0.27, 0.31)),
        lean=(size.between(0.0, 0.05), size.between(0.02, 0.09)),
        back=size.between(0.34, 0.48),
        arms=size.between(0.20, 0.27),
        front=0.035,
        box=size.between(0.0, 0.8),
    )
    thick = size.between(0.07, 0.10)
    parts = parted(tub, tub.barrel(thick, legs), 0.06)
    for label, part in zip(("frame", "back", "arm"), parts, strict=True):
        chair.add(label, soft, part)
    pad = slab(tub.pad(-0.01), 0.125, 0.045, inner=4, crown=0.02).lying()
    chair.add("seat", loose, pad.moved(y=seat - 0.125, z=0.006))
    bulk = Bulk(seat, 1.3 * tub.half[0], 1.6 * tub.half[1], legs, 0.0, 0.0, 0.0, 0.0)
    add_feet(rng.topic("feet"), chair, bulk)
    chair.note(kind="tub", soft=str(soft), seat_height=seat, width=2.2 * tub.half[0], height=floor + tub.back)
