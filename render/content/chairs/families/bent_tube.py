"""Chairs of bent steel tube: cantilevers without back legs, sleds, and four legs in two loops."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.back_frame import Back
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab, web
from render.content.chairs.solids.curves import fillet, spline
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.outlines import flat, rectangle, trapezoid
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import flat_section, hoop, rod, round_section, straps, tube


@dataclass(frozen=True)
class SlingJob:
    """Two tubes at x = ±`half`, and what seat and back between them are made of. Metres."""

    chair: Chair
    back: Back
    height: float
    """Height of the tubes' middles under the seat, where they are level."""
    half: float
    tube: float
    """Radius of the tubes."""
    seat: tuple[float, float]
    """The z of the seat's rear and front edge."""
    rest: tuple[float, float]
    """Lower and upper edge of the backrest, along the sheet of `back`."""
    soft: Finish
    wood: Finish


def pads(rng: Sampler, job: SlingJob) -> None:
    """Add upholstered boards on the tubes."""
    thick, r = rng.between(0.04, 0.065), rng.between(0.03, 0.06)
    seat = slab(_seat_outline(job, r, job.tube), thick, 0.42 * thick, inner=5, crown=0.008).lying()
    job.chair.add("seat", job.soft, seat.moved(y=job.height + 0.4 * job.tube, z=_middle(job.seat)))
    rest = slab(_rest_outline(job, r, job.tube), 0.85 * thick, 0.36 * thick, inner=5, crown=0.006)
    job.chair.add("back", job.soft, *job.back.place(rest.moved(y=_middle(job.rest), z=0.3 * job.tube)))


def boards(rng: Sampler, job: SlingJob) -> None:
    """Add bent plywood on the tubes."""
    r = rng.between(0.03, 0.08)
    seat = slab(_seat_outline(job, r, job.tube), 0.012, 0.005, inner=5, crown=-0.004).lying()
    job.chair.add("seat", job.wood, seat.moved(y=job.height + 0.6 * job.tube, z=_middle(job.seat)))
    rest = slab(_rest_outline(job, r, job.tube), 0.011, 0.005, inner=5)
    job.chair.add("back", job.wood, *job.back.place(rest.moved(y=_middle(job.rest), z=0.6 * job.tube)))


def frames(rng: Sampler, job: SlingJob) -> None:
    """Add wooden frames with cane."""
    cane, wide = finish.cane(rng), rng.between(0.032, 0.045)
    outlines = _seat_outline(job, 0.04, job.tube - wide / 2), _rest_outline(job, 0.03, job.tube - wide / 2)
    for label, outline in zip(("seat", "back"), outlines, strict=True):
        ring = hoop(flat(outline), flat_section(0.024, wide), up=(0.0, 0.0, 1.0))
        net = web(outline, 4).moved(z=0.006)
        if label == "seat":
            lift = job.height + job.tube + 0.006
            placed = [s.lying().moved(y=lift, z=_middle(job.seat)) for s in (ring, net)]
        else:
            placed = job.back.place(*(s.moved(y=_middle(job.rest), z=job.tube + 0.006) for s in (ring, net)))
        job.chair.add(label, job.wood, placed[0])
        job.chair.add(label, cane, placed[1])


def slings(rng: Sampler, job: SlingJob) -> None:
    """Add leather or canvas from tube to tube that sags between them."""
    sag, half = rng.between(0.010, 0.022), job.half
    thick = 2 * job.tube + 0.004

    def hang(points: np.ndarray) -> np.ndarray:
        x = np.clip(np.abs(points[:, 0]) / half, 0.0, 1.0)
        thin = 1.0 - 0.72 * np.clip((1.0 - x) * 9.0, 0.0, 1.0)
        out = points.copy()
        out[:, 2] = points[:, 2] * thin - sag * (1.0 - x * x)
        return out

    past = job.tube + 0.003
    outlines = {"seat": _seat_outline(job, 0.012, past), "back": _rest_outline(job, 0.012, past)}
    for label, outline in outlines.items():
        cloth = slab(outline, thick, 0.4 * thick, inner=6).moved(z=-thick / 2).bent(hang)
        if label == "seat":
            job.chair.add("seat", job.soft, cloth.lying().moved(y=job.height, z=_middle(job.seat)))
        else:
            job.chair.add("back", job.soft, *job.back.place(cloth.moved(y=_middle(job.rest))))


def plaited(rng: Sampler, job: SlingJob) -> None:
    """Add woven straps."""
    cloth = finish.plain_cloth(rng)
    columns = rng.pick((5, 7))
    rows = [2 * int((b - a) / 0.13) + 1 for a, b in (job.seat, job.rest)]
    seat = straps(2 * job.half + 0.4 * job.tube, job.seat[1] - job.seat[0], columns, rows[0])
    job.chair.add("seat", cloth, *(s.lying().moved(y=job.height + job.tube - 0.002, z=_middle(job.seat)) for s in seat))
    rest = straps(2 * job.half + 0.4 * job.tube, job.rest[1] - job.rest[0], columns, max(rows[1], 3))
    job.chair.add("back", cloth, *job.back.place(*(s.moved(y=_middle(job.rest), z=job.tube - 0.002) for s in rest)))


def _middle(span: tuple[float, float]) -> float:
    return (span[0] + span[1]) / 2


def _seat_outline(job: SlingJob, radius: float, past: float) -> np.ndarray:
    wide = 2 * (job.half + past)
    return trapezoid(wide, wide, job.seat[1] - job.seat[0], (radius, 0.6 * radius), step=0.05)


