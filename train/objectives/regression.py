"""What labels add to a loss: a factor's first latent is regressed to the true value."""

import math

from torch import Tensor

SIGMA = 0.02
"""Standard deviation of the labels, in units of half a factor's range: 1.7 degrees of azimuth."""
UNIT = math.sqrt(3)
"""A neuron's value at the end of its factor's range, where labels tell it: then uniform values have the variance 1.

It is the scale that the KL asks for. In the units of the range themselves, -1..1, it would pull the neuron outwards
in every batch that has no label. Its sign is the factor's.
"""


def regression(said: Tensor, true: Tensor) -> Tensor:
    """Squared errors of a normal distribution of `SIGMA`, in nats, elementwise.

    Both of one shape, in units of half a factor's range.
    """
    missed = (said - true) / SIGMA
    return 0.5 * missed.square()
