"""Who is in a store: coefficients of an identity from its key and the controls in the spec."""

import math

import numpy as np
from numpy.typing import NDArray

from dataset.keys import generator
from dataset.spec import StoreSpec


def draw_coefficients(spec: StoreSpec, split: str, block: str, identity: int) -> NDArray[np.float32]:
    """(K,) coefficients of one identity, in standard deviations.

    Without controls they are standard normal. `spec.scales` multiplies them; `spec.around` puts everybody at one
    distance from a reference; `spec.fixed` replaces the leading ones in everybody; and where the pool is of named
    people, theirs are used as they stand. A longer block only adds to the end.
    """
    named = spec.people.get(split)
    if named is not None:
        return _padded(named[identity].get(block, ()), spec.coefficients[block]).astype(np.float32)
    rng = generator(spec.seed, split, block, "none", identity)
    drawn = rng.standard_normal(spec.coefficients[block])
    if spec.around is not None:
        # fsum is exact, so that the sum does not depend on the vector unit.
        length = math.sqrt(math.fsum(drawn * drawn) / len(drawn))
        drawn *= spec.around["distance"] / length
    drawn *= spec.scales[block]
    if spec.around is not None:
        drawn += _padded(spec.around["reference"].get(block, ()), len(drawn))
    for k, value in enumerate(spec.fixed.get(block, ())):
        drawn[k] = drawn[k] if value is None else value
    return drawn.astype(np.float32)


def _padded(values: "tuple[float, ...] | list[float]", size: int) -> NDArray[np.float64]:
    """The values, and zeros (the mean) for those that are not given."""
    out = np.zeros(size)
    out[: len(values)] = values
    return out
