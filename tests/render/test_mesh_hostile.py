"""Broken and hostile mesh files: a sound mesh or one `MeshError` line each, no memory taken, no time lost."""

import base64
import io
import json
import resource
import struct
import time

import numpy as np
import pytest
import trimesh
from PIL import Image

from render.errors import MeshError
from render.meshes.fingerprint import geometry_hash
from render.meshes.limits import MOST_LINES, MOST_TRIANGLES
from render.meshes.prepare import prepare
from render.meshes.read import READERS, read_mesh

BOX = trimesh.creation.box((1, 2, 3))


def png():
    data = io.BytesIO()
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(data, "PNG")
    return data.getvalue()


def make_obj(path):
    path.with_name("a.png").write_bytes(png())
    path.with_name("a.mtl").write_text(
        "newmtl a\nKd .5 .5 .5\nmap_Kd -s 2 2 a.png\nnewmtl b\nd 0.5\nTr 0.5\nmap_d a.png\n"
    )
    lines = ["mtllib a.mtl", *(f"v {x} {y} {z} 1 0 .5" for x, y, z in BOX.vertices), "vt 0 0", "vt 1 0 0", "usemtl a"]
    lines += [f"f {a + 1}/1/1 {b + 1}/2/1 {c + 1}/-1" for a, b, c in BOX.faces[:6]]
    lines += ["usemtl b", "f -8 -7 -6 -5 -4", "f 1 2 4 3", *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in BOX.faces[6:])]
    path.write_text("\n".join(lines) + "\n")


def make_ply(path, text=False):
    BOX.export(path, encoding="ascii" if text else "binary")


def make_ply_with_lists(path):
    header = (
        "ply\nformat binary_big_endian 1.0\ncomment TextureFile a.png\nelement odd 2\nproperty list uchar short o\n"
    )
    header += "element vertex 8\nproperty float x\nproperty double y\nproperty float z\nproperty uchar red\n"
    header += "property uchar green\nproperty uchar blue\nelement face 12\nproperty list uint ushort vertex_indices\n"
    header += "property list uchar float texcoord\nproperty int flags\nend_header\n"
    rows = struct.pack(">BhBhhh", 1, 5, 3, 1, 2, 3)
    rows += b"".join(struct.pack(">fdf3B", x, y, z, 9, 99, 200) for x, y, z in BOX.vertices)
    rows += b"".join(struct.pack(">I3HB6fi", 3, *face, 6, 0, 0, 1, 0, 0, 1, 7) for face in BOX.faces)
    path.with_name("a.png").write_bytes(png())
    path.write_bytes(header.encode() + rows)


def make_off(path):
    rows = ["COFF", "8 12 0", *(f"{x} {y} {z} .1 .2 .3 1" for x, y, z in BOX.vertices)]
    path.write_text("\n".join([*rows, *(f"3 {a} {b} {c} 255 0 0" for a, b, c in BOX.faces)]) + "\n")


def make_stl(path, text=False):
    BOX.export(path, file_type="stl_ascii" if text else "stl")


def scene():
    """JSON and binary part of a glTF box with everything that a reader looks at."""
    points, index = BOX.vertices.astype("<f4").tobytes(), BOX.faces.astype("<u2").tobytes()
    colors, sparse = np.full((8, 4), 200, np.uint8).tobytes(), np.array([1, 2], "<u2").tobytes() + bytes(24)
    data = points + index + colors + sparse + np.zeros((8, 2), "<f4").tobytes()
    starts = np.cumsum([0, len(points), len(index), len(colors), 4, 24])
    sizes = [len(points), len(index), len(colors), 4, 24, 64]
    image = "data:image/png;base64," + base64.b64encode(png()).decode()
    picture = {
        "index": 0,
        "extensions": {"KHR_texture_transform": {"scale": [2, 2], "rotation": 1.0, "offset": [0, 1]}},
    }
    primitive = {"attributes": {"POSITION": 0, "COLOR_0": 2, "TEXCOORD_0": 3}, "indices": 1, "material": 0, "mode": 4}
    return {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1, 2], "rotation": [0, 0.6, 0, 0.8]}, {"mesh": 0, "scale": [1, -1, 2]}, {"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"name": "a", "alphaMode": "MASK", "pbrMetallicRoughness": {"baseColorTexture": picture}}],
        "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071}],
        "images": [{"uri": image}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"}
            | {
                "sparse": {"count": 2, "indices": {"bufferView": 3, "componentType": 5123}, "values": {"bufferView": 4}}
            },
            {"bufferView": 1, "componentType": 5123, "count": 36, "type": "SCALAR"},
            {"bufferView": 2, "componentType": 5121, "count": 8, "type": "VEC4", "normalized": True},
            {"bufferView": 5, "componentType": 5126, "count": 8, "type": "VEC2", "byteOffset": 0},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": int(start), "byteLength": size}
            for start, size in zip(starts, sizes, strict=True)
        ],
        "buffers": [{"byteLength": len(data)}],
    }, data


