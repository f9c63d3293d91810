"""The built-in morphable head, made by code alone."""

from functools import lru_cache

from render.morphable import MorphableModel


@lru_cache(maxsize=1)
def procedural() -> MorphableModel:
    """The built-in head: built at its first use on a machine, then read from the user's cache directory.

    Units are mm; +x is the subject's left, +y up, +z out of the face. 199 components each of shape and albedo.
    """
    from render.models.procedural.cache import cached

    return cached(_build)


def _build() -> MorphableModel:
    # Here and not above, so that neither the package's import nor a warm cache pays for it.
    from render.models.procedural.build import build

    return build()
