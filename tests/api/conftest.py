"""A small store of every factor, its sweeps, and a run of a tiny network, by the public API and the commands."""

from dataclasses import dataclass
from pathlib import Path

import pytest

import dcign
from pipelines.console.cli import load


@pytest.fixture(scope="session", autouse=True)
def _quick(few_scored_images):
    """Every evaluation here scores few images."""


@dataclass(frozen=True)
class Home:
    """Paths of what is on disk, and the run."""

    faces: Path
    sweeps: Path
    run: dcign.Run


def call(verb, *words):
    """Call one of our commands in this process."""
    load(verb).main([str(word) for word in words], standalone_mode=False)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    faces, sweeps = folder / "faces.zarr", folder / "sweeps.zarr"
    channels = ("--channels", "mask,depth")
    call("render-batches", "--store", faces, "--factor", "all", "--n", 4, "--size", 48, "--seed", 7, *channels)
    call("render-sweeps", "--store", sweeps, "--like", faces, "--identities", 3)
    run = dcign.fit(faces, folder / "run", preset="quick", batches=4, maps=8, latents=8, precision="float32")
    return Home(faces, sweeps, run)


@pytest.fixture(scope="session")
def pretrained():
    """The network that comes with the package, with its calibration."""
    return dcign.load_run(device="cpu")


@pytest.fixture(scope="session")
def model():
    return dcign.open_model("procedural")
