"""Broken and hostile files: one `ModelError` line each, nothing run, no memory taken, no time lost."""

import json
import os
import pickle
import resource
import struct
import time
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from render import ModelError, open_model
from render.models import READERS, identify

TOP = np.array([[0, 60, 0], [60, 0, 60], [60, 0, -60], [-60, 0, -60], [-60, 0, 60], [0, -60, 0]], float)
CELLS = np.array([[0, 4, 1], [0, 1, 2], [0, 2, 3], [0, 3, 4], [5, 1, 4], [5, 2, 1], [5, 3, 2], [5, 4, 3]])
BASIS = np.linalg.qr(np.cos(np.arange(18 * 3)).reshape(18, 3))[0]
SPREAD = np.array([9.0, 4, 1])


def make_h5(path):
    with h5py.File(path, "w") as file:
        for name, mean in (("shape", TOP), ("color", TOP / 255 + 0.4)):
            file[f"{name}/model/mean"], file[f"{name}/model/pcaBasis"] = mean.reshape(-1), BASIS
            file[f"{name}/model/pcaVariance"] = SPREAD
            file[f"{name}/representer/points"], file[f"{name}/representer/cells"] = TOP.T, CELLS.T
        file["metadata/landmarks/json"] = json.dumps([{"id": "chin", "coordinates": [0, -60, 0]}])


def make_mat(path, compressed=False, **changes):
    column = (-1, 1)
    arrays = {"shapeMU": TOP.reshape(column), "shapePC": BASIS, "shapeEV": SPREAD, "tl": CELLS + 1}
    arrays |= {"texMU": TOP.reshape(column), "texPC": BASIS, "texEV": SPREAD} | changes
    kept = {name: array for name, array in arrays.items() if array is not None}
    scipy.io.savemat(path, kept, do_compression=compressed, appendmat=False)


def make_lsfm(path):
    arrays = {"mean": TOP.reshape(-1), "components": BASIS, "eigenvalues": SPREAD, "trilist": CELLS}
    scipy.io.savemat(path, arrays, appendmat=False)


def flame(**changes):
    return {"v_template": TOP, "f": CELLS.astype("u4"), "shapedirs": BASIS.reshape(6, 3, 3)} | changes


def make_pickle(path, protocol=2, **changes):
    path.write_bytes(pickle.dumps(flame(**changes), protocol))


def make_npz(path, **changes):
    with path.open("wb") as file:
        np.savez_compressed(file, **flame(**changes))


def make_ict(path):
    path.mkdir()
    for name, shift in (("generic_neutral_mesh", 0), ("identity000", 1)):
        lines = [f"v {x} {y} {z}" for x, y, z in TOP + shift * BASIS[:, 0].reshape(6, 3)]
        faces = [f"f {a + 1}/1 {b + 1}/1 {c + 1}/1" for a, b, c in CELLS]
        (path / f"{name}.obj").write_text("\n".join([*lines, *faces]) + "\n")
    (path / "vertex_indices.json").write_text('{"expressions": [], "idx_to_landmark_verts": [0, 1]}')


FILES = {
    "h5": make_h5,
    "mat": make_mat,
    "packed mat": lambda path: make_mat(path, compressed=True),
    "lsfm": make_lsfm,
    "pickle": make_pickle,
    "text pickle": lambda path: make_pickle(path, 0),
    "new pickle": lambda path: make_pickle(path, 5),
    "npz": make_npz,
}


