"""evaluate-dcign on chairs, end to end on a toy: circular measures, the picture, refusals."""

import base64
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset import open_store
from pipelines.evaluation.run_evaluation import open_evaluation
from pipelines.training.store_source import shows_chairs
from train.runs.trained_run import load_run

TINY = ("--size", 48, "--samples", 1, "--batch-size", 4)


def run(*words):
    subprocess.run([sys.executable, "-m", "pipelines", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def chairs(made_once):
    """A store of built-in chairs, its sweeps, and two runs of a few batches."""
    return made_once("turned-chairs", make_chairs)


def make_chairs(home):
    store, sweeps = home / "chairs.zarr", home / "sweeps.zarr"
    words = ("--subject", "chair", "--factor", "all", "--n", 4, "--pool", 6, *TINY)
    run("render-batches", "--store", store, *words)
    run("render-sweeps", "--store", sweeps, "--like", store, "--identities", 4)
    for name, factors in (("one", "azimuth,intrinsic"), ("two", "azimuth:2,intrinsic")):
        net = ("--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 6, "--factors", factors)
        run("train-dcign", "--store", store, "--run", home / name, *net)


@pytest.mark.parametrize("name", ["one", "two"])
def test_numbers_and_picture_of_a_run(dcign, chairs, tmp_path, name):
    said = dcign("evaluate-dcign", "--run", chairs / name, "--sweeps", chairs / "sweeps.zarr", "--out", tmp_path)
    assert said.code == 0, said.err
    assert "4 held-out chairs" in said.out
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["chairs"] == 4
    assert set(found["turning"]) == {"angle_rmse", "angle_median", "turned_round", "leak_r2"}
    mse = found["reconstruction"]
    assert mse["mse"]["value"] == pytest.approx(3 * mse["mse_over_3"]["value"])
    assert found["original"] == {"mse": 2.7722e-4}
    assert found["retrieval"]["retrieval"]["value"] is not None
    low, high = found["symmetry"]["d_lsbd"]["interval"]
    assert 0 <= low <= found["symmetry"]["d_lsbd"]["value"] <= high <= 1
    scores = found["disentanglement"]
    assert (scores["data"], scores["factors"]) == ("300 independent images", ["azimuth", "elevation"])
    assert scores["identities"] > 150  # of the test split, as many as the generator makes
    assert scores["mcc"] is None
    assert {"mig", "mig_block", "sap_block", "factor_vae_block"} <= scores.keys()
    with Image.open(tmp_path / "turns.png") as picture:
        assert picture.width > 1000
    curve = found["curves"]["rerender"]["azimuth"]
    assert curve["difference"] == [30, 60, 90, 120, 150, 180]
    assert all(len(values) == 6 for values in curve.values())


def test_chairs_have_a_report_like_faces(dcign, chairs, tmp_path):
    said = dcign("evaluate-dcign", "--run", chairs / "one", "--sweeps", chairs / "sweeps.zarr", "--out", tmp_path)
    assert said.code == 0, said.err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    text = re.sub(r"<style>.*?</style>|base64,[^\"]+", "", page, flags=re.DOTALL)
    assert not re.search(r"\$[a-z]+", text)
    assert "4 held-out chairs" in text
    for kind in ("turning", "rerender", "reconstruction", "symmetry", "disentanglement"):
        assert f"<dt>{kind}: " in text
    for words in ("mean training chair", "RMSE of the predicted angle", "a quarter turn away", "0.000277"):
        assert words in text
    pictures = re.findall(r'src="data:image/(png|gif);base64,([^"]+)"', page)
    assert [kind for kind, _ in pictures] == ["gif", "png", "png", "png"]
    for _, data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.load()
    for name in ("turns", "rerender", "reconstruction"):
        assert ET.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")


def test_runs_of_chairs_are_compared(dcign, chairs, tmp_path):
    """The values are those of an evaluation of each run alone."""
    sweeps = ("--sweeps", chairs / "sweeps.zarr", "--resamples", 20)
    again = ("--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 6, "--factors", "azimuth,intrinsic")
    dcign("train-dcign", "--store", chairs / "chairs.zarr", "--run", tmp_path / "b-s0", *again, "--invariance", 0.1)
    said = dcign("compare-runs", chairs / "one", tmp_path / "b-s0", *sweeps, "--out", tmp_path / "c")
    assert said.code == 0, said.err
    found = json.loads((tmp_path / "c/comparison.json").read_text())
    alone = json.loads(dcign("evaluate-dcign", "--run", chairs / "one", *sweeps, "--json").out)
    for kind, name in (("turning", "angle_rmse"), ("rerender", "absolute"), ("reconstruction", "mse")):
        assert found["runs"]["one"]["azimuth"][name] == alone[kind][name]
    other, first = (found["runs"][name]["azimuth"]["angle_rmse"]["value"] for name in ("b", "one"))
    assert found["differences"]["b"]["azimuth"]["angle_rmse"]["value"] == pytest.approx(other - first)
    assert "| median (°)" in said.out
    assert (tmp_path / "c/comparison.svg").stat().st_size > 500
    assert not (tmp_path / "c/invariance.png").exists()


def test_the_error_of_reconstruction_is_that_of_plain_numpy(dcign, chairs, tmp_path):
    dcign("evaluate-dcign", "--run", chairs / "one", "--sweeps", chairs / "sweeps.zarr", "--out", tmp_path)
    trained, store = load_run(chairs / "one"), open_store(chairs / "sweeps.zarr")
    errors = []
    for k in range(4):
        images = store.read("test", "azimuth", k)["image"].reshape(2, 60, 48, 48)[:, ::5].reshape(-1, 48, 48)
        drawn = trained.decode(trained.encode(images))
        errors.append(np.square(drawn - images / 255).mean())
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert found["reconstruction"]["mse"]["value"] == pytest.approx(np.mean(errors), rel=1e-4)


def test_both_turns_of_a_chair_are_drawn_together(chairs):
    """A statistic over chairs of which each has two turns: choosing one chair twice is choosing both turns twice."""
    evaluation = open_evaluation(chairs / "two", str(chairs / "sweeps.zarr"), "cpu")
    statistic = evaluation.statistics("azimuth")["turning"]["angle_rmse"]
    single = [statistic.of(np.array([k])) for k in range(4)]
    assert statistic.of(np.array([1, 1, 3])) == pytest.approx(
        np.sqrt((2 * single[1] ** 2 + single[3] ** 2) / 3), rel=1e-9
    )
    assert evaluation.turns["azimuth"].test.shape == (4, 2, 60, 8)
    np.testing.assert_array_equal(evaluation.turns["azimuth"].angles, np.arange(0, 360, 6))


def test_what_is_for_faces_says_so(refused, chairs, tmp_path):
    sweeps = ("--sweeps", chairs / "sweeps.zarr")
    assert "goes round" in refused("plot-equivariance", "--run", chairs / "one", *sweeps, "--out", tmp_path / "a.png")
    assert "leave it out of chairs" in refused("evaluate-dcign", "--run", chairs / "one", *sweeps, "--recognition")
    assert "leave --baseline out" in refused(
        "evaluate-dcign", "--run", chairs / "one", *sweeps, "--baseline", chairs / "two"
    )
    said = refused("rerender", tmp_path / "me.png", "--run", chairs / "one", "--out", tmp_path / "out")
    assert f"rerender turns faces, and {chairs / 'one'} has learned chairs" in said
    store, net = chairs / "chairs.zarr", ("--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 6)
    words = ("train-dcign", "--store", store, "--run", tmp_path / "run", *net)
    assert "goes round" in refused(*words, "--val", chairs / "sweeps.zarr")
    for factors, message in (("azimuth:x,intrinsic", "a number of latents after the colon"), ("azimuth:0", "colon")):
        assert message in refused(*words, "--factors", factors, code=2)
    assert not Path(tmp_path / "a.png").exists()


def test_imported_chairs_are_chairs_too():
    """Those of Aubry et al.; of other imported pictures nobody knows what they show."""
    assert shows_chairs({"source": {"format": "aubry", "sha256": "1"}})
    assert not shows_chairs({"source": {"format": "csv", "sha256": "1"}})
    assert not shows_chairs({"model": "1"})


def test_any_chairs_can_be_shown_to_a_run(dcign, chairs, tmp_path):
    """Trained on built-in chairs of one seed, shown those of another: the camera and the light are the same."""
    words = ("--subject", "chair", "--seed", 5, "--identities", 3, "--size", 48, "--samples", 1)
    assert dcign("render-sweeps", "--store", tmp_path / "other.zarr", *words).code == 0
    said = dcign("evaluate-dcign", "--run", chairs / "one", "--sweeps", tmp_path / "other.zarr", "--out", tmp_path)
    assert said.code == 0, said.err
