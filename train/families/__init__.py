"""Model families. A new one is a file here and a line in `FAMILIES`."""

from typing import Any

from train.errors import ConfigError
from train.families.dcign import Dcign
from train.families.interface import Family as Family
from train.families.interface import Needs as Needs

FAMILIES: dict[str, type[Family[Any]]] = {"dcign": Dcign}
"""Name -> class."""


def family_class(name: object) -> type[Family[Any]]:
    """The class of a family; raises ConfigError, with all names, for one that does not exist."""
    if name not in FAMILIES:
        raise ConfigError(f"family must be one of {', '.join(FAMILIES)}; got {name!r}")
    return FAMILIES[str(name)]
