"""The factors of variation: their names, units and ranges. Every other module takes them from here."""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dataset.errors import StoreError

INTRINSIC = "intrinsic"
"""What a batch varies when it varies the person (or chair) and nothing else; it has no single value."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""What a factor may be called: the name becomes that of a folder."""


@dataclass(frozen=True)
class Factor:
    """One scalar that a batch can vary."""

    name: str
    unit: str
    low: float
    high: float
    period: float | None = None
    """The value after which it repeats, such as 360 degrees; None for an interval."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise StoreError(f"{self.name!r} cannot be the name of a factor: letters, digits, _ and -, a letter first")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise StoreError(f"the range of {self.name} must rise, not run from {self.low:g} to {self.high:g}")

    def to_json(self) -> dict[str, Any]:
        """The fields, as stored in a store's attributes."""
        return asdict(self)


FACE_FACTORS = (
    Factor("azimuth", "degrees", -86.0, 86.0),
    Factor("elevation", "degrees", -23.0, 23.0),
    Factor("light", "degrees", -80.0, 80.0),
)
"""Ranges of the original test data: 1.5 and 0.4 radians, 80 degrees."""

SWEEP_VIEWS = {"azimuth": 61, "elevation": 17, "light": 81}
"""Images in one sweep of a face; odd, so that the middle one is the frontal view."""


def groups(factors: Sequence[Factor]) -> tuple[str, ...]:
    """What a batch may vary: every factor, then everything intrinsic."""
    return (*(f.name for f in factors), INTRINSIC)


def with_ranges(factors: Sequence[Factor], ranges: dict[str, tuple[float, float] | None]) -> tuple[Factor, ...]:
    """The factors with other ranges, in their units, where `ranges` names one that is not None."""
    given = {name: pair for name, pair in ranges.items() if pair is not None}
    return tuple(replace(f, low=given[f.name][0], high=given[f.name][1]) if f.name in given else f for f in factors)
