"""Measures of codes and images against closed forms, the ends of their scales, and other implementations."""

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity
from sklearn.linear_model import LinearRegression

from pipelines.evaluation.metrics import invariance, reconstruction
from pipelines.evaluation.metrics.bootstrap import Statistic, mean_of
from pipelines.evaluation.metrics.codes import DEFINITIONS, SweepCodes, choose_neurons, rest
from pipelines.evaluation.metrics.image_errors import psnr, ssim_map
from train.layout import Layout
from train.objectives import OBJECTIVES

ANGLES = {"azimuth": np.linspace(-86, 86, 61), "elevation": np.linspace(-23, 23, 17), "light": np.linspace(-80, 80, 81)}
PEOPLE = {"train": 12, "test": 25}


def random(*key):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(5, spawn_key=key)))


def world(code):
    """Codes of sweeps: `code(angles (G, 3), person (20,), rng)` is (G, D) for one sweep of one person."""
    truth, codes = {}, {}
    for split, people in PEOPLE.items():
        for f, (factor, grid) in enumerate(ANGLES.items()):
            rows, said = [], []
            for person in range(people):
                rng = random(f, person, split == "test")
                values = np.tile(random(9, person, split == "test").uniform(-1, 1, 3) * (86, 23, 80), (len(grid), 1))
                values[:, f] = grid
                rows.append(values)
                said.append(code(values, random(7, person, split == "test").normal(size=20), rng))
            truth[split, factor], codes[split, factor] = np.stack(rows), np.stack(said)
    return SweepCodes(
        dict.fromkeys(ANGLES, "degrees"),
        ANGLES,
        {f: codes["train", f] for f in ANGLES},
        {f: codes["test", f] for f in ANGLES},
        {f: k for k, f in enumerate(ANGLES)},
        np.arange(len(ANGLES), codes["test", "azimuth"].shape[-1]),
        {f: truth["test", f] for f in ANGLES},
    )


def perfect(values, person, _):
    return np.column_stack([values, np.tile(person, (len(values), 1))])


def noise(values, person, rng):
    return rng.normal(size=(len(values), 3 + len(person)))


def values_of(codes, factor="azimuth"):
    return {name: statistic.value for found in codes.statistics(factor).values() for name, statistic in found.items()}


@pytest.mark.parametrize("factor", ANGLES)
def test_a_perfect_code_is_at_the_good_end_of_every_scale(factor):
    found = values_of(world(perfect), factor)
    for name in ("spearman_per_face", "spearman_worse_half", "spearman_pooled", "linear_r2", "isotonic_r2"):
        assert found[name] == pytest.approx(1)
    for name in ("monotone_fraction", "slope_sign_consistency", "cosine", "retrieval"):
        assert found[name] == pytest.approx(1)
    for name in ("isotonic_rmse", "identity_share", "invariance_ratio", "leak_r2"):
        assert found[name] == pytest.approx(0, abs=1e-6)


def test_noise_is_at_the_other_end():
    found = values_of(world(noise))
    assert found["spearman_pooled"] < 0.1
    assert found["spearman_per_face"] < 0.2
    assert abs(found["isotonic_r2"]) < 0.1
    assert found["isotonic_rmse"] == pytest.approx(ANGLES["azimuth"].std(), rel=0.05)
    assert found["leak_r2"] < 0.02
    assert found["invariance_ratio"] > 10
    assert found["cosine"] == pytest.approx(1 / 61, abs=0.05)
    assert found["retrieval"] < 0.3


def test_every_measure_has_a_definition():
    codes = world(perfect)
    for kind, found in codes.statistics("light").items():
        assert found.keys() <= DEFINITIONS[kind].keys()


def test_a_leak_is_seen_by_regression_and_by_nothing_else():
    """One intrinsic latent is the azimuth, a thousandth as large as the rest."""

    def leaking(values, person, _):
        return np.column_stack([perfect(values, person, _), values[:, 0] / 1e5])

    found = values_of(world(leaking))
    assert found["leak_r2"] > 0.95
    assert found["cosine"] > 0.999
    assert found["invariance_ratio"] < 1e-4


