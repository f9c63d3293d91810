"""Rocking chairs: a spindle-backed chair with arms on two bent runners."""

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.families.windsor import outline
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.arms import ArmJob, paddle, scrolled
from render.content.chairs.parts.back_fills import FILLS, Gap, level
from render.content.chairs.parts.back_frame import CRESTS, Back
from render.content.chairs.parts.legs import LegStyle, column, tapered_round, turned
from render.content.chairs.parts.spindle_backs import comb, hoop_back
from render.content.chairs.parts.stretchers import STRETCHERS, BarStyle, Legs
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import circle
from render.content.chairs.solids.tubes import flat_section, tube

RUNNER = (0.026, 0.040)
"""Width and height of a runner, metres."""


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("rocking")
    size, style = rng.topic("size"), rng.topic("style")
    wood = finish.timber(rng.topic("wood"))
    height, width, depth = size.between(0.40, 0.45), size.between(0.46, 0.53), size.between(0.42, 0.47)
    thick = size.between(0.032, 0.044)
    seat = slab(
        outline(rng.topic("seat"), width, depth), thick, 0.012, inner=4, crown=-size.between(0.006, 0.012)
    ).lying()
    chair.add("seat", wood, seat.moved(y=height - thick))
    leg = style.pick((turned, tapered_round))(rng.topic("legs"))
    radius = size.between(0.95, 1.35)
    lines = add_runners(rng.topic("runners"), chair, leg, wood, (width, depth), height - thick + 0.012, radius)
    bars = BarStyle(True, size.between(0.014, 0.019), size.between(1.0, 1.6))
    chair.add("stretcher", wood, *STRETCHERS[style.pick(("H", "box", "sides"))](size, lines, bars))
    back, kind = add_back(rng.topic("back"), chair, wood, width, depth, height, thick)
    add_arms(rng.topic("arms"), chair, back, wood, width, height, kind)
    chair.note(back=kind, legs=leg.kind, wood=str(wood), seat_height=height, width=width, depth=depth, runner=radius)
    return chair


def add_runners(
    rng: Sampler, chair: Chair, leg: LegStyle, wood: Finish, size: tuple[float, float], top: float, radius: float
) -> Legs:
    """Add runners on the floor and four legs that stand on them."""
    width, depth = size
    x, z = 0.37 * width, 0.34 * depth
    out = rng.between(0.01, 0.04)
    ahead, behind = z + 0.05, -z - 0.07

    def lift(at: float) -> float:
        """Height of the runner's lower face, which touches the floor at z = 0."""
        return radius - float(np.sqrt(radius * radius - at * at))

    places = np.linspace(behind - rng.between(0.18, 0.28), ahead + rng.between(0.07, 0.14), 25).tolist()
    path = np.array([[x + out, lift(at) + RUNNER[1] / 2, at] for at in places])
    runner = tube(path, flat_section(RUNNER[0], RUNNER[1], 0.004), up=(1.0, 0.0, 0.0))
    chair.add("runner", wood, runner, runner.mirrored())
    feet = [(x + out, lift(at) + 0.6 * RUNNER[1], at) for at in (ahead, behind)]
    lines = Legs(feet[0], (x, top, z), feet[1], (x, top, -z))
    front, back = leg.make(lines.front_foot, lines.front_top), leg.make(lines.back_foot, lines.back_top)
    chair.add("leg", wood, front, front.mirrored(), back, back.mirrored())
    return lines


def add_back(
    rng: Sampler, chair: Chair, wood: Finish, width: float, depth: float, height: float, thick: float
) -> tuple[Back, str]:
    """Add a tall back (hoop, comb, or posts with a filling); returns its sheet and its kind."""
    low, bow, first = 0.36 * width, rng.between(0.045, 0.06), rng.between(0.16, 0.24)
    back = Back(
        height, -depth / 2 + 0.045 + bow, low, low * rng.between(1.02, 1.15), rng.between(0.60, 0.74),
        (first, first + rng.between(0.08, 0.18)), bow,
    )  # fmt: skip
    kind = rng.pick(("hoop", "comb", "slats", "ladder", "splat", "cane", "bars"))
    if kind in ("hoop", "comb"):
        chair.add("back", wood, *(hoop_back if kind == "hoop" else comb)(rng, back, height - 0.5 * thick))
        return back, kind
    crest = CRESTS[rng.pick(tuple(CRESTS))](rng, back, 0.03)
    gap = Gap(back, 0.09, crest.opening, 0.03)
    chair.add("back", wood, *back.place(crest.shape, level(gap, 0.055, 0.035, 0.018)))
    post = column(_stile(back, crest.posts, thick), 0.016 * circle(10), np.linspace(1.05, 0.8, 10))
    chair.add("back", wood, post, post.mirrored())
    surfaces = {"wood": wood, "cane": finish.cane(rng)}
    for what, shape in FILLS[kind](rng, gap):
        chair.add("back", surfaces[what], *back.place(shape))
    return back, kind


def _stile(back: Back, end: float, thick: float) -> Array:
    ups = np.linspace(-0.5 * thick, end, 10).tolist()
    return np.array([back.at(float(back.half(up)), up) for up in ups])


def add_arms(rng: Sampler, chair: Chair, back: Back, wood: Finish, width: float, height: float, kind: str) -> None:
    """Add arms on posts."""
    up = rng.between(0.20, 0.25)
    rear = back.at(float(back.half(up)) * (0.985 if kind == "hoop" else 0.97), up)
    job = ArmJob(rear, (0.43 * width, height - 0.015, rng.between(0.09, 0.13)), 0.024, round=True)
    arm = rng.pick((paddle, scrolled))(rng, job)
    chair.add("arm", wood, *(s for one in arm for s in (one, one.mirrored())))
