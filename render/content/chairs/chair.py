"""A chair as pieces, each with a label and a finish, and as a mesh made of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from render.content.chairs.finishes.finish import RECIPES, Finish
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.shape import Shape, join
from render.meshes.parts import Part, RawMesh

LABELS = {
    "seat": 1,  # with its upholstery
    "back": 2,  # with its posts, unless they are the back legs
    "leg": 3,  # from the floor to the seat; back legs include the posts of the back
    "base": 4,  # stars, pedestals, sleds, bent tubes: all that carries a seat without four legs
    "arm": 5,
    "cushion": 6,  # loose cushions
    "runner": 7,  # of rocking chairs
    "caster": 8,
    "stretcher": 9,  # bars between legs, footrests
    "frame": 10,  # rails and mechanisms under the seat
}
"""Values of the region channel. They are part of the store's format: lines are added, never changed."""

GRAIN_STEPS = (0.381966, 0.618034)
"""Shift of u and v from one piece to the next, in textures, so that no two boards show the same part of it."""


@dataclass
class Chair:
    """Pieces in metres: +y up, the sitter looks toward +z, the floor is y = 0, symmetric in x = 0."""

    family: str
    pieces: list[tuple[str, Finish, Shape]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """The sampled kinds and sizes, by name; metres. Plain JSON types."""

    def add(self, label: str, finish: Finish, *shapes: Shape) -> None:
        """Append pieces, each a solid of its own."""
        self.pieces += [(label, finish, shape) for shape in shapes]

    def note(self, **facts: Any) -> None:
        """Add facts; numbers are rounded to a tenth of a millimetre."""
        self.facts |= {k: round(v, 4) if isinstance(v, float) else v for k, v in facts.items()}

    def mesh(self) -> RawMesh:
        """The mesh with one part for each label and finish, in the order of their first pieces, with textures."""
        low = min(float(shape.positions[:, 1].min()) for _, _, shape in self.pieces)
        groups: dict[tuple[str, Finish], list[Shape]] = {}
        for number, (label, finish, shape) in enumerate(self.pieces):
            onto_texture = Shape(shape.positions, shape.triangles, _texture_coordinates(shape.uv, finish, number))
            groups.setdefault((label, finish), []).append(onto_texture.moved(y=-low))
        return RawMesh(tuple(_part(label, finish, join(shapes)) for (label, finish), shapes in groups.items()))


def _texture_coordinates(uv: Array, finish: Finish, number: int) -> Array:
    """Texture coordinates (V, 2) of a piece: metres become textures, shifted by the piece's number."""
    shift = np.array([number * step - np.floor(number * step) for step in GRAIN_STEPS])
    return np.asarray(uv / np.array(RECIPES[finish.recipe].tile) + shift)


def _part(label: str, finish: Finish, shape: Shape) -> Part:
    uv = shape.uv.astype(np.float32)
    return Part(shape.positions, shape.triangles, finish.material(), uv=uv, label=LABELS[label])
