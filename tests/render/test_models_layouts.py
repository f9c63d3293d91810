"""One small head, written by this file to the specification of every layout: each reader gives the same head back."""

import importlib
import json
import pickle
import struct
import sys
import types
from dataclasses import dataclass
from typing import ClassVar

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from render import CpuRenderer, SceneBatch, frame_head, open_model
from render.models import READERS, identify

K, E = 5, 2
GIVEN = np.array([[0, 0, 0, 0, 0], [1, -2, 0.5, 0.25, -1], [-0.3, 0.1, 2, -1, 1]], np.float32)


def rng(key):
    return np.random.Generator(np.random.Philox(key))


@dataclass
class Head:
    """The truth in float64: millimetres, colours 0..1, orthonormal columns (3V, K), triangles seen from outside."""

    mean: np.ndarray
    basis: np.ndarray
    sd: np.ndarray
    colour: np.ndarray
    colour_basis: np.ndarray
    colour_sd: np.ndarray
    expression_mean: np.ndarray
    expression: np.ndarray
    quads: np.ndarray
    triangles: np.ndarray

    def vertices(self, a):
        return self.mean + ((a * self.sd) @ self.basis.T).reshape(len(a), -1, 3)

    def colours(self, a):
        return np.clip(self.colour + ((a * self.colour_sd) @ self.colour_basis.T).reshape(len(a), -1, 3), 0, 1)


