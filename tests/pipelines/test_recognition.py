"""evaluate-dcign's analogies and its same-or-different test, held against plain numpy on a toy store and run."""

import json

import click
import numpy as np
import pytest
from scipy.stats import kstest, pearsonr
from sklearn.metrics import roc_auc_score

from dataset.store import open_store
from pipelines.console.extras import needing
from pipelines.evaluation import analogies
from pipelines.evaluation.metrics.recognition import Pairs
from pipelines.evaluation.recognition import pair_factors, pairs_of, render_pairs
from pipelines.evaluation.run_evaluation import open_evaluation
from pipelines.rendering.backends import store_renderer
from pipelines.rendering.subjects import open_subject, render_identities


@pytest.fixture(scope="module")
def sweeps(toy):
    return open_store(str(toy / "sweeps.zarr"))


@pytest.fixture(scope="module")
def measured(toy):
    return open_evaluation(toy / "run", str(toy / "sweeps.zarr"))


def test_half_of_the_pairs_are_of_one_person_and_nobody_meets_strangers():
    pairs = pairs_of(1000)
    assert pairs.identities.shape == (1000, 2)
    assert pairs.same.sum() == 500
    assert len(pairs.members) == 250
    assert np.unique(pairs.identities).tolist() == list(range(500))
    for rows in pairs.members:
        assert len(rows) == 4
        assert pairs.same[rows].sum() == 2
    np.testing.assert_array_equal(pairs_of(96).identities, pairs.identities[:96])


def test_angles_are_uniform_and_independent(sweeps):
    angles = pair_factors(sweeps.spec, 1000)
    assert angles.dtype == np.float32
    shares = np.stack([(angles[..., k] - f.low) / (f.high - f.low) for k, f in enumerate(sweeps.spec.factors)], axis=-1)
    columns = shares.reshape(1000, -1)
    for column in columns.T:
        assert kstest(column, "uniform").pvalue > 0.001
    off = np.abs(np.corrcoef(columns.T)[np.triu_indices(6, 1)])
    assert off.max() < 4 / np.sqrt(1000)


def test_more_pairs_begin_with_fewer_and_another_seed_is_another_list(sweeps):
    few = pair_factors(sweeps.spec, 100)
    np.testing.assert_array_equal(pair_factors(sweeps.spec, 200)[:100], few)
    other = type(sweeps.spec)(**vars(sweeps.spec) | {"seed": sweeps.spec.seed + 1})
    assert not np.isclose(pair_factors(other, 100), few).any()


def test_pictures_are_the_stores_own(sweeps):
    """Person 2 of the sweeps, at the angles of a sweep, to the last grey level."""
    shown = sweeps.read("test", "elevation", 2)
    subject, renderer = open_subject(sweeps), store_renderer(sweeps)
    images = render_identities(subject, renderer, sweeps.spec, "test", shown["identity"], shown["factors"])
    np.testing.assert_array_equal(images, shown["image"])


def test_pairs_show_who_they_say_and_are_the_same_again(sweeps, monkeypatch):
    pairs = pairs_of(96)
    images = render_pairs(sweeps, pairs, None)
    assert images.shape == (96, 2, 48, 48)
    assert len(np.unique(images.reshape(192, -1), axis=0)) == 192
    monkeypatch.setattr("pipelines.evaluation.recognition.RENDERED_AT_ONCE", 7)
    np.testing.assert_array_equal(render_pairs(sweeps, pairs, None), images)
    # Everybody as person 0: only the second couple's pictures of others change.
    alone = Pairs(np.where(pairs.identities < 2, pairs.identities, pairs.identities + 2))
    np.testing.assert_array_equal(
        (render_pairs(sweeps, alone, None) == images).all(axis=(1, 2, 3)), pairs.identities[:, 0] < 2
    )


