import json

import numpy as np
import pytest
import torch
from train.checkpoint import list_checkpoints, read_checkpoint, read_resume
from train.errors import RunMismatch, RunUnreadable, TrainingDiverged
from train.loop import step_generator, train
from train.trained import load_run, to_uint8


class Killed(Exception):  # noqa: N818
    pass


def kill_after(step):
    def on_progress(progress):
        if progress.step == step:
            raise Killed

    return on_progress


def final_state(run_dir):
    """Weights, Adam's state and the metrics without their times."""
    newest = list_checkpoints(run_dir / "checkpoints")[0]
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["seconds"], line["waited"]
    resume = read_resume(newest)
    for name in ("seconds", "waited"):
        del resume["window"][name]
    return read_checkpoint(newest).weights, resume, lines


def assert_equal(a, b):
    assert type(a) is type(b)
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_equal(x, y)
    else:
        assert a == b


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_killed_run_ends_bit_equal_to_one_never_interrupted(tmp_path, source, make_config, precision):
    config = make_config(batches=17, precision=precision)
    train(config, source, tmp_path / "whole", tensorboard=False)
    for stop in (3, 7, 8, 14):
        with pytest.raises(Killed):
            train(config, source, tmp_path / "killed", kill_after(stop), tensorboard=False)
    result = train(config, source, tmp_path / "killed", tensorboard=False)
    assert result.step == 17
    assert result.trained == 17 - 12  # the checkpoint before batch 14
    assert_equal(final_state(tmp_path / "killed"), final_state(tmp_path / "whole"))


def test_a_larger_number_of_batches_extends_a_finished_run(tmp_path, source, make_config):
    train(make_config(batches=9), source, tmp_path / "extended", tensorboard=False)
    assert train(make_config(batches=9), source, tmp_path / "extended", tensorboard=False).trained == 0
    assert train(make_config(batches=13), source, tmp_path / "extended", tensorboard=False).trained == 4
    train(make_config(batches=13), source, tmp_path / "whole", tensorboard=False)
    assert_equal(final_state(tmp_path / "extended"), final_state(tmp_path / "whole"))
    with pytest.raises(RunMismatch, match="13 batches behind it; asked for 9"):
        train(make_config(batches=9), source, tmp_path / "extended", tensorboard=False)


def test_load(tmp_path, source, make_config):
    train(make_config(), source, tmp_path / "r")
    run = load_run(tmp_path / "r")
    images = source.read("azimuth", 0).images
    mu = run.encode(images, batch=3)
    out = to_uint8(run.decode(mu, batch=3))
    assert out.shape == images.shape
