"""Office chairs: a star on casters, a gas column, backs of padding, net or leather, and several kinds of arms."""

from collections.abc import Callable

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.parts.bases import BaseJob, star
from render.content.chairs.parts.seats import Plan
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab, web
from render.content.chairs.solids.curves import fillet, spline
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.outlines import flat, rectangle, trapezoid
from render.content.chairs.solids.tubes import flat_section, hoop, round_section, tube

ARM_WEIGHTS = {"none": 0.8, "T": 1.3, "loop": 1.0}


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("swivel")
    size, style = rng.topic("size"), rng.topic("style")
    kind = style.weighted({"task": 1.2, "net": 1.0, "executive": 1.0})
    metal, dark = finish.steel(rng.topic("metal")), finish.dark_plastic(rng.topic("dark"))
    soft = finish.cover(rng.topic("soft")) if kind != "executive" else finish.leather(rng.topic("soft"))
    front = size.between(0.46, 0.52)
    plan = Plan(size.between(0.43, 0.50), front, front * size.between(0.88, 0.98), size.between(0.43, 0.49))
    under = add_seat(rng.topic("seat"), chair, soft, plan, thick=size.between(0.055, 0.095))
    star(rng.topic("base"), BaseJob(chair, metal, dark, under + 0.006, size.between(0.29, 0.33)))
    back = BACKS[kind](rng.topic("back"), chair, plan, soft, dark)
    add_spine(chair, dark, plan, back, under)
    arms = style.weighted(ARM_WEIGHTS)
    if arms != "none":
        ARMS[arms](rng.topic("arms"), chair, plan, under, dark if style.chance(0.6) else metal, dark)
    chair.note(back=kind, arms=arms, soft=str(soft), metal=str(metal), seat_height=plan.height)
    chair.note(width=plan.front, depth=plan.depth, back_height=back.height)
    return chair


def add_seat(rng: Sampler, chair: Chair, soft: Finish, plan: Plan, thick: float) -> float:
    """Add a cushion whose front edge slopes down; returns the height of its underside."""
    outline = trapezoid(plan.front, plan.back, plan.depth, (0.09, 0.07), 0.02, 0.06)
    cushion = slab(outline, thick, rng.between(0.3, 0.45) * thick, inner=5, crown=0.004).lying()
    drop, start = rng.between(0.012, 0.035), 0.18 * plan.depth

    def fall(points: Array) -> Array:
        ahead = np.clip(points[:, 2] - start, 0.0, None) / (plan.depth / 2 - start)
        return points - np.column_stack([0.0 * ahead, drop * ahead * ahead, 0.0 * ahead])

    chair.add("seat", soft, cushion.moved(y=plan.height - thick).bent(fall))
    return plan.height - thick


def task(rng: Sampler, chair: Chair, plan: Plan, soft: Finish, dark: Finish) -> Back:
    """Add a padded back with a plastic shell behind it."""
    tall, thick = rng.between(0.34, 0.54), rng.between(0.045, 0.07)
    wide, gap = rng.between(0.40, 0.47), rng.between(0.06, 0.14)
    back = _sheet(rng, plan, gap + tall, wide, bow=rng.between(0.03, 0.06))
    low, high = wide * rng.between(0.8, 1.0), wide * rng.between(0.75, 1.0)
    outline = trapezoid(low, high, tall, (rng.between(0.05, 0.12), rng.between(0.05, 0.14)), step=0.06)
    at = gap + tall / 2
    pad = slab(outline, thick, 0.42 * thick, inner=4, crown=0.008).moved(y=at)
    rear = slab(outline * 0.96, 0.018, 0.006, inner=3).moved(y=at, z=-0.010)
    chair.add("back", soft, *back.place(pad))
    chair.add("back", dark, *back.place(rear))
    return back


def net(rng: Sampler, chair: Chair, plan: Plan, _soft: Finish, dark: Finish) -> Back:
    """Add a net in a frame, with a lumbar bar."""
    tall, wide, gap = rng.between(0.46, 0.60), rng.between(0.42, 0.48), rng.between(0.04, 0.09)
    back = _sheet(rng, plan, gap + tall, wide, bow=rng.between(0.03, 0.055))
    outline = trapezoid(wide, wide * rng.between(0.78, 1.0), tall, (0.07, rng.between(0.05, 0.12)), step=0.04)
    outline = outline + np.array([0.0, gap + tall / 2])
    ring = hoop(flat(outline), flat_section(0.022, 0.026, 0.007), up=(0.0, 0.0, 1.0))
    chair.add("back", dark, *back.place(ring))
    chair.add("back", finish.net(rng), *back.place(web(outline, 5)))
    y = rng.between(0.14, 0.20)  # where the spine ends
    half = wide / 2 - 0.012
    bar = np.array([[x, y, -0.012 if abs(x) < 0.9 * half else -0.002] for x in np.linspace(-half, half, 9).tolist()])
    chair.add("back", dark, *back.place(tube(bar, flat_section(0.05, 0.010), up=(0.0, 1.0, 0.0))))
    return back


