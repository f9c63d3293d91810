import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from train.engine.loop import store_facts, train
from train.engine.noise import step_generator
from train.engine.step_stats import MetricsWindow, PartSum, StepNumbers
from train.engine.trainer import Trainer
from train.errors import RunMismatch, RunUnreadable, TooFewBatches, TrainingDiverged
from train.families.dcign import Dcign
from train.runs.checkpoint import list_checkpoints, read_checkpoint, read_resume, write_checkpoint
from train.runs.run_directory import RunDirectory


class Killed(Exception):  # noqa: N818
    pass


def kill_after(step):
    def on_progress(progress):
        if progress.step == step:
            raise Killed

    return on_progress


def final_state(run_dir):
    """Weights, the optimisers' state and the metrics without their times."""
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


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"precision": "bf16"},
        {"label_fraction": 0.5},
        {"label_fraction": 0.5, "objective": "exchange"},
        {"objective": "exchange-pairs"},
        {"objective": "exchange-pairs", "orient": 9, "label_fraction": 0.5},
        {"optimizer": "muon", "decay": 0.5},
        {"optimizer": "rmsprop"},
    ],
)
def test_a_killed_run_ends_bit_equal_to_one_never_interrupted(tmp_path, source, make_config, options):
    config = make_config(batches=17, **options)
    train(config, source, tmp_path / "whole", tensorboard=False)
    for stop in (3, 7, 8, 14):
        with pytest.raises(Killed):
            train(config, source, tmp_path / "killed", kill_after(stop), tensorboard=False)
    result = train(config, source, tmp_path / "killed", tensorboard=False)
    assert result.step == 17
    assert result.trained == 17 - 12  # the checkpoint before batch 14
    assert_equal(final_state(tmp_path / "killed"), final_state(tmp_path / "whole"))


