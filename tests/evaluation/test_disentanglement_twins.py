"""Each disentanglement metric against a plain implementation of its published definition, and its invariances."""

import itertools

import numpy as np
import pytest
from scipy.stats import entropy, spearmanr
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import mutual_info_score, roc_auc_score

from pipelines.evaluation.metrics.disentanglement import dci, score
from pipelines.evaluation.metrics.disentanglement.fitted import beta_vae, explicitness, factor_vae
from pipelines.evaluation.metrics.disentanglement.information import levels
from pipelines.evaluation.metrics.disentanglement.robustness import irs

N, K, LEVELS = 2000, 3, 12


def random(seed):
    return np.random.Generator(np.random.Philox(seed))


def factors_of(rng, count=N):
    return rng.integers(LEVELS, size=(count, K))


def encode(v, rng):
    """A mixed code of 5 latents: every score of it is well inside its range."""
    x = v / (LEVELS - 1) - 0.5
    z = np.column_stack([x[:, 0] + 0.5 * x[:, 1], x[:, 1], np.abs(x[:, 2]), x[:, 2] + 0.3 * x[:, 0], 0 * x[:, 0]])
    return z * (1, 2, 3, 1, 1) + 0.25 * rng.normal(size=z.shape)


@pytest.fixture(autouse=True, scope="module")
def _all_trees():
    """As many trees as users get; other tests in this process may have fewer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(dci.TREES, "max_iter", 100)
        yield


@pytest.fixture(scope="module")
def mixed():
    rng = random(5)
    v = factors_of(rng)
    return encode(v, rng), v


@pytest.fixture(scope="module")
def found(mixed):
    z, v = mixed
    return score(z, v.astype(float), identity=np.arange(N) % 100, resamples=20)


def binned(column, bins=20):
    return np.digitize(column, np.histogram(column, bins)[1][:-1])


def mutual(z, v):
    """(D, K) nats, as the histogram discretizer of the study of Locatello et al. has it."""
    return np.array([[mutual_info_score(factor, binned(latent)) for factor in v.T] for latent in z.T])


def test_mig(mixed, found):
    z, v = mixed
    known = np.sort(mutual(z, v), axis=0)[::-1]
    by_hand = np.mean([(known[0, k] - known[1, k]) / entropy(np.bincount(v[:, k])) for k in range(K)])
    assert 0.1 < by_hand < 0.9
    assert found["mig"] == pytest.approx(by_hand, abs=1e-9)


def test_modularity(mixed, found):
    by_hand = []
    for row in mutual(*mixed):
        template = np.where(np.arange(K) == row.argmax(), row.max(), 0)
        by_hand.append(1 - np.square(row - template).sum() / (row.max() ** 2 * (K - 1)))
    assert 0.1 < np.mean(by_hand) < 0.95
    assert found["modularity"] == pytest.approx(np.mean(by_hand), abs=1e-9)


def test_sap(mixed, found):
    z, v = mixed
    r2 = np.array([[np.corrcoef(latent, factor)[0, 1] ** 2 for factor in v.T] for latent in z.T])
    best = np.sort(r2, axis=0)[::-1]
    assert found["sap"] == pytest.approx((best[0] - best[1]).mean(), abs=1e-9)


def test_mcc(mixed, found):
    z, v = mixed
    rho = np.abs(spearmanr(z, v).statistic[: z.shape[1], z.shape[1] :])
    by_hand = max(rho[list(rows), range(K)].mean() for rows in itertools.permutations(range(z.shape[1]), K))
    assert found["mcc"] == pytest.approx(by_hand, abs=1e-9)


def test_a_circle_is_correlated_by_its_cosine_and_sine():
    rng = random(6)
    angle = rng.uniform(0, 360, N)
    circle = np.column_stack([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    z = np.column_stack([circle @ (0.6, 0.8), angle / 360, rng.normal(size=N)])
    r2 = np.sort([LinearRegression().fit(circle, latent).score(circle, latent) for latent in z.T])[::-1]
    assert r2[0] == pytest.approx(1)
    assert r2[1] == pytest.approx(6 / np.pi**2, abs=0.02)  # a saw-tooth's first wave
    scored = score(z, angle[:, None], periods=[360.0])
    assert scored["sap"] == pytest.approx(r2[0] - r2[1], abs=1e-9)
    assert scored["mcc"] is None


def test_irs(mixed, found):
    z, v = mixed
    worst = np.zeros((z.shape[1], K))
    for d, k in np.ndindex(worst.shape):
        inside = [z[v[:, k] == level, d] for level in range(LEVELS)]
        worst[d, k] = np.mean([np.quantile(np.abs(part - part.mean()), 0.99) for part in inside])
    largest = np.abs(z - z.mean(axis=0)).max(axis=0)
    by_hand = np.average((1 - worst / largest[:, None]).max(axis=1), weights=largest)
    assert found["irs"] == pytest.approx(by_hand, abs=1e-9)


def batch_sharing(rng, factor, size=64):
    """The protocol of the papers: factors are sampled anew, and one has the same value in all of the batch."""
    v = factors_of(rng, size)
    v[:, factor] = v[0, factor]
    return encode(v, rng)


def test_factor_vae(mixed):
    z, v = mixed
    rng, spread = random(7), z.var(axis=0)
    votes = []
    for _ in range(3000):
        factor = int(rng.integers(K))
        votes.append((int((batch_sharing(rng, factor).var(axis=0, ddof=1) / spread).argmin()), factor))
    table = np.zeros((z.shape[1], K))
    for vote in votes[:2000]:
        table[vote] += 1
    by_hand = np.mean([table[d].argmax() == factor for d, factor in votes[2000:]])
    ours = factor_vae(z, v, [[[d] for d in range(z.shape[1])]], random(1))[0]
    assert ours == pytest.approx(by_hand, abs=0.04)


def test_beta_vae():
    """Of a code in which two factors are mixed and drowned in noise."""
    rng = random(8)
    clean = lambda v: np.column_stack([v[:, 0] + v[:, 1], v[:, 0] - v[:, 1], 0.4 * v[:, 2]]) / 8  # noqa: E731
    noisy = lambda v: clean(v) + rng.normal(size=(len(v), 3))  # noqa: E731
    v = factors_of(rng, 10_000)
    z, features, labels = noisy(v), [], []
    for _ in range(6000):
        factor = int(rng.integers(K))
        first, second = factors_of(rng, 64), factors_of(rng, 64)
        second[:, factor] = first[:, factor]
        features.append(np.abs(noisy(first) - noisy(second)).mean(axis=0) / z.std(axis=0))
        labels.append(factor)
    model = LogisticRegression(max_iter=1000).fit(features[:4000], labels[:4000])
    by_hand = model.score(features[4000:], labels[4000:])
    assert 0.4 < by_hand < 0.8
    assert beta_vae(z, v, random(1)) == pytest.approx(by_hand, abs=0.04)


def test_explicitness(mixed):
    z, v = mixed
    areas, z = [], (z - z.mean(axis=0)) / z.std(axis=0)
    for factor in v.T:
        ids = levels(factor.astype(float), 10)
        model = LogisticRegression().fit(z[::2], ids[::2])
        areas.append(roc_auc_score(np.eye(ids.max() + 1)[:, np.unique(ids)][ids[1::2]], model.predict_proba(z[1::2])))
    assert 0.6 < np.mean(areas) < 0.95
    assert explicitness(z, v.astype(float), random(1)) == pytest.approx(np.mean(areas), abs=0.02)
    assert explicitness(random(2).normal(size=z.shape), v.astype(float), random(1)) == pytest.approx(0.5, abs=0.03)


def concentrations(importances):
    """DCI's disentanglement and completeness, as the paper has them."""
    found = []
    for table in (importances, importances.T):
        rows = [row for row in table if row.sum() > 0]
        scores = [1 - entropy(row, base=len(row)) for row in rows]
        found.append(np.average(scores, weights=[row.sum() for row in rows]))
    return found


