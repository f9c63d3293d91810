"""A chair while it is being put together: pieces with a name and a finish, and what is worth knowing about it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from render.content.chairs.finishes.finish import RECIPES, Finish
from render.content.chairs.solids.exact import Array
from render.content.chairs.solids.shape import Shape, join
from render.meshes.parts import Part, RawMesh

LABELS = {
    "seat": 1,  # what is sat on, its upholstery included
    "back": 2,  # what is leaned on, with its posts where they are not legs too
    "leg": 3,  # from the floor to the seat; back legs go on as posts of the back
    "base": 4,  # stars, pedestals, sleds, bent tubes: what carries a seat without being four legs
    "arm": 5,
    "cushion": 6,  # what could be taken off: loose cushions
    "runner": 7,  # of rocking chairs
    "caster": 8,
    "stretcher": 9,  # bars between legs, footrests
    "frame": 10,  # what holds the seat up: rails under it, mechanisms
}
"""Numbers of the region channel. Part of the format: lines are added, never changed."""

GRAIN_STEPS = (0.381966, 0.618034)
"""Shift of the texture from one piece to the next, in textures: no two planks show the same spot of it."""


@dataclass
class Chair:
    """Pieces in metres, +y up, the sitter looking toward +z, the floor at y = 0, mirrored in x = 0."""

    family: str
    pieces: list[tuple[str, Finish, Shape]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    """Of the kinds and sizes that were drawn; metres."""

    def add(self, label: str, finish: Finish, *shapes: Shape) -> None:
        """Put pieces on, each a solid of its own."""
        self.pieces += [(label, finish, shape) for shape in shapes]

    def note(self, **facts: Any) -> None:
        """Remember what was drawn; numbers to a tenth of a millimetre."""
        self.facts |= {k: round(v, 4) if isinstance(v, float) else v for k, v in facts.items()}

    def mesh(self) -> RawMesh:
        """One part for each label and finish, in the order in which they were first put on."""
        low = min(float(shape.positions[:, 1].min()) for _, _, shape in self.pieces)
        groups: dict[tuple[str, Finish], list[Shape]] = {}
        for number, (label, finish, shape) in enumerate(self.pieces):
            onto_texture = Shape(shape.positions, shape.triangles, _laid(shape.uv, finish, number))
            groups.setdefault((label, finish), []).append(onto_texture.moved(y=-low))
        return RawMesh(tuple(_part(label, finish, join(shapes)) for (label, finish), shapes in groups.items()))


def _laid(uv: Array, finish: Finish, number: int) -> Array:
    """Texture coordinates of a piece: metres to textures, shifted by the piece's number."""
    shift = np.array([number * step - np.floor(number * step) for step in GRAIN_STEPS])
    return np.asarray(uv / np.array(RECIPES[finish.recipe].tile) + shift)


def _part(label: str, finish: Finish, shape: Shape) -> Part:
    uv = shape.uv.astype(np.float32)
    return Part(shape.positions, shape.triangles, finish.material(), uv=uv, label=LABELS[label])