def executive(rng: Sampler, chair: Chair, plan: Plan, soft: Finish, dark: Finish) -> Back:
    """Add a tall, thick back: several level rolls, or one piece, often with a head rest."""
    tall, wide, gap = rng.between(0.58, 0.70), rng.between(0.46, 0.52), 0.01
    back = _sheet(rng, plan, gap + tall, wide, bow=rng.between(0.015, 0.04))
    thick = rng.between(0.07, 0.10)
    count = rng.pick((1, 2, 4, 5))
    each = tall / count
    top = wide * rng.between(0.76, 0.96)
    radius = 0.05 if count == 1 else 0.35 * min(each, 0.1)
    rings = 5 if count == 1 else 2
    for k in range(count):
        low, high = (wide + (top - wide) * (k + j) / count for j in (0, 1))
        outline = trapezoid(low, high, each + 0.006, radius, step=0.08)
        roll = slab(outline, thick, 0.44 * thick, inner=rings, crown=0.012)
        chair.add("back", soft, *back.place(roll.moved(y=gap + (k + 0.5) * each)))
    rear = slab(trapezoid(wide * 0.93, top * 0.93, tall * 0.95, 0.05), 0.02, 0.006, inner=4)
    chair.add("back", soft if rng.chance(0.5) else dark, *back.place(rear.moved(y=gap + tall / 2, z=-0.012)))
    if count == 1 and rng.chance(0.7):
        rest = slab(trapezoid(0.62 * top, 0.58 * top, 0.14, 0.05), 0.05, 0.02, inner=2, crown=0.01)
        chair.add("cushion", soft, *back.place(rest.moved(y=gap + tall - 0.10, z=thick - 0.018)))
    return back


def _sheet(rng: Sampler, plan: Plan, height: float, wide: float, bow: float) -> Back:
    """The sheet of an office chair's back: forward at the lumbar height, leaning backward at the top."""
    return Back(
        seat=plan.height,
        behind=-plan.depth / 2 + 0.005 + bow,
        low=wide / 2,
        high=wide / 2,
        height=height,
        slopes=(rng.between(-0.06, 0.04), rng.between(0.26, 0.42)),
        bow=bow,
    )


BACKS: dict[str, Callable[[Sampler, Chair, Plan, Finish, Finish], Back]] = {
    "task": task,
    "net": net,
    "executive": executive,
}


def add_spine(chair: Chair, dark: Finish, plan: Plan, back: Back, under: float) -> None:
    """Add the bent bar from under the seat to behind the back."""
    up = min(0.22, 0.5 * back.height)
    ends = [back.at(0.0, y, -0.016) for y in (up, up - 0.10)]
    rear = min(ends[1][2], ends[0][2]) - 0.028
    corners = [(0.0, under + 0.004, -0.05), (0.0, under - 0.008, -plan.depth / 2), (0.0, under + 0.03, rear)]
    path = fillet([*corners, ends[1], ends[0]], 0.05, 5)
    chair.add("frame", dark, tube(path, flat_section(0.062, 0.016, 0.005), up=(1.0, 0.0, 0.0)))


def arm_t(rng: Sampler, chair: Chair, plan: Plan, under: float, bar: Finish, dark: Finish) -> None:
    """Add arms of a bracket, an upright and a pad."""
    x, top = plan.front / 2 + rng.between(0.015, 0.03), plan.height + rng.between(0.18, 0.24)
    z = rng.between(-0.07, 0.0)
    path = fillet([(0.10, under + 0.006, z), (x, under - 0.006, z), (x + 0.008, top - 0.012, z)], 0.04, 5)
    upright = tube(path, flat_section(0.05, 0.018, 0.005), up=(0.0, 0.0, 1.0))
    pad = slab(rectangle(rng.between(0.06, 0.085), rng.between(0.22, 0.28), 0.03), 0.026, 0.010, inner=2, crown=0.004)
    pad = pad.lying().moved(x=x, y=top - 0.020, z=z + 0.03)
    chair.add("arm", bar, upright, upright.mirrored())
    chair.add("arm", dark, pad, pad.mirrored())


def arm_loop(rng: Sampler, chair: Chair, plan: Plan, under: float, bar: Finish, dark: Finish) -> None:
    """Add arms that are loops, from the seat's side in front to its side behind."""
    x, top = plan.front / 2 + rng.between(0.01, 0.03), plan.height + rng.between(0.17, 0.23)
    ahead, behind = rng.between(0.11, 0.16), -rng.between(0.12, 0.18)
    low = under + 0.02
    corners = [(0.10, under + 0.006, ahead - 0.04), (x, low - 0.012, ahead - 0.03), (x + 0.01, top, ahead + 0.02)]
    corners += [(x + 0.01, top, behind), (x, low - 0.012, behind + 0.06), (0.10, under + 0.006, behind + 0.06)]
    path = fillet(corners, rng.between(0.05, 0.08), 5)
    section = round_section(0.013, 8) if rng.chance(0.5) else flat_section(0.036, 0.014, 0.005)
    loop = tube(path, section, up=(0.0, 0.0, 1.0))
    chair.add("arm", bar, loop, loop.mirrored())
    if rng.chance(0.6):
        over = ((0.006, behind + 0.05), (0.009, 0.0), (0.006, ahead - 0.03))
        rest = spline([(x + 0.01, top + up, z) for up, z in over], 3)
        pad = tube(rest, flat_section(0.026, 0.050, 0.010), up=(0.0, 1.0, 0.0))
        chair.add("arm", dark, pad, pad.mirrored())


ARMS: dict[str, Callable[[Sampler, Chair, Plan, float, Finish, Finish], None]] = {"T": arm_t, "loop": arm_loop}
