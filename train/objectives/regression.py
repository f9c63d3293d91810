"""What labels add to a loss: a factor's first latent is regressed to the true value."""

from torch import Tensor

SIGMA = 0.02
"""Standard deviation of the labels, in units of half a factor's range: 1.7 degrees of azimuth."""


def regression(said: Tensor, true: Tensor) -> Tensor:
    """Squared errors of a normal distribution of `SIGMA`, in nats, summed: a scalar.

    Both of one shape, in units of half a factor's range.
    """
    missed = (said - true) / SIGMA
    return 0.5 * missed.square().sum()
