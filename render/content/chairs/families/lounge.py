"""Easy chairs: two wooden sides with arms, and loose cushions on a frame that leans back."""

from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.arms import lifted
from render.content.chairs.parts.back_fills import upright
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.parts.legs import column
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import plank, slab
from render.content.chairs.solids.curves import lerp, stations
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import circle
from render.content.chairs.solids.outlines import rectangle
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import bar, flat_section

ARM_FORMS = {
    "paddle": ((0.0, 0.5), (0.3, 0.62), (0.75, 1.0), (0.92, 0.95), (1.0, 0.55)),
    "even": ((0.0, 0.85), (0.05, 1.0), (0.95, 1.0), (1.0, 0.85)),
    "leaf": ((0.0, 0.35), (0.25, 0.8), (0.5, 1.0), (0.75, 0.8), (1.0, 0.4)),
}
"""Outlines of arms: (share of the way from back to front, share of the greatest width)."""


@dataclass(frozen=True)
class Easy:
    """Sizes of an easy chair, metres."""

    half: float
    """Half the width between the sides."""
    deep: float
    front: float
    """Height of the cushion in front."""
    thick: float
    """Thickness of the cushion."""
    slope: float
    """Slope of the seat: metres downward per metre backward."""

    @property
    def ahead(self) -> float:
        """The z of the front legs."""
        return self.deep / 2 - 0.02

    @property
    def behind(self) -> float:
        """The z of the back legs."""
        return 0.06 - self.deep / 2

    def rails(self, z: Array | float) -> Array:
        """Height of the cushion's lower face at z."""
        return np.asarray(self.front - self.thick - self.slope * (self.deep / 2 - np.asarray(z)))


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("lounge")
    size, style = rng.topic("size"), rng.topic("style")
    wood, soft = finish.wood(rng.topic("wood")), finish.cover(rng.topic("soft"))
    easy = Easy(
        half=size.between(0.27, 0.31),
        deep=size.between(0.54, 0.60),
        front=size.between(0.40, 0.45),
        thick=size.between(0.09, 0.13),
        slope=size.between(0.10, 0.20),
    )
    lean, inner = size.between(0.30, 0.46), easy.half - 0.03
    level = float(easy.rails(easy.behind))
    back = Back(level, easy.behind, inner, inner, size.between(0.56, 0.70), (lean, lean + 0.08))
    add_sides(rng.topic("sides"), chair, wood, easy)
    add_frame(chair, wood, back, easy)
    slats = style.pick(("upright", "level"))
    add_slats(rng.topic("slats"), chair, wood, back, slats)
    cushions = add_cushions(rng.topic("cushions"), chair, soft, back, easy)
    chair.note(wood=str(wood), soft=str(soft), slats=slats, cushions=cushions, seat_height=easy.front)
    chair.note(width=2 * easy.half, depth=easy.deep, back_height=back.height)
    return chair


def add_sides(rng: Sampler, chair: Chair, wood: Finish, easy: Easy) -> None:
    """Add the two sides: front and back leg with an arm on both."""
    arm = rng.between(0.54, 0.60)
    low = arm - rng.between(0.0, 0.05)
    x, w = easy.half + 0.016, rng.between(0.032, 0.042)
    section = w / 2 * circle(12) if rng.chance(0.6) else flat_section(0.8 * w, w)
    rake, kick = rng.between(0.0, 0.07), rng.between(0.02, 0.12)
    legs = []
    for z, top, out in ((easy.ahead, arm, rake), (easy.behind, low, -kick)):
        centres = [(x, 0.0, z + out), (x, 0.5 * top, z + 0.4 * out), (x, top, z)]
        legs.append(column(np.array(centres), section, np.array([0.66, 0.95, 0.85])))
    chair.add("leg", wood, *(s for one in legs for s in (one, one.mirrored())))
    span = easy.behind - 0.10, easy.ahead + rng.between(0.01, 0.06)
    chair.add("arm", wood, *_arms(rng, x, span, (low, arm)))