def test_the_numbers_are_those_of_plain_tools(dcign, toy, sweeps, tmp_path, measured):
    words = ("--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--recognition", "--pairs", 96, "--resamples", 50)
    said = dcign("evaluate-dcign", *words, "--out", tmp_path)
    assert said.code == 0, said.err
    assert "96 pairs of 48 identities" in said.out
    found = json.loads((tmp_path / "metrics.json").read_text())["recognition"]
    assert (found["pairs"], found["same"], found["people"]) == (96, 48, 48)
    assert list(found["representations"]) == ["intrinsic", "code", "pixels", "untrained"]
    pairs = pairs_of(96)
    images = render_pairs(sweeps, pairs, None)
    encoded = np.stack([measured.run.encode(images[:, side]) for side in (0, 1)])
    fresh = measured.run.family.network().state_dict()
    blank = measured.run.untrained()
    assert all((weight == fresh[name]).all() for name, weight in blank.network.state_dict().items())
    before = np.stack([blank.encode(images[:, side]) for side in (0, 1)])
    flat = np.moveaxis(images.reshape(96, 2, -1), 1, 0).astype(float)
    for name, rows in (("intrinsic", encoded[..., 3:]), ("code", encoded), ("pixels", flat), ("untrained", before)):
        similarity = [pearsonr(a, b)[0] for a, b in zip(*rows.astype(float), strict=True)]
        row = found["representations"][name]
        assert row["dimensions"] == rows.shape[-1]
        assert row["image"]["auc"]["value"] == pytest.approx(roc_auc_score(pairs.same, similarity), abs=0.01)
        assert row["image"]["best"] == row["image"]["best_96"]  # all pairs there are


def test_analogies_are_those_of_plain_numpy(measured, sweeps):
    """One answer of the table, drawn by hand: C's person is 1, A's the one before."""
    run = measured.run
    table = analogies._table(measured, "light")
    views = np.arange(0, 81, 16)
    assert table["ours"].shape == (3, 6, 6)
    a, b, latent = 1, 4, 2
    theirs, own = (sweeps.read("test", "light", person)["image"][views] for person in (0, 1))
    code = run.encode(own[[a]])
    code[0, latent] += run.encode(theirs[[b]])[0, latent] - run.encode(theirs[[a]])[0, latent]
    masks = sweeps.values("test", "light", "mask", 1)[views]
    head = (masks[a] > 0) | (masks[b] > 0)
    for method, shown in (("ours", run.decode(code)[0]), ("oracle", run.decode(run.encode(own[[b]]))[0])):
        error = np.square(shown - own[b] / 255)[head].mean()
        assert table[method][1, a, b] == pytest.approx(error, rel=1e-4)
    assert table["copy"][1, a, b] == pytest.approx(np.square(own[a] / 255 - own[b] / 255)[head].mean(), rel=1e-5)
    # Person 0 comes after the last.
    other = sweeps.read("test", "light", 2)["image"][views]
    code = run.encode(sweeps.read("test", "light", 0)["image"][views][[a]])
    code[0, latent] += run.encode(other[[b]])[0, latent] - run.encode(other[[a]])[0, latent]
    masks = sweeps.values("test", "light", "mask", 0)[views]
    error = np.square(run.decode(code)[0] - theirs[b] / 255)[(masks[a] > 0) | (masks[b] > 0)].mean()
    assert table["ours"][0, a, b] == pytest.approx(error, rel=1e-4)


def test_what_is_asked_wrongly(refused, toy):
    run = ("--run", toy / "run", "--sweeps", toy / "sweeps.zarr")
    for pairs, says in ((98, "multiple of 4, such as 96, not 98"), (92, "92 is not in the range"), (8000, "8000")):
        assert says in refused("evaluate-dcign", *run, "--recognition", "--pairs", pairs, code=2)
    assert "give it too" in refused("evaluate-dcign", *run, "--pairs", 96, code=2)
    assert "no-such-file" in refused("evaluate-dcign", *run, "--recognition", "--model", "no-such-file.h5")


def test_an_extra_that_is_missing_is_named():
    with (
        pytest.raises(click.ClickException, match=r"--recognition needs no_such: pip install 'dcign\[render\]'"),
        needing("--recognition", "render"),
    ):
        import no_such  # noqa: F401
