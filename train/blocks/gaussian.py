"""Gaussian posteriors: their divergence from the prior and from one another, samples, and regression to labels."""

import math

import torch
from torch import Tensor

from train.engine.noise import Noise

LABEL_SIGMA = 0.02
"""Standard deviation of the labels, in units of half a factor's range: 1.7 degrees of azimuth."""
LATENT_UNIT = math.sqrt(3)
"""Value of a labelled latent at the end of its factor's range: uniform factor values then have variance 1.

It is the scale that the KL asks for. In the units of the range itself, -1..1, the KL would pull the latent outwards in
every batch without a label. Its sign is the factor's.
"""


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)) in nats, elementwise: (mu^2 + exp(logvar) - 1 - logvar) / 2."""
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar)


def gaussian_kl_between(mu: Tensor, logvar: Tensor, other_mu: Tensor, other_logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(other_mu, exp(other_logvar))) in nats, elementwise."""
    spread = (logvar - other_logvar).exp() + (mu - other_mu).square() / other_logvar.exp()
    return 0.5 * (spread - 1 - logvar + other_logvar)


def sample_code(mu: Tensor, logvar: Tensor, noise: Noise) -> Tensor:
    """Equation 3 of arXiv v1 by the reparametrisation of SGVB: mu + exp(logvar / 2) eps, eps ~ N(0, 1).

    eps is sampled for every row and latent, clamped ones included: (B, latents).
    """
    return mu + torch.exp(0.5 * logvar) * noise.normal(mu).to(mu)


def regression(predicted: Tensor, true: Tensor) -> Tensor:
    """Squared errors of a normal distribution of `LABEL_SIGMA`, in nats, elementwise.

    Both of one shape, in units of half a factor's range.
    """
    error = (predicted - true) / LABEL_SIGMA
    return 0.5 * error.square()
