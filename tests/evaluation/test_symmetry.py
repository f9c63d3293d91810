"""D_LSBD against closed forms, an implementation with scikit-learn's PCA, and its invariances."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from pipelines.evaluation.metrics.symmetry import d_lsbd

ANGLES = np.arange(60) * 6.0
CHAIRS = 12


def random(seed):
    return np.random.Generator(np.random.Philox(seed))


def circle(speed=1):
    return np.column_stack([np.cos(speed * np.deg2rad(ANGLES)), np.sin(speed * np.deg2rad(ANGLES))])


def turns_of(wave, rng, latents=8, noise=0.0):
    """(N, 2, S, latents): one wave (S, d) in a random plane, an offset for each chair, and noise."""
    plane = np.linalg.qr(rng.normal(size=(latents, latents)))[0][: wave.shape[1]]
    own = 3 * rng.normal(size=(CHAIRS, 1, 1, latents))
    return wave @ plane + own + noise * rng.normal(size=(CHAIRS, 2, len(wave), latents))


def by_hand(codes):
    """The metric step by step, for one speed after another."""
    z = (codes - codes.mean(axis=2, keepdims=True)).reshape(-1, codes.shape[-1])
    p = PCA(2, svd_solver="full").fit_transform(z)
    p /= p.std(axis=0) * np.sqrt(2)
    angles = np.tile(np.deg2rad(ANGLES), len(z) // len(ANGLES))
    found = []
    for speed in range(-10, 11):
        c, s = np.cos(-speed * angles), np.sin(-speed * angles)
        back = np.column_stack([c * p[:, 0] - s * p[:, 1], s * p[:, 0] + c * p[:, 1]])
        found.append(np.square(back - back.mean(axis=0)).sum(axis=1).mean())
    return min(found)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("speed", [1, -3])
def test_it_is_what_principal_components_give(speed, noise):
    codes = turns_of(circle(speed), random(1), noise=noise)
    assert d_lsbd(codes, ANGLES).value == pytest.approx(by_hand(codes), abs=1e-9)


def test_a_circle_has_none_and_noise_has_one():
    assert d_lsbd(turns_of(circle(), random(1)), ANGLES).value == pytest.approx(0, abs=1e-12)
    assert d_lsbd(random(2).normal(size=(CHAIRS, 2, 60, 8)), ANGLES).value > 0.98
    assert d_lsbd(np.ones((CHAIRS, 2, 60, 8)), ANGLES).value == 1


def test_one_latent_is_no_circle():
    """A cosine is half of a circle's amplitude, a quarter of its power; a plane that is not filled counts as noise."""
    assert d_lsbd(turns_of(circle()[:, :1], random(1)), ANGLES).value == pytest.approx(0.75)
    assert d_lsbd(circle()[None, None, :, :1], ANGLES).value == pytest.approx(0.75)


def test_a_circle_that_jumps_and_one_without_a_whole_speed():
    wave = circle()
    wave[30:] *= -1  # half of the turn is on the other side
    for other in (wave, circle(0.5)):
        codes = turns_of(other, random(1))
        assert d_lsbd(codes, ANGLES).value == pytest.approx(by_hand(codes), abs=1e-9)
        assert d_lsbd(codes, ANGLES).value > 0.1


def test_rotation_scale_and_offset_of_the_code_do_not_matter():
    codes = turns_of(circle(2), random(1), noise=0.4)
    turned = 5 * codes @ np.linalg.qr(random(3).normal(size=(8, 8)))[0] + 2
    value = d_lsbd(codes, ANGLES).value
    assert 0.05 < value < 0.9
    assert d_lsbd(turned, ANGLES).value == pytest.approx(value)
    assert d_lsbd(codes[:, :, ::-1], ANGLES).value == pytest.approx(value)  # the other way round


def test_a_resample_is_the_metric_of_the_chosen_chairs():
    codes = turns_of(circle(), random(1), noise=0.5) * (1 + np.arange(CHAIRS))[:, None, None, None]
    chosen = np.array([0, 0, 5, 7, 11])
    assert d_lsbd(codes, ANGLES).of(chosen) == pytest.approx(by_hand(codes[chosen]), abs=1e-9)
