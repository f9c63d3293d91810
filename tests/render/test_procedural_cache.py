"""Tests of the built-in head's cache: stored once, broken files rebuilt, and the same bytes on every machine."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import render
from render.content.head import cache, procedural
from render.models import bfm2017, open_model
from render.models.save import save_bfm2017
from render.morphable import Block, MorphableModel


def small():
    """A model of one triangle."""
    rng = np.random.Generator(np.random.Philox(1))

    def block():
        basis = np.linalg.qr(rng.standard_normal((9, 2)))[0].T.reshape(2, 3, 3)
        return Block(rng.random((3, 3)).astype("f4"), np.ascontiguousarray(basis, "f4"), np.float32([2, 1]))

    blocks = {"shape": block(), "albedo": block()}
    triangles = np.int32([[0, 1, 2]])
    return MorphableModel("small", blocks, triangles, "mm", {"a": 1}, np.uint8([1, 1, 2]), ("background", "x", "y"))


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dcign"


def builder(calls):
    def build():
        calls.append(1)
        return small()

    return build


def test_it_is_built_once_and_loads_complete(home):
    calls = []
    first, second = cache.cached(builder(calls)), cache.cached(builder(calls))
    assert len(calls) == 1
    assert second.sha256 == first.sha256
    assert (second.landmarks, second.region_names, second.unit) == (first.landmarks, first.region_names, "mm")
    np.testing.assert_array_equal(second.regions, first.regions)
    assert [p.suffix for p in home.iterdir()] == [".bin"]  # and nothing temporary beside it


@pytest.mark.parametrize("harm", ["flip", "cut", "grow", "empty", "text"])
def test_a_corrupt_cache_is_noticed_and_rebuilt(home, harm):
    calls = []
    wanted = cache.cached(builder(calls)).sha256
    (path,) = home.iterdir()
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(
        {
            "flip": bytes(data),
            "cut": path.read_bytes()[:-1],
            "grow": path.read_bytes() + b"x",
            "empty": b"",
            "text": cache.MAGIC + b"[]\n",
        }[harm]
    )
    assert cache.cached(builder(calls)).sha256 == wanted
    assert len(calls) == 2
    cache.cached(builder(calls))
    assert len(calls) == 2  # the rebuilt one is good


def test_an_unwritable_cache_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    calls = []
    cache.cached(builder(calls))
    cache.cached(builder(calls))
    assert len(calls) == 2


def test_old_versions_are_swept(home):
    home.mkdir()
    for k in range(4):
        (home / f"head-{k}.bin").write_bytes(b"old")
        os.utime(home / f"head-{k}.bin", (k, k))
    cache.cached(builder([]))
    assert sorted(p.name for p in home.glob("head-?.bin")) == ["head-3.bin"]


def test_open_model_gives_the_same_object():
    assert open_model("procedural") is procedural()


def test_saved_as_basel_model_it_reads_back_bit_for_bit(tmp_path):
    model = procedural()
    save_bfm2017(model, tmp_path / "head.h5")
    back = bfm2017.read(tmp_path / "head.h5")
    assert back.sha256 == model.sha256
    assert back.landmarks == dict(model.landmarks)
    assert back.unit == model.unit
    assert not back.notes
    assert [p.name for p in tmp_path.iterdir()] == ["head.h5"]


BUILD = """
import sys
from render.content.head import cache
from render.content.head.model import build_head
model = build_head()
sys.stdout.write(cache._hash(cache._arrays(model)) + str(sorted(model.landmarks.items())))
"""


def test_other_code_generation_and_blas_build_the_same_bytes(another_processor):
    """In separate processes, where numba and OpenBLAS use other instructions than here."""
    settings = (
        {"NUMBA_CPU_NAME": "generic", **another_processor},
        {"OPENBLAS_CORETYPE": "Haswell"},
    )
    root = str(Path(render.__file__).parents[1])
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", BUILD],
            env={**os.environ, "PYTHONPATH": root, **extra},
            stdout=subprocess.PIPE,
            text=True,
        )
        for extra in settings
    ]
    here = procedural()
    wanted = cache._hash(cache._arrays(here)) + str(sorted(here.landmarks.items()))
    for process in processes:
        out, _ = process.communicate(timeout=200)
        assert out == wanted
