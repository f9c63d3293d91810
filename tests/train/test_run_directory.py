import json
import logging
from contextlib import nullcontext
from dataclasses import replace

import pytest

from train.engine.loop import train
from train.errors import RunMismatch, RunUnreadable, TrainError
from train.runs.checkpoint import Checkpoint, StoreFacts, list_checkpoints
from train.runs.run_directory import RunDirectory

STORE = StoreFacts("a" * 64, (("azimuth", "degrees", -86.0, 86.0),))


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path / "runs" / "faces-demo")


def test_config_round_trip(run, make_config):
    run.prepare(make_config(), STORE)
    assert run.read_config() == (make_config(), STORE)


def test_batches_and_cadences_may_change_when_a_run_is_resumed(run, make_config):
    run.prepare(make_config(batches=5), STORE)
    changed = make_config(batches=9, metrics_every=2, checkpoint_every=3)
    run.check(changed, STORE)
    run.prepare(changed, STORE)
    assert run.read_config() == (changed, STORE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "seed was 0, now 1"),
        ({"maps": 12}, "maps was 8, now 12"),
        ({"latents": 7}, "layout was .*3}, now .*4}"),
        ({"clamp": "first"}, "clamp was mean, now first"),
        ({"precision": "bf16"}, "precision was float32, now bf16"),
    ],
)
def test_another_configuration_is_refused_by_name(run, make_config, change, message):
    run.prepare(make_config(), STORE)
    with pytest.raises(RunMismatch, match=message):
        run.check(make_config(**change), STORE)


def test_another_store_is_refused_by_name(run, make_config):
    run.prepare(make_config(), STORE)
    with pytest.raises(RunMismatch, match="store has digest aaaaaaaaaaaaaaaa, now bbbbbbbbbbbbbbbb"):
        run.check(make_config(), StoreFacts("b" * 64, STORE.factors))


def test_a_run_with_a_removed_option_is_read_but_not_resumed(run, make_config):
    run.prepare(make_config(), STORE)
    content = json.loads(run.config_file.read_text())
    for value, refused in ((0, False), (300, True)):
        run.config_file.write_text(json.dumps(content | {"config": content["config"] | {"warm_up": value}}))
        assert run.read_config() == (make_config(), STORE)
        with pytest.raises(RunMismatch, match=r"no longer exists \(warm_up 300\)") if refused else nullcontext():
            run.check(make_config(), STORE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"objective": "random"}}, "checkpoint 12 of .* objective was random, now paper"),
        ({"store": StoreFacts("b" * 64, STORE.factors)}, "digest bbbbbbbbbbbbbbbb, now aaaaaaaaaaaaaaaa"),
        ({"code": "0f" * 32, "commit": "ab" * 20}, r"code \(0f0f0f0f0f0f, commit abababababab; now .*--other-code"),
        ({"code": "0f" * 32, "commit": ""}, r"other training code \(0f0f0f0f0f0f; now .*--other-code"),
        ({"code": "", "commit": ""}, r"other training code \(unknown; now .*--other-code"),
    ],
)
def test_a_checkpoint_of_something_else_is_not_resumed(run, make_config, change, message):
    ours = Checkpoint(12, make_config(), STORE, {})
    run.check_checkpoint(ours, make_config(batches=99), STORE)
    run.check_checkpoint(replace(ours, code=""), make_config(), STORE, other_code=True)
    other = replace(ours, **(change | ({"config": make_config(**change["config"])} if "config" in change else {})))
    with pytest.raises(RunMismatch, match=message):
        run.check_checkpoint(other, make_config(), STORE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format": "dcign-run"}', "cannot be read"),
        ('{"format": "dcign-run", "format_version": 1, "config": {}, "store": {}}', "missing key"),
    ],
)
def test_a_broken_config_is_one_clear_error(run, content, message, make_config):
    run.path.mkdir(parents=True)
    run.config_file.write_text(content)
    with pytest.raises(RunUnreadable, match=message):
        run.check(make_config(), STORE)


def test_a_run_of_another_version(run, make_config):
    run.prepare(make_config(), STORE)
    content = json.loads(run.config_file.read_text()) | {"format_version": 2}
    run.config_file.write_text(json.dumps(content))
    with pytest.raises(RunUnreadable, match=r"no dcign-run of version 1; got \('dcign-run', 2\)"):
        run.read_config()


def test_no_run(run):
    with pytest.raises(RunUnreadable, match=r"no run directory: it has no config\.json"):
        run.read_config()


def test_a_path_that_cannot_be_written(tmp_path, make_config):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunUnreadable, match="cannot write to the run directory"):
        RunDirectory(tmp_path / "file" / "run").prepare(make_config(), STORE)


def test_a_broken_newest_checkpoint_falls_back_to_the_one_before(tmp_path, source, make_config, caplog):
    train(make_config(), source, tmp_path, tensorboard=False)
    newest, before = list_checkpoints(tmp_path / "checkpoints")
    newest.write_bytes(newest.read_bytes()[:1000])
    with caplog.at_level(logging.WARNING):
        assert RunDirectory(tmp_path).newest().step == int(before.stem)
    assert "00000012.safetensors cannot be read" in caplog.text
    assert "trying the checkpoint before it" in caplog.text
    before.with_suffix(".resume").unlink()
    assert RunDirectory(tmp_path).newest().step == 8  # weights alone are enough to encode
    message = r"has weights but no state to resume from .*00000008\.resume cannot be read"
    with pytest.raises(RunUnreadable, match=message):
        RunDirectory(tmp_path).newest_to_resume()
    before.write_bytes(b"")
    with pytest.raises(RunUnreadable, match=r"none of the 2 checkpoints .* can be read .*delete that directory"):
        RunDirectory(tmp_path).newest_to_resume()


def test_metrics_cut_back_and_a_half_written_line(run, make_config):
    run.prepare(make_config(), STORE)
    assert run.read_metrics() == []
    for step in (5, 10, 15):
        run.append_metrics({"step": step})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 2')
    assert [line["step"] for line in run.read_metrics()] == [5, 10, 15]
    run.cut_metrics(12)
    assert run.metrics_file.read_text() == '{"step": 5}\n{"step": 10}\n'


def test_every_refusal_is_a_value_error_of_one_class():
    assert issubclass(TrainError, ValueError)
    assert all(issubclass(kind, TrainError) for kind in (RunMismatch, RunUnreadable))