def refusal(path):
    """The one line with which the model at `path` is refused."""
    with pytest.raises(ModelError) as caught:
        open_model(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 700
    return str(caught.value)


def attempt(path):
    """The model at `path`, or the line that refuses it."""
    try:
        return open_model(str(path))
    except ModelError as error:
        return str(error)


@pytest.fixture(autouse=True)
def no_blow_up():
    """Every test here stays far below a gigabyte more than was in use before it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20 < 0.5


@pytest.mark.parametrize("kind", FILES)
def test_whole_files_open(tmp_path, kind):
    FILES[kind](tmp_path / "m")
    assert open_model(str(tmp_path / "m")).vertices == 6


@pytest.mark.parametrize("kind", FILES)
def test_truncated(tmp_path, kind):
    FILES[kind](tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for size in sorted({*range(0, 40, 3), *range(0, len(data) - 8, max(1, len(data) // 90))}):
        (tmp_path / "t").write_bytes(data[:size])
        refusal(tmp_path / "t")


@pytest.mark.parametrize("kind", FILES)
def test_mutated(tmp_path, kind):
    """A change may leave a file that is a model still; if not, it is refused in one line, and in no time."""
    FILES[kind](tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    random = np.random.Generator(np.random.Philox(len(kind)))
    began = time.monotonic()
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for at in random.integers(len(data), size=random.choice([1, 2, 8, 40])):
            changed[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF, changed[at] ^ 1, random.integers(256)])
        (tmp_path / "t").write_bytes(changed)
        outcome = attempt(tmp_path / "t")
        if isinstance(outcome, str):
            refused += 1
            assert "\n" not in outcome
        else:
            assert np.isfinite(outcome.mean).all()
    assert refused > 20
    assert time.monotonic() - began < 30


def test_every_byte_of_a_matlab_tag(tmp_path):
    """A type number that no table has ends other readers, process and all."""
    make_mat(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for at in range(128, 400):
        for value in (0, 20, 0xFF):
            (tmp_path / "t").write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
            outcome = attempt(tmp_path / "t")
            assert not isinstance(outcome, str) or "\n" not in outcome


class Runs:
    """Pickles as a call of `os.system`."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_object_arrays_in_an_archive_are_not_opened(tmp_path):
    make_npz(tmp_path / "a", shapedirs=np.array([Runs(f"touch {tmp_path / 'ran'}")], object))
    assert "save it again as a plain array" in refusal(tmp_path / "a")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("shape", ["(1000000, 3, 400)", "(6, 3, -1)", "(9223372036854775807, 3, 2)", "(6, 3, 10**9)"])
def test_an_archive_with_an_absurd_header(tmp_path, shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    with zipfile.ZipFile(tmp_path / "a", "w", zipfile.ZIP_DEFLATED) as archive:
        for key in ("v_template", "f", "shapedirs"):
            archive.writestr(
                f"{key}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(1 << 20)
            )
    refusal(tmp_path / "a")


def declare(path, **shapes):
    """A BFM 2017 file that declares arrays and holds none of their values."""
    with h5py.File(path, "w") as file:
        for name, shape in {"mean": (18,), "pcaBasis": (18, 3), "pcaVariance": (3,)}.items():
            chunks = shapes.get(f"{name}_chunks")
            file.create_dataset(f"shape/model/{name}", shapes.get(name, shape), "f4", chunks=chunks)
        file.create_dataset("shape/representer/points", shapes.get("points", (3, 6)), "f4")
        file.create_dataset("shape/representer/cells", shapes.get("cells", (3, 8)), "u4")


@pytest.mark.parametrize(
    "shapes",
    [
        {"mean": (3 * 10**11,)},
        {"mean": (3 * 10**6,), "pcaBasis": (3 * 10**6, 1999), "pcaVariance": (1999,)},
        {"pcaVariance": (10**12,)},
        {"pcaBasis": (18, 10**9)},
        {"points": (3, 10**12)},
        {"cells": (3, 10**10)},
        {"mean": ()},
        {"mean": (0,)},
        {"mean": (17,)},
        {"pcaVariance": (0,)},
        {"cells": (3, 0)},
        {"cells": (8,)},
        {"points": (2, 6)},
    ],
    ids=str,
)
def test_hdf5_with_absurd_shapes(tmp_path, shapes):
    declare(tmp_path / "m", **shapes)
    refusal(tmp_path / "m")


def test_hdf5_that_leads_elsewhere(tmp_path):
    make_h5(tmp_path / "good")
    (tmp_path / "raw").write_bytes(bytes(1000))
    layout = h5py.VirtualLayout((18,), "f4")
    layout[:] = h5py.VirtualSource(tmp_path / "good", "shape/model/mean", (18,))
    for kind in ("link", "virtual", "external"):
        declare(tmp_path / kind)
        with h5py.File(tmp_path / kind, "a") as file:
            del file["shape/model/mean"]
            if kind == "link":
                file["shape/model/mean"] = h5py.ExternalLink(tmp_path / "good", "shape/model/mean")
            elif kind == "virtual":
                file.create_virtual_dataset("shape/model/mean", layout)
            else:
                external = [(str(tmp_path / "raw"), 0, 72)]
                file.create_dataset("shape/model/mean", (18,), "f4", external=external)
        assert "other file" in refusal(tmp_path / kind).replace("another", "other")


@pytest.mark.parametrize("size", [0, 1, 1 << 31, (1 << 64) - 1])
@pytest.mark.parametrize("where", ["heap", "object", "length", "address"])
def test_damaged_text_of_variable_length(tmp_path, where, size):
    """The library goes round for ever in some of these heaps, or takes four gigabytes for a text."""
    make_h5(tmp_path / "m")
    data = bytearray((tmp_path / "m").read_bytes())
    heap = data.index(b"GCOL")
    value = data.index(struct.pack("<Q", heap)) - 4  # length, address of the heap, number in it
    at = {"heap": heap + 8, "object": heap + 24, "length": value, "address": value + 4}[where]
    width = 4 if where == "length" else 8
    data[at : at + width] = struct.pack("<Q", size)[:width]
    (tmp_path / "t").write_bytes(data)
    began = time.process_time()
    outcome = attempt(tmp_path / "t")
    assert time.process_time() - began < 2
    noted = not isinstance(outcome, str) and any("landmarks" in note for note in outcome.notes)
    assert noted or isinstance(outcome, str) or outcome.landmarks == {"chin": 5}


@pytest.mark.parametrize(
    "text", ["[", "[{}]", '[{"id": 1}]', '{"a": 1}', '[{"id": "a", "coordinates": [1, NaN, 2]}]', ""]
)
def test_odd_landmarks_are_left_out_and_noted(tmp_path, text):
    make_h5(tmp_path / "m")
    with h5py.File(tmp_path / "m", "a") as file:
        del file["metadata/landmarks/json"]
        file["metadata/landmarks/json"] = text
    model = open_model(str(tmp_path / "m"))
    assert not model.landmarks
    assert any("landmarks" in note for note in model.notes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shapeEV": None}, "shapeEV"),
        ({"texMU": np.array(["a", "b"], object)}, "texMU"),
        ({"shapePC": BASIS[:-3]}, "fit together"),
        ({"shapeEV": -SPREAD}, "negative"),
        ({"shapeMU": TOP * np.nan}, "not fi"),
        ({"tl": CELLS}, "outside"),
        ({"tl": CELLS + 0.5}, "outside"),
        ({"tl": "text"}, "tl"),
        ({"texMU": TOP[:3].reshape(-1, 1), "texPC": np.eye(9)[:, :3]}, "albedo has 3"),
    ],
)
def test_matlab_with_wrong_variables(tmp_path, changes, says):
    make_mat(tmp_path / "m", **changes)
    assert says in refusal(tmp_path / "m")


def test_a_packed_matlab_file_does_not_grow_without_end(tmp_path):
    """Two gigabytes of zeros under a header that admits 18 numbers, and under one that admits them all."""
    for rows in (18, 1 << 28):
        flags = struct.pack("<IIIIII", 6, 8, 6, 0, 5, 8) + struct.pack("<iiII", rows, 1, 1, 7) + b"shapeMU\0"
        head = struct.pack("<II", 14, 0x7FFFFFFF) + flags + struct.pack("<II", 9, 1 << 31)
        packer = zlib.compressobj(9)
        block, packed = bytes(1 << 24), packer.compress(head)
        packed += b"".join(packer.compress(block) for _ in range(16)) + packer.flush()
        make_mat(tmp_path / "m", shapeMU=None)
        data = (tmp_path / "m").read_bytes()
        (tmp_path / "m").write_bytes(data + struct.pack("<II", 15, len(packed)) + packed)
        assert "shapeMU" in refusal(tmp_path / "m")


def broken_folders():
    name, mode = "generic_neutral_mesh.obj", "identity000.obj"
    return {
        "no modes": lambda p: (p / mode).unlink(),
        "cut": lambda p: (p / mode).write_bytes((p / mode).read_bytes()[:40]),
        "cut neutral": lambda p: (p / name).write_bytes((p / name).read_bytes()[:60]),
        "empty": lambda p: (p / name).write_bytes(b""),
        "binary": lambda p: (p / name).write_bytes(bytes(range(256)) * 9),
        "nan": lambda p: (p / mode).write_text((p / mode).read_text().replace("v 60", "v nan", 1)),
        "corner 0": lambda p: (p / name).write_text((p / name).read_text().replace("f 1/1", "f 0/1", 1)),
        "corner 9": lambda p: (p / name).write_text((p / name).read_text().replace("f 1/1", "f 9/1", 1)),
        "pointer": lambda p: (p / mode).write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
        ),
        "json": lambda p: (p / "vertex_indices.json").write_text("[1, 2"),
        "list": lambda p: (p / "vertex_indices.json").write_text("[1, 2]"),
        "folder": lambda p: (p / mode).unlink() or (p / mode).mkdir(),
    }


