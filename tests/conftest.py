"""Fixtures that several directories share."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from render import frame_head, open_model

# Shells start what runs in the background with interrupts ignored, and children inherit that: the tests that interrupt
# would wait for nothing.
signal.signal(signal.SIGINT, signal.default_int_handler)

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