@pytest.fixture(scope="module")
def head():
    rows, columns = 14, 20
    up, around = np.meshgrid(np.linspace(-1.5, 1.5, rows), np.arange(columns) * 2 * np.pi / columns, indexing="ij")
    direction = np.stack([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)], -1).reshape(-1, 3)
    mean = direction * [75, 120, 95]
    mean[:, 2] += 25 * np.exp(-8 * ((direction - [0, 0, 1]) ** 2).sum(1))  # a nose
    grid = np.arange(rows * columns).reshape(rows, columns)
    quads = np.stack([grid[:-1], np.roll(grid, -1, 1)[:-1], np.roll(grid, -1, 1)[1:], grid[1:]], -1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    random = rng(1)

    def columns_of(k):
        return np.linalg.qr(random.standard_normal((mean.size, k)))[0]

    return Head(
        mean,
        columns_of(K),
        np.array([90.0, 60, 30, 10, 0.5]),
        random.uniform(0.3, 0.8, mean.shape),
        columns_of(K),
        np.array([3.0, 2, 1, 0.5, 0.1]),
        random.standard_normal(mean.shape),
        columns_of(E) * [20, 10],
        quads,
        triangles,
    )


def write_bfm2017(path, head, *, writer="scala", version=(0, 9), legacy=False, cells="i4", colours=1.0, marks="json"):
    reference = head.mean + rng(2).standard_normal(head.mean.shape)
    scala = writer == "scala"

    def text(value):
        value = value.encode() + (b"" if scala else b"\0")
        return np.array([value]) if scala else np.bytes_(value)

    with h5py.File(path, "w") as file:
        for name, mean, basis, sd in (
            ("shape", head.mean, head.basis, head.sd),
            ("color", head.colour * colours, head.colour_basis, head.colour_sd * colours),
            ("expression", head.expression_mean, np.linalg.qr(head.expression)[0], np.array([20.0, 10])),
        ):
            group = file.create_group(name)
            scaled = basis * sd if version is None or version < (0, 9) else basis
            group["model/mean"] = mean.reshape(-1).astype("f4")
            group["model/pcaBasis"] = scaled.astype("f4")
            group["model/pcaVariance"] = (sd**2).astype("f4")
            group["model/noiseVariance"] = np.zeros(1 if scala else (), "f4")
            if legacy:
                group["representer/reference-mesh/vertex-coordinates"] = reference.astype("f4")
                group["representer/reference-mesh/triangle-list"] = head.triangles.astype(cells)
            else:
                group["representer/points"] = reference.T.astype("f4")
                group["representer/cells"] = head.triangles.T.astype(cells)
            if not scala:
                group["representer/length-unit"] = np.float32(0.001)
            file[f"catalog/MorphableModel.{name}/modelPath"] = text(f"//{name}")
            if version:
                group["version/majorVersion"] = np.array([version[0]] if scala else version[0], "i4")
                group["version/minorVersion"] = np.array([version[1]] if scala else version[1], "i4")
        at = {"center.nose.tip": 150, "left.eye.corner_outer": 125}
        listed = [{"id": name, "coordinates": reference[index].tolist()} for name, index in at.items()]
        if marks == "json":
            file["metadata/landmarks/json"] = text(json.dumps(listed))
        elif marks == "int8":
            file["metadata/landmarks/json"] = np.frombuffer(json.dumps(listed).encode() + b"\0", "i1")
        elif marks == "text":
            lines = "".join(f"{n} 1 {x} {y} {z}\n" for n, i in at.items() for x, y, z in [reference[i]])
            file["metadata/landmarks/text"] = text(lines)
    return at if marks else {}


def write_bfm2009(path, head, compressed=True, cells=np.float64):
    column = (-1, 1)
    arrays = {
        "shapeMU": (head.mean * 1000).reshape(column).astype("f4"),
        "shapePC": head.basis.astype("f4"),
        "shapeEV": (head.sd * 1000).reshape(column).astype("f4"),
        "texMU": (head.colour * 255).reshape(column).astype("f4"),
        "texPC": head.colour_basis.astype("f4"),
        "texEV": (head.colour_sd * 255).reshape(column).astype("f4"),
        "tl": (head.triangles[:, [1, 0, 2]] + 1).astype(cells),
        "segbin": np.zeros((len(head.mean), 4)),
    }
    scipy.io.savemat(path, arrays, do_compression=compressed)


def write_lsfm(path, head):
    arrays = {
        "components": head.basis,
        "eigenvalues": head.sd**2,
        "mean": head.mean.reshape(-1),
        "trilist": head.triangles,
        "n_training_samples": 9663,
    }
    scipy.io.savemat(path, arrays)


def flame_arrays(head):
    """Metres, identity padded with zero directions to 300, then expression; sigma folded in."""
    directions = np.zeros((*head.mean.shape, 300 + E))
    directions[..., :K] = (head.basis * head.sd).reshape(*head.mean.shape, K) / 1000
    directions[..., 300:] = head.expression.reshape(*head.mean.shape, E) / 1000
    return {"v_template": head.mean / 1000, "f": head.triangles.astype("u4"), "shapedirs": directions}


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_string(self, data):
        self.write(b"T" + struct.pack("<i", len(data)) + data if self.proto else b"S" + repr(data)[1:].encode() + b"\n")
        self.memoize(data)

    dispatch[bytes] = save_string


def write_flame(path, head, protocol=2, python2=True):
    chumpy = type("Ch", (), {"__module__": "chumpy.ch"})
    module = types.ModuleType("chumpy.ch")
    module.Ch = chumpy
    directions = chumpy()
    directions.__dict__.update(x=flame_arrays(head)["shapedirs"], _dirty_vars=set(), _cached=None)
    regressor = scipy.sparse.csc_matrix(np.eye(5, len(head.mean)))
    content = flame_arrays(head) | {"shapedirs": directions, "J_regressor": regressor, "bs_style": "lbs"}
    content |= {"weights": np.ones((len(head.mean), 5)), "kintree_table": np.zeros((2, 5), "u4")}
    sys.modules |= {"chumpy": types.ModuleType("chumpy"), "chumpy.ch": module}
    try:
        with path.open("wb") as file:
            (Python2Pickler if python2 else pickle.Pickler)(file, protocol).dump(content)
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]
    if python2:  # the names of that time
        data = (
            path.read_bytes().replace(b"numpy._core", b"numpy.core").replace(b"scipy.sparse._csc", b"scipy.sparse.csc")
        )
        path.write_bytes(data)


def write_ict(folder, head, materials=True):
    """Centimetres; quads with corners `v/vt`, and a shell over all of it that must not be drawn."""
    folder.mkdir()
    shell = head.mean * 1.1
    faces = [f"f {' '.join(f'{i + 1}/1' for i in quad)}" for quad in head.quads]
    hidden = [f"f {' '.join(f'{i + 1 + len(head.mean)}/1' for i in quad)}" for quad in head.quads]

    def write(name, points):
        lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in np.concatenate([points, shell]) / 10]
        body = [
            "# licence",
            "",
            "mtllib a.mtl",
            *lines,
            "vt 0.5 0.5",
            "usemtl M_Face",
            *faces,
            "usemtl M_EyeBlend",
            *hidden,
        ]
        (folder / f"{name}.obj").write_text("\n".join(body) + "\n")

    write("generic_neutral_mesh", head.mean)
    for k in range(K):
        write(f"identity{k:03d}", head.mean + (head.basis[:, k] * head.sd[k]).reshape(-1, 3))
    for k, name in enumerate(("jawOpen", "browDown_L")):
        write(name, head.mean + head.expression[:, k].reshape(-1, 3))
    write("PupilDilate_L", head.mean)
    indices = {"expressions": ["jawOpen", "browDown_L"], "idx_to_landmark_verts": list(range(68))}
    (folder / "vertex_indices.json").write_text(json.dumps(indices))
    if materials:
        (folder / "a.mtl").write_text("newmtl M_Face\nKd 0.7 0.5 0.4\nnewmtl M_EyeBlend\nKd 0 0 0\n")