def test_a_leak_as_large_as_its_signal_to_noise():
    """x = angle + as much noise in one of 21 latents: R2 = 1/2, as least squares finds it too."""

    def leaking(values, person, rng):
        spread = values[:, 0].std() or 1.0
        return np.column_stack([perfect(values, person, rng), values[:, 0] + spread * rng.normal(size=len(values))])

    codes = world(leaking)
    train, test = codes.intrinsic("azimuth")
    plain = LinearRegression().fit(train.reshape(-1, train.shape[-1]), np.tile(ANGLES["azimuth"], len(train)))
    expected = plain.score(test.reshape(-1, test.shape[-1]), np.tile(ANGLES["azimuth"], len(test)))
    assert values_of(codes)["leak_r2"] == pytest.approx(expected, abs=0.05)
    assert values_of(codes)["leak_r2"] == pytest.approx(0.5, abs=0.08)


def test_invariance_ratio_and_cosine_in_closed_form():
    codes = np.array([[[1.0, 0], [0, 1]], [[3.0, 4], [3, 4]]])
    # within: person 0 has variance 1/4 in each latent, person 1 none; between: means (.5, .5) and (3, 4)
    assert invariance.invariance_ratio(codes) == pytest.approx((0.5 + 0) / 2 / (1.25**2 + 1.75**2))
    np.testing.assert_allclose(invariance.cosine_curve(codes, 0), [[1, 0], [1, 1]])
    assert math.isnan(invariance.invariance_ratio(np.zeros((3, 4, 2))))
    np.testing.assert_array_equal(invariance.cosine_curve(np.zeros((1, 2, 3)), 0), 0)


def test_crosstalk_names_who_follows_whom():
    def mixed(values, person, rng):
        code = perfect(values, person, rng)
        code[:, 2] += 5 * values[:, 1]
        return code

    found = world(mixed).crosstalk()
    assert found["azimuth"]["elevation"] < 0.05
    assert found["elevation"]["light"] > 0.3
    assert set(found["light"]) == {"azimuth", "elevation"}


def test_retrieval_counts_whom_it_finds():
    gallery = np.eye(4)
    queries = np.array([[2.0, 0, 0, 0.1], [0, 3, 0, 0], [0, 0.1, 0, 1], [0, 0, 0.1, 1.0]])
    assert invariance.hits(queries, gallery).tolist() == [1, 1, 0, 1]
    assert invariance.hits(np.zeros((3, 2)), np.ones((3, 2))).tolist() == [0, 0, 0]  # a dead code finds nobody
    assert ANGLES["azimuth"][invariance.query(ANGLES["azimuth"])] == pytest.approx(34.4)


def test_kl_in_closed_form():
    assert invariance.kl_nats(np.zeros(3), np.zeros(3)).tolist() == [0, 0, 0]
    assert invariance.kl_nats(np.array([2.0]), np.log([0.25]))[0] == pytest.approx((4 + 0.25 - 1 - math.log(0.25)) / 2)


def test_the_neuron_of_a_net_trained_without_labels():
    layout = Layout.for_factors(("azimuth", "elevation", "light", "intrinsic"), 6)
    codes = {"azimuth": np.zeros((3, 5, 6)), "light": np.zeros((3, 5, 6))}
    codes["azimuth"][:, :, 4] = np.arange(5)
    codes["azimuth"][:, :, 1] = 10 * np.arange(3)[:, None]  # differs between people, not along the sweep
    codes["light"][:, :, 2] = -np.arange(5)
    rule, chosen, intrinsic = choose_neurons(layout, codes, axis_aligned=False)
    assert (rule, chosen, intrinsic.tolist()) == ("variance", {"azimuth": 4, "light": 2}, [0, 1, 3, 5])
    # Elevation has no sweep here, but its latent is elevation's all the same.
    rule, chosen, intrinsic = choose_neurons(layout, codes, axis_aligned=True)
    assert (rule, chosen, intrinsic.tolist()) == ("layout", {"azimuth": 0, "light": 2}, [3, 4, 5])
    assert rest(6, {"azimuth": 4, "light": 2}).tolist() == [0, 1, 3, 5]
    assert {o.axis_aligned for o in OBJECTIVES.values()} == {True, False}


