import json
import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from pipelines.evaluation.metrics.equivariance import (
    DEFINITIONS,
    NeuronSweep,
    equivariance_report,
    knn_predictor,
    monotone_fraction,
    pearson,
    sizes,
    spearman,
    statistics,
    switch_index,
)
from train.errors import WrongCodes

ANGLES = np.arange(-90.0, 91.0, 3.0)  # exactly symmetric: ties in |angle| are ties


def measure(found):
    """The values, without intervals."""
    return {name: statistic.value for name, statistic in statistics(found).items()}


def sweep(code, train_faces=40, test_faces=100, angles=ANGLES):
    """`code(angles, rng, face)` for every face; training and test faces have different keys."""

    def faces(n, split):
        def rng(face):
            return np.random.Generator(np.random.Philox(np.random.SeedSequence(face, spawn_key=(split,))))

        return np.stack([code(angles, rng(face), face) for face in range(n)])

    return NeuronSweep("azimuth", "degrees", angles, faces(train_faces, 0), faces(test_faces, 1))


def saw_tooth(angles, *_):
    """The original azimuth neuron: rises to a jump at 0, then rises again. -1 counts with the right half."""
    return np.where(angles < 0, 1 + angles / 91, angles / 91 - 1)


@pytest.mark.parametrize("slope", [3.0, -0.01])
def test_a_linear_code_is_perfect(slope):
    found = measure(sweep(lambda a, *_: slope * a + 7))
    for name in ("spearman_per_face", "spearman_pooled", "linear_r2", "monotone_fraction", "slope_sign_consistency"):
        assert found[name] == pytest.approx(1)
    assert found["isotonic_r2"] == pytest.approx(1)
    assert found["isotonic_rmse"] == pytest.approx(0, abs=1e-9)
    assert found["spearman_worse_half"] == pytest.approx(1)
    assert found["identity_share"] == pytest.approx(0)
    assert found["switch_index"] == pytest.approx(0.4 / 3)
    # 40 training images share each of the 61 codes, so 25 neighbours are all of the right angle
    assert found["knn_rmse"] == pytest.approx(0, abs=1e-9)
    expected = {"unit": "degrees", "train_faces": 40, "test_faces": 100, "angles": 61, "test_images": 6100}
    assert sizes(sweep(lambda a, *_: a)) == expected


def test_a_monotone_code_is_perfect_but_for_the_line():
    found = measure(sweep(lambda a, *_: np.sinh(a / 20)))
    assert found["spearman_pooled"] == pytest.approx(1)
    assert found["isotonic_rmse"] == pytest.approx(0, abs=1e-9)
    assert found["linear_r2"] == pytest.approx(np.corrcoef(np.sinh(ANGLES / 20), ANGLES)[0, 1] ** 2)


def test_a_saw_tooth_is_the_papers_switch():
    """Rank correlation of the two rising halves, swapped; the whole range is crossed at 0."""
    found = measure(sweep(saw_tooth))
    expected = abs(spearmanr(saw_tooth(ANGLES), ANGLES).statistic)
    assert expected == pytest.approx(0.5, abs=0.02)
    assert found["spearman_pooled"] == pytest.approx(expected)
    assert found["spearman_per_face"] == pytest.approx(expected)
    assert found["monotone_fraction"] == pytest.approx(59 / 60)
    assert found["switch_index"] > 0.85
    assert found["isotonic_r2"] == pytest.approx(0.75, abs=0.1)  # a monotone reading knows the side, no more
    assert found["knn_rmse"] == pytest.approx(0, abs=1e-9)  # every angle still has its own value


def test_the_sign_lost():
    """|azimuth|: no rank correlation, and no function of the code does better than a guess of the side."""
    found = measure(sweep(lambda a, *_: np.abs(a)))
    assert found["spearman_per_face"] == pytest.approx(0, abs=1e-12)
    assert found["monotone_fraction"] == pytest.approx(0.5)
    assert found["knn_rmse"] == pytest.approx(math.sqrt(np.mean(ANGLES**2)), rel=0.1)


def test_a_sign_that_differs_between_faces():
    """Every face is perfect on its own; together they say nothing. 70 of 100 go up."""
    found = measure(sweep(lambda a, _, face: a if face % 10 < 7 else -a))
    assert found["spearman_per_face"] == pytest.approx(1)
    assert found["spearman_pooled"] == pytest.approx(0.4)
    assert found["linear_r2"] == pytest.approx(0.16)
    assert found["slope_sign_consistency"] == pytest.approx(0.7)


def test_noise_scores_as_noise():
    found = measure(sweep(lambda a, rng, _: rng.normal(size=len(a))))
    assert found["spearman_pooled"] < 5 / math.sqrt(6100)
    assert found["spearman_per_face"] == pytest.approx(math.sqrt(2 / math.pi / 60), rel=0.2)  # E|N(0, 1/60)|
    assert found["linear_r2"] < 0.01
    assert abs(found["isotonic_r2"]) < 0.02
    assert found["knn_rmse"] == pytest.approx(ANGLES.std() * math.sqrt(1 + 1 / 25), rel=0.02)


