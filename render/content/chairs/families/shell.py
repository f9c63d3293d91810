"""Moulded shells of plastic, plywood or upholstery, with and without arms, on many bases."""

from dataclasses import dataclass

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.bases import BASES, CARRIAGES, BaseJob, CarriageJob
from render.content.chairs.parts.tubs import moulded, parted
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import slab
from render.content.chairs.solids.curves import Bend, fillet, lerp
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.loft import Point
from render.content.chairs.solids.outlines import curve
from render.content.chairs.solids.shape import Shape

RINGS = 11
"""Rings of vertices inside the rim of a shell: as many as it takes to bend it smoothly."""


@dataclass(frozen=True)
class Shell:
    """A seat and back in one sheet, drawn flat and bent along a profile, its sides raised a little."""

    bend: Bend
    outline: Array
    """(n, 2) metres, flat: x across, y the way from the front edge over the seat and up the back."""
    deep: float
    """Length of the way from the front edge to the crease between seat and back."""
    hollow: tuple[float, float]
    """Height of the sides above the middle at the greatest width: of seat and back, metres."""

    @property
    def widest(self) -> float:
        """Half the greatest width of the flat outline."""
        return float(self.outline[:, 0].max())

    def way(self, points: Array) -> Array:
        """Points (V, 3) of the flat drawing, bent to their place in the chair."""
        x, y, t = points[:, 0], points[:, 1], points[:, 2]
        seat, back = self.hollow
        side = x / self.widest
        cup = lerp([(0, 0.2 * seat), (0.14, seat), (self.deep, 0.5 * (seat + back)), (self.deep + 0.2, back)], y)
        return self.bend.profile(np.column_stack([x, y, t + cup * side * side]))

    def solid(self, thick: float, inset: float = 0.0, lift: float = 0.0) -> tuple[Shape, Shape]:
        """Seat and back as solids with rounded rims; `inset` and `lift` (metres) make a lining on top of them."""
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        middle, half = (low + high) / 2, (high - low) / 2
        outline = middle + (self.outline - middle) * (1.0 - inset / half)
        seat, back = slab(outline, thick, thick / 2, inner=RINGS).moved(z=lift).cut("y", self.deep + 0.03)
        return seat.bent(self.way), back.bent(self.way)

    def at(self, x: float, y: float, t: float) -> Point:
        """One point of the flat drawing, bent to its place in the chair."""
        a, b, c = self.way(np.array([[x, y, t]]))[0].tolist()
        return a, b, c


def profile(rng: Sampler, height: float, deep: float, tall: float) -> Array:
    """Profile (n, 2), y and z from the front edge backward and up; `height` is that of the seat."""
    drop, dip = rng.between(0.010, 0.03), rng.between(0.008, 0.022)
    lean, sweep = rng.between(0.10, 0.20), rng.between(0.0, 0.10)
    front = deep / 2
    corners = [
        (height - drop, front + 0.01),
        (height + 0.004, front - 0.06),
        (height - dip, -front + 0.02),
        (height + 0.45 * tall, -front - 0.02 - 0.45 * tall * lean),
        (height + tall, -front - 0.02 - tall * (lean + sweep)),
    ]
    return fillet(corners, [0.09, rng.between(0.08, 0.13), 0.5], 7)


def bucket(rng: Sampler, height: float) -> Shell:
    """Sample a shell: wide or narrow waist, square or round top."""
    deep, tall = rng.between(0.40, 0.45), rng.between(0.34, 0.46)
    path = profile(rng, height, deep, tall)
    bend = Bend(path)
    long = bend.long
    front, waist, top = rng.between(0.19, 0.23), rng.between(0.16, 0.215), rng.between(0.15, 0.215)
    square = rng.between(0.45, 0.9)
    half = [(0.0, 0.0), (0.7 * front, 0.006), (front, 0.07), (0.5 * (front + waist), 0.5 * deep), (waist, deep)]
    half += [(0.5 * (waist + top), 0.55 * long + 0.2 * deep), (top, long - 0.10)]
    half += [(top * (0.62 + 0.25 * square), long - 0.030), (0.45 * top, long - 0.006 * square), (0.0, long)]
    hollow = rng.between(0.006, 0.018), rng.between(0.015, 0.05)
    return Shell(bend, curve(half, 56), deep, hollow)


