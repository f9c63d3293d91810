"""evaluate-dcign --identity-ceiling: which images are classified, what is learned, and its row in the table."""

import json
import shutil

import numpy as np
import pytest
import torch

from dataset.store import open_store
from pipelines.console.cli import load
from pipelines.evaluation.identity_network import (
    SIDE,
    IdentityImages,
    identity_images,
    identity_network,
    train_classifier,
)
from pipelines.evaluation.recognition import REPRESENTATIONS
from train.runs.code_hash import closure
from train.runs.trained_run import load_run

CPU = torch.device("cpu")
VERIFY = ("--pairs", 96, "--resamples", 20)


@pytest.fixture(scope="module")
def faces(toy):
    return open_store(str(toy / "faces.zarr"))


@pytest.fixture
def run(toy, tmp_path):
    return shutil.copytree(toy / "run", tmp_path / "run", ignore=shutil.ignore_patterns("measured"))


def random(*key):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(2, spawn_key=key)))


def test_the_images_are_those_of_each_identity(faces):
    found = identity_images(faces, 1)
    assert found.images.shape == (6 * 60, 1, SIDE, SIDE)
    assert np.bincount(found.labels).tolist() == [60] * 6
    few = identity_images(faces, 1, most=2)
    np.testing.assert_array_equal(few.images, found.images[:120])
    assert few.identities == 2
    assert len(identity_images(faces, 1, most_images=100).labels) == 100
    # Batch 1 of each factor shows identity 1, in whatever order it was read.
    light = faces.read("train", "light", 1)
    assert set(light["identity"]) == {1}
    grey = light["image"].mean((1, 2))
    own = found.images[found.labels == 1].mean((1, 2, 3))
    assert np.abs(own[:, None] - grey[None]).min(axis=0).max() < 1


def test_colour_and_a_new_identity_in_every_batch(tmp_path):
    words = ["--factor", "azimuth", "--n", 3, "--size", 48, "--samples", 1, "--color", "rgb", "--batch-size", 4]
    load("render-batches").main(
        [str(word) for word in ("--store", tmp_path / "few.zarr", *words)], standalone_mode=False
    )
    found = identity_images(open_store(str(tmp_path / "few.zarr")), 3)
    assert found.images.shape == (12, 3, SIDE, SIDE)
    assert np.bincount(found.labels).tolist() == [4, 4, 4]


def test_it_learns_identities_and_not_the_light():
    """Three patterns in noise and at any brightness: images that were not trained on are classified."""
    patterns = random(0).uniform(0, 1, (3, 1, SIDE, SIDE))

    def images(key):
        labels = np.arange(60) % 3
        light = random(key).uniform(0.4, 1, (60, 1, 1, 1))
        shown = patterns[labels] * light + random(key, 1).normal(0, 0.1, (60, 1, SIDE, SIDE))
        return (255 * shown.clip(0, 1)).astype(np.uint8), labels

    trained, before = IdentityImages(*images(1)), torch.random.get_rng_state()
    classifier = train_classifier(trained, CPU, 60)
    assert (torch.random.get_rng_state() == before).all()
    others, labels = images(2)
    with torch.inference_mode():
        said = classifier(torch.from_numpy(others).float() / 255).argmax(dim=1).numpy()
    assert (said == labels).mean() > 0.95
    again = train_classifier(trained, CPU, 60).state_dict()
    assert all((weight == again[name]).all() for name, weight in classifier.state_dict().items())


@pytest.mark.long
def test_it_is_a_row_of_the_table_and_trained_once(dcign, toy, run, faces, tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.evaluation.identity_network.STEPS", 30)
    words = ("--run", run, "--sweeps", toy / "sweeps.zarr", "--out", tmp_path / "out", *VERIFY)
    said = dcign("evaluate-dcign", *words, "--identity-ceiling", toy / "faces.zarr")
    assert said.code == 0, said.err
    assert "  supervised identity network (ceiling)  " in said.out
    record = json.loads((tmp_path / "out/metrics.json").read_text())
    found = record["recognition"]["representations"]
    assert list(found) == ["intrinsic", "code", "pixels", "untrained", "supervised"]
    row = found["supervised"]
    assert (row["dimensions"], row["identities"], row["images"]) == (128, 6, 360)
    assert "supervised" in record["definitions"]["recognition"]
    assert REPRESENTATIONS["supervised"] in (tmp_path / "out/report.html").read_text()
    monkeypatch.setattr("pipelines.evaluation.identity_network.train_classifier", None)
    cached = identity_network(load_run(run), faces, run / "measured")
    assert cached.key == {name: row[name] for name in ("identities", "images", "store", "weights")}
    assert cached.of(faces.read("train", "light", 0)["image"]).shape == (20, 128)


def test_the_code_that_trains_it_is_in_the_key_of_the_numbers():
    assert "pipelines.evaluation.identity_network" in closure("pipelines.evaluation.recognition")
    assert {"pipelines.evaluation.resizing", "dataset.store"} <= set(closure("pipelines.evaluation.identity_network"))


def test_stores_that_it_cannot_be_trained_on(refused, toy, tmp_path):
    words = ("evaluate-dcign", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", tmp_path / "out")
    small = ["--store", tmp_path / "one.zarr", "--factor", "azimuth", "--n", 1, "--size", 48, "--samples", 1]
    load("render-batches").main([str(word) for word in small], standalone_mode=False)
    said = refused(*words, "--identity-ceiling", tmp_path / "one.zarr")
    assert "several training images of 1 identities, and a network needs 2 or more" in said
    large = ["--store", tmp_path / "large.zarr", "--factor", "azimuth", "--n", 1, "--size", 50, "--samples", 1]
    load("render-batches").main([str(word) for word in large], standalone_mode=False)
    assert "images of (50, 50)" in refused(*words, "--identity-ceiling", tmp_path / "large.zarr")
    assert refused(*words, "--identity-ceiling", tmp_path / "none.zarr")
