"""Periodic angles: shortest ways, the scores of a perfect, a scalar and a collapsed code, and groups of latents."""

import numpy as np
import pytest
import scipy.stats

from pipelines.evaluation.metrics.circular import circle, read_angles, statistics, way
from pipelines.evaluation.metrics.rerender import pair_errors

ANGLES = np.arange(0.0, 360.0, 6.0)


def chairs(count, code, seed=0):
    """(count, 60, G) of a code of the angle, each chair with some noise of its own."""
    rng = np.random.Generator(np.random.Philox(seed))
    return code(ANGLES)[None] + 0.01 * rng.normal(size=(count, len(ANGLES), code(ANGLES).shape[-1]))


def values(code, rest=None):
    train, test = chairs(6, code), chairs(9, code, 1)
    rest = (np.zeros((6, 60, 0)), np.zeros((9, 60, 0))) if rest is None else rest
    return {name: statistic.value for name, statistic in statistics(train, test, ANGLES, rest).items()}


def test_the_shortest_way():
    assert way(np.array([0.0, 190.0, -190.0, 359.0, 180.0, 725.0])).tolist() == [0, 170, 170, 1, 180, 5]


def test_the_mean_direction_is_that_of_scipy():
    rng = np.random.Generator(np.random.Philox(3))
    train, angles, test = rng.normal(size=(200, 2)), rng.uniform(0, 360, 200), rng.normal(size=(50, 2))
    nearest = np.argsort(np.linalg.norm(test[:, None] - train[None], axis=-1), axis=1)[:, :25]
    expected = scipy.stats.circmean(angles[nearest], 360, 0, axis=1)
    assert way(read_angles(train, angles, test) - expected).max() < 1e-6


def test_a_circle_is_read_all_round():
    found = values(circle)
    assert found["angle_rmse"] < 6
    assert found["turned_round"] == 0


def test_a_scalar_is_read_but_for_its_jump():
    found = values(lambda angles: angles[:, None] / 100)
    assert found["angle_median"] < 6
    assert found["turned_round"] == 0


def test_a_scalar_that_folds_takes_front_for_back():
    """The cosine alone is the same at a and -a: half of the views are read on the wrong side or in between."""
    found = values(lambda angles: circle(angles)[:, :1])
    assert found["angle_rmse"] > 45


def test_a_dead_code_guesses():
    found = values(lambda angles: np.zeros((len(angles), 1)))
    assert found["angle_rmse"] == pytest.approx(np.sqrt(np.mean(way(ANGLES - 180) ** 2)), rel=0.2)
    assert 0.4 < found["turned_round"] < 0.6


def test_what_leaks_into_the_rest_is_found():
    rng = np.random.Generator(np.random.Philox(5))
    turn = np.concatenate([circle(ANGLES), np.zeros((60, 3))], axis=1)

    def rest(leaks):
        return tuple(rng.normal(size=(n, 60, 5)) * 0.1 + leaks * turn for n in (6, 9))

    assert values(circle, rest(1.0))["leak_r2"] > 0.95
    assert values(circle, rest(0.0))["leak_r2"] < 0.05


def test_a_group_of_latents_is_turned_together():
    """A code whose first two latents are the picture: set to another's, they draw it."""
    rng = np.random.Generator(np.random.Philox(7))
    images = rng.integers(0, 256, (4, 12, 12), dtype=np.uint8)
    masks = np.full((4, 12, 12), 255, np.uint8)
    codes = np.column_stack([circle(np.arange(4) * 90.0), rng.normal(size=4)]).astype(np.float32)

    def decode(turned):
        views = np.argmax(turned[:, :2] @ circle(np.arange(4) * 90.0).T.astype(np.float32), axis=1)
        return images[views].astype(np.float32) / 255

    found = pair_errors(codes, decode, images, masks, images / 255, np.arange(2), circle(np.arange(4) * 90.0))
    assert found["whole", "ours"].max() == 0
    assert found["whole", "left_alone"][0, 1] > 0
