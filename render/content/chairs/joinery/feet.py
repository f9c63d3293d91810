"""Short feet of upholstered seats, about the y axis; what is slanted slants toward +x and +z."""

from collections.abc import Callable

import numpy as np

from render.content.chairs.draws import Draws
from render.content.chairs.joinery.legs import column
from render.content.chairs.solids.loft import circle, lathe
from render.content.chairs.solids.shape import Shape
from render.content.chairs.solids.tube import flat_section


def peg(d: Draws, height: float) -> Shape:
    """A cone that stands on its thin end."""
    r = d.between(0.019, 0.026)
    return lathe([(0.55 * r, 0.0), (0.6 * r, 0.004), (r, height - 0.01), (0.9 * r, height)], 12)


def splayed(d: Draws, height: float) -> Shape:
    """A cone that leans outward."""
    r, out = d.between(0.018, 0.024), d.between(0.2, 0.35) * height
    centres = np.array([[out, 0.0, out], [0.5 * out, 0.5 * height, 0.5 * out], [0.0, height, 0.0]])
    return column(centres, r * circle(12), np.array([0.58, 0.8, 1.0]))


def block(d: Draws, height: float) -> Shape:
    """A square block, thinner below."""
    w = d.between(0.036, 0.060)
    centres = np.array([[0.0, 0.0, 0.0], [0.0, 0.5 * height, 0.0], [0.0, height, 0.0]])
    return column(centres, flat_section(w, w, 0.004), np.array([d.between(0.6, 1.0), 0.9, 1.0]))


def bun(d: Draws, height: float) -> Shape:
    """A flattened ball."""
    r = d.between(0.032, 0.042)
    shape = [(0.6, 0.0), (0.86, 0.14), (1.0, 0.42), (0.92, 0.70), (0.66, 0.9), (0.66, 1.0)]
    return lathe([(r * x, height * y) for x, y in shape], 14)


FEET: dict[str, Callable[[Draws, float], Shape]] = {"peg": peg, "splayed": splayed, "block": block, "bun": bun}
