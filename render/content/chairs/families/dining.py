"""Dining chairs: wooden chairs whose back legs continue upward as the posts of the back."""

from dataclasses import replace

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.arms import ARMS, ArmJob
from render.content.chairs.parts.back_fills import FILLS, Gap, level
from render.content.chairs.parts.back_frame import CRESTS, Back, Crest
from render.content.chairs.parts.legs import WOODEN, LegStyle, add_legs_with_tips, column
from render.content.chairs.parts.seats import SEATS, Plan, SeatJob, apron
from render.content.chairs.parts.stretchers import STRETCHERS, BarStyle, Legs
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.curves import spline
from render.content.chairs.solids.loft import circle
from render.content.chairs.solids.tubes import flat_section

FILL_WEIGHTS = {
    "slats": 1.3, "spindles": 0.8, "ladder": 1.3, "bars": 0.5, "cross": 0.9, "splat": 0.9, "panel": 0.8,
    "cushion": 1.2, "cane": 0.8, "straps": 0.5, "grid": 0.4, "window": 0.6, "oval": 0.4,
}  # fmt: skip

LEG_WEIGHTS = {"square": 1.2, "tapered": 1.3, "tapered round": 1, "turned": 0.8, "cabriole": 0.4}

SEAT_WEIGHTS = {"board": 1.2, "saddle": 0.7, "pad": 1.1, "stuffed": 1.0, "cane": 0.5, "cord": 0.6, "straps": 0.3}

WIDEST_POST = 0.038
"""Greatest width of the posts of the back, metres, however thick the legs are."""


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("dining")
    size, style = rng.topic("size"), rng.topic("style")
    wood, soft = finish.timber(rng.topic("wood")), finish.cover(rng.topic("soft"))
    front = size.between(0.40, 0.50)
    plan = Plan(size.between(0.43, 0.48), front, front * size.between(0.82, 0.98), size.between(0.38, 0.46))
    leg = WOODEN[style.weighted(LEG_WEIGHTS)](rng.topic("legs"))
    seat_kind, fill = style.weighted(SEAT_WEIGHTS), style.weighted(FILL_WEIGHTS)
    job = SeatJob(chair, plan, seat_wood(rng.topic("tone"), wood), soft, _corners(size), size.pick((0.0, 0.012, 0.025)))
    under = SEATS[seat_kind](rng.topic("seat"), job)
    back = back_of(rng.topic("back"), plan, leg.width)
    crest = CRESTS[style.pick(tuple(CRESTS))](rng.topic("crest"), back, 0.75 * min(leg.width, WIDEST_POST))
    lines = four_legs(rng.topic("splay"), chair, plan, leg, wood, under, back, crest.posts)
    frame_under(rng.topic("frame"), replace(job, wood=wood), lines, leg, under)
    fill_back(rng.topic("fill"), chair, back, leg, wood, soft, fill, crest)
    if style.chance(0.25):
        add_arms(rng.topic("arms"), chair, back, lines, plan, leg, wood)
    chair.note(seat=seat_kind, back=fill, legs=leg.kind, wood=str(wood), seat_height=plan.height)
    chair.note(width=plan.front, depth=plan.depth, back_height=back.height)
    return chair


def _corners(rng: Sampler) -> tuple[float, float]:
    return rng.between(0.012, 0.05), 0.012


def seat_wood(rng: Sampler, wood: Finish) -> Finish:
    """Finish of a wooden seat: the frame's, or bare wood on a painted frame."""
    return finish.wood(rng) if wood.recipe == "paint" and rng.chance(0.5) else wood


def back_of(rng: Sampler, plan: Plan, post: float) -> Back:
    """The sheet of the back between posts at the seat's rear corners."""
    low = plan.back / 2 - post / 2
    first = rng.between(0.03, 0.12)
    return Back(
        seat=plan.height,
        behind=-plan.depth / 2 + post / 2,
        low=low,
        high=low * rng.between(0.92, 1.10),
        height=rng.between(0.36, 0.58),
        slopes=(first, first + rng.between(0.06, 0.26)),
        bow=rng.pick((0.0, 0.012, 0.025, 0.040)),
    )