def make_glb(path, document=None):
    found, data = scene()
    text = json.dumps(document or found).encode()
    text, data = text + b" " * (-len(text) % 4), data + bytes(-len(data) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)


def make_gltf(path):
    document, data = scene()
    path.with_name("a.bin").write_bytes(data)
    document["buffers"][0]["uri"] = "a.bin"
    path.write_text(json.dumps(document))


FILES = {
    "obj": make_obj,
    "off": make_off,
    "ply": make_ply,
    "text.ply": lambda path: make_ply(path, text=True),
    "lists.ply": make_ply_with_lists,
    "stl": make_stl,
    "text.stl": lambda path: make_stl(path, text=True),
    "glb": make_glb,
    "gltf": make_gltf,
}
TEXTS = ("obj", "off", "text.ply", "text.stl")


def outcome_of(action):
    """What comes of it, or the one line that refuses it."""
    try:
        return action()
    except MeshError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 700
    return message


def attempt(path):
    """The mesh in the file, taken through all that is done with it, or the line that refuses it."""
    raw = outcome_of(lambda: read_mesh(path))
    if isinstance(raw, str):
        assert str(path) in raw
        return raw
    assert_sound(raw, path)
    mesh = outcome_of(lambda: prepare(raw, "z"))
    if isinstance(mesh, str):
        return mesh
    assert np.isfinite(mesh.positions).all()
    assert np.isfinite(mesh.normals).all()
    assert np.isfinite(mesh.albedo).all()
    assert np.abs(mesh.positions).max() <= 1 + 1e-6
    assert len(geometry_hash(mesh)) == 64
    return raw


def assert_sound(raw, path):
    """What `parts.py` promises of every mesh."""
    assert sum(len(part.triangles) for part in raw.parts) > 0
    for part in raw.parts:
        assert np.isfinite(part.positions).all()
        assert part.positions.dtype == np.float64
        assert part.triangles.dtype == np.int32
        assert part.triangles.min() >= 0
        assert part.triangles.max() < len(part.positions)
        assert part.uv is None or (part.uv.shape == (len(part.positions), 2) and np.isfinite(part.uv).all())
        if part.colors is not None:
            assert part.colors.shape == part.positions.shape
            assert ((part.colors >= 0) & (part.colors <= 1)).all()
        assert all(0 <= value <= 1 for value in part.material.color)
        texture = part.material.texture
        assert texture is None or (texture.dtype == np.uint8 and texture.shape[2] == 4 and max(texture.shape) <= 512)
    assert all("\n" not in line and line.startswith(path.name) for line in raw.warnings)