@pytest.mark.parametrize("kind", ["classifiers", "regressors"])
def test_dci(mixed, kind):
    """scikit-learn's exact trees, with importances of its own, on the same halves."""
    z, v = mixed
    order = random(0).permutation(N)
    fit, judge = order[:1000], order[1000:]
    learner = {"classifiers": GradientBoostingClassifier, "regressors": GradientBoostingRegressor}[kind]
    targets = [levels(f.astype(float), 10) if kind == "classifiers" else f.astype(float) for f in v.T]
    models = [learner(random_state=0).fit(z[fit], target[fit]) for target in targets]
    d, c = concentrations(np.stack([model.feature_importances_ for model in models], axis=1))
    judged = np.mean([model.score(z[judge], target[judge]) for model, target in zip(models, targets, strict=True)])
    ours = {
        "classifiers": lambda: dci.by_classifiers(z, v.astype(float), 0),
        "regressors": lambda: dci.by_regressors(z, [f[:, None].astype(float) for f in v.T], 0),
    }[kind]().scores([[k] for k in range(z.shape[1])])
    assert ours["disentanglement"] == pytest.approx(d, abs=0.08)
    assert ours["completeness"] == pytest.approx(c, abs=0.08)
    assert ours["informativeness"] == pytest.approx(judged, abs=0.03)
    by_formula = dci.by_regressors(z, [f[:, None].astype(float) for f in v.T], 0).importances
    assert concentrations(by_formula) == pytest.approx([dci.disentanglement(by_formula), dci.completeness(by_formula)])


def test_classifiers_are_stricter_than_regressors(found):
    for part in ("disentanglement", "completeness", "informativeness"):
        assert found["dci_classifiers"][part] < found["dci_regressors"][part]


SCALE_FREE = ("mig", "sap", "mcc", "modularity")


def test_order_and_scale_of_latents_do_not_matter(mixed, found):
    z, v = mixed
    order = [3, 0, 4, 2, 1]
    moved = score(z[:, order] * (-7, 2, 0.5, 100, 3) + 4, v.astype(float))
    for name in SCALE_FREE:
        assert moved[name] == pytest.approx(found[name], abs=2e-3)
    assert moved["beta_vae"] == pytest.approx(found["beta_vae"], abs=0.02)
    assert moved["explicitness"] == pytest.approx(found["explicitness"], abs=1e-3)
    for part in ("disentanglement", "completeness", "informativeness"):
        assert moved["dci_regressors"][part] == pytest.approx(found["dci_regressors"][part], abs=0.02)
    assert irs(z[:, order] * 3, v) == pytest.approx(irs(z, v))  # one scale for all: the weights are the latents' own


def test_a_latent_without_variance_changes_no_score_of_single_latents(mixed, found):
    z, v = mixed
    wider = score(np.column_stack([z, np.full(N, 0.1)]), v.astype(float))
    for name in ("mig", "sap", "mcc", "irs"):
        assert wider[name] == pytest.approx(found[name])


def test_intervals_hold_their_values(found):
    assert found["intervals"].keys() == {"mig", "sap", "mcc"}
    for name, (low, high) in found["intervals"].items():
        assert low < found[name] < high
