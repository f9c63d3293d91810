"""Where the meshes of a collection are, what its layout says, and what the shape suggests where it says nothing."""

import json
import os
import re
from pathlib import PurePosixPath

import numpy as np
import pytest

from render.errors import MeshError
from render.meshes.axes import AXES, turned
from render.meshes.guess import guess_axes, surface_points
from render.meshes.layouts import find_meshes
from render.meshes.parts import Part, RawMesh

ONE, TWO = "9d4e78155373e991511188848f34cee8", "a0c36c47a630ca9d18005ea064ebf072"


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("v 0 0 0\n")


def listed(folder, **options):
    return {str(mesh.path): mesh for mesh in find_meshes(folder, **options)}


def test_shapenet(tmp_path):
    first, second = f"v1/03001627/{ONE}/model.obj", f"v2/02871439/{TWO}/models/model_normalized.obj"
    make(tmp_path, first, second, f"v2/03001627/{ONE}/models/model_normalized.mtl", f"v2/02871439/{ONE}/notes.txt")
    found = listed(tmp_path)
    assert list(found) == [first, second]
    one, two = found.values()
    assert (one.layout, one.id, one.up, one.front, one.category) == ("ShapeNetCore v1", ONE, "+y", "+x", "chair")
    assert (two.layout, two.id, two.up, two.front, two.category) == ("ShapeNetCore v2", TWO, "+y", "-z", "02871439")
    assert {one.up_by, one.front_by, two.up_by, two.front_by} == {"layout"}
    # A part of a collection is known by the folders above it.
    assert find_meshes(tmp_path / "v1" / "03001627")[0].layout == "ShapeNetCore v1"
    assert find_meshes(tmp_path / "v2" / "02871439" / TWO / "models")[0].id == TWO


def test_modelnet_has_a_split_of_its_own(tmp_path):
    names = ["ModelNet40/night_stand/test/night_stand_0201.off", "ModelNet40/night_stand/train/night_stand_0001.off"]
    make(tmp_path, *names, "ModelNet40/chair/train/other.off")
    test, train, other = (listed(tmp_path)[name] for name in (*names, "ModelNet40/chair/train/other.off"))
    assert (test.split, train.split, other.split) == ("test", "train", None)
    assert (test.layout, test.id, test.category) == ("ModelNet", "night_stand_0201", "night_stand")
    assert (test.up, test.up_by, test.front, test.front_by) == ("+z", "layout", None, "guess")
    assert other.layout == "folder"


def test_future_is_listed_by_its_index(tmp_path):
    kinds = {
        "a": ("Chair", "Dining Chair"),
        "b": ("Sofa", "Three-seat Sofa"),
        "c": ("Cabinet", "Wardrobe"),
        "d": ("", None),
    }
    kinds |= {"e": (None, "Barstool")}
    index = [{"model_id": name, "super-category": top, "category": sub} for name, (top, sub) in kinds.items()]
    for name in (*kinds, "unknown"):
        make(tmp_path, f"{name}/raw_model.obj", f"{name}/normalized_model.obj", f"{name}/image.jpg")
    (tmp_path / "e" / "normalized_model.obj").unlink()
    (tmp_path / "model_info.json").write_text(json.dumps(index))
    found = listed(tmp_path)
    assert list(found) == ["a/normalized_model.obj", "b/normalized_model.obj", "e/raw_model.obj"]
    chair = found["a/normalized_model.obj"]
    assert (chair.layout, chair.id, chair.up, chair.front) == ("3D-FUTURE", "a", "+y", None)
    assert chair.category == "Chair / Dining Chair"


@pytest.mark.parametrize("index", [None, "", "{", "[1]", "{}", '[{"category": 1}]', "null", "[" * 100_000])
def test_without_its_index_future_is_a_plain_folder(tmp_path, index):
    make(tmp_path, "a/raw_model.obj", "a/normalized_model.obj")
    if index is not None:
        (tmp_path / "model_info.json").write_text(index)
    assert [mesh.layout for mesh in find_meshes(tmp_path)] == ["folder"] * 2


def test_a_plain_folder(tmp_path):
    names = ["B.STL", "a.ply", "sub/deep/c.off", "sub/d.glb", "sub/e.gltf"]
    make(tmp_path, *names, "sub/e.bin", "texture.png", "noise.obj.txt")
    found = listed(tmp_path)
    assert list(found) == sorted(names, key=lambda name: PurePosixPath(name).parts)
    assert [mesh.id for mesh in found.values()] == [name.rpartition(".")[0] for name in found]
    assert (found["a.ply"].up, found["a.ply"].up_by, found["a.ply"].front_by) == (None, "guess", "guess")
    gltf = found["sub/d.glb"]
    assert (gltf.up, gltf.front, gltf.up_by, gltf.front_by, gltf.layout) == ("+y", "+z", "format", "format", "glTF")


def test_options_hold_for_every_file(tmp_path):
    make(tmp_path, "a.ply", "b.glb", f"03001627/{ONE}/model.obj")
    for mesh in find_meshes(tmp_path, up="Z", front="-y"):
        assert (mesh.up, mesh.front, mesh.up_by, mesh.front_by) == ("+z", "-y", "option", "option")
    # What the format calls front lies along the axis that is said to be up.
    found = listed(tmp_path, up="z")
    assert (found["b.glb"].up, found["b.glb"].front, found["b.glb"].front_by) == ("+z", None, "guess")
    assert found[f"03001627/{ONE}/model.obj"].front == "+x"
    with pytest.raises(MeshError, match="is not an axis"):
        find_meshes(tmp_path, up="north")