@pytest.mark.parametrize("kind", broken_folders())
def test_broken_folders(tmp_path, kind):
    make_ict(tmp_path / "f")
    assert open_model(str(tmp_path / "f")).vertices == 6
    broken_folders()[kind](tmp_path / "f")
    message = refusal(tmp_path / "f")
    assert "git lfs pull" in message or kind != "pointer"


def test_a_material_library_is_looked_for_in_the_folder_only(tmp_path):
    make_ict(tmp_path / "f")
    (tmp_path / "out.mtl").write_text("newmtl a\nKd 0 0 0\n")
    mesh = tmp_path / "f" / "generic_neutral_mesh.obj"
    mesh.write_text("mtllib ../out.mtl\n" + mesh.read_text().replace("f ", "usemtl a\nf ", 1))
    assert open_model(str(tmp_path / "f")).blocks["albedo"].mean.min() > 0.4


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git-LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG picture"),
        (b"\x1f\x8b" + bytes(40), "gzip archive (unpack it first)"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(400), "cut short"),
        (b"hello\nworld\n", "a text file that begins 'hello world'"),
        (b"common text\nof two lines", "a text file"),
        (bytes(range(200)), "00 01 02"),
    ],
)
def test_what_a_file_is_instead(tmp_path, data, says):
    (tmp_path / "m.h5").write_bytes(data)
    assert says in refusal(tmp_path / "m.h5")


def test_what_is_in_files_of_known_kinds_is_listed(tmp_path):
    with h5py.File(tmp_path / "h", "w") as file:
        file["weights"] = 1
    scipy.io.savemat(tmp_path / "m", {"alpha": 1}, appendmat=False)
    np.savez(tmp_path / "z.npz", beta=1)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "gamma.txt").touch()
    for name, word in (("h", "weights"), ("m", "alpha"), ("z.npz", "beta.npy"), ("d", "gamma.txt")):
        message = refusal(tmp_path / name)
        assert word in message
        assert all(known in message for known in READERS)
    assert "no face model at" in refusal(tmp_path / "missing")
    assert "neither" in refusal(Path("/dev/null"))


def test_content_decides_and_not_the_name(tmp_path):
    known = {"h5": "BFM 2017/2019 (HDF5)", "mat": "BFM 2009 (MATLAB)", "lsfm": "LSFM (MATLAB)", "npz": "FLAME (npz)"}
    for kind, name in (known | {"pickle": "FLAME (pickle)", "text pickle": "FLAME (pickle)"}).items():
        path = tmp_path / f"{kind}.obj"
        FILES[kind](path)
        assert identify(path) is READERS[name]
        assert READERS[name].licence
