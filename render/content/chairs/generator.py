"""The generator: the table of families, and chairs as functions of a seed and an index."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from render.content.chairs.chair import Chair
from render.content.chairs.families import (
    armchair,
    bent_tube,
    bistro,
    dining,
    director,
    garden,
    lounge,
    rocking,
    shell,
    stool,
    swivel,
    wicker,
    windsor,
)
from render.content.chairs.sampler import Sampler
from render.meshes.parts import RawMesh

GENERATOR_VERSION = 1
"""Raised whenever a change moves a vertex or a texel of any chair."""


@dataclass(frozen=True)
class Family:
    """A kind of chair, its frequency and its seat height."""

    build: Callable[[Sampler], Chair]
    weight: float
    seat: tuple[float, float]
    """Range of the seat's height, metres."""


FAMILIES = {
    "dining": Family(dining.build, 3.0, (0.43, 0.48)),
    "shell": Family(shell.build, 1.5, (0.42, 0.47)),
    "windsor": Family(windsor.build, 1.0, (0.42, 0.46)),
    "bistro": Family(bistro.build, 0.8, (0.44, 0.475)),
    "bent tube": Family(bent_tube.build, 1.1, (0.41, 0.515)),
    "swivel": Family(swivel.build, 1.3, (0.43, 0.50)),
    "stool": Family(stool.build, 0.9, (0.42, 0.76)),
    "armchair": Family(armchair.build, 1.2, (0.41, 0.46)),
    "lounge": Family(lounge.build, 0.8, (0.40, 0.45)),
    "rocking": Family(rocking.build, 0.6, (0.40, 0.45)),
    "director": Family(director.build, 0.4, (0.44, 0.50)),
    "garden": Family(garden.build, 0.4, (0.36, 0.42)),
    "wicker": Family(wicker.build, 0.5, (0.41, 0.46)),
}
"""Families by name. A new one is a file with a `build` and a line here."""


def make_chair(seed: int, index: int) -> RawMesh:
    """Make one chair of an unlimited collection, textures included; the same bytes on every machine.

    The mesh is in metres; +y is up, the sitter looks toward +z, the floor is y = 0, and the chair is symmetric in
    x = 0.

    Parameters
    ----------
    seed : int
        Seed of the collection, 0 or more.
    index : int
        Number of the chair in the collection, 0 or more.
    """
    return design(seed, index).mesh()


def describe(seed: int, index: int) -> dict[str, Any]:
    """Facts about a chair: its family, kinds of parts, finishes, and sizes in metres, as plain JSON types."""
    chair = design(seed, index)
    return {"family": chair.family, **chair.facts}


def design(seed: int, index: int) -> Chair:
    """The chair `index` of the collection `seed` as pieces, before its textures are painted."""
    rng = Sampler(seed, index)
    family = rng.weighted({name: entry.weight for name, entry in FAMILIES.items()})
    return FAMILIES[family].build(rng)
