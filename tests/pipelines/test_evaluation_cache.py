"""The key of a cached number holds the hash of every module of ours that computes it."""

import shutil
import sys
import threading
from pathlib import Path

import pytest

from pipelines.evaluation import cache
from pipelines.evaluation.recognition import recognise
from pipelines.evaluation.record import record
from pipelines.evaluation.run_evaluation import open_evaluation
from train.runs.code_hash import PACKAGES, closure

ROOT = Path(__file__).parents[2]


@pytest.fixture
def executed(monkeypatch):
    """Computing module to the modules of ours that execute while its numbers are computed."""
    found = {}
    original = cache.cached

    def recording(folder, kind, key, make, module):
        def profiled():
            files = set()

            def note(frame, event, _arg):
                if event == "call":
                    files.add(frame.f_code.co_filename)

            before = sys.getprofile()
            threading.setprofile(note)
            sys.setprofile(note)
            try:
                return make()
            finally:
                sys.setprofile(before)
                threading.setprofile(before)
                found.setdefault(module, set()).update(ours(files))

        return original(folder, kind, key, profiled, module)

    for size in ("FIT", "JUDGE"):
        monkeypatch.setattr(f"pipelines.evaluation.metrics.disentanglement.fitted.{size}", 60)
    for module in ("cache", "run_evaluation", "analogies", "independent"):
        monkeypatch.setattr(f"pipelines.evaluation.{module}.cached", recording)
    return found


def ours(files):
    """Names of the modules of our packages among source files."""
    for path in map(Path, files):
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES:
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_module_that_executes_is_in_the_hash(toy, tmp_path, executed):
    shutil.copytree(toy / "run", tmp_path / "run", ignore=shutil.ignore_patterns("measured"))
    evaluation = open_evaluation(tmp_path / "run", str(toy / "sweeps.zarr"), "cpu")
    recognised = recognise(evaluation, None, 96, None, resamples=3)
    record(evaluation, None, recognised, resamples=3)
    assert executed.keys() == {
        "pipelines.evaluation.analogies",
        "pipelines.evaluation.independent",
        "pipelines.evaluation.recognition",
        "pipelines.evaluation.record",
        "pipelines.evaluation.run_evaluation",
        "pipelines.evaluation.scores",
    }
    for module, computed in executed.items():
        assert computed <= set(closure(module)), module
    every = set.union(*executed.values())
    assert {
        "train.networks.authors",
        "render.cpu.renderer",
        "dataset.store",
        "pipelines.evaluation.metrics.disentanglement.blocks",
        "pipelines.evaluation.metrics.disentanglement.fitted",
        "pipelines.evaluation.metrics.image_errors",
    } <= every
