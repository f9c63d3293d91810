"""The factors of variation: their names, units and ranges. Every other module takes them from here."""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    values: tuple[float, ...] = ()
    """The only values it takes; none are listed where it takes all between `low` and `high`."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise StoreError(f"{self.name!r} cannot be the name of a factor: letters, digits, _ and -, a letter first")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise StoreError(f"the range of {self.name} must rise, not run from {self.low:g} to {self.high:g}")
        object.__setattr__(self, "values", tuple(self.values))  # a list, where it comes from JSON

    def to_json(self) -> dict[str, Any]:
        """The fields, as stored in a store's attributes; the last only where it says something."""
        kept = asdict(self) | {"values": list(self.values)}
        return {name: value for name, value in kept.items() if name != "values" or value}

    def at(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values for shares (0 <= share < 1) of the range."""
        if self.values:
            return np.array(self.values)[(share * len(self.values)).astype(np.intp)]
        return self.low + (self.high - self.low) * share

    def grid(self, count: int) -> NDArray[np.float64]:
        """(count,) values evenly over the range; over a whole period, the last is one step before its end."""
        whole = self.period is not None and math.isclose(self.high - self.low, self.period)
        return np.linspace(self.low, self.high, count, endpoint=not whole)


FACE_FACTORS = (
    Factor("azimuth", "degrees", -86.0, 86.0),
    Factor("elevation", "degrees", -23.0, 23.0),
    Factor("light", "degrees", -80.0, 80.0),
)
"""Ranges of the original test data: 1.5 and 0.4 radians, 80 degrees."""

CHAIR_FACTORS = (
    Factor("azimuth", "degrees", 0.0, 360.0, period=360.0),
    Factor("elevation", "degrees", 20.0, 30.0, values=(20.0, 30.0)),
)
"""All round, from two heights, as in the renderings of Aubry et al. 2014."""
CHAIR_VARIED = ("azimuth", INTRINSIC)
"""What batches of chairs vary; the height counts as intrinsic."""

FACE_SWEEPS = {"azimuth": 61, "elevation": 17, "light": 81}
"""Images in one sweep of a face; odd, so that the middle one is the frontal view."""

CHAIR_SWEEPS = {"azimuth": 120}
"""Images in one sweep of a chair: 60 azimuths, first at the one elevation, then at the other."""

SWEEPS: dict[str, dict[str, int]] = {"face": FACE_SWEEPS, "chair": CHAIR_SWEEPS}
"""The same by a store's subject."""


def groups(factors: Sequence[Factor]) -> tuple[str, ...]:
    """What a batch may vary: every factor, then everything intrinsic."""
    return (*(f.name for f in factors), INTRINSIC)


def with_ranges(factors: Sequence[Factor], ranges: dict[str, tuple[float, float] | None]) -> tuple[Factor, ...]:
    """The factors with other ranges, in their units, where `ranges` names one that is not None: all values between."""
    given = {name: pair for name, pair in ranges.items() if pair is not None}
    return tuple(
        replace(f, low=given[f.name][0], high=given[f.name][1], values=()) if f.name in given else f for f in factors
    )
