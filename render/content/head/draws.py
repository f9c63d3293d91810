"""Random numbers from fixed keys.

Raw Philox words, turned into fractions here: the words are the algorithm's own, whereas numpy reserves the right to
change what `Generator.random` and `Generator.integers` make of them from one version to the next.
"""

import numpy as np

from render.content.head.curves import Array

SHAPE, ALBEDO, HAIR = 7_190_001, 7_190_002, 7_190_003
"""First halves of the keys; the second half counts the fields."""


def uniform(key: int, stream: int, shape: tuple[int, ...]) -> Array:
    """Numbers in [0, 1), 53 bits each, of the given shape."""
    words = np.random.Philox(key=[key, stream]).random_raw(int(np.prod(shape)))
    return (words >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53
