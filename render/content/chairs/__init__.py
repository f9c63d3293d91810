"""Chairs made by code alone: thousands of distinct ones, each a pure function of two integers.

`solids` makes closed shapes, `finishes` paints textures, `joinery` builds parts of chairs from both, and each file of
`families` puts one kind of chair together. `draws` gives every choice its address, `chair` collects the pieces,
`build` holds the table of families.

As in the built-in head, nothing here uses powers, exponentials, trigonometry or linear algebra from a library.
"""

from render.content.chairs.chair import LABELS as LABELS
from render.content.chairs.generator import FAMILIES as FAMILIES
from render.content.chairs.generator import GENERATOR_VERSION as GENERATOR_VERSION
from render.content.chairs.generator import describe as describe
from render.content.chairs.generator import make_chair as make_chair