@pytest.fixture(autouse=True)
def no_blow_up():
    """Every test here stays far below a gigabyte more than was in use before it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20 < 0.9


def made(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    FILES[kind](path)
    return path


@pytest.mark.parametrize("kind", FILES)
def test_whole_files_open(tmp_path, kind):
    raw = attempt(made(tmp_path, kind))
    assert not isinstance(raw, str)
    assert sum(len(part.triangles) for part in raw.parts) >= 12


@pytest.mark.parametrize("kind", FILES)
def test_truncated(tmp_path, kind):
    path = made(tmp_path, kind)
    data = path.read_bytes()
    refused = 0
    for size in sorted({*range(0, 60, 3), *range(0, len(data), max(1, len(data) // 120)), len(data) - 1}):
        path.write_bytes(data[:size])
        outcome = attempt(path)
        refused += isinstance(outcome, str)
        # Binary files and JSON that are not whole are never taken for whole ones.
        assert isinstance(outcome, str) or kind in TEXTS
    assert refused > 20


@pytest.mark.parametrize("kind", FILES)
def test_mutated(tmp_path, kind):
    """A change may leave a file that is a mesh still; if not, it is refused in one line, and in no time."""
    path = made(tmp_path, kind)
    data = path.read_bytes()
    random = np.random.Generator(np.random.Philox(len(kind)))
    began = time.process_time()
    refused = 0
    for _ in range(150):
        changed = bytearray(data)
        for at in random.integers(len(data), size=random.choice([1, 2, 8, 40])):
            changed[at] = random.choice([0, 1, 0x2D, 0x39, 0x7F, 0x80, 0xFF, changed[at] ^ 1, random.integers(256)])
        path.write_bytes(changed)
        refused += isinstance(attempt(path), str)
    assert refused > 20
    assert time.process_time() - began < 60


WORDS = [
    "nan",
    "-inf",
    "1e308",
    "1e999",
    "-1",
    "0",
    "3",
    "99999999999999999999",
    "4294967296",
    "x",
    "",
    "/",
    "1//1",
    "#",
    "\\",
]


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_with_words_exchanged(tmp_path, kind):
    path = made(tmp_path, kind)
    lines = [line.split(" ") for line in path.read_text().splitlines()]
    random = np.random.Generator(np.random.Philox(7))
    for _ in range(150):
        changed = [list(line) for line in lines]
        for _ in range(random.choice([1, 3])):
            line = changed[random.integers(len(changed))]
            line[random.integers(len(line))] = WORDS[random.integers(len(WORDS))]
        if random.random() < 0.2:
            del changed[random.integers(len(changed))]
        path.write_text("\n".join(" ".join(line) for line in changed) + "\n")
        attempt(path)


VALUES = [None, True, -1, 0, 1, 3, 1.5, 1e300, 2**31, 2**63, 10**30, "x", "", [], [0], {}, {"a": 1}, [[]], float("nan")]


def spots(value, path=()):
    """Paths to all entries of a JSON document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*path, key)
        yield from spots(entry, (*path, key))


def test_gltf_with_values_exchanged(tmp_path):
    """Each entry of the document in turn becomes a few things that nobody expects there."""
    path = tmp_path / "a.glb"
    document, _ = scene()
    for k, spot in enumerate(spots(document)):
        for value in VALUES[k % 3 :: 3]:
            changed = json.loads(json.dumps(document))
            at = changed
            for key in spot[:-1]:
                at = at[key]
            at[spot[-1]] = value
            make_glb(path, changed)
            raw = outcome_of(lambda: read_mesh(path))
            assert isinstance(raw, str) or assert_sound(raw, path) is None


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize("kind", FILES)
def test_a_file_under_the_name_of_another_format(tmp_path, kind, suffix):
    data = made(tmp_path, kind).read_bytes()
    path = tmp_path / f"other{suffix}"
    path.write_bytes(data)
    outcome = attempt(path)
    assert isinstance(outcome, str) or f".{kind}".endswith(suffix) or (kind, suffix) == ("glb", ".gltf")


def test_random_bytes(tmp_path):
    random = np.random.Generator(np.random.Philox(1))
    for suffix in READERS:
        for size in (1, 83, 84, 134, 1000, 100_000):
            path = tmp_path / f"a{suffix}"
            path.write_bytes(random.bytes(size))
            assert isinstance(attempt(path), str) or suffix == ".stl"


