"""Lower bounds on log p(x) of held-out images under the generative model: latents from N(0, 1), then the decoder.

Logarithms are natural, so bounds are in nats per image. For grey levels between 0 and 1 the log-likelihood of a pixel
is the expected log-probability of a black or white pixel that is white with the grey level's probability. Both bounds
are then bounds on the expected log-probability of an image of such pixels: no model exceeds minus their entropy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from pipelines.evaluation.metrics.bootstrap import Chosen, Statistic
from pipelines.evaluation.metrics.invariance import kl_nats
from train.errors import WrongCodes

Array = NDArray[np.float64]

DEFINITIONS = {
    "elbo": "evidence lower bound on log p(x), nats per image: minus `reconstruction` minus `kl`. The KL has the "
    "weight 1 whatever its weight in training, and codes are not clamped",
    "iwae": "importance-weighted bound (Burda et al., arXiv:1509.00519): logarithm of the mean weight "
    "p(x, z) / q(z | x) over the samples of an image; in expectation no lower than `elbo`",
    "reconstruction": "cross-entropy between the image and the image decoded from a sampled code, summed over pixels "
    "and channels, mean over the samples",
    "kl": "Kullback-Leibler divergence of the posterior from N(0, 1), summed over latents",
    "entropy": "entropy of the image's grey levels, summed over pixels and channels: its cross-entropy with itself, "
    "below which no cross-entropy is",
    "excess_elbo": "minus `elbo` minus `entropy`: the part of the bound that a better model could save",
    "excess_iwae": "minus `iwae` minus `entropy`",
    "interval": "95% percentile bootstrap over the identities of the images, all images of one resampled together",
}


@dataclass(frozen=True)
class ImageBounds:
    """The parts of the bounds of N images, in nats.

    Raises
    ------
    WrongCodes
        Arrays of different lengths, or none at all.
    """

    elbo: Array
    """(N,)"""
    iwae: Array
    """(N,)"""
    reconstruction: Array
    """(N,) mean over the samples."""
    kl: Array
    """(N,)"""
    entropy: Array
    """(N,)"""
    identity: NDArray[np.int64]
    """(N,) the identity of each image."""

    def __post_init__(self) -> None:
        lengths = {name: np.shape(values) for name, values in vars(self).items()}
        if len(set(lengths.values())) != 1 or not len(self.elbo):
            raise WrongCodes(f"expected arrays of one length, 1 or more; got {lengths}")

    def statistics(self) -> dict[str, Statistic]:
        """Mean over images of every measure of `DEFINITIONS`, as statistics over identities."""
        named = {name: vars(self)[name] for name in ("elbo", "iwae", "reconstruction", "kl", "entropy")}
        named |= {f"excess_{name}": -named[name] - self.entropy for name in ("elbo", "iwae")}
        return {name: mean_by_identity(values, self.identity) for name, values in named.items()}


def image_bounds(likelihood: Array, mu: Array, logvar: Array, noise: Array) -> dict[str, Array]:
    """The bounds of images from samples of their posteriors.

    Parameters
    ----------
    likelihood : (N, K) log p(x | z) in nats of K sampled codes of each image
    mu, logvar : (N, D) mean and log variance of each posterior
    noise : (N, K, D) standard normal; sample k of image n has the code mu + exp(logvar / 2) noise

    Returns
    -------
    "elbo", "iwae", "reconstruction" and "kl", each (N,); the KL in closed form, everything else over the K samples
    """
    kl = kl_nats(mu, logvar).sum(axis=1)
    weights = log_weights(likelihood, mu, logvar, noise)
    return {
        "elbo": likelihood.mean(axis=1) - kl,
        "iwae": logsumexp(weights, axis=1) - np.log(weights.shape[1]),
        "reconstruction": -likelihood.mean(axis=1),
        "kl": kl,
    }


def log_weights(likelihood: Array, mu: Array, logvar: Array, noise: Array) -> Array:
    """(N, K) log of p(x, z) / q(z | x) for the samples of `image_bounds`, whose arguments it takes."""
    codes = mu[:, None] + np.exp(logvar / 2)[:, None] * noise
    # The normalising constants of prior and posterior cancel, but for the posterior's variance.
    found: Array = likelihood + 0.5 * (np.square(noise) + logvar[:, None] - np.square(codes)).sum(axis=-1)
    return found


def mean_by_identity(values: Array, identity: NDArray[np.integer]) -> Statistic:
    """The mean of (N,) values, with all values of one identity resampled together."""
    groups = np.unique(identity, return_inverse=True)[1]
    sums, counts = np.bincount(groups, weights=values), np.bincount(groups)

    def resampled(chosen: Chosen) -> float:
        return float(sums[chosen].sum() / counts[chosen].sum())

    return Statistic(resampled, len(counts))