def _arms(rng: Sampler, x: float, span: tuple[float, float], heights: tuple[float, float]) -> list[Shape]:
    """Arms of one of the outlines, some lower in the middle than at the ends."""
    z = stations(*span, 13)
    share = (z - z[0]) / (z[-1] - z[0])
    wide = rng.between(0.05, 0.085) / 2 * lerp(ARM_FORMS[rng.pick(tuple(ARM_FORMS))], share)
    dip = rng.pick((0.0, 0.012, 0.022))
    low, high = heights
    flat = plank(z, -wide, wide, rng.between(0.020, 0.028), 0.007).along_z().moved(x=x)
    arm = flat.bent(lifted(z, low + (high - low) * share - dip * 4.0 * share * (1.0 - share)))
    return [arm, arm.mirrored()]


def add_frame(chair: Chair, wood: Finish, back: Back, easy: Easy) -> None:
    """Add rails under the cushion, and the stiles of the back."""
    wide, inner = easy.half + 0.016, easy.half - 0.03
    ends = [(float(easy.rails(z)) - 0.024, z) for z in (easy.behind, easy.ahead)]
    for y, z in ends:
        chair.add("frame", wood, bar((-wide, y, z), (wide, y, z), 0.048, 0.022))
    side = bar((inner, *ends[0]), (inner, *ends[1]), 0.048, 0.022)
    middle = bar((0.0, *ends[0]), (0.0, *ends[1]), 0.03, 0.03)
    chair.add("frame", wood, side, side.mirrored(), middle)
    points = [back.at(back.low, up) for up in stations(-0.05, back.height, 8).tolist()]
    stile = column(np.array(points), flat_section(0.026, 0.030))
    chair.add("back", wood, stile, stile.mirrored())


def add_slats(rng: Sampler, chair: Chair, wood: Finish, back: Back, kind: str) -> None:
    """Add the slats of the back, between its stiles."""
    half = back.low
    x = stations(-half, half, 9)
    shapes = [plank(x, back.height - 0.05, back.height, 0.022), plank(x, 0.06, 0.10, 0.020)]
    count = rng.whole(3, 6)
    if kind == "level":
        places = [0.11 + (k + 1) / (count + 1) * (back.height - 0.17) for k in range(count)]
        shapes += [plank(x, y - 0.016, y + 0.016, 0.012) for y in places]
    else:
        y = stations(0.08, back.height - 0.03, 6)
        places = [((2 * k + 1) / (count + 3) - 1.0) * half for k in range(count + 3)]
        shapes += [upright(y, at - 0.011, at + 0.011, 0.012) for at in places]
    chair.add("back", wood, *back.place(*shapes))


def add_cushions(rng: Sampler, chair: Chair, soft: Finish, back: Back, easy: Easy) -> int:
    """Add a seat cushion and one to three back cushions; returns the number of the latter."""
    wide, long, thick = 2 * easy.half - 0.012, easy.deep - 0.06, easy.thick
    seat = slab(rectangle(wide, long, 0.04, 0.07), thick, rng.between(0.28, 0.45) * thick, inner=4, crown=0.016)

    def onto_rails(points: Array) -> Array:
        lift = easy.rails(points[:, 2]) - 0.003
        return points + np.column_stack([0.0 * lift, lift, 0.0 * lift])

    chair.add("seat", soft, seat.lying().moved(z=easy.deep / 2 + 0.014 - long / 2).bent(onto_rails))
    low = 0.85 * thick
    count = rng.pick((1, 1, 2, 3))
    each = (back.height - low + rng.between(-0.03, 0.05)) / count
    outline = rectangle(wide - 0.008, each + 0.004, min(0.05, 0.4 * each), 0.07)
    pad = slab(outline, 0.85 * thick, 0.4 * thick, inner=4, crown=0.016)
    pads = [pad.moved(y=low + (k + 0.5) * each, z=0.010) for k in range(count)]
    chair.add("cushion", soft, *back.place(*pads))
    return count
