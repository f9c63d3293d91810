"""Block scores: a factor that leaks into many latents, a little into each, lowers them."""

import itertools

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from pipelines.evaluation.metrics.disentanglement import score
from pipelines.evaluation.metrics.disentanglement.blocks import read
from pipelines.evaluation.metrics.disentanglement.dci import TREES

N, LEAKS = 4000, (0.0, 0.1, 0.2, 0.4)
GROUPS = [[0], [1], [2], range(3, 200)]


def random(seed):
    return np.random.Generator(np.random.Philox(seed))


def leaking(leak, rng, latents=197):
    """Three perfect neurons, and latents that are leak x azimuth + N(0, 1) each."""
    v = rng.uniform(-1, 1, (N, 3))
    return np.concatenate([v, leak * v[:, :1] + rng.normal(size=(N, latents))], axis=1), v


@pytest.fixture(scope="module")
def series():
    fast = pytest.MonkeyPatch()
    for size in ("FIT", "JUDGE"):
        fast.setattr(f"pipelines.evaluation.metrics.disentanglement.fitted.{size}", 100)
    fast.setitem(TREES, "max_iter", 2)
    codes = (leaking(leak, random(k)) for k, leak in enumerate(LEAKS))
    yield [score(z, v, groups=GROUPS) for z, v in codes]
    fast.undo()


def test_single_latents_are_blind_to_a_spread_leak(series):
    for found in series:
        assert found["mig"] > 0.96
        assert found["sap"] > 0.95


def test_block_scores_fall_along_the_series(series):
    for name in ("mig_block", "sap_block"):
        values = [found[name] for found in series]
        assert values[0] > 0.98
        assert all(later < earlier - 0.015 for earlier, later in itertools.pairwise(values))
    assert series[-1]["mig_block"] < 0.9
    assert series[-1]["sap_block"] < 0.72


def test_the_read_of_a_block_is_that_of_a_plain_ridge(series):
    """The theory: R2 of n latents of signal a^2 / 3 against noise 1, less what 4,000 images do not tell."""
    for leak, found in zip(LEAKS, series, strict=True):
        azimuth, elevation, light = found["block_r2"][0]
        signal = 197 * leak**2 / 3
        assert signal / (1 + signal) - 0.07 < azimuth < signal / (1 + signal) + 0.02
        assert max(elevation, light) < 0.01
    z, v = leaking(0.2, random(9))
    model = Ridge(100).fit(z[::2, 3:], v[::2, 0])
    assert series[2]["block_r2"][0][0] == pytest.approx(model.score(z[1::2, 3:], v[1::2, 0]), abs=0.04)


def test_a_leak_that_is_not_linear_is_read_by_neighbours():
    rng = random(3)
    x = rng.uniform(-1, 1, (N, 1))
    block = np.column_stack([np.cos(np.pi * x), np.sin(np.pi * x)]) * (1 + rng.random((N, 1)))
    (predicted,) = read(block, [x**2], np.arange(N))
    assert np.corrcoef(predicted[:, 0], x[:, 0] ** 2)[0, 1] > 0.99


def test_a_block_counts_no_less_than_its_best_latent(series):
    """The absolute value in one of 197 latents is read by no ridge, and drowned for neighbours."""
    z, v = leaking(0.0, random(4))
    z[:, 100] = np.abs(v[:, 0])
    found = score(z[:1500], v[:1500], groups=GROUPS)
    assert found["block_r2"][0][0] < 0.3
    assert found["mig_block"] == pytest.approx(found["mig"], abs=0.02)
    assert found["mig"] < 0.85


def test_nothing_is_read_from_noise_or_by_heart():
    """Every identity has its own code and its own factor: fitted ones are known by heart, others are not."""
    rng = random(5)
    identity = np.repeat(np.arange(50), 20)
    own, value = rng.normal(size=(50, 30)), rng.uniform(-1, 1, 50)
    (predicted,) = read(own[identity] + 0.01 * rng.normal(size=(1000, 30)), [value[identity][:, None]], identity)
    assert 1 - np.square(predicted[:, 0] - value[identity]).sum() / (value.var() * 1000) < 0.2
    (one_identity,) = read(own[identity], [value[identity][:, None]], np.zeros(1000, int))
    assert np.corrcoef(one_identity[:, 0], value[identity])[0, 1] > 0.8


def test_the_order_and_the_scale_inside_a_block_do_not_matter():
    rng = random(6)
    z, v = leaking(0.3, rng, latents=20)
    scale = np.exp(rng.normal(size=20))
    (before,) = read(z[:, 3:], [v[:, :1]], np.arange(N))
    (after,) = read((z[:, 3:] * scale)[:, ::-1], [v[:, :1]], np.arange(N))
    np.testing.assert_allclose(before, after, atol=1e-6)
