"""Builds the model from nothing: mean head, paint, modes, landmarks, regions."""

import numpy as np

from render.content.head import albedo_modes, head, paint, shape_modes, tail
from render.content.head.basis import orthonormal
from render.content.head.landmarks import landmarks, regions
from render.content.head.warps import Canvas
from render.morphable import Block, MorphableModel

COMPONENTS = 199
"""Of shape and of albedo, as in the Basel model."""
SPREAD = 0.98
"""Factor on every shape field: where each alone is plausible, two hundred at once are a little too much."""


def build() -> MorphableModel:
    """The built-in head. A few seconds; the same bytes everywhere."""
    mean = head.build()
    canvas = Canvas.of(mean)
    color = paint.paint(mean)
    shape = [field for _, field in shape_modes.named(canvas)]
    shape += list(tail.shape_fields(canvas, COMPONENTS - len(shape)))
    shape = [field * SPREAD for field in shape]
    skin = albedo_modes.bare(mean)
    albedo = [field for _, field in albedo_modes.named(mean, color)]
    albedo += list(tail.albedo_fields(canvas, skin, COMPONENTS - len(albedo)))
    labels, names = regions(mean)
    return MorphableModel(
        name="procedural",
        blocks={
            "shape": Block(mean.points.astype(np.float32), *orthonormal(shape)),
            "albedo": Block(color.astype(np.float32), *orthonormal(albedo)),
        },
        triangles=mean.triangles.astype(np.int32),
        unit="mm",
        landmarks=landmarks(mean),
        regions=labels,
        region_names=names,
    )
