"""Moulded shells of plastic, plywood or upholstery, with and without arms, on many bases."""

from dataclasses import dataclass

from render.content.chairs.chair import Chair
from render.content.chairs.draws import Draws
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.joinery.bases import BASES, BaseJob
from render.content.chairs.joinery.shells import bucket, underside
from render.content.chairs.joinery.tubs import moulded, parted
from render.content.chairs.joinery.undercarriage import CARRIAGES, CarriageJob
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.slab import slab

BASE_WEIGHTS = {
    "dowels": 1.4, "tubes": 1.0, "wires": 0.7, "sled": 0.8,
    "pedestal": 0.7, "cross": 0.6, "star": 0.6, "disc": 0.4,
}  # fmt: skip
MATERIALS = {"plastic": 1.4, "wood": 0.7, "upholstered": 0.9, "lined": 0.6}


THICK = {"plastic": 0.011, "wood": 0.011, "upholstered": 0.034, "lined": 0.011}
"""Metres of the shell by what it is made of."""


@dataclass(frozen=True)
class Mount:
    """Where a base meets a shell."""

    front: Point
    """Of the right-hand (+x) legs."""
    back: Point
    low: float
    """Height of the lower face in the middle."""


def build(d: Draws) -> Chair:
    """One chair of the family."""
    chair = Chair("shell")
    size, style = d.of("size"), d.of("style")
    height = size.between(0.42, 0.47)
    kind, base = style.weighed(MATERIALS), style.weighed(BASE_WEIGHTS)
    outer = _outer(d.of("outer"), kind)
    armed = style.chance(0.35) and kind != "wood"  # plywood does not bend two ways
    if armed:
        mount = _tub(d.of("shell"), chair, outer, kind, height)
    else:
        mount = _bucket(d.of("shell"), chair, outer, kind, height)
    carry(d.of("base"), chair, base, mount)
    chair.note(shell=kind, base=base, arms=armed, surface=str(outer), seat_height=height)
    return chair


def _bucket(d: Draws, chair: Chair, outer: Finish, kind: str, height: float) -> Mount:
    """A sheet bent once."""
    shell = bucket(d, height)

    def put(surface: Finish, parts: tuple[Shape, Shape]) -> None:
        for label, part in zip(("seat", "back"), parts, strict=True):
            chair.add(label, surface, part)

    put(outer, shell.solid(THICK[kind]))
    if kind == "lined":
        put(finish.cover(d.of("soft")), shell.solid(0.022, 0.010, 0.006))
    ends = [shell.at(0.135, y, 0.0) for y in (0.09, shell.deep - 0.07)]
    return Mount(ends[0], ends[1], underside(shell, 0.09))


def _tub(d: Draws, chair: Chair, outer: Finish, kind: str, height: float) -> Mount:
    """A bowl, in three regions by height and place."""
    tub, thick = moulded(d, height), THICK[kind]
    for label, part in zip(("seat", "back", "arm"), parted(tub, tub.solid(thick), 0.10), strict=True):
        chair.add(label, outer, part)
    if kind == "lined":
        pad = slab(tub.pad(-0.12), 0.035, 0.016, inner=3, crown=0.012).lying()
        chair.add("cushion", finish.cover(d.of("soft")), pad.moved(y=tub.floor - 0.008))
    low = tub.floor - thick
    return Mount((0.12, low, 0.10), (0.12, low, -0.09), low)


def _outer(d: Draws, kind: str) -> Finish:
    if kind == "wood":
        return finish.wood(d)
    return finish.cover(d) if kind == "upholstered" else finish.plastic(d)


def carry(d: Draws, chair: Chair, base: str, mount: Mount) -> None:
    """Legs or a base under the shell."""
    if base in CARRIAGES:
        CARRIAGES[base](d, CarriageJob(chair, mount.front, mount.back))
        return
    job = BaseJob(chair, finish.steel(d), finish.dark_plastic(d), mount.low + 0.006, d.between(0.25, 0.31))
    BASES[base](d, job)