def four_legs(
    rng: Sampler, chair: Chair, plan: Plan, leg: LegStyle, wood: Finish, under: float, back: Back, end: float
) -> Legs:
    """Add front legs, and back legs that continue as posts up to the height `end` of the back's sheet."""
    inset = leg.width / 2 + rng.between(0.004, 0.014)
    x, _, z = plan.corner(True, inset, 0.0)
    lean = rng.pick((0.0, 0.0, 0.015, 0.03))
    top, foot = (x, under + 0.008, z), (x + lean, 0.0, z + lean)
    front = leg.make(foot, top)
    kick = rng.between(0.02, 0.08)
    post = np.array([[back.low, plan.height * t, back.behind - kick * (1 - t) * (1 - t)] for t in np.arange(5) / 5])
    above = np.array([back.at(float(back.half(y)), y) for y in (end * np.arange(9) / 8).tolist()])
    path = spline(np.concatenate([post, above]).tolist(), 2)
    wide = min(leg.width, WIDEST_POST)
    section = wide / 2 * circle(10) if leg.round else flat_section(0.82 * wide, wide)
    rise = (path[:, 1] - plan.height) / back.height
    size = np.where(rise > 0.0, 1.0 - 0.28 * rise, 1.0 + 0.22 * rise)
    behind = column(path, section, size)
    add_legs_with_tips(rng.topic("feet"), chair, wood, (front, front.mirrored(), behind, behind.mirrored()))
    at = post[0].tolist()
    return Legs(foot, top, (at[0], at[1], at[2]), (back.low, plan.height, back.behind))


def frame_under(rng: Sampler, job: SeatJob, legs: Legs, leg: LegStyle, under: float) -> None:
    """Add rails under the seat, and bars between the legs."""
    apron(job, under, rng.between(0.040, 0.075), leg.width / 2 + 0.008)
    kind = rng.weighted({"none": 2.2, "box": 1, "sides": 0.5, "H": 1, "X": 0.3, "rungs": 0.6})
    if leg.kind == "cabriole":
        kind = "none"
    style = BarStyle(leg.round, rng.between(0.014, 0.020), rng.pick((1.0, 1.3, 1.6)))
    job.chair.add("stretcher", job.wood, *STRETCHERS[kind](rng, legs, style))
    job.chair.note(stretchers=kind)


def fill_back(
    rng: Sampler, chair: Chair, back: Back, leg: LegStyle, wood: Finish, soft: Finish, kind: str, crest: Crest
) -> None:
    """Add crest, lower rail, and the filling between them."""
    post = 0.75 * min(leg.width, WIDEST_POST)
    low, high = rng.between(0.02, 0.16) if kind != "splat" else rng.between(0.0, 0.05), rng.between(0.022, 0.040)
    gap = Gap(back, low + high, crest.opening, post)
    chair.add("back", wood, *back.place(crest.shape, level(gap, low, high, 0.018)))
    finishes = {"wood": wood, "soft": soft, "cane": finish.cane(rng), "strap": finish.plain_cloth(rng)}
    for what, shape in FILLS[kind](rng, gap):
        chair.add("back", finishes[what], *back.place(shape))


def add_arms(rng: Sampler, chair: Chair, back: Back, legs: Legs, plan: Plan, leg: LegStyle, wood: Finish) -> None:
    """Add arms from the posts to above the front legs."""
    height = rng.between(0.19, 0.24)
    kind = rng.pick(tuple(ARMS))
    x, _, z = legs.front_top
    front = (x, plan.height - 0.02, z - rng.between(0.0, 0.06))
    job = ArmJob(back.at(float(back.half(height)), height), front, 0.75 * min(leg.width, 0.036), leg.round)
    arm = ARMS[kind](rng, job)
    chair.add("arm", wood, *arm, *(s.mirrored() for s in arm))
    chair.note(arms=kind)
