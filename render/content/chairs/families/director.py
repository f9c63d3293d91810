"""Folding chairs with crossed legs and canvas between the rails."""

import numpy as np

from render.content.chairs.chair import Chair
from render.content.chairs.finishes import finish
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.parts.legs import column
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.boards import plank, slab
from render.content.chairs.solids.curves import lerp, stations
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.outlines import rectangle
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tubes import bar, flat_section


def build(rng: Sampler) -> Chair:
    """Build one chair of the family, without its textures."""
    chair = Chair("director")
    size = rng.topic("size")
    wood = finish.timber(rng.topic("wood"))
    canvas = (finish.leather if size.chance(0.25) else finish.cloth)(rng.topic("canvas"))
    height, half, deep = size.between(0.44, 0.50), size.between(0.24, 0.28), size.between(0.38, 0.44)
    thick = size.between(0.020, 0.026)
    add_cross(chair, wood, height, half, deep, thick, sides=size.chance(0.3))
    top = add_posts(rng.topic("posts"), chair, wood, height, half, deep, thick)
    sag = size.between(0.015, 0.035)
    chair.add("seat", canvas, hung(2 * half + 0.022, deep - 0.02, 0.016, sag).lying().moved(y=height))
    tall = size.between(0.15, 0.24)
    rest = hung(2 * half + thick + 0.014, tall, thick + 0.016, 0.6 * sag)
    chair.add("back", canvas, rest.moved(y=top - 0.015 - tall / 2, z=-deep / 2 + 0.02))
    chair.note(wood=str(wood), canvas=str(canvas), seat_height=height, width=2 * half, depth=deep, height=top)
    return chair


def add_cross(chair: Chair, wood: Finish, height: float, half: float, deep: float, thick: float, sides: bool) -> None:
    """Add two crosses, in front and behind, between rails on the floor and under the canvas."""
    z = deep / 2 - 0.035
    for place in (z, -z):
        one = bar((-half, 0.018, place), (half, height - 0.012, place), 1.5 * thick, thick, up=(0.0, 1.0, 0.0))
        chair.add("leg", wood, one, one.mirrored())
    floor = bar((half, 0.5 * thick, -deep / 2), (half, 0.5 * thick, deep / 2), thick, 1.6 * thick)
    rail = bar((half, height - 0.006, -deep / 2), (half, height - 0.006, deep / 2), 0.8 * thick, thick)
    chair.add("leg", wood, floor, floor.mirrored())
    chair.add("frame", wood, rail, rail.mirrored())
    if sides:
        middle = bar((0.0, 0.5 * height, -z), (0.0, 0.5 * height, z), 0.9 * thick, 0.9 * thick)
        chair.add("stretcher", wood, middle)


def add_posts(rng: Sampler, chair: Chair, wood: Finish, height: float, half: float, deep: float, thick: float) -> float:
    """Add posts on the rails and arms on the posts; returns the height of the back."""
    arm, top = height + rng.between(0.18, 0.23), height + rng.between(0.40, 0.50)
    section = flat_section(thick, 1.3 * thick)
    front, rear = deep / 2 - 0.05, -deep / 2 + 0.02
    ahead = column(np.array([[half, height - 0.02, front], [half, arm, front]]), section)
    behind = column(np.array([[half, height - 0.02, rear], [half, arm, rear], [half, top, rear]]), section)
    chair.add("arm", wood, ahead, ahead.mirrored())
    chair.add("back", wood, behind, behind.mirrored())
    z = stations(rear - 0.03, front + rng.between(0.03, 0.07), 11)
    share = (z - z[0]) / (z[-1] - z[0])
    wide = rng.between(0.045, 0.065) / 2 * lerp([(0, 0.8), (0.3, 0.75), (0.7, 1.0), (0.94, 1.0), (1.0, 0.7)], share)
    rest = plank(z, -wide, wide, 0.018).along_z().moved(x=half, y=arm)
    chair.add("arm", wood, rest, rest.mirrored())
    return top


def hung(width: float, tall: float, thick: float, sag: float) -> Shape:
    """Canvas in the xy plane about z = 0: thick seams at both ends, thin and sagging by `sag` metres between them."""

    def way(points: Array) -> Array:
        x = np.abs(points[:, 0]) / (width / 2)
        thin = 1.0 - 0.75 * np.clip((0.93 - x) * 20.0, 0.0, 1.0)
        out = points.copy()
        out[:, 2] = (points[:, 2] - thick / 2) * thin - sag * (1.0 - x * x)
        return out

    return slab(rectangle(width, tall, 0.008, 0.04), thick, 0.4 * thick, inner=7).bent(way)