PLY_HEAD = (
    "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
)
DECLARED = {
    "huge.stl": bytes(80) + struct.pack("<I", 0xFFFFFFFF) + bytes(50),
    "huge.off": b"OFF\n999999999 999999999 0\n0 0 0\n",
    "many.off": b"OFF\n3 1000000 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    "vertices.ply": b"ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\nend_header\n",
    "faces.ply": f"{PLY_HEAD}element face 999999999\nproperty list uchar int vertex_indices\nend_header\n".encode(),
    "rows.ply": f"{PLY_HEAD}element face 900000\nproperty list uchar int vertex_indices\nend_header\n".encode()
    + bytes(99),
    "list.ply": f"{PLY_HEAD}element face 1\nproperty list uint int vertex_indices\nend_header\n".encode()
    + b"\xff" * 99,
    "nothing.ply": b"ply\nformat ascii 1.0\nelement void 999999\nelement vertex 3\nelement face 3\nend_header\n0\n",
    "columns.ply": (PLY_HEAD + "property char c\n" * 999 + "end_header\n").encode(),
    "header.ply": b"ply\nformat ascii 1.0\n" + b"comment a\n" * 100_000,
    "corner.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 999999999999\n",
    "polygon.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf" + b" 1 2 3" * 50_000 + b"\n",
    "line.obj": b"v 0 0 0 " + b" " * (1 << 21),
    "continued.obj": b"v 0 0 0 \\\n" * 400_000,
}


@pytest.mark.parametrize("name", DECLARED)
def test_what_a_file_declares_is_not_believed(tmp_path, name):
    (tmp_path / name).write_bytes(DECLARED[name])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    assert isinstance(attempt(tmp_path / name), str)
    assert time.process_time() - began < 5
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10 < 150  # MB


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    for suffix in READERS:
        path = tmp_path / f"a{suffix}"
        with path.open("wb") as file:
            file.truncate(1 << 40)
        assert "bytes; the most are" in attempt(path)


def test_a_chain_of_nodes_does_not_end_the_stack(tmp_path):
    document, _ = scene()
    document["nodes"] = [{"children": [k + 1]} for k in range(100_000)] + [{"mesh": 0}]
    make_glb(tmp_path / "a.glb", document)
    assert len(read_mesh(tmp_path / "a.glb").parts) == 1


def test_meshes_drawn_again_and_again_are_counted(tmp_path):
    document, _ = scene()
    document["nodes"] = [{"mesh": 0}] * 20_000
    document["scenes"] = [{"nodes": list(range(20_000))}]
    make_glb(tmp_path / "a.glb", document)
    assert "more than 10000 primitives" in attempt(tmp_path / "a.glb")
    document["accessors"].append({"componentType": 5126, "count": 2_000_000, "type": "VEC3"})
    document["meshes"] = [{"primitives": [{"attributes": {"POSITION": 4}, "mode": 5}]}]
    make_glb(tmp_path / "a.glb", document)
    assert "the most are" in attempt(tmp_path / "a.glb")


def test_warnings_do_not_grow_without_end(tmp_path):
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nmtllib a.mtl\n" + "".join(f"usemtl m{k}\nf 1 2 3\n" for k in range(500))
    (tmp_path / "a.obj").write_text(text)
    (tmp_path / "a.mtl").write_text("".join(f"newmtl m{k}\nmap_Kd {k}.png\n" for k in range(500)))
    warnings = read_mesh(tmp_path / "a.obj").warnings
    assert len(warnings) == 31
    assert warnings[-1] == "a.obj: 470 more warnings are not shown"


LARGE = {
    "blank.obj": lambda: b"\n" * (120 << 20),
    "faces.obj": lambda: b"v 0 0 0\nv 1 0 0\nv 0 1 0\n" + b"f 1 2 3\n" * (MOST_TRIANGLES + 1),
    "pentagons.obj": lambda: (
        b"v 0 0 0\nv 4 -2 0\nv 1 0 0\nv 4 2 0\nv 2 3 0\n" + b"f 1 2 3 4 5\n" * (MOST_TRIANGLES // 3)
    ),
    "vertices.obj": lambda: b"v 1 2 3 1 1 1\n" * 2_999_990 + b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -3\n",
    "text.off": lambda: b"OFF\n3000000 1000000\n" + b"1 2 3\n" * 3_000_000 + b"3 0 1 2 9 8 7\n" * 1_000_000,
    "bin.stl": lambda: bytes(80) + struct.pack("<I", MOST_TRIANGLES) + bytes(50 * MOST_TRIANGLES),
}


@pytest.mark.long
@pytest.mark.parametrize("name", LARGE)
def test_files_at_the_limits_take_seconds_and_less_than_a_gigabyte(tmp_path, name):
    (tmp_path / name).write_bytes(LARGE[name]())
    assert MOST_LINES < 120 << 20
    began = time.process_time()
    attempt(tmp_path / name)
    assert time.process_time() - began < 30
