"""Two processes on one machine against one process that averages by hand."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from train.data.schedule import Schedule
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.errors import ConfigError
from train.families.dcign import Dcign
from train.optim.adam import AuthorsAdam
from train.runs.trained_run import load_run

HERE = Path(__file__).parent
CODE = """
import sys
import torch
sys.path.insert(0, sys.argv[1])
from conftest import NAMES, TinySource
from train.engine.loop import train
from train.presets import configure
torch.set_num_threads(1)
config = configure(
    "demo", factors=NAMES, image_shape=(48, 48), device="cpu", precision="float32", maps=8, latents=6,
    batches=int(sys.argv[3]), metrics_every=4, checkpoint_every=6, ranks=2, objective=sys.argv[4],
)
train(config, TinySource(), sys.argv[2], tensorboard=False)
"""


def two_processes(run, batches, objective="paper"):
    """Train with torchrun. Only one test worker starts it at a time: two at once compete for ports and cores."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    code = run.parent / "two.py"
    code.write_text(CODE)
    with FileLock(Path(tempfile.gettempdir()) / f"two_processes-{os.getuid()}.lock"):
        done = subprocess.run(
            [*launch, code, HERE, run, str(batches), objective], env=environment, capture_output=True, text=True
        )
    if done.returncode:
        pytest.fail(f"torchrun ended with exit code {done.returncode}:\n{done.stderr}")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    run = tmp_path_factory.mktemp("pair") / "run"
    two_processes(run, 12)
    return run


@pytest.mark.parametrize("name", ["paper", "exchange", "exchange-pairs"])
def test_two_processes_average_their_gradients(pair, tmp_path, make_config, source, name):
    run = pair
    if name != "paper":
        two_processes(run := tmp_path / "run", 12, name)
    config = make_config(objective=name)
    family = Dcign(config)
    network, loader = family.network(), family.loader(source)
    adam = AuthorsAdam(network.parameters(), config.learning_rate, config.betas)
    schedule = Schedule(config.seed, config.options.ratio, source.counts)
    for step in range(6):
        sums = [torch.zeros_like(p) for p in network.parameters()]
        for number in (2 * step, 2 * step + 1):
            batch, draw = loader.read(number), schedule.at(number)
            if name != "exchange-pairs":  # whose batches have rows of many
                assert np.array_equal(batch["image"], source.read(draw.factor, draw.index)["image"])
            adam.zero_grad()
            noise = StepNoise(config.seed, number)
            family.terms(network, family.collate(number, batch), noise).total.backward()
            sums = [total + p.grad for total, p in zip(sums, network.parameters(), strict=True)]
        for parameter, total in zip(network.parameters(), sums, strict=True):
            parameter.grad = total / 2
        adam.step()
    for weights, trained in load_run(run).network.state_dict().items():
        assert torch.equal(trained, network.state_dict()[weights]), weights


def test_metrics_count_the_batches_of_both(pair, source, make_config):
    lines = [json.loads(line) for line in (pair / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 12]
    schedule = Schedule(0, make_config().options.ratio, source.counts)
    seen = [schedule.at(k).factor for k in range(12)]
    for line, first in zip(lines, (0, 4, 8), strict=True):
        assert line["batches"] == {
            name: seen[first : first + 4].count(name) for name in sorted({*seen[first : first + 4]})
        }


def test_two_processes_that_resume_end_as_two_that_never_stopped(pair, tmp_path):
    two_processes(tmp_path / "run", 6)
    two_processes(tmp_path / "run", 12)
    once, twice = (load_run(run).network.state_dict() for run in (pair, tmp_path / "run"))
    assert all(torch.equal(once[name], twice[name]) for name in once)


def test_the_number_of_processes_is_the_configurations(make_config, source, tmp_path):
    with pytest.raises(ConfigError, match="is for 2 processes; torchrun started 1"):
        train(make_config(ranks=2), source, tmp_path / "run", tensorboard=False)
    with pytest.raises(ConfigError, match="a multiple of the 5 processes"):
        make_config(ranks=5)
