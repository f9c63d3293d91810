"""Bounds on log p(x) against models whose log p(x) has a closed form."""

import numpy as np
import pytest
from scipy.stats import norm

from pipelines.evaluation.metrics.likelihood import (
    DEFINITIONS,
    ImageBounds,
    image_bounds,
    log_weights,
    mean_by_identity,
)
from train.errors import WrongCodes

SLOPE, OFFSET, NOISE = 1.7, 0.4, 0.6
"""x = SLOPE z + OFFSET + NOISE e, with z and e from N(0, 1)."""


def random(*key):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(11, spawn_key=key)))


def gaussian(x, mean, variance, samples, seed=0):
    """Bounds of (N,) x under the linear model above, with the posterior N(mean, variance) of each."""
    mu, logvar = np.reshape(mean, (-1, 1)), np.full((len(x), 1), np.log(variance))
    noise = random(seed).standard_normal((len(x), samples, 1))
    codes = mu[:, None] + np.exp(logvar / 2)[:, None] * noise
    likelihood = norm.logpdf(x[:, None], SLOPE * codes[..., 0] + OFFSET, NOISE)
    return image_bounds(likelihood, mu, logvar, noise)


def posterior(x):
    """Mean and variance of p(z | x) of the linear model."""
    variance = 1 / (1 + SLOPE**2 / NOISE**2)
    return variance * SLOPE / NOISE**2 * (x - OFFSET), variance


def evidence(x):
    return norm.logpdf(x, OFFSET, np.hypot(SLOPE, NOISE))


X = random(1).normal(OFFSET, 2, 6)


@pytest.mark.parametrize("samples", [1, 7])
def test_with_the_true_posterior_every_weight_is_the_evidence(samples):
    mean, variance = posterior(X)
    found = gaussian(X, mean, variance, samples)
    np.testing.assert_allclose(found["iwae"], evidence(X), atol=1e-9)


def test_elbo_falls_short_of_the_evidence_by_the_kl_from_the_true_posterior():
    mean, variance = posterior(X)
    shifted, wide = mean + 0.2, 1.5 * variance
    found = gaussian(X, shifted, wide, 200_000)
    short = 0.5 * (0.2**2 / variance + 1.5 - 1 - np.log(1.5))
    np.testing.assert_allclose(found["elbo"], evidence(X) - short, atol=0.02)
    np.testing.assert_allclose(found["elbo"], -found["reconstruction"] - found["kl"], atol=1e-12)
    np.testing.assert_allclose(found["iwae"], evidence(X), atol=0.01)


def test_more_samples_make_the_importance_weighted_bound_tighter():
    mean, variance = posterior(X)
    bounds = [
        gaussian(np.repeat(X, 4000), np.repeat(mean + 0.4, 4000), variance, k)["iwae"].mean() for k in (1, 2, 8, 50)
    ]
    assert bounds == sorted(bounds)
    assert bounds[-1] < evidence(X).mean() + 0.01


def test_one_sample_is_the_elbo_in_expectation():
    mean, variance = posterior(X)
    found = gaussian(np.repeat(X, 20_000), np.repeat(mean + 0.3, 20_000), 1.4 * variance, 1)
    assert found["iwae"].mean() == pytest.approx(found["elbo"].mean(), abs=0.01)


def test_the_mean_log_weight_never_exceeds_the_log_mean_weight():
    rng = random(2)
    mu, logvar, noise = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(5, 9, 3))
    likelihood = -np.abs(rng.normal(size=(5, 9))) * 100
    weights = log_weights(likelihood, mu, logvar, noise)
    by_hand = np.empty_like(weights)
    for n in range(5):
        for k in range(9):
            code = mu[n] + np.exp(logvar[n] / 2) * noise[n, k]
            prior, own = norm.logpdf(code).sum(), norm.logpdf(code, mu[n], np.exp(logvar[n] / 2)).sum()
            by_hand[n, k] = likelihood[n, k] + prior - own
    np.testing.assert_allclose(weights, by_hand)
    found = image_bounds(likelihood, mu, logvar, noise)
    assert (found["iwae"] >= weights.mean(axis=1)).all()
    np.testing.assert_allclose(found["iwae"], np.log(np.exp(by_hand - by_hand.max()).mean(axis=1)) + by_hand.max())


def test_a_decoder_that_ignores_its_code_has_its_likelihood_as_the_bound():
    """With the prior as the posterior there is no KL, and all weights are equal."""
    zeros, noise = np.zeros((3, 4)), random(3).standard_normal((3, 50, 4))
    likelihood = np.repeat([[-10.0], [-20.0], [-700_000.0]], 50, axis=1)
    found = image_bounds(likelihood, zeros, zeros, noise)
    np.testing.assert_allclose(found["kl"], 0)
    np.testing.assert_allclose(found["elbo"], likelihood[:, 0])
    np.testing.assert_allclose(found["iwae"], likelihood[:, 0])


def test_the_excess_is_zero_for_a_decoder_that_gives_the_image_itself():
    entropy = np.array([5.0, 7.0])
    zero = np.zeros(2)
    found = ImageBounds(-entropy, -entropy, entropy, zero, entropy, np.array([3, 4])).statistics()
    assert found["excess_elbo"].value == found["excess_iwae"].value == 0
    assert found.keys() | {"interval"} == DEFINITIONS.keys()


def test_images_of_one_identity_are_resampled_together():
    values, identity = np.array([1.0, 3.0, 8.0]), np.array([70, 70, 2])
    statistic = mean_by_identity(values, identity)
    assert statistic.identities == 2
    assert statistic.value == 4
    assert statistic.of(np.array([1, 1])) == 2  # the identity 70 alone
    assert statistic.of(np.array([0])) == 8


def test_arrays_that_do_not_belong_together():
    one, two = np.zeros(1), np.zeros(2)
    with pytest.raises(WrongCodes, match="arrays of one length"):
        ImageBounds(one, one, two, one, one, np.zeros(1, int))
    with pytest.raises(WrongCodes, match="1 or more"):
        ImageBounds(*[np.zeros(0)] * 5, np.zeros(0, int))
