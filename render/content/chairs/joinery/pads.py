"""Seats and backs that hang between two bent tubes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.draws import Draws
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.joinery.plan import Back
from render.content.chairs.solids.outlines import flat, rectangle, trapezoid
from render.content.chairs.solids.slab import slab, web
from render.content.chairs.solids.tube import flat_section, hoop
from render.content.chairs.solids.weave import straps


@dataclass(frozen=True)
class SlingJob:
    """Two tubes at x = ±half, level under the seat, bent like `back` behind it."""

    chair: Chair
    back: Back
    height: float
    """Of the tubes' middles under the seat."""
    half: float
    tube: float
    """Radius."""
    seat: tuple[float, float]
    """z behind and in front."""
    rest: tuple[float, float]
    """From where to where along the back's sheet there is something to lean on."""
    soft: Finish
    wood: Finish


def pads(d: Draws, job: SlingJob) -> None:
    """Upholstered boards on the tubes."""
    thick, r = d.between(0.04, 0.065), d.between(0.03, 0.06)
    seat = slab(_seat_outline(job, r, job.tube), thick, 0.42 * thick, inner=5, crown=0.008).lying()
    job.chair.add("seat", job.soft, seat.moved(y=job.height + 0.4 * job.tube, z=_middle(job.seat)))
    rest = slab(_rest_outline(job, r, job.tube), 0.85 * thick, 0.36 * thick, inner=5, crown=0.006)
    job.chair.add("back", job.soft, *job.back.place(rest.moved(y=_middle(job.rest), z=0.3 * job.tube)))


def boards(d: Draws, job: SlingJob) -> None:
    """Bent plywood on the tubes."""
    r = d.between(0.03, 0.08)
    seat = slab(_seat_outline(job, r, job.tube), 0.012, 0.005, inner=5, crown=-0.004).lying()
    job.chair.add("seat", job.wood, seat.moved(y=job.height + 0.6 * job.tube, z=_middle(job.seat)))
    rest = slab(_rest_outline(job, r, job.tube), 0.011, 0.005, inner=5)
    job.chair.add("back", job.wood, *job.back.place(rest.moved(y=_middle(job.rest), z=0.6 * job.tube)))


def frames(d: Draws, job: SlingJob) -> None:
    """Wooden frames with cane."""
    cane, wide = finish.cane(d), d.between(0.032, 0.045)
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


def slings(d: Draws, job: SlingJob) -> None:
    """Leather or canvas stretched from tube to tube, sagging between them."""
    sag, half = d.between(0.010, 0.022), job.half
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


def plaited(d: Draws, job: SlingJob) -> None:
    """Straps over and under each other."""
    cloth = finish.plain_cloth(d)
    columns = d.pick((5, 7))
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


SLINGS: dict[str, Callable[[Draws, SlingJob], None]] = {
    "pads": pads,
    "boards": boards,
    "frames": frames,
    "slings": slings,
    "straps": plaited,
}
