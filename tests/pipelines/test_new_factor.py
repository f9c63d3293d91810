"""A new factor is one row of the factor table and one key: rendered, read back, verified, swept and plotted."""

import sys

import numpy as np
import pytest

from dataset import factors as factor_table
from dataset import keys, open_store
from dataset.factors import Factor, FactorRow
from pipelines.console.cli import load

ROLL = FactorRow(
    Factor("roll", "degrees", -90.0, 90.0, acts_on="pose.roll"),
    "the head tilts; positive tilts it counter-clockwise",
    sweep_images=5,
)
LOADED_AFRESH = tuple(
    f"pipelines.{name}" for name in ("console.render_options", "commands.render_batches", "commands.render_sweeps")
)
"""Modules whose options follow from the table when they are imported."""
CHANNELS = ("--channels", "mask,depth,albedo")
SMALL = ("--size", 48, "--samples", 4, "--batch-size", 6)


@pytest.fixture(scope="module")
def touched():
    """Add the factor for the tests of this file; the list of all that had to change for it."""
    changes = (
        ("dataset.factors.TABLE", factor_table.TABLE, "face", (*factor_table.TABLE["face"], ROLL)),
        ("dataset.keys.FACTOR_KEYS", keys.FACTOR_KEYS, "roll", 5),
    )
    with pytest.MonkeyPatch.context() as patch:
        for _, table, name, value in changes:
            patch.setitem(table, name, value)
        for name in LOADED_AFRESH:
            patch.delitem(sys.modules, name, raising=False)
            patch.delattr(name, raising=False)
        yield [place for place, *_ in changes]
        for name in LOADED_AFRESH:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def stores(touched, tmp_path_factory):
    """Batches of every factor and sweeps, made and verified by the commands."""
    home = tmp_path_factory.mktemp("roll")
    batches, sweeps = home / "faces.zarr", home / "sweeps.zarr"
    for command, *words in (
        ("render-batches", "--store", batches, "--factor", "all", "--n", 2, *SMALL, *CHANNELS),
        ("render-sweeps", "--store", sweeps, "--like", batches, "--identities", 3, "--others", "zero"),
        ("verify-store", batches, "--frames", 30),
        ("verify-store", sweeps, "--frames", 30),
    ):
        assert not load(command).main([str(word) for word in words], standalone_mode=False)
    return open_store(batches), open_store(sweeps)


def test_a_new_factor_is_one_row_and_one_key(touched, stores):
    assert touched == ["dataset.factors.TABLE", "dataset.keys.FACTOR_KEYS"]
    batches, sweeps = stores
    assert batches.factors("train") == ("azimuth", "elevation", "light", "roll", "intrinsic")
    batch = batches["train", "roll"][-1]
    values = batch["factors"]
    assert values.shape == (6, 4)
    assert len(np.unique(values[:, 3])) == 6
    assert (values[:, :3] == values[0, :3]).all()
    assert np.abs(values[:, 3]).max() <= 90
    np.testing.assert_array_equal(sweeps["test", "roll"][0]["factors"][:, 3], [-90, -45, 0, 45, 90])


def test_a_rolled_head_is_the_head_rotated_in_the_image(stores):
    """The light stays, so that everything but the shading turns; by a quarter turn pixels fall on pixels."""
    for batch in stores[1]["test", "roll"].with_channels("mask", "depth", "albedo"):
        for view, quarters in ((0, -1), (4, 1)):
            for name, tolerance in (("mask", 2), ("albedo", 2), ("depth", 1e-3)):
                turned = np.rot90(batch[name][2].astype(float), quarters)
                found = np.abs(batch[name][view] - turned)
                assert (found <= tolerance * max(1.0, turned.max() / 255)).mean() > 0.99
        assert (batch["mask"][1] != batch["mask"][2]).mean() > 0.02


def test_what_was_there_before_keeps_its_values(stores, dcign, tmp_path, monkeypatch):
    """A row at the end of the table shifts no random number of the others."""
    monkeypatch.setitem(factor_table.TABLE, "face", factor_table.TABLE["face"][:-1])
    url = tmp_path / "before.zarr"
    assert dcign("render-batches", "--store", url, "--factor", "light", "--n", 2, *SMALL).code == 0
    before, after = (store["train", "light"][1]["factors"] for store in (open_store(url), stores[0]))
    np.testing.assert_array_equal(before, after[:, :3])


def test_the_options_follow_from_the_row(touched, dcign):
    said = " ".join(dcign("render-batches", "--help").out.split())
    assert (
        "--roll LOW HIGH Range in degrees: the head tilts; positive tilts it counter-clockwise. [default: -90 90]"
        in said
    )
    assert "[azimuth|elevation|light|roll|intrinsic|all]" in said


def test_an_equivariance_plot_of_the_new_factor(stores, dcign, tmp_path):
    run = tmp_path / "run"
    tiny = ("--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 10)
    assert dcign("train-dcign", "--store", stores[0].url, "--run", run, *tiny).code == 0
    said = dcign("plot-equivariance", "--run", run, "--sweeps", stores[1].url, "--out", tmp_path / "roll.png")
    assert said.code == 0, said
    assert "roll" in said.out
    assert (tmp_path / "roll.png").stat().st_size > 10_000


def test_a_factor_without_a_key_or_a_place_in_the_scene_is_refused_by_name(monkeypatch, refused, tmp_path):
    lost = FactorRow(Factor("tilt", "degrees", -9.0, 9.0, acts_on="pose.tilt"), "nothing")
    monkeypatch.setitem(factor_table.TABLE, "face", (*factor_table.TABLE["face"], lost))
    words = ("render-batches", "--store", tmp_path / "s.zarr", "--factor", "light", "--n", 1, *SMALL)
    assert "the factor tilt acts on pose.tilt; scenes have pose.azimuth, pose.elevation" in refused(*words)
    with pytest.raises(KeyError, match="no key for the factor 'tilt'; there are keys for none, azimuth"):
        keys.generator(0, "train", "active", "tilt", 0)
