"""The built-in chairs: thousands of distinct ones made by code alone, each a pure function of two integers.

| folder or file | makes |
|---|---|
| `generator` | the table of families, and a chair from a seed and an index |
| `families` | whole chairs: one file for each kind |
| `parts` | legs, seats, backs, arms, stretchers, bases |
| `solids` | closed shapes: lofts, tubes, boards, and their outlines and curves |
| `finishes` | colours, patterns and textures of wood, metal, plastic, leather and cloth |
| `chair` | a chair as labelled pieces, and the mesh made of them |
| `sampler` | keyed random choices |

No file here computes with powers, exponentials, trigonometry or linear algebra of a library; see `solids.exact`.
"""

from render.content.chairs.chair import LABELS as LABELS
from render.content.chairs.generator import FAMILIES as FAMILIES
from render.content.chairs.generator import GENERATOR_VERSION as GENERATOR_VERSION
from render.content.chairs.generator import describe as describe
from render.content.chairs.generator import make_chair as make_chair
