"""Tubs: seats whose arms and back are one wall, which rises from the front over the arms to the back."""

from dataclasses import dataclass

import numpy as np

from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.curves import lerp, spline
from render.content.chairs.solids.exact import Array, cos_sin
from render.content.chairs.solids.loft import loft, skin
from render.content.chairs.solids.shape import Shape, join

AROUND = 56
"""Number of points of a ring."""


@dataclass(frozen=True)
class Tub:
    """Sizes of a tub, metres; heights of the rim are above the floor of the bowl."""

    floor: float
    """Height of the bowl's floor."""
    half: tuple[float, float]
    """Half the width and half the depth of the floor's outline."""
    lean: tuple[float, float]
    """Distances of the rim outside the floor's outline: at the sides, and behind."""
    back: float
    arms: float
    """Height of the rim over the arms; 0 for a bowl without."""
    front: float
    """Height of the rim in front; below zero it hangs over."""
    box: float
    """0 for an elliptical outline, 1 for one with corners."""
    flat: float = 0.62
    """Share of the floor that is level, before it turns up into the wall."""

    def rim(self) -> Array:
        """Heights (AROUND,) of the rim above the floor, in the order of the outline."""
        back, arms, front = self.back, self.arms, self.front
        knots = [(-0.2, 0.97 * back), (0.0, back), (0.2, 0.96 * back), (0.40, 0.45 * back + 0.55 * arms), (0.56, arms)]
        knots += [(0.68, 0.92 * arms), (0.84, 0.2 * arms + 0.8 * front), (1.0, front), (1.2, front)]
        smooth = spline(knots, 6)
        share = np.abs(2.0 * np.arange(AROUND) / AROUND - 1.0)  # 1 in front, 0 behind
        return lerp([(float(a), float(b)) for a, b in smooth], share)

    def outline(self, grow: Array | float) -> Array:
        """Outline (AROUND, 2), x and z, larger by the share `grow`, counter-clockwise seen from above."""
        cos, sin = cos_sin(np.arange(AROUND) / AROUND)
        # Square roots of both push the outline into the corners.
        c = cos + self.box * (np.sqrt(np.abs(cos)) * np.where(cos < 0, -1.0, 1.0) - cos)
        s = sin + self.box * (np.sqrt(np.abs(sin)) * np.where(sin < 0, -1.0, 1.0) - sin)
        wide, deep = self.half
        return np.stack([wide * s * (1.0 + grow), deep * c * (1.0 + grow)], axis=1)

    def pad(self, grow: float) -> Array:
        """The outline (AROUND, 2) as slabs are drawn, with the back at positive y."""
        return self.outline(grow) * np.array([1.0, -1.0])

    def leaned(self, grow: float, height: Array) -> Array:
        """Points (AROUND, 3) of the wall at heights above the floor, on an outline larger by `grow`."""
        plan = self.outline(grow)
        share = np.clip(height / self.back, 0.0, 1.0)
        wide, deep = self.half
        sides, behind = self.lean
        ahead = plan[:, 1] / deep
        x = plan[:, 0] * (1.0 + sides / wide * share)
        # Behind, the wall leans backward by the same amount everywhere.
        z = plan[:, 1] + np.where(ahead < 0.0, -behind * share * np.minimum(1.0, -2.0 * ahead), 0.004)
        return np.column_stack([x, self.floor + height, z])

    def rings(self) -> Array:
        """Rings (R, AROUND, 3) of the inner face, from the rim to near the middle of the floor."""
        top, corner = self.leaned(0.0, self.rim()), self.leaned(0.0, np.zeros(AROUND))
        start = corner * np.array([self.flat, 1.0, self.flat])
        ups = (1.0, 0.94, 0.84, 0.72, 0.6, 0.48, 0.36, 0.24, 0.12, 0.0)
        out = [(1 - t) * (1 - t) * start + 2 * t * (1 - t) * corner + t * t * top for t in ups]
        out += [corner * np.array([k, 1.0, k]) for k in (0.66 * self.flat, 0.33 * self.flat)]
        return np.stack(out)

    def barrel(self, thick: float, bottom: float) -> Shape:
        """The wall as a solid down to the height `bottom`; its rim must be above the floor in front."""
        wide, rim = self.half[0], self.rim()
        soft = min(0.02, 0.3 * thick)
        below = np.full(AROUND, bottom - self.floor)
        outer = [(1.0, below), *((1.0, below + (rim - soft - below) * t) for t in (0.02, 0.4, 0.7, 1.0))]
        outer[0] = (0.97, below)
        inner = [(0.78, rim), (0.22, rim), *((0.0, (rim - soft) * t) for t in (1.0, 0.66, 0.33, 0.0))]
        rings = [self.leaned(share * thick / wide, height) for share, height in outer + inner]
        return loft(np.stack(rings)).boxed("y")

    def solid(self, thick: float) -> Shape:
        """The bowl as a solid, its wall `thick` metres thick."""
        return skin(self.rings(), (0.0, self.floor, 0.0), thick)


def parted(tub: Tub, solid: Shape, low: float) -> tuple[Shape, Shape, Shape]:
    """Seat, back and arms of a tub's solid: all up to `low` metres above the floor, the wall behind, the wall ahead.

    The solid is cut across z before it is cut across y, so that the seams meet in common points and the three parts
    together are closed.
    """
    behind, ahead = solid.cut("z", -0.3 * tub.half[1])
    (seat, back), (front, arms) = (part.cut("y", tub.floor + low) for part in (behind, ahead))
    return join([seat, front]), back, arms


def moulded(rng: Sampler, height: float) -> Tub:
    """Sample the tub of a moulded shell with arms."""
    return Tub(
        floor=height - 0.01,
        half=(rng.between(0.225, 0.255), rng.between(0.215, 0.240)),
        lean=(rng.between(0.04, 0.08), rng.between(0.03, 0.09)),
        back=rng.between(0.32, 0.42),
        arms=rng.between(0.15, 0.21),
        front=-rng.between(0.012, 0.03),
        box=rng.between(0.1, 0.6),
    )
