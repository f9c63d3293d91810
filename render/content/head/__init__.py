"""The built-in morphable head, made by code alone.

`skull` is the head without features, `features` the face's relief, `eyes`, `ears` and `scalp` what their names say;
`grid` holds the topology and `head` puts the mean together. `masks` says what is where, `paint` colours the mean,
`landmarks` names vertices. `warps` are the tools with which `shape_modes` and `tail` move the mean, `albedo_modes`
recolours it, `basis` makes orthonormal modes of it all. `build` runs the lot, `cache` keeps the result.

Nothing here uses powers, exponentials, trigonometry or linear algebra from a library: see `curves`.
"""

from functools import lru_cache

from render.morphable import MorphableModel


@lru_cache(maxsize=1)
def procedural() -> MorphableModel:
    """The built-in head: built at its first use on a machine, then read from the user's cache directory.

    Units are mm; +x is the subject's left, +y up, +z out of the face. 199 components each of shape and albedo.
    """
    from render.content.head.cache import cached

    return cached(_build)


def _build() -> MorphableModel:
    # Here and not above, so that neither the package's import nor a warm cache pays for it.
    from render.content.head.build import build

    return build()
