"""Fixtures that several directories share."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from render import frame_head, open_model

# Several workers share the cores: threads of one would wait for those of the others. Set before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Shells start what runs in the background with interrupts ignored, and children inherit that: the tests that interrupt
# would wait for nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

WARM_UP = (
    ("--color", "rgb", "--channels", "mask,depth,normal,albedo,shading,region,landmarks"),
    ("--subject", "chair", "--channels", "mask,depth"),
)
"""Options of two small renderings that compile all kernels and build the head."""


def pytest_configure(config):
    """Before several workers start: compile the kernels once, instead of once in each of them."""
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        return
    small = ("--factor", "intrinsic", "--n", "1", "--batch-size", "2", "--size", "32", "--pool", "2", "--workers", "1")
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            [sys.executable, "-m", "pipelines", "render-batches", "--store", f"{folder}/{k}.zarr", *small, *options]
            for k, options in enumerate(WARM_UP)
        ]
        processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
        for process in processes:
            process.wait()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """`made_once(name, make)` gives a folder of this worker's own with the files of `make(folder)`.

    The first worker that comes makes the files, and all get a copy, so that none sees another's changes.
    """
    own = tmp_path_factory.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def get(name, make):
        original = common / f"{name}-original"
        with FileLock(f"{original}.lock"):
            if not original.exists():
                begun = common / f"{name}-begun"
                shutil.rmtree(begun, ignore_errors=True)
                begun.mkdir()
                make(begun)
                begun.rename(original)
        return Path(shutil.copytree(original, tmp_path_factory.mktemp(name) / name))

    return get


@pytest.fixture(scope="session")
def few_scored_images():
    """Disentanglement scores by default on fewer images, with fewer trees, than users score: those take long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.evaluation.independent.IMAGES", 300)
        patch.setitem(importlib.import_module("pipelines.evaluation.metrics.disentanglement.dci").TREES, "max_iter", 10)
        yield


SHARED_FACES = Path(__file__).parents[2] / "shared" / "data" / "faces"


@pytest.fixture(scope="session")
def missing():
    """Say that something is not there: skip, or fail under DCIGN_NO_SKIP, which CI sets after installing everything."""
    return lambda what: (pytest.fail if os.environ.get("DCIGN_NO_SKIP") else pytest.skip)(f"needs {what}")


@pytest.fixture(scope="session")
def another_processor():
    """Environment of a process in which numpy and OpenBLAS use none of the newer vector instructions that are here."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(found), "OPENBLAS_CORETYPE": "Nehalem"}


@pytest.fixture(scope="session")
def head():
    return open_model("procedural")


@pytest.fixture(scope="session")
def head_camera(head):
    return frame_head(head.mean, head.chin, 64, (-86, 0, 86), (-23, 0, 23))


@pytest.fixture(scope="session")
def ict_path():
    """A licensed model that is not part of the project: tests that use it skip where it is not at hand."""
    path = SHARED_FACES / "ict_bfm2017_layout.h5"
    if not path.exists():
        pytest.skip(f"needs a real face model beside the checkout ({path.name})")
    return path


@pytest.fixture(scope="session")
def real_head(ict_path):
    return open_model(str(ict_path))