@pytest.mark.parametrize("shape", [(32, 32), (48, 57)])
def test_structural_similarity_is_that_of_scikit_image(shape):
    a = random(1).random(shape).astype(np.float32)
    b = np.clip(a + 0.2 * random(2).normal(size=shape), 0, 1).astype(np.float32)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0, "full": True}
    _, expected = structural_similarity(a.astype(np.float64), b.astype(np.float64), **settings)
    np.testing.assert_allclose(ssim_map(a, b), expected, atol=2e-4)


def test_structural_similarity_broadcasts():
    a, b = random(3).random((4, 1, 20, 20)).astype("f4"), random(4).random((1, 3, 20, 20)).astype("f4")
    found = ssim_map(a, b)
    assert found.shape == (4, 3, 20, 20)
    np.testing.assert_allclose(found[2, 1], ssim_map(a[2, 0], b[0, 1]), atol=1e-5)
    np.testing.assert_allclose(ssim_map(a, a), 1, atol=1e-4)


def test_signal_to_noise_ratio():
    np.testing.assert_allclose(psnr(np.array([1.0, 0.01, 0.0])), [0, 20, 99])


def test_reconstruction_in_closed_form():
    images = np.full((2, 20, 20), 51, np.uint8)  # 0.2
    masks = np.zeros((2, 20, 20), np.uint8)
    masks[:, :5] = 255
    drawn = np.full((2, 20, 20), 0.2, np.float32)
    drawn[:, :5] = 0.5
    clamped = np.full((2, 20, 20), 0.9, np.float32)
    found = reconstruction.reconstruction_errors(images, masks, drawn, clamped)
    assert found["mse_masked"] == pytest.approx(0.09, rel=1e-5)
    assert found["mse"] == pytest.approx(0.09 / 4, rel=1e-5)
    assert found["mse_over_3"] == pytest.approx(found["mse"] / 3)
    assert found["psnr_masked"] == pytest.approx(-10 * math.log10(0.09), rel=1e-5)

    def nats(t, x):
        return -(t * math.log(x) + (1 - t) * math.log(1 - x))

    assert found["excess_nats"] == pytest.approx(100 * (nats(0.2, 0.5) - nats(0.2, 0.2)), rel=1e-4)
    expected = 400 * nats(0.2, 0.9) - 100 * nats(0.2, 0.5) - 300 * nats(0.2, 0.2)
    assert found["leak_gap"] == pytest.approx(expected, rel=1e-4)
    assert found.keys() == reconstruction.DEFINITIONS.keys()


def test_a_perfect_reconstruction_costs_nothing():
    images = random(6).integers(0, 256, (3, 20, 20), dtype=np.uint8)
    drawn = (images / 255).astype(np.float32)
    found = reconstruction.reconstruction_errors(images, np.full_like(images, 255), drawn, drawn)
    assert found["mse"] == pytest.approx(0, abs=1e-12)
    assert found["excess_nats"] == pytest.approx(0, abs=1e-3)
    assert found["leak_gap"] == 0
    assert found["ssim_masked"] == pytest.approx(1, abs=1e-4)


def test_a_paired_difference_is_narrower_than_its_parts():
    people = random(8).normal(size=200)
    a, b = mean_of(people + 0.1 * random(9).normal(size=200)), mean_of(people)
    found = a.minus(b).estimate()
    assert found["value"] == pytest.approx(a.value - b.value)
    assert np.ptp(found["interval"]) < 0.2 * np.ptp(a.estimate()["interval"])
    with pytest.raises(ValueError, match="needs the same identities on both sides; got 200 and 3"):
        a.minus(mean_of(people[:3]))
    assert Statistic(lambda _: math.nan, 3).estimate() == {"value": None, "interval": None}
