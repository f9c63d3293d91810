"""Runs: training, codes, their factors, and evaluation."""

import json
import shutil

import numpy as np
import pytest

import dcign
from dataset import StoreError
from pipelines.evaluation.experiments import moved
from train.errors import ConfigError, RunUnreadable, WrongImages
from train.runs.trained_run import to_uint8


@pytest.fixture(scope="module")
def image(model):
    return model.identity(3, split="test").render(azimuth=10, light=20)


def test_training_again_resumes_and_extends(home):
    assert home.run.trained.step == 4
    assert home.run.factors == ("azimuth", "elevation", "light", "intrinsic")
    said = []
    settings = {"preset": "quick", "maps": 8, "latents": 8, "precision": "float32"}
    longer = dcign.fit(home.faces, home.run.path, batches=6, on_progress=said.append, **settings)
    assert (longer.trained.step, [one.step for one in said]) == (6, [5, 6])
    with pytest.raises(ConfigError, match="unknown option: colour"):
        dcign.fit(home.faces, home.run.path, colour=1)
    with pytest.raises(ValueError, match=r"sweeps\.zarr holds sweeps, not batches to train on"):
        dcign.fit(home.sweeps)


def test_a_length_that_is_no_integer_writes_nothing(home, tmp_path):
    settings = {"preset": "quick", "maps": 8, "latents": 8, "precision": "float32"}
    for batches in (2.0, np.int64(2)):
        with pytest.raises(ConfigError, match=r"batches must be of type int; got .*2"):
            dcign.fit(home.faces, tmp_path / "run", batches=batches, **settings)
        assert not (tmp_path / "run").exists()
    assert dcign.fit(home.faces, tmp_path / "run", batches=2, **settings).trained.step == 2


