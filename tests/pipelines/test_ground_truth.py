"""The adaptor for other people's metrics: its images are those of a store, and its factors mean what they say."""

import numpy as np
import pytest

from dataset.errors import StoreError
from dataset.store import open_store
from pipelines.rendering.ground_truth import FaceData

SMALL = {"identity": 5, "azimuth": 9, "elevation": 3, "light": 4}


@pytest.fixture(scope="module")
def data():
    return FaceData(levels=SMALL, size=32, samples=1)


def rng(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def test_it_says_what_it_has(data):
    assert data.num_factors == 4
    assert data.factor_names == ["identity", "azimuth", "elevation", "light"]
    assert data.factors_num_values == [5, 9, 3, 4]
    assert data.observation_shape == [32, 32, 1]
    assert FaceData(levels=SMALL, size=32, color="rgb").observation_shape == [32, 32, 3]


@pytest.mark.parametrize("state", [rng(1), np.random.RandomState(1)])
def test_factors_are_drawn_evenly_with_either_kind_of_generator(data, state):
    factors = data.sample_factors(4000, state)
    assert factors.shape == (4000, 4)
    for column, count in zip(factors.T, data.factors_num_values, strict=True):
        assert np.bincount(column, minlength=count).min() > 4000 / count * 0.7


def test_images_are_a_function_of_their_factors(data):
    factors, images = data.sample(6, rng(2))
    assert images.shape == (6, 32, 32, 1)
    assert images.dtype == np.float32
    assert 0 <= images.min() < images.max() <= 1
    np.testing.assert_array_equal(data.sample_observations_from_factors(factors, rng(9)), images)
    np.testing.assert_array_equal(data.sample_observations_from_factors(factors[::-1]), images[::-1])
    assert data.sample_observations(3, rng(2)).shape == (3, 32, 32, 1)
    assert data.sample_observations_from_factors(np.empty((0, 4), int)).shape == (0, 32, 32, 1)


def test_images_are_those_of_a_store(dcign, tmp_path):
    """Identity k of a seed, at the same angles, is the same picture to the last grey level."""
    url = tmp_path / "sweeps.zarr"
    assert dcign("render-sweeps", "--store", url, "--identities", 2, "--size", 32, "--others", "zero").code == 0
    shown = open_store(str(url)).read("test", "azimuth", 1)
    data = FaceData(levels={"identity": 2, "azimuth": 61, "elevation": 3, "light": 3}, size=32, split="test")
    factors = np.array([[1, k, 1, 1] for k in range(61)])
    np.testing.assert_allclose(data.values(factors)[:, 0], shown["factors"][:, 0], rtol=1e-6, atol=1e-5)
    images = data.sample_observations_from_factors(factors)[..., 0]
    np.testing.assert_array_equal(np.round(255 * images).astype(np.uint8), shown["image"])


def test_angles_are_even_over_their_ranges():
    data = FaceData(levels=SMALL, size=32, azimuth=(-60, 60))
    values = data.values(np.array([[0, 0, 0, 0], [0, 8, 2, 3], [4, 4, 1, 0]]))
    np.testing.assert_allclose(values, [[-60, -23, -80], [60, 23, 80], [0, 0, -80]], atol=1e-5)


@pytest.mark.parametrize("factors", [np.zeros((2, 3), int), np.zeros((2, 4)), [[5, 0, 0, 0]], [[0, 0, -1, 0]]])
def test_values_that_a_factor_does_not_have(data, factors):
    with pytest.raises(StoreError, match=r"whole numbers below 5, 9, 3, 4 \(identity, azimuth"):
        data.sample_observations_from_factors(np.asarray(factors))


@pytest.mark.parametrize("levels", [{"azimuth": 0}, {"hair": 3}, {"azimuth": 2.5}])
def test_levels_that_cannot_be(levels):
    with pytest.raises(StoreError, match="levels are whole numbers of 1 or more for identity"):
        FaceData(levels=levels)


@pytest.mark.parametrize("given", [{"azimut": (-60, 60)}, {"pool": 2}, {"split": "foo"}, {"backend": "pyrender"}])
def test_options_that_would_be_ignored(given):
    with pytest.raises(StoreError, match=next(iter(given))):
        FaceData(**given)


def test_one_level_is_the_middle_of_the_range():
    data = FaceData(levels={"identity": 3, "azimuth": 2, "elevation": 1, "light": 1}, size=32, light=(0, 40))
    np.testing.assert_allclose(data.values(np.array([[0, 1, 0, 0]])), [[86, 0, 20]])


def test_many_images_are_drawn_in_parts(data, monkeypatch):
    factors = np.array([[k % 5, k % 9, k % 3, k % 4] for k in range(7)])
    whole = data.sample_observations_from_factors(factors)
    monkeypatch.setattr("pipelines.rendering.ground_truth.IDENTITIES_AT_ONCE", 3)
    np.testing.assert_array_equal(data.sample_observations_from_factors(factors.tolist()), whole)
