"""The chains of `infer-scene` where the answer is known."""

import numpy as np
import pytest
from scipy import integrate, stats

from pipelines.inference.moves import Combined, Elliptical, Reflected, reflect
from pipelines.inference.sampler import Schedule, log_kernel, run_chains, split_r_hat

FREE = Schedule(4000, 500, 1e9)
"""A tolerance that accepts whatever the prior allows."""


def rng(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def nothing(states):
    return np.zeros(len(states)), {}


def lower(seed, size):
    made = rng(seed).normal(size=(size, size))
    return np.linalg.cholesky(made @ made.T / size + 0.3 * np.eye(size))


def test_a_reflected_step_is_a_ball_between_two_walls():
    inside = np.linspace(-1, 1, 41)
    np.testing.assert_allclose(reflect(inside), inside, atol=1e-12)
    np.testing.assert_allclose(reflect(np.array([1.2, -1.3, 2.9, 3.0, 5.2])), [0.8, -0.7, -0.9, -1.0, 0.8], atol=1e-12)


@pytest.mark.parametrize(
    "move",
    [
        Elliptical(slice(0, 3)),
        Elliptical(slice(0, 3), np.array([0.6, -0.4, 0.2]), lower(1, 3)),
        Combined([Elliptical(slice(0, 1)), Elliptical(slice(1, 3), np.array([0.5, 0.1]), lower(2, 2))]),
    ],
)
def test_where_everything_is_accepted_the_chains_keep_the_prior(move):
    """Also about an ellipse that is not the prior's: the excess pays for it."""
    trace = run_chains(rng().normal(size=(200, 3)), [(move, 0.8)], nothing, FREE, rng(3))
    drawn = trace.samples.reshape(-1, 3)
    np.testing.assert_allclose(drawn.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(3), atol=0.06)


def test_reflected_walks_keep_the_uniform_prior():
    trace = run_chains(np.zeros((16, 2)), [(Reflected(slice(0, 2)), 0.4)], nothing, FREE, rng(4), adapt=False)
    thinned = trace.samples[::40].reshape(-1, 2)
    for column in thinned.T:
        assert stats.kstest(column, stats.uniform(-1, 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize("guided", [False, True])
def test_a_linear_gaussian_posterior_is_the_closed_form(guided):
    """Statistics A S with normal errors of sd epsilon sqrt(d), since the l2 distance is the root of the mean square."""
    A, observed, epsilon = rng(5).normal(size=(4, 3)), np.array([1.0, -0.5, 0.7, 0.2]), 0.3
    variance = epsilon**2 * len(observed)
    covariance = np.linalg.inv(np.eye(3) + A.T @ A / variance)
    mean = covariance @ A.T @ observed / variance

    def simulate(states):
        return np.sqrt(((states @ A.T - observed) ** 2).mean(axis=1)), {}

    # A guide that is off, as guides are.
    about = (mean + 0.2, np.linalg.cholesky(1.7 * covariance)) if guided else (None, None)
    moves = [(Elliptical(slice(0, 2), *_part(about, slice(0, 2))), 0.5), (Elliptical(slice(0, 3), *about), 0.5)]
    trace = run_chains(rng().normal(size=(40, 3)), moves, simulate, Schedule(6000, 1000, epsilon), rng(6), kernel="l2")
    drawn = trace.samples.reshape(-1, 3)
    spread = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose((drawn.mean(axis=0) - mean) / spread, 0, atol=0.06)
    unit = np.outer(spread, spread)
    np.testing.assert_allclose(np.cov(drawn.T) / unit, covariance / unit, atol=0.1)
    assert split_r_hat(trace.samples).max() < 1.03


def _part(about, columns):
    """Mean and factor of some of the coordinates."""
    mean, factor = about
    if mean is None:
        return None, None
    return mean[columns], np.linalg.cholesky((factor @ factor.T)[columns, columns])


def test_a_laplace_error_between_walls_is_the_integral():
    """One uniform coordinate, statistic x^3, l1: moments against quadrature."""
    observed, epsilon = 0.2, 0.15

    def density(x):
        return np.exp(-abs(x**3 - observed) / epsilon)

    moments = [
        integrate.quad(lambda x, k=k: x**k * density(x), -1, 1, points=[observed ** (1 / 3)])[0] for k in range(3)
    ]
    trace = run_chains(
        np.zeros((40, 1)),
        [(Reflected(slice(0, 1)), 0.5)],
        lambda states: (np.abs(states[:, 0] ** 3 - observed), {}),
        Schedule(4000, 500, epsilon),
        rng(7),
    )
    assert trace.samples.mean() == pytest.approx(moments[1] / moments[0], abs=0.01)
    assert (trace.samples.astype(float) ** 2).mean() == pytest.approx(moments[2] / moments[0], abs=0.01)


def test_kernels_are_those_of_laplace_and_normal_errors():
    distance = np.array([0.0, 0.3, 2.0])
    for kernel, law in (("l1", stats.laplace(scale=0.7)), ("l2", stats.norm(scale=0.7))):
        np.testing.assert_allclose(log_kernel(distance, 0.7, kernel), law.logpdf(distance) - law.logpdf(0))


def test_epsilon_falls_by_one_factor_and_then_stays():
    schedule = Schedule(100, 50, 0.01)
    fallen = [schedule.epsilon(k, 1.0) for k in range(100)]
    np.testing.assert_allclose(np.diff(np.log(fallen[:50])), np.log(0.01) / 50)
    assert set(fallen[50:]) == {0.01}
    assert Schedule(10, 5, 0.5).epsilon(0, 0.1) == 0.5  # it never rises


def test_what_is_recorded_is_what_the_chain_is_at():
    """Rows of the trace belong together, whether a step was accepted or not."""

    def simulate(states):
        return np.abs(states[:, 0] - 0.3), {"double": 2 * states[:, 0]}

    moves = [(Reflected(slice(0, 1)), 0.3)]
    trace = run_chains(np.zeros((5, 1)), moves, simulate, Schedule(200, 50, 0.05), rng(8))
    np.testing.assert_allclose(trace.recorded["double"], 2 * trace.states[..., 0], atol=1e-6)
    np.testing.assert_allclose(trace.distance, np.abs(trace.states[..., 0] - 0.3), atol=1e-6)
    moved = np.diff(trace.states[..., 0], axis=0) != 0
    np.testing.assert_array_equal(moved, trace.accepted)
    assert 0.1 < trace.accepted.mean() < 0.9


def test_the_same_seed_gives_the_same_chains():
    moves = [(Elliptical(slice(0, 2)), 0.5)]
    one, other = (run_chains(np.ones((4, 2)), moves, nothing, Schedule(50, 10, 1.0), rng(9)) for _ in range(2))
    np.testing.assert_array_equal(one.states, other.states)


def test_r_hat_by_hand():
    """Two chains of four: halves (0, 2), (2, 4), (1, 3), (3, 5)."""
    samples = np.array([[0, 1], [2, 3], [2, 3], [4, 5]], float)[..., None]
    within, between = 2.0, np.var([1, 3, 2, 4], ddof=1)
    assert split_r_hat(samples)[0] == pytest.approx(np.sqrt(1 / 2 + between / within))


def test_r_hat_tells_chains_that_agree_from_those_that_do_not():
    agreed = rng(10).normal(size=(2000, 8, 2))
    assert np.all(split_r_hat(agreed) < 1.01)
    assert split_r_hat(agreed + np.arange(8)[:, None])[0] > 2
    drifting = agreed + np.linspace(0, 3, 2000)[:, None, None]  # only halves can see it
    assert split_r_hat(drifting)[0] > 1.2