def check_shape(model, head, millimetres, tolerance=2e-3):
    given = np.zeros((len(GIVEN), model.blocks["shape"].components), np.float32)
    given[:, :K] = GIVEN
    vertices = model.blocks["shape"].instance(given) * np.float32(millimetres)
    assert_allclose(vertices, head.vertices(GIVEN), atol=tolerance)
    for block in model.blocks.values():
        lengths = np.sqrt(np.square(block.basis, dtype=np.float64).sum((1, 2)))
        assert_allclose(lengths[block.sigma > 0], 1, atol=2e-6)


def check_colour(model, head):
    assert_allclose(model.instance({"shape": GIVEN, "albedo": GIVEN})[1], head.colours(GIVEN), atol=3e-6)


def check_triangles(model, head):
    """The same faces with the same winding, in any order and from any corner."""

    def canonical(triangles):
        return {tuple(np.roll(t, -int(t.argmin()))) for t in np.asarray(triangles, int)}

    assert canonical(model.triangles) == canonical(head.triangles)


@pytest.mark.parametrize(
    "flavour",
    [
        {},
        {"writer": "c++"},
        {"version": (0, 8)},
        {"version": None},
        {"version": (1, 0)},
        {"legacy": True, "writer": "c++"},
        {"cells": "u4", "colours": 255.0},
        {"marks": "text", "writer": "c++"},
        {"marks": "text"},
        {"marks": "int8"},
        {"marks": None},
    ],
    ids=str,
)
def test_bfm_2017(tmp_path, head, flavour):
    at = write_bfm2017(tmp_path / "m", head, **flavour)
    model = open_model(str(tmp_path / "m"))
    check_shape(model, head, 1)
    check_colour(model, head)
    check_triangles(model, head)
    assert model.unit == "mm"
    assert model.landmarks == at
    expression = model.blocks["expression"]
    assert_allclose(expression.mean, head.expression_mean, atol=1e-6)
    assert_allclose(expression.sigma, [20, 10], rtol=1e-5)


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("cells", [np.float64, np.int32, np.uint16])
def test_bfm_2009(tmp_path, head, compressed, cells):
    write_bfm2009(tmp_path / "m.bin", head, compressed, cells)
    model = open_model(str(tmp_path / "m.bin"))
    check_shape(model, head, 1e-3)
    check_colour(model, head)
    check_triangles(model, head)
    assert model.unit == "um"
    assert not any("inside out" in note for note in model.notes)


def test_bfm_2009_reference_reader_agrees_on_the_arrays(tmp_path, head):
    write_bfm2009(tmp_path / "m", head)
    matfile = importlib.import_module("render.models.matfile")
    expected = scipy.io.loadmat(tmp_path / "m", appendmat=False)
    for name, array in matfile.load(tmp_path / "m", ("shapeMU", "texPC", "tl", "segbin")).items():
        assert_array_equal(array, expected[name])


def test_lsfm(tmp_path, head):
    write_lsfm(tmp_path / "m", head)
    model = open_model(str(tmp_path / "m"))
    check_shape(model, head, 1)
    check_triangles(model, head)
    check_plain(model)


def check_plain(model):
    """One coefficient that changes nothing, and a note."""
    albedo = model.blocks["albedo"]
    assert albedo.components == 1
    assert_array_equal(albedo.instance(np.array([[3]], np.float32))[0], albedo.mean)
    assert any("skin-like" in note for note in model.notes)


@pytest.mark.parametrize(
    ("protocol", "python2"), [(0, True), (1, True), (2, True), (0, False), (2, False), (4, False), (5, False)]
)
def test_flame(tmp_path, head, protocol, python2):
    write_flame(tmp_path / "m", head, protocol, python2)
    model = open_model(str(tmp_path / "m"))
    assert model.unit == "m"
    check_shape(model, head, 1e3)
    check_triangles(model, head)
    check_plain(model)
    expression = model.blocks["expression"]
    assert model.blocks["shape"].components == 300
    assert not model.blocks["shape"].sigma[K:].any()
    moved = expression.instance(np.eye(E, dtype=np.float32)).reshape(E, -1).T * 1e3
    assert_allclose(moved, head.expression, atol=1e-4)


