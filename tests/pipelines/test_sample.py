"""sample-dcign: the prior decoded, and bounds on log p(x) of a toy run, held against plain torch and numpy."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

import dcign as api
from dataset.store import open_store
from pipelines.evaluation.likelihood import chosen_images, log_likelihood, prior_samples
from train.runs.code_hash import closure
from train.runs.trained_run import load_run, to_uint8

FEW = ("--images", 12, "--samples", 5, "--resamples", 20)


@pytest.fixture(scope="module")
def home(toy, tmp_path_factory):
    """A copy of the toy run: bounds are cached in it."""
    home = tmp_path_factory.mktemp("sample")
    shutil.copytree(toy / "run", home / "run")
    return home


@pytest.fixture(scope="module")
def sweeps(toy):
    return open_store(str(toy / "sweeps.zarr"))


def test_the_sheet_holds_decoded_codes_of_the_prior(dcign, home, tmp_path):
    run = load_run(home / "run")
    said = dcign("sample-dcign", "--run", home / "run", "--n", 5, "--seed", 3, "--out", tmp_path / "s.png")
    assert said.code == 0, said.err
    assert "5 images of codes from N(0, 1), seed 3" in said.out
    codes = np.random.Generator(np.random.Philox(3)).standard_normal((5, 8)).astype(np.float32)
    images = to_uint8(run.decode(codes))
    np.testing.assert_array_equal(prior_samples(run, 5, 3), images)
    np.testing.assert_array_equal(prior_samples(run, 2, 3), images[:2])
    sheet = np.asarray(Image.open(tmp_path / "s.png"))
    assert sheet.shape == (2 * 48 + 2, 3 * 48 + 4)
    np.testing.assert_array_equal(sheet[50:, 50:98], images[4])


def test_the_likelihood_is_that_of_plain_torch(home, sweeps):
    run, image = load_run(home / "run"), sweeps.read("test", "light", 1)["image"][40]
    codes = np.random.Generator(np.random.Philox(0)).standard_normal((60, 8)).astype(np.float32)
    shown = torch.from_numpy(run.decode(codes))
    truth = torch.from_numpy(image / np.float32(255)).expand_as(shown)
    expected = -functional.binary_cross_entropy(shown, truth, reduction="none").sum(dim=(1, 2))
    np.testing.assert_allclose(log_likelihood(run, image, codes), expected, rtol=1e-4)


def test_the_numbers_belong_together_and_are_the_same_again(dcign, home, toy, tmp_path):
    words = ("--run", home / "run", "--store", toy / "sweeps.zarr", *FEW, "--out", tmp_path / "s.png")
    said = dcign("sample-dcign", *words, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)["log_p"]
    assert (found["split"], found["images"], found["identities"], found["samples"]) == ("test", 12, 3, 5)
    value = {name: one["value"] for name, one in found["bounds"].items()}
    assert value["elbo"] == pytest.approx(-value["reconstruction"] - value["kl"])
    assert value["excess_elbo"] == pytest.approx(-value["elbo"] - value["entropy"])
    assert value["reconstruction"] > value["entropy"] > 0
    assert all(one["interval"][0] <= one["value"] <= one["interval"][1] for one in found["bounds"].values())
    (kept,) = (home / "run/measured").glob("bounds-of-images-*.npz")
    written = kept.stat().st_mtime_ns
    assert json.loads(dcign("sample-dcign", *words, "--json").out)["log_p"] == found
    assert kept.stat().st_mtime_ns == written
    api_bounds = api.load_run(home / "run").bounds(toy / "sweeps.zarr", images=12, samples=5)["bounds"]
    assert {name: one["value"] for name, one in api_bounds.items()} == value
    table = dcign("sample-dcign", *words).out
    assert f"{value['elbo']:,.1f}" in table
    assert "IWAE, 5 samples" in table
    val = json.loads(dcign("sample-dcign", *words, "--split", "val", "--json").out)["log_p"]
    assert (val["split"], val["bounds"] != found["bounds"]) == ("val", True)


def test_the_entropy_is_the_images_own(dcign, home, toy, sweeps):
    images, identity = chosen_images(sweeps, "test", 12, 0)
    assert len(np.unique(images.reshape(12, -1), axis=0)) == 12
    assert set(identity) <= {0, 1, 2}
    x = images / 255
    inside = x[(x > 0) & (x < 1)]
    expected = -(inside * np.log(inside) + (1 - inside) * np.log(1 - inside)).sum() / 12
    found = api.load_run(home / "run").bounds(toy / "sweeps.zarr", images=12, samples=5)["bounds"]
    assert found["entropy"]["value"] == pytest.approx(expected, rel=1e-4)


def test_every_image_is_chosen_where_there_are_fewer(sweeps):
    images, identity = chosen_images(sweeps, "test", 10_000, 0)
    assert len(images) == 3 * (61 + 17 + 81)
    assert [int((identity == k).sum()) for k in range(3)] == [159, 159, 159]
    np.testing.assert_array_equal(images[61:122], sweeps.read("test", "azimuth", 1)["image"])


def test_the_code_that_computes_them_is_in_the_key():
    names = closure("pipelines.evaluation.likelihood")
    assert {"train.objectives.bound", "train.networks.authors", "pipelines.evaluation.metrics.likelihood"} <= set(names)


def test_what_is_asked_wrongly(refused, home, toy, tmp_path):
    run = ("--run", home / "run", "--out", tmp_path / "s.png")
    assert "should end in one of" in refused("sample-dcign", "--out", tmp_path / "s.txt", code=2)
    assert "--split, --samples: give --store too" in refused(
        "sample-dcign", *run, "--split", "val", "--samples", 9, code=2
    )
    said = refused("sample-dcign", *run, "--store", toy / "faces.zarr")
    assert "has no images in test or val" in said
    assert "--split test --factor all" in said
    assert "train" in refused("sample-dcign", *run, "--store", toy / "faces.zarr", "--split", "train", code=2)
    other = refused("sample-dcign", "--out", tmp_path / "s.png", "--store", toy / "sweeps.zarr")
    assert "images of (48, 48), the run was trained on (150, 150)" in other
