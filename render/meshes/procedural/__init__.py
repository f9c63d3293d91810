"""Chairs made by code alone: thousands of distinct ones, each a pure function of two integers.

`solids` makes closed shapes, `finishes` paints textures, `joinery` builds parts of chairs from both, and each file of
`families` puts one kind of chair together. `draws` gives every choice its address, `chair` collects the pieces,
`build` holds the table of families.

As in the built-in head, nothing here uses powers, exponentials, trigonometry or linear algebra from a library.
"""

from render.meshes.procedural.build import FAMILIES as FAMILIES
from render.meshes.procedural.build import GENERATOR_VERSION as GENERATOR_VERSION
from render.meshes.procedural.build import describe as describe
from render.meshes.procedural.build import make_chair as make_chair
from render.meshes.procedural.chair import LABELS as LABELS