def underside(shell: Shell, reach: float) -> float:
    """Height of the sheet's lowest point within `reach` metres of the middle of the seat."""
    steps = np.array([-reach, 0.0, reach])
    x, y = np.meshgrid(steps, 0.5 * shell.deep + steps)
    points = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    return float(shell.way(points)[:, 1].min())


BASE_WEIGHTS = {
    "dowels": 1.4, "tubes": 1.0, "wires": 0.7, "sled": 0.8,
    "pedestal": 0.7, "cross": 0.6, "star": 0.6, "disc": 0.4,
}  # fmt: skip

MATERIALS = {"plastic": 1.4, "wood": 0.7, "upholstered": 0.9, "lined": 0.6}

THICK = {"plastic": 0.011, "wood": 0.011, "upholstered": 0.034, "lined": 0.011}
"""Thickness of the shell by material, metres."""


@dataclass(frozen=True)
class Mount:
    """Points at which a base meets a shell."""

    front: Point
    """Tops of the right-hand (+x) legs, in front and behind."""
    back: Point
    low: float
    """Height of the lower face in the middle."""


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("shell")
    size, style = rng.topic("size"), rng.topic("style")
    height = size.between(0.42, 0.47)
    kind, base = style.weighted(MATERIALS), style.weighted(BASE_WEIGHTS)
    outer = _outer(rng.topic("outer"), kind)
    armed = style.chance(0.35) and kind != "wood"  # plywood bends in one direction only
    if armed:
        mount = _tub(rng.topic("shell"), chair, outer, kind, height)
    else:
        mount = _bucket(rng.topic("shell"), chair, outer, kind, height)
    carry(rng.topic("base"), chair, base, mount)
    chair.note(shell=kind, base=base, arms=armed, surface=str(outer), seat_height=height)
    return chair


def _bucket(rng: Sampler, chair: Chair, outer: Finish, kind: str, height: float) -> Mount:
    """Add a shell without arms: a sheet bent in one direction."""
    shell = bucket(rng, height)

    def add_parts(surface: Finish, parts: tuple[Shape, Shape]) -> None:
        for label, part in zip(("seat", "back"), parts, strict=True):
            chair.add(label, surface, part)

    add_parts(outer, shell.solid(THICK[kind]))
    if kind == "lined":
        add_parts(finish.cover(rng.topic("soft")), shell.solid(0.022, 0.010, 0.006))
    ends = [shell.at(0.135, y, 0.0) for y in (0.09, shell.deep - 0.07)]
    return Mount(ends[0], ends[1], underside(shell, 0.09))


def _tub(rng: Sampler, chair: Chair, outer: Finish, kind: str, height: float) -> Mount:
    """Add a shell with arms: a bowl whose parts are labelled seat, back and arms."""
    tub, thick = moulded(rng, height), THICK[kind]
    for label, part in zip(("seat", "back", "arm"), parted(tub, tub.solid(thick), 0.10), strict=True):
        chair.add(label, outer, part)
    if kind == "lined":
        pad = slab(tub.pad(-0.12), 0.035, 0.016, inner=3, crown=0.012).lying()
        chair.add("cushion", finish.cover(rng.topic("soft")), pad.moved(y=tub.floor - 0.008))
    low = tub.floor - thick
    return Mount((0.12, low, 0.10), (0.12, low, -0.09), low)


def _outer(rng: Sampler, kind: str) -> Finish:
    if kind == "wood":
        return finish.wood(rng)
    return finish.cover(rng) if kind == "upholstered" else finish.plastic(rng)


def carry(rng: Sampler, chair: Chair, base: str, mount: Mount) -> None:
    """Add legs or a base under the shell."""
    if base in CARRIAGES:
        CARRIAGES[base](rng, CarriageJob(chair, mount.front, mount.back))
        return
    job = BaseJob(chair, finish.steel(rng), finish.dark_plastic(rng), mount.low + 0.006, rng.between(0.25, 0.31))
    BASES[base](rng, job)
