import numpy as np
import pytest
import torch

from train.engine.loop import train
from train.errors import CheckpointUnreadable, RunUnreadable, WrongImages
from train.families.dcign import Dcign
from train.runs.checkpoint import list_checkpoints
from train.runs.trained_run import load_run, to_uint8

SIZES = {1: (48, 48), 3: (48, 48, 3)}


@pytest.fixture(params=[1, 3])
def trained(request, tmp_path, source, make_config):
    source.channels = request.param
    config = make_config(source)
    train(config, source, tmp_path, tensorboard=False)
    return load_run(tmp_path), source, config


def test_encode_and_decode_do_not_depend_on_the_mini_batch(trained):
    run, source, config = trained
    images = np.concatenate([source.read("azimuth", i)["image"] for i in range(3)])
    codes = run.encode(images)
    assert codes.shape == (12, 6)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(run.encode(images, batch=5), codes, rtol=0, atol=1e-6)
    pictures = run.decode(codes)
    assert pictures.shape == (12, *SIZES[config.options.channels])
    np.testing.assert_allclose(run.decode(codes, batch=7), pictures, rtol=0, atol=1e-6)
    assert to_uint8(pictures).shape == images.shape
    assert run.encode(images[:0]).shape == (0, 6)


def test_it_is_the_network_that_was_trained(trained, tmp_path):
    run, source, config = trained
    assert (run.step, run.config, run.layout) == (12, config, config.options.layout)
    assert run.store.digest == source.digest
    assert run.store.factors == source.factors
    by_file = load_run(list_checkpoints(tmp_path / "checkpoints")[1])
    assert by_file.step == 8
    fresh = Dcign(config).network().state_dict()
    for name, weight in run.network.state_dict().items():
        assert not torch.equal(weight, fresh[name])
        assert not torch.equal(weight, by_file.network.state_dict()[name])


def test_wrong_input(trained):
    run, _, config = trained
    with pytest.raises(WrongImages, match="uint8 images of shape"):
        run.encode(np.zeros((2, 50, *SIZES[config.options.channels][1:]), np.uint8))
    with pytest.raises(WrongImages, match=r"shape \(N, 6\); got \(2, 5\)"):
        run.decode(np.zeros((2, 5), np.float32))


def test_a_bf16_run_is_read_in_float32_where_bf16_is_slow(tmp_path, source, make_config, monkeypatch):
    train(make_config(precision="bf16"), source, tmp_path, tensorboard=False)
    monkeypatch.setattr("train.runs.trained_run.resolve_precision", lambda precision, device: "float32")
    run = load_run(tmp_path, "cpu")
    assert run.network.compute_dtype == torch.float32
    assert run.config.precision == "bf16"


def test_what_is_no_run(tmp_path, make_config):
    with pytest.raises(RunUnreadable, match="no run directory"):
        load_run(tmp_path)
    (tmp_path / "a.safetensors").write_bytes(b"junk")
    with pytest.raises(CheckpointUnreadable, match=r"a\.safetensors cannot be read"):
        load_run(tmp_path / "a.safetensors")


def test_a_run_without_a_checkpoint(tmp_path, source, make_config):
    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(make_config(), source, tmp_path, stop, tensorboard=False)
    with pytest.raises(RunUnreadable, match="no checkpoint yet"):
        load_run(tmp_path)


def test_rounding_is_that_of_the_renderers():
    assert to_uint8(np.array([0, 0.5 / 255, 0.499 / 255, 1, 1.2, -1], np.float32)).tolist() == [0, 1, 0, 255, 255, 0]
