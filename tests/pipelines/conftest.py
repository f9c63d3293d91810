"""The command line called as a user calls it, in this process."""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.console.cli import load, main

# With 4 maps the encoder ends in one, which the initial weights of seed 0 leave dead.
TINY = ("--maps", 8, "--latents", 8, "--precision", "float32")


@pytest.fixture(scope="session", autouse=True)
def _quick(few_scored_images):
    """Every evaluation here scores few images."""


@dataclass
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def dcign(monkeypatch, capsys):
    """Call `dcign ...`; exit code, output and errors come back."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["dcign", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def refused(dcign):
    """Call something that must fail: one line on standard error, no traceback."""

    def call(*arguments, code=1):
        said = dcign(*arguments)
        assert said.code == code, said
        assert "Traceback" not in said.err
        return said.err

    return call


@pytest.fixture
def array_files():
    """Hash of every array file of a store, read without zarr: everything but the log of runs."""

    def of(root):
        files = [p for p in Path(root).rglob("*") if p.is_file() and p.name != "runs.jsonl"]
        return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    return of


@pytest.fixture(scope="session")
def toy(made_once):
    """A small store of every factor, sweeps that go with it, and a run of a tiny network."""
    return made_once("toy", make_toy)


def make_toy(home):
    steps = (
        ["render-batches", "--store", home / "faces.zarr", "--factor", "all", "--n", 6, "--size", 48, "--samples", 1],
        ["render-sweeps", "--store", home / "sweeps.zarr", "--like", home / "faces.zarr", "--identities", 3],
        ["train-dcign", "--store", home / "faces.zarr", "--run", home / "run", *TINY, "--batches", 12],
    )
    for step in steps:
        load(step[0]).main([str(word) for word in step[1:]], standalone_mode=False)
