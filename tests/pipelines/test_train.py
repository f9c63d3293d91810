"""train-dcign and plot-equivariance, end to end on a toy store."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from pipelines.turning import calibration, turned
from train.measures.equivariance import NeuronSweep
from train.trained import load_run

TINY = ("--maps", 4, "--latents", 8, "--precision", "float32")


def test_the_toy_run_is_self_contained(toy):
    run = load_run(toy / "run")
    assert run.step == 12
    assert run.layout.to_json() == {"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": 5}
    assert len(run.store.digest) == 64


def test_the_same_command_finds_the_run_finished_and_a_longer_one_extends_it(dcign, toy, tmp_path):
    shutil.copytree(toy / "run", tmp_path / "run")
    train = ("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *TINY)
    assert "is finished: 12 batches" in dcign(*train, "--batches", 12).out
    said = dcign(*train, "--batches", 15, "--json")
    assert json.loads(said.out)["trained"] == 3


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_stopped_goes_on_where_it_was(toy, tmp_path, blow):
    words = ("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *TINY, "--batches", 2000)
    command = [sys.executable, "-m", "pipelines", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run/metrics.jsonl").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(blow)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "run the same command to resume" in said
    assert "Traceback" not in said
    assert 0 < load_run(tmp_path / "run").step < 2000


def test_the_plot_and_its_numbers(dcign, toy, tmp_path):
    out = tmp_path / "figures" / "equivariance.png"
    said = dcign("plot-equivariance", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", out)
    assert said.code == 0, said.err
    with Image.open(out) as figure:
        assert figure.size[0] > 1000
    record = json.loads(out.with_suffix(".json").read_text())
    for name, angles in (("azimuth", 61), ("elevation", 17), ("light", 81)):
        measured = record["factors"][name]
        assert measured["test_images"] == 3 * angles
        assert 0 <= measured["spearman_pooled"] <= 1
        assert name in said.out


def test_an_evaluation_has_every_measure_and_both_figures(dcign, toy, tmp_path):
    out = tmp_path / "evaluation"
    said = dcign("evaluate-dcign", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", out)
    assert said.code == 0, said.err
    found = json.loads((out / "metrics.json").read_text())
    for factor in ("azimuth", "elevation", "light"):
        assert 0 <= found["factors"][factor]["spearman_per_face"] <= 1
        report = found["rerender"]["factors"][factor]
        region = report["masked"]
        assert region["mse"]["copy"] > 0
        assert (region["skill"] is None) == (region["mse"]["oracle"] >= region["mse"]["copy"])
        assert ("none: the target itself" if region["skill"] is None else f"{region['skill']:.2f}") in said.out
    assert 0 <= found["disentanglement"]["mig"] <= 1
    assert set(found["disentanglement"]["definitions"]) < set(found["disentanglement"])
    for name in ("equivariance", "rerender"):
        assert (out / f"{name}.png").stat().st_size > 10_000
        assert "<svg" in (out / f"{name}.svg").read_text()


def test_turning_changes_one_latent_only(toy):
    run = load_run(toy / "run")
    code = np.zeros(8, np.float32)
    images = turned(run, code, "azimuth", np.array([-3.0, 0.0, 3.0]))
    expected = np.zeros((3, 8), np.float32)
    expected[:, run.layout.slice("azimuth").start] = (-3, 0, 3)
    np.testing.assert_array_equal(images, np.floor(255 * run.decode(expected) + 0.5).astype(np.uint8))


def test_calibration_is_the_mean_over_training_people():
    rows = np.array([[0.0, 1, 2], [2, 3, 10]])
    sweep = NeuronSweep("azimuth", "degrees", np.array([-1.0, 0, 1]), rows, rows)
    np.testing.assert_array_equal(calibration(sweep), [1, 2, 6])


def test_missing_factors_are_answered_with_the_lines_that_add_them(dcign, refused, tmp_path):
    url = tmp_path / "half.zarr"
    small = ("--size", 48, "--samples", 1, "--n", 4)
    dcign("render-batches", "--store", url, "--factor", "elevation", "--factor", "intrinsic", *small)
    said = refused("train-dcign", "--store", url, "--run", tmp_path / "run", *TINY)
    for factor in ("azimuth", "light"):
        assert f"render-batches --store {url} --factor {factor} --n 4" in said
    assert "--factors elevation,intrinsic" in said
    on_purpose = ("--factors", "elevation,intrinsic", "--batches", 2)
    assert dcign("train-dcign", "--store", url, "--run", tmp_path / "run", *TINY, *on_purpose).code == 0
    assert load_run(tmp_path / "run").layout.to_json() == {"elevation": 1, "intrinsic": 7}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--maps", 5), "maps must be a multiple of 4"),
        (("--latents", 2), "latents"),
        (("--factors", "azimuth,gender"), "no factor gender"),
        (("--device", "cuda:99"), "cuda:99"),
    ],
)
def test_impossible_trainings_are_one_line(refused, toy, tmp_path, arguments, message):
    said = refused("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *arguments)
    assert message in said
    assert not (tmp_path / "run").exists()


def test_another_run_in_the_way_is_named(refused, toy):
    said = refused("train-dcign", "--store", toy / "faces.zarr", "--run", toy / "run", "--maps", 8, "--batches", 12)
    assert "maps was 4, now 8" in said


def test_an_incomplete_store_is_refused(refused, dcign, toy, tmp_path):
    shutil.copytree(toy / "faces.zarr", tmp_path / "faces.zarr")
    digest = next((tmp_path / "faces.zarr/train/light/digest/c").rglob("0"))
    while digest.is_dir():
        digest = next(digest.iterdir())
    digest.unlink()
    said = refused("train-dcign", "--store", tmp_path / "faces.zarr", "--run", tmp_path / "run", *TINY)
    assert "not complete: light shard 0 of train is missing" in said


def test_images_too_small_for_the_network(refused, dcign, tmp_path):
    url = tmp_path / "small.zarr"
    dcign("render-batches", "--store", url, "--factor", "all", "--n", 2, "--size", 32, "--samples", 1)
    assert "48 pixels or more" in refused("train-dcign", "--store", url, "--run", tmp_path / "run")


@pytest.mark.parametrize(
    ("run", "sweeps", "message"),
    [
        ("none", "sweeps.zarr", "none"),
        ("run", "none.zarr", "there is no store"),
        ("run", "faces.zarr", "holds batches, not sweeps"),
    ],
)
def test_plots_of_what_is_not_there(refused, toy, tmp_path, run, sweeps, message):
    out = ("--out", tmp_path / "x.png")
    assert message in refused("plot-equivariance", "--run", toy / run, "--sweeps", toy / sweeps, *out)


def test_sweeps_of_another_size_are_refused(refused, dcign, toy, tmp_path):
    url = tmp_path / "sweeps.zarr"
    dcign("render-sweeps", "--store", url, "--identities", 1, "--size", 16, "--samples", 1)
    said = refused("plot-equivariance", "--run", toy / "run", "--sweeps", url, "--out", tmp_path / "x.png")
    assert "has images of (16, 16), the run was trained on (48, 48)" in said


def test_a_figure_of_unknown_kind_is_bad_usage(refused, toy):
    said = refused("plot-equivariance", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", "x.bmp", code=2)
    assert "ends in .png, .svg or .pdf" in said