def _rest_outline(job: SlingJob, radius: float, past: float) -> np.ndarray:
    return rectangle(2 * (job.half + past), job.rest[1] - job.rest[0], radius, 0.05)


SLINGS: dict[str, Callable[[Sampler, SlingJob], None]] = {
    "pads": pads,
    "boards": boards,
    "frames": frames,
    "slings": slings,
    "straps": plaited,
}

FRAMES = ("cantilever", "cantilever", "sled", "legs")


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("bent tube")
    size, style = rng.topic("size"), rng.topic("style")
    r, half = size.between(0.0095, 0.0135), size.between(0.205, 0.235)
    level, deep = size.between(0.405, 0.435), size.between(0.43, 0.48)
    back = _sheet(rng.topic("back"), level, half, -deep / 2)
    top = back.height
    frame = style.pick(FRAMES)
    metal = finish.steel(rng.topic("metal"))
    rest = (top - size.between(0.18, 0.34), top - 0.01)
    job = SlingJob(
        chair, back, level, half, r, (-deep / 2 + 0.03, deep / 2 - 0.035), rest,
        finish.cover(rng.topic("soft")), finish.wood(rng.topic("wood")),
    )  # fmt: skip
    kind = style.pick(tuple(SLINGS))
    SLINGS[kind](rng.topic("sling"), job)
    path = PATHS[frame](rng.topic("frame"), job, deep)
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
        add_arms(rng.topic("arms"), job, deep, metal)
    chair.note(frame=frame, seat=kind, metal=str(metal), soft=str(job.soft), seat_height=_top(chair))
    chair.note(width=2 * half, depth=deep, back_height=top)
    return chair


def _top(chair: Chair) -> float:
    """Height of the seat's highest point; the seats of this family differ in thickness."""
    return max(float(s.positions[:, 1].max()) for label, _, s in chair.pieces if label == "seat")


def _sheet(rng: Sampler, level: float, half: float, behind: float) -> Back:
    first = rng.between(0.10, 0.20)
    height = rng.between(0.34, 0.46)
    return Back(level, behind, half, half, height, (first, first + rng.between(0.0, 0.12)))


def _upper(job: SlingJob, deep: float) -> list[tuple[float, float, float]]:
    """Corners of a side's path from the top of the back to the front of the seat."""
    half = job.half
    up = [job.back.at(half, y) for y in (job.back.height, 0.5 * job.back.height)]
    return [*up, (half, job.height, -deep / 2), (half, job.height, deep / 2)]


def cantilever(rng: Sampler, job: SlingJob, deep: float) -> Array:
    """Path (n, 3) of a side: down in front, and backward along the floor."""
    r, half = job.tube, job.half
    lean = rng.between(0.0, 0.05)
    foot = [(half, r, deep / 2 + lean), (half, r, -deep / 2 + rng.between(-0.04, 0.02))]
    bend = rng.between(0.07, 0.16)
    return fillet([*_upper(job, deep), *foot], [0.4, 0.08, bend, bend], 7)


def sled(rng: Sampler, job: SlingJob, deep: float) -> Array:
    """Path (n, 3) of a side: down in front, backward along the floor, and up again to the seat."""
    r, half = job.tube, job.half
    ahead, behind = deep / 2 + rng.between(0.0, 0.04), -deep / 2 - rng.between(0.0, 0.05)
    foot = [(half, r, ahead), (half, r, behind), (half, job.height + 0.004, -deep / 2 + 0.07)]
    return fillet([*_upper(job, deep), *foot], [0.4, 0.08, 0.06, 0.06, 0.06], 6)


def legs(rng: Sampler, job: SlingJob, deep: float) -> Array:
    """Path (n, 3) of a side: down in front to a foot; the back legs are separate."""
    foot = (job.half, 0.0, deep / 2 + rng.between(0.0, 0.05))
    return fillet([*_upper(job, deep), foot], [0.4, 0.08, 0.06], 6)


def hanging(job: SlingJob) -> Shape:
    """A bar from tube to tube, drawn flat; it dips behind the sheet so that it does not touch seat or back."""
    half, low = job.half, -0.036
    path = fillet([(-half, 0.0, 0.0), (0.06 - half, 0.0, low), (half - 0.06, 0.0, low), (half, 0.0, 0.0)], 0.05, 3)
    return tube(path, round_section(0.8 * job.tube, 8), up=(0.0, 1.0, 0.0))


PATHS = {"cantilever": cantilever, "sled": sled, "legs": legs}


def add_arms(rng: Sampler, job: SlingJob, deep: float, metal: Finish) -> None:
    """Add arms: loops from the back's tubes forward and down to the seat's."""
    up = rng.between(0.19, 0.23)
    x, y, z = job.back.at(job.half, up)
    end = deep / 2 - rng.between(0.07, 0.11)
    corners = [(x, y, z), (x + 0.028, y + 0.004, z + 0.06), (x + 0.028, y, end), (x, job.height, end - 0.01)]
    loop = tube(fillet(corners, 0.06, 6), round_section(0.85 * job.tube, 8), up=(0.0, 1.0, 0.0))
    over = ((0.008, z + 0.08), (0.011, 0.5 * (z + end)), (0.006, end - 0.06))
    rest = spline([(x + 0.028, y + up, at) for up, at in over], 3)
    pad = tube(rest, flat_section(0.018, 0.042, 0.006), up=(0.0, 1.0, 0.0))
    job.chair.add("arm", metal, loop, loop.mirrored())
    job.chair.add("arm", job.wood, pad, pad.mirrored())
