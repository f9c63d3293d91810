"""Images of independent factors: values, pixels, codes, scores, and what is scored where they cannot be rendered."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from dataset.errors import StoreError
from dataset.store import open_store
from pipelines.evaluation.independent import IDENTITIES, independent, sample
from pipelines.evaluation.run_evaluation import open_evaluation
from pipelines.evaluation.scores import groups_of, scored, scores
from pipelines.rendering.ground_truth import FaceData


@pytest.fixture
def spec(toy):
    return open_store(str(toy / "sweeps.zarr")).spec


@pytest.fixture
def evaluation(toy, tmp_path):
    shutil.copytree(toy / "run", tmp_path / "run", ignore=shutil.ignore_patterns("measured"))
    return replace(open_evaluation(tmp_path / "run", str(toy / "sweeps.zarr"), "cpu"), score_images=300)


def test_factors_and_identities_are_uniform_and_independent(spec):
    values, identity = sample(spec, 4000)
    assert values.dtype == np.float32
    columns = [(values[:, k] - f.low) / (f.high - f.low) for k, f in enumerate(spec.factors)]
    columns.append((identity + 0.5) / IDENTITIES)
    for column in columns:
        assert kstest(column, "uniform").pvalue > 0.001
    off = np.corrcoef(columns)[np.triu_indices(len(columns), 1)]
    assert np.abs(off).max() < 4 / np.sqrt(4000)
    assert (identity.min(), identity.max()) == (0, IDENTITIES - 1) or len(np.unique(identity)) > 0.97 * IDENTITIES


def test_more_images_begin_with_fewer_and_a_pool_bounds_the_identities(spec):
    values, identity = sample(spec, 500)
    fewer, of = sample(spec, 200)
    np.testing.assert_array_equal(values[:200], fewer)
    np.testing.assert_array_equal(identity[:200], of)
    assert np.unique(sample(replace(spec, pool=7), 500)[1]).tolist() == list(range(7))
    assert not np.isclose(sample(replace(spec, seed=spec.seed + 1), 200)[0], fewer).any()


def test_codes_are_of_the_ground_truth_adaptors_images(evaluation, spec):
    """Rendered by another road: as the data set that other libraries read, of the same model, seed and split."""
    found = independent(evaluation)
    np.testing.assert_array_equal(found.factors, sample(spec, 300)[0])
    data = FaceData(size=48, samples=1, seed=spec.seed, split="test", levels={"identity": IDENTITIES})
    some = slice(0, 40)
    images = data._render(found.identity[some], found.factors[some])[..., 0]
    codes = evaluation.run.encode(np.round(255 * images).astype(np.uint8))
    np.testing.assert_allclose(found.codes[some], codes, rtol=1e-5, atol=1e-6)


def test_the_scores_are_named_and_cached(evaluation, monkeypatch):
    found = scores(evaluation, resamples=5)
    assert found["data"] == "300 independent images"
    assert found["images"] == 300
    assert found["identities"] == len(np.unique(independent(evaluation).identity))
    assert set(found["intrinsic_r2"]) == {"azimuth", "elevation", "light"}
    assert "why" not in found
    monkeypatch.setattr("pipelines.rendering.subjects.open_subject", None)
    monkeypatch.setattr("pipelines.evaluation.scores.score", None)
    assert scores(evaluation, resamples=5) == found


def test_groups_are_single_latents_and_the_intrinsic_block(evaluation):
    assert groups_of(evaluation) == [[0], [1], [2], [3, 4, 5, 6, 7]]


@pytest.mark.long
def test_sweeps_that_cannot_be_rendered_are_scored_by_name(dcign, toy, tmp_path, monkeypatch):
    """As for imported images: the report names what was scored, and why."""

    def imported(*_):
        raise StoreError("the store holds imported images, which cannot be rendered here")

    shutil.copytree(toy / "run", tmp_path / "run", ignore=shutil.ignore_patterns("measured"))
    words = ("--run", tmp_path / "run", "--sweeps", toy / "sweeps.zarr", "--resamples", 5)
    monkeypatch.setattr("pipelines.rendering.subjects.open_subject", imported)
    said = dcign("evaluate-dcign", *words)
    assert said.code == 0, said.err
    assert "test sweeps of 3 identities" in said.out
    found = json.loads((tmp_path / "run/evaluation/metrics.json").read_text())["disentanglement"]
    assert found["data"] == "test sweeps"
    assert "imported images" in found["why"]
    assert found["images"] == 3 * (61 + 17 + 81)
    page = (tmp_path / "run/evaluation/report.html").read_text()
    assert "not the scores of other work" in page
    assert "imported images, which cannot be rendered here" in page
    monkeypatch.undo()
    again = dcign("evaluate-dcign", *words, "--score-images", 300)
    assert "(300 independent images" in again.out  # the fallback was not kept


def test_scored_sweeps_have_the_truth_of_their_views(evaluation, monkeypatch):
    def imported(*_):
        raise StoreError("imported")

    monkeypatch.setattr("pipelines.rendering.subjects.open_subject", imported)
    shown = scored(evaluation)
    batch = evaluation.store.read("test", "light", 1)
    place = 3 * 61 + 3 * 17 + 81
    np.testing.assert_array_equal(shown.truth[place : place + 81], batch["factors"])
    np.testing.assert_array_equal(shown.identity[place : place + 81], batch["identity"])
    np.testing.assert_array_equal(shown.codes[place : place + 81], evaluation.test_codes("light", 1))


def test_a_given_model_that_is_not_there_is_refused(refused, toy, tmp_path):
    shutil.copytree(toy / "run", tmp_path / "run", ignore=shutil.ignore_patterns("measured"))
    words = ("--run", tmp_path / "run", "--sweeps", toy / "sweeps.zarr", "--model", "no-such-file.h5")
    assert "no-such-file" in refused("evaluate-dcign", *words)