def test_the_default_directory_is_that_of_the_command(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = dcign.fit(dcign.open_store(home.faces), preset="quick", batches=1, maps=8, factors=["azimuth"], seed=2)
    assert run.path.as_posix() == "runs/faces-quick-paper-s2"
    assert run.factors == ("azimuth",)


def test_encoding_and_decoding_are_those_of_the_network(pretrained, image):
    code = pretrained.encode(image)
    np.testing.assert_array_equal(np.asarray(code), pretrained.trained.encode(image[None])[0])
    np.testing.assert_array_equal(pretrained.decode(code), to_uint8(pretrained.trained.decode(code.values[None]))[0])
    many = pretrained.encode(np.stack([image, image]))
    assert many.values.shape == (2, 200)
    assert pretrained.decode(many).shape == (2, 150, 150)
    assert len(many) == len(list(many)) == 2
    assert many[1]["intrinsic"].shape == (197,)
    assert many["intrinsic"].shape == (2, 197)
    assert code.factors == pretrained.factors
    assert repr(code) == "Code((200,): azimuth 1, elevation 1, light 1, intrinsic 197)"


def test_setting_an_angle_moves_its_latent_alone_and_reads_back(pretrained, image):
    code = pretrained.encode(image)
    before = code.values.copy()
    for factor in ("azimuth", "elevation", "light"):
        for angle in (-20.0, 0.0, 15.0):
            there = code.at(**{factor: angle})
            assert there.angle(factor) == pytest.approx(angle, abs=0.2)
            kept = [name for name in code.factors if name != factor]
            assert all((there[name] == code[name]).all() for name in kept)
            assert (there.at(**{factor: angle}).values == there.values).all()
    np.testing.assert_array_equal(code.values, before)  # nothing was changed in place


def test_many_angles_give_many_codes_with_the_pixels_of_rerender(pretrained, image):
    code, angles = pretrained.encode(image), np.linspace(-60, 60, 5)
    calibration = pretrained.calibrations["azimuth"]
    ours = pretrained.decode(code.at(azimuth=angles))
    np.testing.assert_array_equal(
        ours, moved(pretrained.trained, code.values, calibration.latent, calibration.value(angles))
    )
    assert code.at(azimuth=angles, light=10).values.shape == (5, 200)
    assert code.at(azimuth=angles).at(light=angles).angle("azimuth").shape == (5,)
    # The decoded head turns: more and more of what is not background is on the other side.
    halves = 255.0 - ours[:, :, :75], 255.0 - ours[:, :, 75:]
    balance = [float(right.sum() - left.sum()) for left, right in zip(*halves, strict=True)]
    assert balance == sorted(balance) or balance == sorted(balance, reverse=True)
    assert balance[0] * balance[-1] < 0


def test_evaluation_has_a_table_metrics_and_files(home, tmp_path):
    run = dcign.load_run(home.run.path)
    with pytest.raises(RunUnreadable, match="give sweeps"):
        run.encode(np.zeros(run.image_shape, np.uint8)).at(azimuth=0)
    found = dcign.evaluate(run, dcign.open_store(home.sweeps))
    lines = found.table().splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["factor", "azimuth", "elevation", "light"]
    assert "wrote" not in found.table()
    assert found.write(tmp_path / "out" / "report") == tmp_path / "out" / "report"
    assert json.loads((tmp_path / "out" / "report" / "metrics.json").read_text()) == found.metrics
    assert (tmp_path / "out" / "report" / "report.html").exists()
    assert "on sweeps" in repr(found)
    # The calibration is in the run now.
    assert run.encode(np.zeros(run.image_shape, np.uint8)).at(azimuth=0).values.shape == (8,)


def test_a_calibration_is_of_the_weights_that_were_loaded(home, tmp_path):
    shutil.copytree(home.run.path, tmp_path / "run")
    run = dcign.load_run(tmp_path / "run", sweeps=home.sweeps)
    expected = dcign.load_run(tmp_path / "run", sweeps=home.sweeps).calibrations["azimuth"].values
    settings = {"preset": "quick", "maps": 8, "latents": 8, "precision": "float32"}
    longer = dcign.fit(home.faces, tmp_path / "run", batches=run.trained.step + 20, **settings)
    np.testing.assert_array_equal(run.calibrations["azimuth"].values, expected)
    assert dcign.evaluate(run, home.sweeps).metrics["run"]["batches"] == run.trained.step < longer.trained.step


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (
            lambda run, code: run.encode(np.zeros((20, 20), np.uint8)),
            WrongImages,
            r"shape \(150, 150\).*got \(20, 20\)",
        ),
        (lambda run, code: run.decode(code.values[:5]), WrongImages, "200"),
        (lambda run, code: code.at(intrinsic=3), ConfigError, "no calibration of 'intrinsic'; it has azimuth"),
        (lambda run, code: code.at(azimuth=np.nan), ValueError, "azimuth must be finite"),
        (
            lambda run, code: code.at(azimuth=np.zeros((2, 2))),
            ValueError,
            r"expected one angle, or one for each code; got the shapes codes \(\), azimuth \(2, 2\)",
        ),
        (lambda run, code: code["roll"], ConfigError, "no factor 'roll'; it has azimuth"),
        (lambda run, code: code[0], IndexError, "this is one code"),
        (lambda run, code: run.decode(code.at(azimuth=[1, 2]).at(light=[1, 2, 3])), ValueError, r"codes \(2,\), light"),
        (lambda run, code: code.at(azimuth=[1, 2])[:, 0], IndexError, "expected one index"),
        (lambda run, code: len(code), TypeError, "one code has no length"),
        (lambda run, code: dcign.load_run("nowhere"), RunUnreadable, "nowhere"),
        (lambda run, code: dcign.load_run(sweeps="nowhere.zarr"), StoreError, "there is no store at nowhere.zarr"),
    ],
)
def test_refusals_say_what_was_expected(pretrained, image, call, error, said):
    with pytest.raises(error, match=said):
        call(pretrained, pretrained.encode(image))