def test_flame_archive_is_the_pickle(tmp_path, head):
    write_flame(tmp_path / "p", head)
    np.savez_compressed(tmp_path / "a.npz", **flame_arrays(head))
    assert open_model(str(tmp_path / "a.npz")).sha256 == open_model(str(tmp_path / "p")).sha256


def test_flame_with_changed_line_ends(tmp_path, head):
    write_flame(tmp_path / "p", head, 0)
    (tmp_path / "q").write_bytes((tmp_path / "p").read_bytes().replace(b"\n", b"\r\n"))
    model = open_model(str(tmp_path / "q"))
    assert model.sha256 == open_model(str(tmp_path / "p")).sha256
    assert any("CR LF" in note for note in model.notes)


@pytest.mark.parametrize("materials", [True, False])
def test_ict(tmp_path, head, materials):
    write_ict(tmp_path / "Anything", head, materials)
    model = open_model(str(tmp_path / "Anything"))
    assert model.unit == "cm"
    check_shape(model, head, 10)
    check_triangles(model, head)
    assert_array_equal(np.unique(model.blocks["albedo"].mean, axis=0).shape, (1, 3))
    assert any("skin-like" in note for note in model.notes) == (not materials)
    assert model.landmarks == {f"ibug68.{k:02d}": k for k in range(68)}
    assert model.chin == pytest.approx(head.mean[8, 1] / 10)
    moved = model.blocks["expression"].instance(np.eye(E, dtype=np.float32)).reshape(E, -1).T * 10
    assert_allclose(moved, head.expression, atol=1e-4)


def test_ict_sample_coefficients_are_cut_to_the_model(tmp_path, head):
    write_ict(tmp_path / "FaceXModel", head)
    ict = importlib.import_module("render.models.ict")
    model = open_model(str(tmp_path))
    held = {"identity_coefficients": list(range(200)), "expression_coefficients": [0.5]}
    (tmp_path / "c.json").write_text(json.dumps(held))
    found = ict.sample_coefficients(tmp_path / "c.json", model)
    assert_array_equal(found["shape"], [range(K)])
    assert_array_equal(found["expression"], [[0.5, 0]])


def test_statismo_at_the_root(tmp_path, head):
    with h5py.File(tmp_path / "m", "w") as file:
        file["model/mean"] = head.mean.reshape(-1)
        file["model/pcaBasis"] = head.basis
        file["model/pcaVariance"] = head.sd**2
        file["representer/points"], file["representer/cells"] = head.mean.T, head.triangles.T
        file["version/majorVersion"], file["version/minorVersion"] = 0, 9
    model = open_model(str(tmp_path / "m"))
    assert identify(tmp_path / "m") is READERS["statismo (HDF5)"]
    check_shape(model, head, 1)
    check_plain(model)


def test_inward_triangles_are_turned_round_and_noted(tmp_path, head):
    arrays = flame_arrays(head) | {"f": head.triangles[:, ::-1]}
    np.savez(tmp_path / "a.npz", **arrays)
    model = open_model(str(tmp_path / "a.npz"))
    check_triangles(model, head)
    assert any("inside out" in note for note in model.notes)


def test_the_layouts_draw_the_same_picture(tmp_path, head):
    write_bfm2017(tmp_path / "a", head, writer="c++")
    write_bfm2009(tmp_path / "b", head)
    write_bfm2017(tmp_path / "c", head, version=(0, 8), legacy=True, colours=255.0, cells="u4")
    pictures = []
    for name in "abc":
        model = open_model(str(tmp_path / name))
        camera = frame_head(model.mean, None, 100, (-86, 86), (-23, 23))
        angles = np.array([0, 40, -70], np.float32)
        meshes = model.meshes({"shape": GIVEN, "albedo": GIVEN})
        scenes = SceneBatch(meshes, np.arange(3), angles, angles / 4, angles, camera)
        pictures.append(CpuRenderer("rgb").render(scenes).image.astype(int))
    for other in pictures[1:]:
        difference = np.abs(other - pictures[0])
        assert difference.mean() < 0.01
        assert (difference > 1).mean() < 1e-3
