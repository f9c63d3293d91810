"""A new network is one file and one line: here one is added, trained, resumed, exported, evaluated and explored."""

import importlib
import json
from dataclasses import dataclass

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

import pipelines.commands.train_dcign
from dataset.store import open_store
from pipelines.console.cli import load
from pipelines.evaluation.calibration import calibrations_of
from pipelines.explorer.engine import Engine
from render import open_model
from train.json_fields import option
from train.networks import NETWORKS
from train.networks.interface import Network
from train.runs.trained_run import load_run


@dataclass(frozen=True)
class LinearOptions:
    """Options of the toy network."""

    hidden: int = option("Hidden units of encoder and decoder.", low=1, default=16)

    @property
    def summary(self):
        return f"linear of {self.hidden}"


class LinearNetwork(Network):
    """Two linear layers to the code, two back: everything that the one file of a new network holds."""

    name = "linear"
    Options = LinearOptions

    def __init__(self, shape, options, seed, precision="float32", *, plain=False):
        super().__init__(shape, precision, plain=plain)
        pixels = shape.side**2 * shape.channels
        generator = torch.Generator().manual_seed(seed)
        self.first, self.heads = nn.Linear(pixels, options.hidden), nn.Linear(options.hidden, 2 * shape.latents)
        self.expand, self.last = nn.Linear(shape.latents, options.hidden), nn.Linear(options.hidden, pixels)
        for parameter in self.parameters():
            with torch.no_grad():
                parameter.normal_(0, 0.05, generator=generator)

    def encode(self, images):
        x = torch.relu(self.first(self.targets(images).flatten(1)))
        return self.heads(x).chunk(2, dim=1)

    def decode_logits(self, code):
        self.check_code(code)
        side = self.shape.side
        return self.last(torch.relu(self.expand(code))).view(-1, self.shape.channels, side, side)


@pytest.fixture
def network(monkeypatch):
    """The one line; the command reads the options of all networks when it is imported."""
    with monkeypatch.context() as patch:
        patch.setitem(NETWORKS, "linear", LinearNetwork)
        importlib.reload(pipelines.commands.train_dcign)
        yield LinearNetwork
    importlib.reload(pipelines.commands.train_dcign)


def test_it_is_trained_resumed_exported_evaluated_and_explored(network, toy, dcign, tmp_path):
    assert "--hidden" in dcign("train-dcign", "--help").out
    store, run = toy / "faces.zarr", tmp_path / "run"
    train = ("train-dcign", "--store", store, "--run", run, "--network", "linear", "--latents", 8, "--hidden", 12)
    said = dcign(*train, "--batches", 6)
    assert said.code == 0, said.err
    assert "linear of 12" in said.err
    assert dcign(*train, "--batches", 12).code == 0
    config = json.loads((run / "config.json").read_text())["config"]
    assert (config["network"], config["hidden"]) == ("linear", 12)
    assert "maps" not in config

    whole = tmp_path / "whole"
    assert dcign(*train[:4], whole, *train[5:], "--batches", 12).code == 0
    resumed, uninterrupted = (load_run(path).network.state_dict() for path in (run, whole))
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)

    assert dcign("export-dcign", "--run", run, "--out", tmp_path / "export").code == 0
    images = open_store(store).read("train", "light", 0)["image"]
    session = onnxruntime.InferenceSession(tmp_path / "export/encoder.onnx", providers=["CPUExecutionProvider"])
    mu = session.run(None, {"images": images})[0]
    np.testing.assert_allclose(mu, load_run(run).encode(images), atol=1e-4)

    sweeps = toy / "sweeps.zarr"
    assert dcign("plot-equivariance", "--run", run, "--sweeps", sweeps, "--out", tmp_path / "e.png").code == 0
    trained = load_run(run)
    engine = Engine(trained, calibrations_of(run, trained, str(sweeps)), open_model("procedural"))
    facts = engine.facts("server")
    assert [factor["name"] for factor in facts["factors"]] == ["azimuth", "elevation", "light"]
    assert engine.decode(engine.encode(images)).shape == images.shape


def test_options_of_another_network_are_refused(network, toy, refused, tmp_path):
    said = refused(
        "train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", "--network", "linear", "--maps", 8
    )
    assert "unknown option: maps" in said
    assert load("train-dcign") is not None


@pytest.mark.parametrize(
    ("first", "second", "differences"),
    [
        (("authors", "--maps", 8), ("linear",), ("maps was 8, now absent", "hidden was absent, now 16")),
        (("linear",), ("authors", "--maps", 8), ("hidden was 16, now absent", "maps was absent, now 8")),
    ],
)
def test_a_run_of_another_network_is_not_resumed(network, toy, dcign, refused, tmp_path, first, second, differences):
    train = ("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "run", "--batches", 2, "--latents", 8)
    assert dcign(*train, "--network", *first).code == 0
    before = (tmp_path / "run/config.json").read_bytes()
    said = refused(*train, "--network", *second).strip().splitlines()[-1]
    assert "holds another run" in said
    assert all(part in said for part in (f"network was {first[0]}, now {second[0]}", *differences))
    assert (tmp_path / "run/config.json").read_bytes() == before
