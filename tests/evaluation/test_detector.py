"""The Haar cascades: they find true frontal renders, and neither painted-out ones nor noise."""

import numpy as np
import pytest

import dcign
from pipelines.evaluation.metrics.detail import blurred
from pipelines.evaluation.metrics.detector import find_faces


@pytest.fixture(scope="module")
def fronts():
    model = dcign.open_model("procedural")
    return np.stack([model.identity(k, split="test").render(azimuth=0, elevation=0, light=0) for k in range(6)])


def test_true_faces_are_found_with_their_eyes(fronts):
    faces, eyes = find_faces(fronts)
    assert faces.mean() >= 5 / 6
    assert eyes.mean() >= 5 / 6
    assert not (eyes & ~faces).any()


def test_colour_makes_no_difference(fronts):
    for grey, color in zip(find_faces(fronts), find_faces(np.repeat(fronts[..., None], 3, axis=-1)), strict=True):
        np.testing.assert_array_equal(grey, color)


def test_a_blur_that_takes_the_eyes_is_seen(fronts):
    wide = blurred(fronts.astype(np.float32), 7.0).round().astype(np.uint8)
    assert find_faces(wide)[1].sum() <= 1


def test_nothing_is_found_where_nothing_is():
    rng = np.random.Generator(np.random.Philox(1))
    for images in (np.full((2, 64, 64), 255, np.uint8), rng.integers(0, 256, (2, 64, 64), np.uint8)):
        faces, eyes = find_faces(images)
        assert not faces.any()
        assert not eyes.any()
    assert find_faces(np.zeros((0, 64, 64), np.uint8))[0].shape == (0,)