def test_what_is_passed_over(tmp_path):
    make(tmp_path, "a.obj", ".hidden/b.obj", "sub/.b.obj", "__MACOSX/sub/c.obj", "sub/__MACOSX/._d.obj", "sub/e.obj")
    (tmp_path / "gone.obj").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder.obj").mkdir()
    os.mkfifo(tmp_path / "pipe.obj")
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "alias.obj").symlink_to(tmp_path / "sub" / "e.obj")
    assert list(listed(tmp_path)) == ["a.obj", "alias.obj", "sub/e.obj"]
    with pytest.raises(MeshError, match="there is no folder"):
        find_meshes(tmp_path / "nothing")
    assert find_meshes(tmp_path / "folder.obj") == []


def test_a_file_in_place_of_a_folder_is_said_to_be_one(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0")
    said = re.escape(f"a.obj is a file; expected a folder of meshes, such as the one it is in: {tmp_path}")
    with pytest.raises(MeshError, match=said):
        find_meshes(tmp_path / "a.obj")


def test_a_folder_that_cannot_be_opened_does_not_stop_the_listing(tmp_path, monkeypatch):
    make(tmp_path, "a.obj", "closed/b.obj", "c/d.obj")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert list(listed(tmp_path)) == ["a.obj", "c/d.obj"]


def test_the_order_does_not_depend_on_the_file_system(tmp_path, monkeypatch):
    make(tmp_path, *(f"{a}/{b}.obj" for a in "zab" for b in "yxc"))
    plain = list(listed(tmp_path))
    walk = os.walk

    def backwards(top, *more, **options):
        for name, folders, files in walk(top, *more, **options):
            folders.sort(reverse=True)
            yield name, folders, sorted(files, reverse=True)

    monkeypatch.setattr(os, "walk", backwards)
    assert list(listed(tmp_path)) == plain == sorted(plain)


def test_licences(tmp_path):
    make(
        tmp_path, "a/b/c.obj", "a/d/e.obj", "f/g.obj", "h/i.obj", "j.obj", "a/LICENSE.txt", "a/d/COPYING", "h/readme.md"
    )
    (tmp_path / "f" / "README.md").write_text("These are CC0 (licence: see https://example.org).")
    found = {path: str(mesh.licence) for path, mesh in listed(tmp_path).items()}
    assert found == {
        "a/b/c.obj": "a/LICENSE.txt",
        "a/d/e.obj": "a/d/COPYING",
        "f/g.obj": "f/README.md",
        "h/i.obj": "None",
        "j.obj": "None",
    }
    (tmp_path / "Licence").touch()
    assert str(listed(tmp_path)["h/i.obj"].licence) == "Licence"


def chair(back=True):
    """Four legs, a seat and a back, +y up and +z front, 1 x 2 x 0.9 (without back 1 x 1 x 0.9)."""
    corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    sides = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    triangles = np.concatenate([sides[:, [0, 1, 2]], sides[:, [0, 2, 3]]])
    boxes = [((x, 0, z), (x + 0.08, 0.9, z + 0.08)) for x in (0.01, 0.9) for z in (0.01, 0.8)]
    boxes += [((0, 0.9, 0), (1, 1, 0.9))] + [((0, 1, 0), (1, 2, 0.07))] * back
    positions = np.concatenate([corners * np.subtract(high, low) + low for low, high in boxes])
    return positions, np.concatenate([triangles + 8 * k for k in range(len(boxes))]).astype(np.int32)


PAIRS = [(up, front) for up in AXES for front in AXES if up[1] != front[1]]


@pytest.mark.parametrize(("up", "front"), PAIRS)
def test_a_chair_is_guessed_in_all_axes(up, front):
    positions, triangles = chair()
    part = Part(positions @ turned(np.eye(3), up, front).T * 40 + 7, triangles)
    assert guess_axes(RawMesh((part,))) == (up, front)
    assert guess_axes(RawMesh((part,)), up) == (up, front)


@pytest.mark.parametrize("up", ["+y", "-y", "+z", "-z", "+x", "-x"])
def test_a_stool_has_no_front(up):
    positions, triangles = chair(back=False)
    frame = turned(np.eye(3), up, "+z" if up[1] != "z" else "+y")
    assert guess_axes(RawMesh((Part(positions @ frame.T, triangles),))) == (up, None)


ODD = {
    "a line": [(0, 0, 0), (1, 0, 0), (2, 0, 0)],
    "a point": [(5, 5, 5)] * 3,
    "a triangle": [(0, 0, 0), (1, 0, 0), (0, 1, 0)],
    "far apart": [(1e29, 0, 0), (-1e29, 0, 0), (0, 1e-9, 1)],
    "tiny": [(1e-200, 0, 0), (0, 1e-200, 0), (0, 0, 1e-200)],
}


@pytest.mark.parametrize("kind", ODD)
def test_what_has_no_axes_is_guessed_all_the_same(kind):
    part = Part(np.array(ODD[kind], float), np.array([[0, 1, 2]], np.int32))
    guess = guess_axes(RawMesh((part,)))
    assert guess.up in AXES
    assert guess.front is None or guess.front[1] != guess.up[1]


def test_points_lie_on_the_surface_by_its_area():
    positions, triangles = chair()
    half = len(triangles) // 2
    whole = (Part(positions, triangles[:half]), Part(positions, triangles[half:]))
    points = surface_points(RawMesh(whole))
    scale = 2.0  # the largest side becomes 1
    in_back = (points[:, 1] * scale > 1.001) & (points[:, 1] * scale < 1.999)
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    assert in_back.mean() == pytest.approx(2 * (1 + 0.07) / area, abs=0.003)
