"""The metrics against values that were worked out elsewhere: closed forms, and a table of simulated codes."""

import math

import numpy as np
import pytest

from pipelines.evaluation.metrics.disentanglement import correlation, dci, information, score
from pipelines.evaluation.metrics.disentanglement.dci import completeness, disentanglement
from pipelines.evaluation.metrics.disentanglement.fitted import beta_vae, factor_vae
from pipelines.evaluation.metrics.disentanglement.information import discretize, levels, modularity, table
from pipelines.evaluation.metrics.disentanglement.robustness import irs
from train.errors import WrongCodes

LEVELS = (61, 17, 81)
N = 10_000


def random(seed):
    return np.random.Generator(np.random.Philox(seed))


def world(seed=0):
    """(N, 3) factors: even levels over -1..1, drawn uniformly."""
    rng = random(seed)
    return np.stack([np.linspace(-1, 1, n)[rng.integers(n, size=N)] for n in LEVELS], axis=1)


def rotated(v):
    c = math.sqrt(0.5)
    return np.stack([c * (v[:, 0] + v[:, 1]), c * (v[:, 0] - v[:, 1]), v[:, 2]], axis=1)


def first(change):
    return lambda v: np.column_stack([change(v[:, 0]), v[:, 1:]])


def noise(v, dims, seed=9):
    return random(seed).normal(size=(len(v), dims))


CODES = {
    "identity": lambda v: v,
    "identity and noise": lambda v: np.column_stack([v, noise(v, 7)]),
    "monotone": lambda v: np.sinh(4 * v),
    "duplicated": lambda v: np.column_stack([v, v]),
    "rotated": rotated,
    "saw-tooth azimuth": first(lambda x: np.where(x < 0, x + 1, x)),
    "azimuth without sign": first(np.abs),
    "noise": lambda v: noise(v, 3),
}
# Code to MIG with factors as they are, MIG with factors in 20 bins, SAP, FactorVAE, modularity, IRS.
REFERENCE = {
    "identity": (0.788, 0.950, 1.000, 1.00, 1.000, 0.975),
    "identity and noise": (0.788, 0.949, 1.000, 1.00, 0.77, 0.44),
    "monotone": (0.658, 0.749, 0.843, 1.00, 1.000, 0.974),
    "duplicated": (0.0, 0.0, 0.0, 1.00, 1.000, 0.975),
    "rotated": (0.223, 0.314, 0.343, 0.67, 0.712, 0.616),
    "saw-tooth azimuth": (0.761, 0.911, 0.745, 1.00, 1.000, 0.962),
    "azimuth without sign": (0.788, 0.877, 0.667, 1.00, 1.000, 0.971),
    "noise": (0.0, 0.0, 0.0, 0.33, 0.67, 0.38),
}
SPREAD = 0.03
"""Of the reference values over seeds."""


def degrees(v):
    """The same in the units of the store: a bin's edge may fall on the other side of a value that lies on it."""
    return np.stack(
        [
            np.linspace(-r, r, n)[np.unique(x, return_inverse=True)[1]]
            for r, n, x in zip((86, 23, 80), LEVELS, v.T, strict=True)
        ],
        axis=1,
    )


def singles(z):
    return [[d] for d in range(z.shape[1])]


def alone(v):
    """All images are of one person, where nobody asks for an interval."""
    return np.zeros(len(v), np.int64)


def same(z, v):
    """Each factor is compared with all latents."""
    return [z] * v.shape[1]


def mig(z, ids):
    return information.mig(same(z, ids), ids, np.arange(z.shape[1]), alone(z)).value


def sap(z, v):
    shares = [[correlation.ColumnShares(z, column[:, None], alone(v))] for column in v.T]
    return correlation.sap(shares, np.arange(z.shape[1])).value


def mcc(z, v):
    return correlation.mcc(same(z, v), v, np.arange(z.shape[1]), alone(v)).value


def voted(z, ids, groups, seed=1):
    return factor_vae(z, ids, [groups], random(seed))[0]


def raw(v):
    return np.stack([levels(column, 100) for column in v.T], axis=1)


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_table(name):
    v = world()
    z, (mig_raw, mig_binned, separated, accuracy, modular, robust) = CODES[name](v), REFERENCE[name]
    binned = np.stack([levels(column, 20) for column in degrees(v).T], axis=1)
    assert mig(z, raw(v)) == pytest.approx(mig_raw, abs=SPREAD)
    assert mig(z, binned) == pytest.approx(mig_binned, abs=SPREAD)
    assert sap(z, v) == pytest.approx(separated, abs=SPREAD)
    assert voted(z, raw(v), singles(z)) == pytest.approx(accuracy, abs=SPREAD)
    assert modularity(np.stack([table(z, column) for column in raw(v).T], axis=1)) == pytest.approx(modular, abs=0.1)
    assert irs(z, binned) == pytest.approx(robust, abs=SPREAD)


