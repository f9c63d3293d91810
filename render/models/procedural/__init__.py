"""The built-in morphable head, made by code alone."""

from functools import lru_cache

from render.morphable import MorphableModel


@lru_cache(maxsize=1)
def procedural() -> MorphableModel:
    """The built-in head: built at first use, then read from the user's cache directory."""
    from render.models.procedural.build import build

    return build()
