"""Chairs of bent steel tube: cantilevers without back legs, sleds, and four legs in two loops."""

from render.content.chairs.chair import Chair
from render.content.chairs.draws import Draws
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.joinery.pads import SLINGS, SlingJob
from render.content.chairs.joinery.plan import Back
from render.content.chairs.solids.paths import fillet, spline
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tube import flat_section, rod, round_section, tube
from render.content.chairs.solids.turns import Array

FRAMES = ("cantilever", "cantilever", "sled", "legs")


def build(d: Draws) -> Chair:
    """One chair of the family."""
    chair = Chair("bent tube")
    size, style = d.of("size"), d.of("style")
    r, half = size.between(0.0095, 0.0135), size.between(0.205, 0.235)
    level, deep = size.between(0.405, 0.435), size.between(0.43, 0.48)
    back = _sheet(d.of("back"), level, half, -deep / 2)
    top = back.height
    frame = style.pick(FRAMES)
    metal = finish.steel(d.of("metal"))
    rest = (top - size.between(0.18, 0.34), top - 0.01)
    job = SlingJob(
        chair, back, level, half, r, (-deep / 2 + 0.03, deep / 2 - 0.035), rest,
        finish.cover(d.of("soft")), finish.wood(d.of("wood")),
    )  # fmt: skip
    kind = style.pick(tuple(SLINGS))
    SLINGS[kind](d.of("sling"), job)
    path = PATHS[frame](d.of("frame"), job, deep)
    side = tube(path, round_section(r, 10), up=(1.0, 0.0, 0.0))
    chair.add("base", metal, side, side.mirrored())
    for z in (-deep / 2 + 0.08, deep / 2 - 0.10):
        chair.add("frame", metal, hanging(job).lying().moved(y=level, z=z))
    chair.add("back", metal, *back.place(hanging(job).moved(y=top - 0.05)))
    if frame == "legs":
        kick = size.between(0.03, 0.09)
        rear = rod((half, 0.0, -deep / 2 - kick), (half, level, -deep / 2 + 0.06), r, 10)
        chair.add("leg", metal, rear, rear.mirrored())
    if frame == "cantilever":
        x, y, z = path[-1].tolist()
        chair.add("base", metal, rod((-x, y, z + r), (x, y, z + r), r))
    if style.chance(0.4):
        add_arms(d.of("arms"), job, deep, metal)
    chair.note(frame=frame, seat=kind, metal=str(metal), soft=str(job.soft), seat_height=_top(chair))
    chair.note(width=2 * half, depth=deep, back_height=top)
    return chair


def _top(chair: Chair) -> float:
    """Height of the seat's rim: the seats of the family differ in thickness."""
    return max(float(s.positions[:, 1].max()) for label, _, s in chair.pieces if label == "seat")


def _sheet(d: Draws, level: float, half: float, behind: float) -> Back:
    first = d.between(0.10, 0.20)
    height = d.between(0.34, 0.46)
    return Back(level, behind, half, half, height, (first, first + d.between(0.0, 0.12)))


def _upper(job: SlingJob, deep: float) -> list[tuple[float, float, float]]:
    """Corners of a side from the back's top to the seat's front."""
    half = job.half
    up = [job.back.at(half, y) for y in (job.back.height, 0.5 * job.back.height)]
    return [*up, (half, job.height, -deep / 2), (half, job.height, deep / 2)]


def cantilever(d: Draws, job: SlingJob, deep: float) -> Array:
    """Down in front, and back along the floor."""
    r, half = job.tube, job.half
    lean = d.between(0.0, 0.05)
    foot = [(half, r, deep / 2 + lean), (half, r, -deep / 2 + d.between(-0.04, 0.02))]
    bend = d.between(0.07, 0.16)
    return fillet([*_upper(job, deep), *foot], [0.4, 0.08, bend, bend], 7)


def sled(d: Draws, job: SlingJob, deep: float) -> Array:
    """Down in front, back along the floor, and up again to the seat."""
    r, half = job.tube, job.half
    ahead, behind = deep / 2 + d.between(0.0, 0.04), -deep / 2 - d.between(0.0, 0.05)
    foot = [(half, r, ahead), (half, r, behind), (half, job.height + 0.004, -deep / 2 + 0.07)]
    return fillet([*_upper(job, deep), *foot], [0.4, 0.08, 0.06, 0.06, 0.06], 6)


def legs(d: Draws, job: SlingJob, deep: float) -> Array:
    """Down in front to a foot; back legs of their own."""
    foot = (job.half, 0.0, deep / 2 + d.between(0.0, 0.05))
    return fillet([*_upper(job, deep), foot], [0.4, 0.08, 0.06], 6)


def hanging(job: SlingJob) -> Shape:
    """A bar between the tubes that keeps clear of what hangs there: flat, behind the sheet."""
    half, low = job.half, -0.036
    path = fillet([(-half, 0.0, 0.0), (0.06 - half, 0.0, low), (half - 0.06, 0.0, low), (half, 0.0, 0.0)], 0.05, 3)
    return tube(path, round_section(0.8 * job.tube, 8), up=(0.0, 1.0, 0.0))


PATHS = {"cantilever": cantilever, "sled": sled, "legs": legs}


def add_arms(d: Draws, job: SlingJob, deep: float, metal: Finish) -> None:
    """A loop from the back's tube forward and down to the seat's."""
    up = d.between(0.19, 0.23)
    x, y, z = job.back.at(job.half, up)
    end = deep / 2 - d.between(0.07, 0.11)
    corners = [(x, y, z), (x + 0.028, y + 0.004, z + 0.06), (x + 0.028, y, end), (x, job.height, end - 0.01)]
    loop = tube(fillet(corners, 0.06, 6), round_section(0.85 * job.tube, 8), up=(0.0, 1.0, 0.0))
    over = ((0.008, z + 0.08), (0.011, 0.5 * (z + end)), (0.006, end - 0.06))
    rest = spline([(x + 0.028, y + up, at) for up, at in over], 3)
    pad = tube(rest, flat_section(0.018, 0.042, 0.006), up=(0.0, 1.0, 0.0))
    job.chair.add("arm", metal, loop, loop.mirrored())
    job.chair.add("arm", job.wood, pad, pad.mirrored())