def test_only_the_matching_sees_a_lost_sign_or_a_jump():
    v = world()
    found = {name: mcc(CODES[name](v), v) for name in CODES}
    assert found["identity"] == pytest.approx(1)
    assert found["monotone"] == pytest.approx(1)
    assert found["azimuth without sign"] == pytest.approx(2 / 3, abs=0.02)
    assert found["saw-tooth azimuth"] == pytest.approx((0.5 + 2) / 3, abs=0.02)  # half of x is a turn away
    assert found["noise"] < 0.03


def test_ten_factors_of_ten_levels():
    rng = random(3)
    v = rng.integers(10, size=(N, 10)).astype(float)
    assert mig(v, raw(v)) == pytest.approx(0.998, abs=0.003)
    assert sap(v, v) == pytest.approx(1, abs=0.01)
    mixed = np.take_along_axis(v, rng.permuted(np.tile(np.arange(10), (N, 1)), axis=1), axis=1)
    assert mig(mixed, raw(v)) < 0.005
    assert sap(mixed, v) < 0.02


def test_discretization_has_intervals_of_equal_width():
    assert discretize(np.array([0.1, 1, 2.1, 3.9, 4.2, 6]), 3).tolist() == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("table", "d", "c"),
    [
        (np.diag(np.arange(1.0, 6.0)), 1, 1),
        (np.vstack([np.eye(5), np.eye(5)]), 1, 1 - math.log(2) / math.log(10)),
        (np.hstack([np.eye(5), np.eye(5)]), 1 - math.log(2) / math.log(10), 1),
        (np.zeros((5, 5)), 0, 0),
        (np.vstack([np.eye(5), np.zeros(5)]), 1, 1),
    ],
)
def test_dci_of_known_importances(table, d, c):
    assert disentanglement(table) == pytest.approx(d)
    assert completeness(table) == pytest.approx(c)


def test_beta_vae_is_at_its_ceiling_or_at_chance():
    v = world()
    assert beta_vae(v, raw(v), random(1)) > 0.99
    assert beta_vae(noise(v, 3), raw(v), random(1)) == pytest.approx(1 / 3, abs=SPREAD)


def test_a_group_counts_as_one_latent():
    v = world()[:3000]
    found = score(CODES["duplicated"](v), v, groups=[[0, 3], [1, 4], [2, 5]])
    assert max(found["mig"], found["sap"]) < 0.001
    assert min(found["mig_block"], found["sap_block"]) > 0.9
    assert found["factor_vae_block"] == pytest.approx(1, abs=SPREAD)
    assert found["dci_regressors_block"]["completeness"] > 0.99
    np.testing.assert_allclose(found["block_r2"], np.eye(3), atol=0.01)


def test_score_holds_every_metric_between_noise_and_the_truth():
    v = world()[:1500]
    best, worst = score(v, v), score(noise(v, 4), v, groups=[[0], [1], [2, 3]])
    for name in ("mig", "sap", "mcc", "factor_vae", "beta_vae", "modularity", "explicitness", "irs"):
        assert 0 <= worst[name] < best[name] <= 1
    for name in ("mig_block", "sap_block", "mcc_block", "factor_vae_block", "modularity_block"):
        assert 0 <= worst[name] <= 1
        assert name not in best
    for kind in ("dci_classifiers", "dci_regressors"):
        assert all(worst[kind][name] < best[kind][name] for name in best[kind])


@pytest.mark.parametrize(
    ("codes", "factors", "groups", "why"),
    [
        (np.zeros((200, 2)), np.zeros((199, 1)), None, "100 images or more"),
        (np.zeros((5, 2)), np.zeros((5, 1)), None, "100 images or more"),
        (np.full((200, 2), np.nan), np.zeros((200, 1)), None, "finite"),
        (np.zeros((200, 2)), np.zeros((200, 1)), [[0]], "each of the 2 latents once"),
        (np.zeros((200, 2)), np.zeros((200, 1)), [[0, 1], [1]], "each of the 2 latents once"),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes, factors, groups, why):
    with pytest.raises(WrongCodes, match=why):
        score(codes, factors, groups)


def test_constants_and_single_factors_have_scores():
    v = world()[:2000]
    z = np.column_stack([v, np.where(np.arange(2000) % 2, 0.3, 0.1 * 3)])  # a constant up to rounding
    assert score(z, v)["mcc"] == pytest.approx(1)
    one = score(v[:, :1], v[:, :1])
    assert one["mcc"] == pytest.approx(1)
    assert [one[name] for name in ("beta_vae", "factor_vae", "modularity")] == [None] * 3
    still = np.column_stack([v, np.ones(2000)])
    for fit in (dci.by_classifiers(z, still, 0), dci.by_regressors(z, np.split(still, 4, axis=1), 0)):
        assert fit.informativeness < 0.8  # a factor that never changes is not explained


def test_what_cannot_be_scored_is_said():
    v = world()[:200]
    with pytest.raises(WrongCodes, match="a latent or more"):
        score(v, v, groups=[[0], [1], [2], range(3, 3)])
    with pytest.raises(WrongCodes, match="each of the 200 images"):
        score(v, v, identity=np.arange(3))
