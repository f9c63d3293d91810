"""Keys of random numbers: each number is addressed by what it is for, never by what was generated before it.

A generator is keyed by (seed, split, purpose, factor, index), so its numbers do not depend on what else was sampled, in
which order, or by how many workers; and splits can share no identity, since the split is part of the key.
"""

from typing import Literal

import numpy as np

from dataset.errors import UnknownNameError

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

# These integers are part of the format: a store's seed means nothing without them. Add, never change.
SPLIT_KEYS = {"train": 0, "val": 1, "test": 2}
PURPOSE_KEYS = {
    "shape": 0,
    "albedo": 1,
    "expression": 2,
    "active": 3,
    "inactive": 4,
    "sweep": 5,
    "pool": 6,
    "pair": 7,
    "independent": 8,
}
FACTOR_KEYS = {"none": 0, "azimuth": 1, "elevation": 2, "light": 3, "intrinsic": 4}


def generator(seed: int, split: str, purpose: str, factor: str, index: int) -> np.random.Generator:
    """The generator at one address.

    Parameters
    ----------
    seed : int
        The store's seed, 0 or more.
    split, purpose, factor : str
        Names in the tables above; `none` where no factor is meant.
    index : int
        Identity or batch number within the split.

    Raises
    ------
    UnknownNameError
        When a name is not in its table.
    """
    named = (("split", split, SPLIT_KEYS), ("purpose", purpose, PURPOSE_KEYS), ("factor", factor, FACTOR_KEYS))
    for kind, name, table in named:
        if name not in table:
            raise UnknownNameError(f"there is no key for the {kind} {name!r}; there are keys for {', '.join(table)}")
    key = (SPLIT_KEYS[split], PURPOSE_KEYS[purpose], FACTOR_KEYS[factor], index)
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=key)))
