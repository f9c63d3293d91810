"""train-dcign, end to end on a toy store."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from dataset.store import open_store
from pipelines.training.validation import IDENTITIES, SweepValidator
from train.families.dcign import Dcign
from train.runs.trained_run import load_run

TINY = ("--maps", 8, "--latents", 8, "--precision", "float32")


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


def test_a_checkpoint_of_other_code_is_resumed_only_on_request(dcign, refused, toy, tmp_path, monkeypatch):
    shutil.copytree(toy / "run", tmp_path / "run")
    train = ("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *TINY, "--batches", 14)
    monkeypatch.setattr("train.runs.run_directory.training_code", lambda: "f" * 64)
    assert "give --other-code to resume nevertheless" in refused(*train)
    assert dcign(*train, "--other-code").code == 0


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_stopped_leaves_a_checkpoint_to_resume(toy, tmp_path, interruption):
    words = ("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *TINY, "--batches", 2000)
    command = [sys.executable, "-m", "pipelines", *map(str, words)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run/metrics.jsonl").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(interruption)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "run the same command to resume" in said
    assert "Traceback" not in said
    assert 0 < load_run(tmp_path / "run").step < 2000


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
        (("--ratio", "0:0:0:0"), "not all 0"),
        (("--objective", "random", "--label-fraction", 0.1), "label_fraction must be 0 with the objective random"),
        (("--label-fraction", 1e-9), "chooses none of the 6 batches of azimuth"),
    ],
)
def test_impossible_trainings_are_one_line(refused, toy, tmp_path, arguments, message):
    said = refused("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *arguments)
    assert message in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--maps", 12, "maps was 8, now 12"),
        ("--optimizer", "muon", "optimizer was adam, now muon"),
        ("--widest", "coarse", "widest was fine, now coarse"),
    ],
)
def test_another_run_in_the_way_is_named(refused, toy, option, value, message):
    before = ["--store", toy / "faces.zarr", "--run", toy / "run", "--maps", 8, "--batches", 12]
    assert message in refused("train-dcign", *before, option, value)


def test_the_optimiser_is_printed_and_stored(dcign, toy, tmp_path):
    call = ["--store", toy / "faces.zarr", "--run", tmp_path / "run", *TINY, "--batches", 4]
    more = ["--objective", "exchange-pairs", "--optimizer", "muon", "--beta", 0.1]
    assert "objective exchange-pairs by muon," in dcign("train-dcign", *call, *more).err
    config = load_run(tmp_path / "run").config
    assert (config.optimizer, config.learning_rate, config.options.beta) == ("muon", 2e-3, 0.1)


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


@pytest.mark.parametrize("ratio", ["1:1", "a:b:c:d"])
def test_ratios_that_cannot_be_read_are_bad_usage(refused, toy, tmp_path, ratio):
    words = ("--store", toy / "faces.zarr", "--run", tmp_path / "run", "--ratio", ratio)
    assert "share" in refused("train-dcign", *words, code=2)


@pytest.mark.parametrize("objective", ["random", "exchange", "exchange-pairs"])
def test_objectives_train_and_count_their_batches(dcign, toy, tmp_path, objective):
    words = ("--store", toy / "faces.zarr", "--run", tmp_path / "run", "--objective", objective, "--ratio", "1:1:1:2")
    said = dcign("train-dcign", *words, *TINY, "--batches", 50, "--json")
    assert said.code == 0, said.err
    seen = json.loads(said.out)["metrics"]["batches"]
    assert set(seen) == ({"shuffled"} if objective == "random" else {"azimuth", "elevation", "light", "intrinsic"})
    assert dict(load_run(tmp_path / "run").config.options.ratio)["intrinsic"] == 2


def test_labels_for_a_share_of_the_batches(dcign, refused, toy, tmp_path):
    words = ("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", *TINY, "--ratio", "1:1:1:1")
    said = dcign(*words, "--batches", 50, "--label-fraction", 0.9, "--json")
    assert "objective paper with labels for 90%" in said.err
    label = json.loads(said.out)["metrics"]["label"]
    assert label.keys() == {"azimuth", "elevation", "light"}
    assert all(nats > 0 for nats in label.values())
    assert load_run(tmp_path / "run").config.options.label_fraction == 0.9
    assert "label_fraction was 0.9, now 0.0" in refused(*words, "--batches", 60)
    assert "is not in the range 0<=x<=1" in refused(*words, "--label-fraction", 2, code=2)


def test_the_val_split_is_evaluated_during_training(dcign, refused, toy, tmp_path):
    words = ("train-dcign", "--store", toy / "faces.zarr", *TINY, "--batches", 150, "--run", tmp_path / "run")
    said = dcign(*words, "--val", toy / "sweeps.zarr", "--val-every", 60, "--json")
    assert said.code == 0, said.err
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    found = {line["step"]: line["val"] for line in lines if "val" in line}
    assert [*found] == [100, 150]  # due at 60 and 120, with the next line, which come every 50
    numbers = found[150]
    assert numbers.keys() == {
        f"{factor} {name}"
        for factor in ("azimuth", "elevation", "light")
        for name in ("rho", "rho per face", "absolute skill")
    }
    assert all(0 <= numbers[name] <= 1 for name in numbers if "rho" in name)
    assert "holds batches, not sweeps" in refused(*words, "--val", toy / "faces.zarr")


def test_rank_correlations_of_a_validation(toy):
    trained = load_run(toy / "run")
    config = trained.config.changed(maps=16)
    run = replace(trained, config=config, network=Dcign(config).network())
    validator = SweepValidator(str(toy / "sweeps.zarr"), run.config, run.store, 1)
    found = validator.validate(run.network, run.step).numbers
    store = open_store(str(toy / "sweeps.zarr"))
    people = range(min(IDENTITIES, store.batches("val", "light")))
    said = np.stack([run.encode(store.read("val", "light", k)["image"])[:, 2] for k in people])
    angles = np.linspace(-80, 80, said.shape[1])
    pooled = scipy.stats.spearmanr(said.ravel(), np.tile(angles, len(said))).statistic
    assert found["light rho"] == pytest.approx(abs(pooled))
    each = [abs(scipy.stats.spearmanr(row, angles).statistic) for row in said]
    assert found["light rho per face"] == pytest.approx(np.mean(each))
    assert validator.validate(run.network, run.step).numbers == found
