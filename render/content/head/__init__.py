"""The built-in head: a morphable face model made by code alone, without scanned data.

| file | makes |
|---|---|
| `skull` | the head without features |
| `face` | brow ridge, cheeks, nose, mouth and chin: their relief, and masks of their parts |
| `eyes`, `ears`, `hair` | eyes and lids, ears, hair and brows: geometry and masks |
| `mesh` | vertices and triangles: the grid, its holes, mirroring |
| `mean_shape`, `mean_albedo`, `labels` | the mean head: surface, colours, regions and landmarks |
| `deformer`, `shape_modes`, `albedo_modes` | the ways in which heads differ |
| `model` | the morphable model of all these |
| `cache` | the file in which a built model is stored |

No file here computes with powers, exponentials, trigonometry or linear algebra of a library; see `exact`.
"""

from functools import lru_cache

from render.morphable import MorphableModel


@lru_cache(maxsize=1)
def procedural() -> MorphableModel:
    """The built-in head, built at its first use on a machine and later read from the user's cache directory.

    Units are mm; +x is the subject's left, +y up, +z out of the face. 199 components each of shape and albedo.
    """
    from render.content.head.cache import cached

    return cached(_build)


def _build() -> MorphableModel:
    # Imported here, so that neither the package's import nor a warm cache compiles what only building needs.
    from render.content.head.model import build_head

    return build_head()
