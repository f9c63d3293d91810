"""Meshes kept on disk and in memory: round trips, damage, bounds, threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from render.meshes.cache import load, nbytes, save
from render.meshes.conversion import cache_path
from render.meshes.library import MeshLibrary
from render.testing import poster, sphere, square


@pytest.fixture
def meshes():
    picture = np.random.Generator(np.random.Philox(0)).integers(0, 256, (37, 21, 4), dtype=np.uint8)
    ball = sphere()
    return {
        "plain": ball,
        "labelled": replace(ball, region=np.ones(len(ball.positions), np.uint8)),
        "textured": poster(square(1.0), picture, wrap=("mirror", "clamp"), cut=0.3),
    }


def arrays(mesh):
    own = {k: getattr(mesh, k) for k in ("positions", "normals", "albedo", "triangles", "region")}
    if mesh.skin is not None:
        own |= {"uv": mesh.skin.uv, "index": mesh.skin.index} | vars(mesh.skin.textures)
    return {name: array for name, array in own.items() if array is not None}


@pytest.mark.parametrize("kind", ["plain", "labelled", "textured"])
def test_what_is_saved_comes_back(meshes, kind, tmp_path):
    mesh = meshes[kind]
    assert save(mesh, tmp_path / "deep" / "m.bin")
    again = load(tmp_path / "deep" / "m.bin")
    assert again.two_sided == mesh.two_sided
    assert arrays(again).keys() == arrays(mesh).keys()
    for name, array in arrays(mesh).items():
        assert arrays(again)[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays(again)[name], array)
    assert nbytes(again) == sum(array.nbytes for array in arrays(mesh).values())
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["m.bin"]


def test_a_damaged_file_is_none(meshes, tmp_path):
    path = tmp_path / "m.bin"
    save(meshes["textured"], path)
    data = path.read_bytes()
    rng = np.random.Generator(np.random.Philox(1))
    for length in (0, 5, 13, 40, len(data) // 2, len(data) - 64):
        path.write_bytes(data[:length])
        assert load(path) is None
    for _ in range(200):
        at = int(rng.integers(len(data)))
        broken = bytearray(data)
        broken[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(broken))
        found = load(path)
        # Padding means nothing; any other bit is noticed.
        assert found is None or all(np.array_equal(arrays(found)[k], v) for k, v in arrays(meshes["textured"]).items())
    assert load(tmp_path / "absent.bin") is None


def test_a_place_that_cannot_be_written_is_no_error(meshes, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert not save(meshes["plain"], tmp_path / "file" / "m.bin")


def test_a_library_keeps_those_asked_for_last(meshes):
    made = []

    def make(name):
        made.append(name)
        return replace(meshes["plain"], two_sided=name % 2 == 0)

    size = nbytes(meshes["plain"])
    library = MeshLibrary(make, 3 * size)
    for name in (0, 1, 2, 0, 3):  # 1 is now the oldest, and there is room for three
        assert library(name).two_sided == (name % 2 == 0)
    assert library.held_bytes == 3 * size
    library(0), library(2), library(3)
    assert made == [0, 1, 2, 3]
    library(1)
    assert made == [0, 1, 2, 3, 1]
    tiny = MeshLibrary(make, 1)
    assert tiny(5) is tiny(5)


def test_threads_make_a_mesh_once(meshes):
    made, gate = [], threading.Barrier(4)

    def make(name):
        made.append(name)
        return meshes["plain"]

    library = MeshLibrary(make, 1 << 30)

    def ask(k):
        gate.wait()
        return library(k % 2)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert sorted(made) == [0, 1]
    assert all(mesh is meshes["plain"] for mesh in found)


def test_what_cannot_be_made_may_be_asked_for_again(meshes):
    answers = iter([OSError("gone"), meshes["plain"]])

    def make(_):
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    library = MeshLibrary(make, 1 << 30)
    with pytest.raises(OSError, match="gone"):
        library("chair")
    assert library("chair") is meshes["plain"]


def test_what_another_pillow_has_converted_is_converted_anew(monkeypatch):
    """It decodes and reduces textures, and its versions differ in the last bits."""
    before = cache_path({"a.obj": "1"}, "+y", "+z")
    assert cache_path({"moved.obj": "1"}, "+y", "+z") == before
    monkeypatch.setattr("PIL.__version__", "0.1")
    assert cache_path({"a.obj": "1"}, "+y", "+z") != before