def test_calibration_error_of_known_noise():
    """z = angle + 4 degrees of noise: a calibrated reading errs by 4 degrees, less what the range's ends rule out."""
    found = measure(sweep(lambda a, rng, _: a + 4 * rng.normal(size=len(a)), train_faces=200))
    assert 3.4 < found["isotonic_rmse"] < 4.0
    assert 3.4 < found["knn_rmse"] < 4.2


def test_calibration_is_fitted_on_training_faces_only():
    """Test codes shifted by 20 degrees against the training codes: exactly that error, away from the ends."""
    shifted = NeuronSweep("azimuth", "degrees", ANGLES, np.tile(ANGLES, (5, 1)), np.tile(ANGLES + 20, (3, 1)))
    found = measure(shifted)
    clipped = np.minimum(ANGLES + 20, 90) - ANGLES
    assert found["isotonic_rmse"] == pytest.approx(math.sqrt(np.mean(clipped**2)))
    assert found["linear_r2"] == pytest.approx(1)


def test_a_constant_code_scores_worst_or_nothing_without_a_warning():
    found = measure(sweep(lambda a, *_: np.zeros_like(a)))
    for name in (
        "spearman_per_face",
        "spearman_pooled",
        "linear_r2",
        "monotone_fraction",
        "switch_index",
        "slope_sign_consistency",
    ):
        assert found[name] == 0
    assert found["isotonic_r2"] == pytest.approx(0)
    assert found["isotonic_rmse"] == pytest.approx(math.sqrt(np.mean(ANGLES**2)))
    assert math.isnan(found["identity_share"])  # 0 would be the best
    assert math.isfinite(found["knn_rmse"])


def test_fewer_training_images_than_neighbours():
    small = NeuronSweep("light", "degrees", np.array([-1.0, 0, 1]), np.array([[1.0, 2, 3]]), np.array([[1.0, 2, 3]]))
    np.testing.assert_array_equal(knn_predictor(small), 0)


def test_correlations_in_closed_form():
    x = np.array([1.0, 2, 3, 4])
    assert spearman(x, np.array([1.0, 4, 9, 16])) == pytest.approx(1)
    assert spearman(x, np.array([1.0, 3, 2, 4])) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert spearman(x, np.array([1.0, 1, 2, 2])) == pytest.approx(2 / math.sqrt(5))
    assert pearson(x, -2 * x) == pytest.approx(-1)


def test_single_face_measures():
    assert monotone_fraction(np.array([0.0, 1, 2, 1, 1])) == 0.5
    assert switch_index(np.array([0.0, 0, 5, 5]), np.array([-15.0, -0.001, 0.001, 15])) == pytest.approx(1)


def test_the_report_is_json_and_defines_what_it_says():
    report = equivariance_report([sweep(saw_tooth, 4, 6)])
    assert json.loads(json.dumps(report)) == report
    assert report["definitions"]["equivariance"] == DEFINITIONS
    found = report["factors"]["azimuth"]["equivariance"]
    assert DEFINITIONS.keys() == found.keys()
    assert all(set(estimate) == {"value", "interval"} for estimate in found.values())


def test_the_worse_half_is_the_half_that_is_lost():
    """Right of 0 the neuron is constant: nothing is known there."""
    found = measure(sweep(lambda a, *_: np.minimum(a, 0)))
    assert found["spearman_worse_half"] == 0
    assert found["spearman_per_face"] > 0.8


def test_a_share_of_identity_in_closed_form():
    """Each face adds a number of its own, of the variance that the angles have: half of the variance is theirs."""
    spread = ANGLES.std()
    offsets = np.linspace(-1, 1, 100)
    offsets *= spread / offsets.std()
    found = measure(sweep(lambda a, _, face: a + offsets[face]))
    assert found["identity_share"] == pytest.approx(0.5)
    assert found["spearman_per_face"] == pytest.approx(1)


def test_intervals_hold_the_value_and_shrink_with_faces():
    wide, narrow = (
        statistics(sweep(lambda a, rng, _: a + 30 * rng.normal() + 20 * rng.normal(size=len(a)), test_faces=n))
        for n in (10, 160)
    )
    for name in ("spearman_pooled", "isotonic_rmse", "identity_share", "spearman_per_face"):
        few, many = wide[name].estimate(200), narrow[name].estimate(200)
        assert many["interval"][0] <= many["value"] <= many["interval"][1]
        assert np.ptp(many["interval"]) < 0.6 * np.ptp(few["interval"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"angles": np.array([0.0, 1.0, 1.0])}, "3 or more increasing angles"),
        ({"angles": np.array([0.0, 1.0])}, "3 or more increasing angles"),
        ({"train": np.zeros((2, 4))}, r"the train codes of light should have shape \(faces, 3\); got \(2, 4\)"),
        ({"test": np.zeros((0, 3))}, r"the test codes of light .* got \(0, 3\)"),
        ({"test": np.array([[0, np.nan, 1]])}, "not all finite"),
    ],
)
def test_codes_that_do_not_fit(change, message):
    given = {"angles": np.arange(3.0), "train": np.zeros((2, 3)), "test": np.zeros((2, 3))} | change
    with pytest.raises(WrongCodes, match=message):
        NeuronSweep("light", "degrees", **given)