LENGTH = 120
KILLABLE = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from conftest import NAMES, TinySource
from train.engine.loop import train
from train.presets import configure
torch.set_num_threads(1)
config = configure(
    "demo", factors=NAMES, image_shape=(48, 48), device="cpu", precision="float32", maps=8, latents=6,
    batches=int(sys.argv[3]), metrics_every=7, checkpoint_every=10,
)
train(config, TinySource(), sys.argv[2], lambda progress: print(progress.step, flush=True), tensorboard=False)
"""


def start(run):
    return subprocess.Popen(
        [sys.executable, "-c", KILLABLE, Path(__file__).parent, run, str(LENGTH)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def kill_at(run, step, wait):
    """Run until `step` is done and `wait` seconds more, or until it ends; the steps that were seen."""
    process = start(run)
    seen = []
    for line in process.stdout:
        seen.append(int(line))
        if seen[-1] >= step:
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.kill()
            break
    process.communicate()
    return seen


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long), pytest.param(3, marks=pytest.mark.long)])
def test_five_kills_at_random_moments_change_no_bit(tmp_path, seed):
    rng = random.Random(seed)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(whole).communicate()[0].splitlines()[-1] == str(LENGTH)
    steps = sorted(rng.sample(range(5, LENGTH - 5), 5))  # later each time, or a run would begin behind its end
    firsts = [kill_at(killed, step, rng.uniform(0, 0.05))[0] for step in steps]
    last = start(killed).communicate()[0].splitlines()
    assert int(last[0]) > 1  # it resumed
    assert len(set(firsts)) > 1
    assert_equal(final_state(killed), final_state(whole))


@pytest.mark.parametrize("stop", [1, 3, 4, 11, 16])
def test_a_run_that_was_asked_to_stop_ends_bit_equal_to_one_never_interrupted(tmp_path, source, make_config, stop):
    config = make_config(batches=17)
    train(config, source, tmp_path / "whole", tensorboard=False)
    answers = iter([False] * (stop - 1) + [True])
    with pytest.raises(KeyboardInterrupt):
        train(config, source, tmp_path / "stopped", tensorboard=False, stopping=lambda: next(answers))
    assert train(config, source, tmp_path / "stopped", tensorboard=False).trained == 17 - stop
    assert_equal(final_state(tmp_path / "stopped"), final_state(tmp_path / "whole"))


@pytest.mark.parametrize(("stop", "saved"), [(4, [4]), (5, [4, 5]), (8, [4, 8])])
def test_a_checkpoint_is_written_once_also_where_a_stop_meets_one(
    tmp_path, source, make_config, monkeypatch, stop, saved
):
    """A kill between the two files of a checkpoint that is written anew would lose it."""
    written = []

    def save(run, checkpoint, resume):
        written.append(checkpoint.step)

    monkeypatch.setattr(RunDirectory, "save", save)
    answers = iter([False] * (stop - 1) + [True])
    with pytest.raises(KeyboardInterrupt):
        train(make_config(batches=17), source, tmp_path, tensorboard=False, stopping=lambda: next(answers))
    assert written == saved


def test_a_larger_number_of_batches_extends_a_finished_run(tmp_path, source, make_config):
    train(make_config(batches=9), source, tmp_path / "extended", tensorboard=False)
    assert train(make_config(batches=9), source, tmp_path / "extended", tensorboard=False).trained == 0
    assert train(make_config(batches=13), source, tmp_path / "extended", tensorboard=False).trained == 4
    train(make_config(batches=13), source, tmp_path / "whole", tensorboard=False)
    assert_equal(final_state(tmp_path / "extended"), final_state(tmp_path / "whole"))
    before = (tmp_path / "extended/config.json").read_bytes()
    with pytest.raises(RunMismatch, match="was trained on 13 batches, more than the requested 9"):
        train(make_config(batches=9), source, tmp_path / "extended", tensorboard=False)
    assert (tmp_path / "extended/config.json").read_bytes() == before


def test_a_checkpoint_of_another_run_is_refused_by_name(tmp_path, source, make_config):
    train(make_config(objective="random"), source, tmp_path / "other", tensorboard=False)
    run = RunDirectory(tmp_path / "run")
    run.prepare(make_config(), store_facts(source))
    shutil.copytree(tmp_path / "other/checkpoints", run.checkpoints, dirs_exist_ok=True)
    with pytest.raises(RunMismatch, match=r"checkpoint 12 of .* objective was random, now paper"):
        train(make_config(batches=20), source, run.path, tensorboard=False)
    assert run.read_config()[0].batches == 12


def test_a_checkpoint_of_other_code_is_refused_unless_allowed(tmp_path, source, make_config, monkeypatch):
    """Nothing is written by the refusal, and the run that is allowed ends as one that was never asked."""
    train(make_config(batches=8), source, tmp_path / "run", tensorboard=False)
    shutil.copytree(tmp_path / "run", tmp_path / "same")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with monkeypatch.context() as patch:
        patch.setattr("train.runs.run_directory.training_code", lambda: "f" * 64)
        with pytest.raises(RunMismatch, match=r"checkpoint 8 .* other training code .*now ffffffffffff.*--other-code"):
            train(make_config(), source, tmp_path / "run", tensorboard=False)
        assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
        train(make_config(), source, tmp_path / "run", tensorboard=False, other_code=True)
    train(make_config(), source, tmp_path / "same", tensorboard=False)
    assert_equal(final_state(tmp_path / "run"), final_state(tmp_path / "same"))


@pytest.mark.parametrize("state", [{}, {"optimizer": {"state": {}, "param_groups": []}}, {"window": {"steps": 3}}])
def test_a_state_that_is_not_this_runs_is_refused(tmp_path, source, make_config, state):
    train(make_config(), source, tmp_path, tensorboard=False)
    run = RunDirectory(tmp_path)
    checkpoint, whole = run.newest_to_resume()
    write_checkpoint(run.checkpoints, checkpoint, (whole | state) if state else {})
    with pytest.raises(RunUnreadable, match=r"the state beside checkpoint 12 of .* is not one of this run"):
        train(make_config(batches=20), source, tmp_path, tensorboard=False)


def test_the_seconds_before_a_stop_are_counted(tmp_path, source, make_config):
    answers = iter([False] * 2 + [True])  # between two lines of metrics and two checkpoints
    clock = iter(range(1000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.engine.trainer.perf_counter", lambda: float(next(clock)))
        with pytest.raises(KeyboardInterrupt):
            train(make_config(), source, tmp_path, tensorboard=False, stopping=lambda: next(answers))
        kept = RunDirectory(tmp_path).newest_to_resume()[1]["window"]["seconds"]
        result = train(make_config(batches=5), source, tmp_path, tensorboard=False)
    assert kept >= 1
    assert result.metrics["step"] == 5
    assert result.metrics["seconds"] >= kept + 1


def test_a_truncated_newest_checkpoint_costs_only_the_batches_since_the_one_before(tmp_path, source, make_config):
    config = make_config(batches=17)
    train(config, source, tmp_path / "whole", tensorboard=False)
    with pytest.raises(Killed):
        train(config, source, tmp_path / "broken", kill_after(15), tensorboard=False)
    newest = list_checkpoints(tmp_path / "broken" / "checkpoints")[0]
    newest.with_suffix(".resume").write_bytes(b"")
    assert train(config, source, tmp_path / "broken", tensorboard=False).trained == 17 - 8
    assert_equal(final_state(tmp_path / "broken"), final_state(tmp_path / "whole"))


def test_another_seed_or_order_is_another_run(tmp_path, source, make_config):
    for seed in (0, 1):
        train(make_config(seed=seed), source, tmp_path / str(seed), tensorboard=False)
    first, second = (final_state(tmp_path / str(seed))[0] for seed in (0, 1))
    assert not any(torch.equal(first[name], second[name]) for name in first)


def test_metrics_are_means_of_what_progress_saw(tmp_path, source, make_config):
    seen = []
    result = train(make_config(batches=10), source, tmp_path, seen.append, tensorboard=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10]
    assert [progress.step for progress in seen] == list(range(1, 11))
    assert {progress.batches for progress in seen} == {10}
    for line, progress in zip(lines, (seen[4], seen[9]), strict=True):
        assert sum(line["batches"].values()) == 5
        for name in ("reconstruction", "kl"):
            mean = sum(line[name][factor] * n for factor, n in line["batches"].items()) / 5
            assert mean == pytest.approx(progress.terms[name])
        assert 0 <= line["waited"] <= line["seconds"] + 0.001
    assert result.metrics == lines[-1]
    assert 0 <= result.waited <= result.seconds


def test_active_latents_counts_those_above_a_tenth_of_a_nat():
    window = MetricsWindow()
    for total, factor, nats, kl, latents in (
        (3.55, "light", 3.0, 0.55, [0.0, 0.05, 0.5]),
        (5.2, "azimuth", 5.0, 0.2, [0.0, 0.1, 0.1]),
    ):
        parts = {"reconstruction": {factor: PartSum(1.0, nats)}, "kl": {factor: PartSum(1.0, kl)}}
        window.add(StepNumbers(total, {factor: 1.0}, parts, latents))
    line = window.line(2)
    assert line["active_latents"] == 1
    assert line["reconstruction"] == {"azimuth": 5.0, "light": 3.0}
    assert line["kl"] == {"azimuth": pytest.approx(0.2), "light": pytest.approx(0.55)}
    assert window.means() == {"reconstruction": 4.0, "kl": pytest.approx(0.375)}


def test_training_learns(tmp_path, source, make_config):
    config = make_config(batches=150, metrics_every=50, checkpoint_every=150, learning_rate=2e-3)
    train(config, source, tmp_path, tensorboard=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    means = [np.mean(list(line["reconstruction"].values())) for line in lines]
    assert means[-1] < 0.7 * means[0]


def test_a_loss_that_is_not_finite_stops_the_run_and_saves_the_batch(tmp_path, source, make_config):
    config = make_config(learning_rate=1e30, checkpoint_every=100)
    message = r"at step (\d+), batch (\d+) of (\w+), saved as .*diverged-step-\1\.npz"
    with pytest.raises(TrainingDiverged, match=message) as e:
        train(config, source, tmp_path, tensorboard=False)
    step, index, factor = re.search(r"step (\d+), batch (\d+) of (\w+)", str(e.value)).groups()
    batch = source.read(factor, int(index))
    with np.load(tmp_path / f"diverged-step-{step}.npz") as saved:
        for name in ("image", "factors", "identity"):
            np.testing.assert_array_equal(saved[name], batch[name])
    assert list_checkpoints(tmp_path / "checkpoints") == []


def test_of_pairs_that_are_not_finite_the_partners_are_saved_too(tmp_path, source, make_config):
    config = make_config(learning_rate=1e30, checkpoint_every=100, objective="exchange-pairs")
    with pytest.raises(TrainingDiverged, match="shuffled images of the batches of steps 0 to 19") as e:
        train(config, source, tmp_path, tensorboard=False)
    step = int(re.search(r"at step (\d+)", str(e.value))[1])
    batch = Dcign(config).loader(source).read(step)
    with np.load(tmp_path / f"diverged-step-{step}.npz") as saved:
        for name in ("image", "partner", "active"):
            np.testing.assert_array_equal(saved[name], batch[name])


def test_weights_that_are_not_finite_are_never_saved(tmp_path, source, make_config, monkeypatch):
    """A finite loss can still have an infinite gradient."""

    def poison(self, *args, **kwargs):
        with torch.no_grad():
            self.param_groups[0]["params"][0].fill_(float("nan"))

    monkeypatch.setattr(torch.optim.Adam, "step", poison)
    with pytest.raises(TrainingDiverged, match="a weight is NaN or infinite after batch 1"):
        train(make_config(batches=1), source, tmp_path, tensorboard=False)
    assert list_checkpoints(tmp_path / "checkpoints") == []


def test_refusals_come_before_anything_is_written(tmp_path, source, make_config):
    with pytest.raises(TooFewBatches):
        train(make_config(), replace(source, counts={}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_store_cannot_continue_a_run(tmp_path, source, make_config):
    train(make_config(), source, tmp_path, tensorboard=False)
    with pytest.raises(RunMismatch, match="store has digest"):
        train(make_config(), replace(source, digest="other"), tmp_path, tensorboard=False)


def test_waiting_for_batches_counts_only_while_nothing_is_computed(tmp_path, source, make_config, monkeypatch):
    class Slow(type(source)):
        def read(self, factor, index, arrays=()):
            time.sleep(0.05)
            return super().read(factor, index)

    config = make_config(batches=8, metrics_every=8, maps=4)
    slow = train(config, Slow(), tmp_path / "slow", tensorboard=False)
    assert slow.waited > 0.1
    assert slow.metrics["waited"] == pytest.approx(slow.waited, abs=0.001)
    monkeypatch.setattr(Trainer, "idle", property(lambda self: False))  # a GPU that is still busy
    busy = train(config, Slow(), tmp_path / "busy", tensorboard=False)
    assert busy.waited == busy.metrics["waited"] == 0


def test_noise_of_a_step_is_a_function_of_seed_and_step():
    draws = {key: step_generator(*key).initial_seed() for key in ((0, 0), (0, 1), (1, 0), (2**40, 7))}
    assert len(set(draws.values())) == 4
    assert all(step_generator(*key).initial_seed() == seed for key, seed in draws.items())


def test_tensorboard_events_are_written_where_it_is_installed(tmp_path, source, make_config):
    pytest.importorskip("tensorboard")
    train(make_config(), source, tmp_path / "run")
    assert list((tmp_path / "run" / "tensorboard").glob("events.*"))


def test_training_does_without_tensorboard(tmp_path, source, make_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    train(make_config(), source, tmp_path / "run")
    assert not (tmp_path / "run" / "tensorboard").exists()
