"""What carries a seat without being four legs: stars on casters, pedestals, and the column between."""

from collections.abc import Callable
from dataclasses import dataclass

from render.content.chairs.chair import Chair
from render.content.chairs.draws import Draws
from render.content.chairs.finishes.finish import Finish
from render.content.chairs.solids.loft import lathe
from render.content.chairs.solids.outlines import rectangle
from render.content.chairs.solids.paths import lerp, stations
from render.content.chairs.solids.shape import Shape, join
from render.content.chairs.solids.slab import block, plank, slab
from render.content.chairs.solids.tube import rod
from render.content.chairs.solids.turns import tilted


@dataclass(frozen=True)
class BaseJob:
    """What a base is made of and what it carries."""

    chair: Chair
    metal: Finish
    dark: Finish
    """Of casters, shrouds and mechanisms."""
    top: float
    """Height of the seat's underside."""
    reach: float
    """Radius on the floor, metres."""


def star(d: Draws, job: BaseJob, arms: int = 5, wheels: bool = True) -> None:
    """Arms from a hub, on casters or glides, a gas column and the mechanism under the seat."""
    wheel = d.between(0.024, 0.030)
    tip = 2 * wheel + 0.026 if wheels else d.between(0.018, 0.03)
    hub = tip + d.between(0.02, 0.05)
    reach, wide = job.reach, d.between(0.040, 0.056)
    at = stations(0.012, reach, 5)
    share = (at - at[0]) / (at[-1] - at[0])
    upper = hub + 0.022 + (tip + 0.010 - hub - 0.022) * lerp([(0, 0), (0.25, 0.12), (1, 1)], share)
    depth = lerp([(0, 0.050), (0.2, 0.042), (1, 0.020)], share)
    arm = plank(at, upper - depth, upper, lerp([(0, 0.9), (0.3, 1.0), (1, 0.6)], share) * wide, 0.006)
    turns = [0.25 + k / arms for k in range(arms)]
    job.chair.add("base", job.metal, *(arm.turned("y", t) for t in turns))
    if wheels:
        one = caster(wheel, tip)
        swivel = d.between(0.05, 0.45), d.between(0.05, 0.45)
        # The caster behind trails straight, the others mirror each other.
        angles = [0.0, swivel[0], swivel[1], -swivel[1], -swivel[0]]
        job.chair.add("caster", job.dark, *_around(one, reach - 0.018, turns, angles))
    else:
        foot = lathe([(0.016, 0.0), (0.016, 0.006), (0.009, 0.009), (0.009, tip)], 10).moved(x=reach - 0.02)
        job.chair.add("base", job.dark, *(foot.turned("y", t) for t in turns))
    column(d, job, hub)


def _around(one: Shape, reach: float, turns: list[float], angles: list[float]) -> list[Shape]:
    """Casters at the arms' ends, each at its own angle to the chair."""
    out = []
    for turn, angle in zip(turns, angles, strict=True):
        cos, sin = tilted(turn)
        out.append(one.turned("y", angle).moved(x=reach * cos, z=-reach * sin))
    return out


def caster(radius: float, height: float) -> Shape:
    """A twin wheel under a hood, its stem on the y axis, rolling along z."""
    r, w = radius, 0.017
    profile = [(0.86 * r, -w / 2), (r, -0.3 * w), (r, 0.3 * w), (0.86 * r, w / 2)]
    wheel = lathe(profile, 12).turned("z", 0.25).moved(x=0.013, y=r, z=-0.018)
    hood = block(0.012, 1.5 * r, 1.1 * r).moved(z=0.55 * r).lying().moved(y=0.75 * r, z=-0.012)
    stem = rod((0.0, 1.2 * r, 0.0), (0.0, height + 0.006, 0.0), 0.0085, 8)
    return join([wheel, wheel.mirrored(), hood, stem])


def column(d: Draws, job: BaseJob, hub: float) -> None:
    """Hub, shroud, piston, and the plate under the seat."""
    r = d.between(0.026, 0.034)
    top = job.top
    rise = top - hub
    shroud = hub + d.between(0.35, 0.6) * rise
    wide = r + 0.016
    ring = [(r + 0.008, hub - 0.028), (wide, hub - 0.020), (wide, hub + 0.014), (r, hub + 0.03), (0.8 * r, hub + 0.034)]
    job.chair.add("base", job.metal, lathe(ring, 16))
    job.chair.add("base", job.dark, lathe([(r - 0.004, hub), (r - 0.004, shroud), (r - 0.008, shroud + 0.004)], 14))
    job.chair.add("base", job.metal, lathe([(0.014, shroud - 0.01), (0.014, top - 0.012)], 12))
    plate = slab(rectangle(0.17, 0.21, 0.03), 0.034, 0.008).lying().moved(y=top - 0.030)
    job.chair.add("frame", job.dark, plate)


def pedestal(d: Draws, job: BaseJob) -> None:
    """A trumpet: one turned piece that flares into a foot."""
    foot, neck = job.reach, d.between(0.018, 0.034)
    flare = d.between(0.10, 0.22)
    rise = job.top - 0.006
    shares = [(0.0, 0.985), (0.006, 1.0), (0.012, 0.985), (0.02, 0.9), (0.03, 0.74)]
    profile = [(foot * r, y) for y, r in shares]
    ups = (0.1, 0.25, 0.45, 0.7, 1.0)
    profile += [(neck + (0.62 * foot - neck) * (1 - t) * (1 - t) * (1 - t), 0.036 + t * flare) for t in ups]
    profile += [(neck, 0.5 * (flare + rise)), (1.1 * neck, 0.8 * rise), (1.9 * neck, 0.96 * rise), (3.2 * neck, rise)]
    job.chair.add("base", job.metal, lathe(profile, 28))
    plate = slab(rectangle(0.18, 0.18, 0.05), 0.016, 0.005).lying().moved(y=job.top - 0.012)
    job.chair.add("frame", job.metal, plate)


def disc(d: Draws, job: BaseJob) -> None:
    """A flat round foot and a straight column."""
    r, thick, neck = job.reach, d.between(0.008, 0.016), d.between(0.022, 0.034)
    foot = [(r - 0.004, 0.0), (r, 0.004), (r, thick), (r - 0.006, thick + 0.005), (0.3 * r, thick + 0.018)]
    job.chair.add("base", job.metal, lathe([*foot, (neck + 0.01, thick + 0.026), (neck, thick + 0.04)], 32))
    job.chair.add("base", job.metal, lathe([(neck - 0.003, thick + 0.03), (neck - 0.003, job.top - 0.008)], 16))
    plate = slab(rectangle(0.19, 0.19, 0.04), 0.018, 0.005).lying().moved(y=job.top - 0.014)
    job.chair.add("frame", job.dark, plate)


def cross(d: Draws, job: BaseJob) -> None:
    """Four arms on glides."""
    star(d, job, arms=4, wheels=False)


BASES: dict[str, Callable[[Draws, BaseJob], None]] = {"star": star, "pedestal": pedestal, "disc": disc, "cross": cross}
