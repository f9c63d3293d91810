"""The factors of variation, in one table: name, unit, range, period, and the part of a scene that each acts on.

A new factor is one row of `TABLE` and one number in `dataset.keys.FACTOR_KEYS`. Options of the commands, sweep lengths,
specifications of stores and scenes follow from the row.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError

INTRINSIC = "intrinsic"
"""Name of the batches in which the identity varies and nothing else; it has no single value."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
"""Allowed names of factors: the name becomes that of a folder."""


@dataclass(frozen=True)
class Factor:
    """One scalar that a batch can vary.

    Raises
    ------
    StoreError
        When the name cannot be a folder's, or the range is not finite and increasing.
    """

    name: str
    unit: str
    low: float
    high: float
    period: float | None = None
    """Distance, in the unit, after which the factor repeats, such as 360 degrees; None for an interval."""
    values: tuple[float, ...] = ()
    """The only values that the factor takes; empty where it takes all between `low` and `high`."""
    acts_on: str = ""
    """Part of the scene that the factor sets, such as `pose.azimuth` or `light.azimuth`; empty where it is unknown.

    A specification fills it in from the table, by subject and name; it is stored only where it differs from that."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise StoreError(
                f"{self.name!r} cannot be the name of a factor: expected letters, digits, _ and -, a letter first"
            )
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise StoreError(f"the range of {self.name} must rise, not run from {self.low:g} to {self.high:g}")
        object.__setattr__(self, "values", tuple(self.values))  # a list, where it comes from JSON

    def to_json(self, subject: str) -> dict[str, Any]:
        """The fields as plain JSON, for the attributes of a store of this subject.

        `values` is left out where it is empty, and `acts_on` where it is what the table has.
        """
        fields = asdict(self) | {"values": list(self.values)}
        left_out = set() if self.values else {"values"}
        if self.acts_on == acts_on(subject, self.name):
            left_out.add("acts_on")
        return {name: value for name, value in fields.items() if name not in left_out}

    def at(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values, in the factor's unit, at shares (0 <= share < 1) of the range."""
        if self.values:
            return np.array(self.values)[(share * len(self.values)).astype(np.intp)]
        return self.low + (self.high - self.low) * share

    def grid(self, count: int) -> NDArray[np.float64]:
        """(count,) values evenly over the range; over a whole period, the last is one step before its end."""
        whole = self.period is not None and math.isclose(self.high - self.low, self.period)
        return np.linspace(self.low, self.high, count, endpoint=not whole)


@dataclass(frozen=True)
class FactorRow:
    """One row of the table: a factor of one subject, and how stores of that subject use it."""

    factor: Factor
    effect: str
    """Effect of a larger value on the image, in words, for help texts."""
    sweep_images: int = 0
    """Images in one sweep along the factor; 0 where sweeps leave it alone."""
    own_batches: bool = True
    """True where batches vary it on its own; else it varies within intrinsic batches."""


TABLE: dict[str, tuple[FactorRow, ...]] = {
    # Ranges of the original test data: 1.5 and 0.4 radians, 80 degrees. Sweeps have an odd number of images, so that
    # the middle one is the frontal view.
    "face": (
        FactorRow(
            Factor("azimuth", "degrees", -86.0, 86.0, acts_on="pose.azimuth"),
            "the head turns; positive turns the nose to the viewer's right",
            sweep_images=61,
        ),
        FactorRow(
            Factor("elevation", "degrees", -23.0, 23.0, acts_on="pose.elevation"),
            "the head nods; positive shows more of the top of the head",
            sweep_images=17,
        ),
        FactorRow(
            Factor("light", "degrees", -80.0, 80.0, acts_on="light.azimuth"),
            "the light moves round; positive comes from the viewer's right",
            sweep_images=81,
        ),
    ),
    # All round, from two heights, as in the renderings of Aubry et al. 2014. A sweep is 60 azimuths, first at the one
    # elevation, then at the other.
    "chair": (
        FactorRow(
            Factor("azimuth", "degrees", 0.0, 360.0, period=360.0, acts_on="pose.azimuth"),
            "the chair turns all round",
            sweep_images=120,
        ),
        FactorRow(
            Factor("elevation", "degrees", 20.0, 30.0, values=(20.0, 30.0), acts_on="pose.elevation"),
            "the camera rises",
            own_batches=False,
        ),
    ),
}
"""Rows of each subject, in the order in which stores hold values. Append rows: the order is part of the format."""


def factors_of(subject: str) -> tuple[Factor, ...]:
    """The factors of a subject (`face` or `chair`) with their default ranges, in the table's order."""
    return tuple(row.factor for row in TABLE[subject])


def batch_factors_of(subject: str) -> tuple[str, ...]:
    """Names of the factors that batches of a subject vary on their own, then `intrinsic`."""
    return (*(row.factor.name for row in TABLE[subject] if row.own_batches), INTRINSIC)


def sweep_lengths(subject: str) -> dict[str, int]:
    """Images in one sweep of a subject along each factor that is swept."""
    return {row.factor.name: row.sweep_images for row in TABLE[subject] if row.sweep_images}


def all_factor_names() -> tuple[str, ...]:
    """Names of the factors of every subject, each once."""
    return tuple(dict.fromkeys(row.factor.name for rows in TABLE.values() for row in rows))


def all_batch_factors() -> tuple[str, ...]:
    """Names of all that batches of any subject can vary, each once, with `intrinsic` last."""
    names = dict.fromkeys(name for subject in TABLE for name in batch_factors_of(subject) if name != INTRINSIC)
    return (*names, INTRINSIC)


def acts_on(subject: str, name: str) -> str:
    """Part of the scene that a factor of this name sets, as the table has it; empty where there is no such row."""
    return next((row.factor.acts_on for row in TABLE.get(subject, ()) if row.factor.name == name), "")


def factor_names(factors: Sequence[Factor]) -> tuple[str, ...]:
    """Names of all that batches with these factors can vary: every factor, then `intrinsic`."""
    return (*(f.name for f in factors), INTRINSIC)


def with_ranges(factors: Sequence[Factor], ranges: Mapping[str, tuple[float, float] | None]) -> tuple[Factor, ...]:
    """The factors with other ranges, in their units, where `ranges` has a pair: they then take all values between."""
    given = {name: pair for name, pair in ranges.items() if pair is not None}
    return tuple(
        replace(f, low=given[f.name][0], high=given[f.name][1], values=()) if f.name in given else f for f in factors
    )
