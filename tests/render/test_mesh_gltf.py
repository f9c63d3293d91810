"""glTF: accessors, node transforms, primitive modes and what a file may require."""

import base64
import json
import struct

import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose, assert_array_equal

from render.errors import MeshError
from render.meshes.gltfmaterials import display_referred
from render.meshes.read import read_mesh

CORNERS = np.array([(0, 0, 0), (1, 0, 0), (1, 2, 0), (0, 2, 0)], "<f4")
SQUARE = np.array([0, 1, 2, 0, 2, 3], "<u2")
KINDS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}


class Scene:
    """A glTF file under construction; what tests change is its JSON."""

    def __init__(self, indices=SQUARE, **attributes):
        self.data = b""
        self.json = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]}
        self.json |= {"accessors": [], "bufferViews": [], "buffers": [{}]}
        primitive = {
            "attributes": {name: self.add(array) for name, array in ({"POSITION": CORNERS} | attributes).items()}
        }
        if indices is not None:
            primitive["indices"] = self.add(indices)
        self.json["meshes"] = [{"primitives": [primitive]}]

    @property
    def primitive(self):
        return self.json["meshes"][0]["primitives"][0]

    def view(self, data, **more):
        self.data += bytes(-len(self.data) % 4)
        self.json["bufferViews"].append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data), **more})
        self.data += data
        return len(self.json["bufferViews"]) - 1

    def add(self, array, **more):
        array = np.asarray(array)
        width = 1 if array.ndim == 1 else array.shape[1]
        entry = {"bufferView": self.view(array.tobytes()), "componentType": KINDS[array.dtype.str[1:]]}
        self.json["accessors"].append(
            entry | {"count": len(array), "type": ["SCALAR", "VEC2", "VEC3", "VEC4"][width - 1]} | more
        )
        return len(self.json["accessors"]) - 1

    def write(self, path):
        """As `.glb`, or as `.gltf` with its data in the JSON."""
        self.json["buffers"][0]["byteLength"] = len(self.data)
        if path.suffix == ".gltf":
            self.json["buffers"][0]["uri"] = (
                "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
            )
            path.write_text(json.dumps(self.json))
        else:
            path.write_bytes(glb(json.dumps(self.json).encode(), self.data))
        return path

    def read(self, tmp_path, name="a.glb"):
        return read_mesh(self.write(tmp_path / name))


def glb(text, binary):
    text, binary = text + b" " * (-len(text) % 4), binary + bytes(-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def refusal(scene, tmp_path, name="a.glb"):
    with pytest.raises(MeshError) as caught:
        scene.read(tmp_path, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def area(raw):
    """Directed area of all parts."""
    total = np.zeros(3)
    for part in raw.parts:
        a, b, c = (part.positions[part.triangles[:, k]] for k in range(3))
        total += np.cross(b - a, c - a).sum(axis=0) / 2
    return total


@pytest.mark.parametrize("name", ["a.glb", "a.gltf", "A.GLTF"])
def test_a_square(tmp_path, name):
    scene = Scene()
    raw = scene.read(tmp_path, name.lower())
    (tmp_path / name.lower()).rename(tmp_path / name)
    raw = read_mesh(tmp_path / name)
    assert_array_equal(raw.parts[0].positions, CORNERS)
    assert_array_equal(raw.parts[0].triangles.reshape(-1), SQUARE)
    assert raw.warnings == ()


@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
def test_indices_of_every_size(tmp_path, kind):
    assert_allclose(area(Scene(SQUARE.astype(f"<{kind}")).read(tmp_path)), (0, 0, 2))


@pytest.mark.parametrize(
    ("mode", "order", "index"),
    [(4, [0, 1, 2, 0, 2, 3], False), (5, [0, 1, 3, 2], True), (6, [0, 1, 2, 3], True), (5, [0, 1, 3, 2], False)],
)
def test_strips_and_fans_are_unrolled_with_one_winding(tmp_path, mode, order, index):
    scene = Scene(np.array(order, "<u2")) if index else Scene(None, POSITION=CORNERS[order])
    scene.primitive["mode"] = mode
    assert_allclose(area(scene.read(tmp_path)), (0, 0, 2))


def test_a_long_strip_is_a_ribbon(tmp_path):
    points = np.array([(k // 2, k % 2, 0) for k in range(21)], "<f4")
    scene = Scene(None, POSITION=points[:, [1, 0, 2]])
    scene.primitive["mode"] = 5
    assert_allclose(area(scene.read(tmp_path)), (0, 0, 9.5))


def test_points_and_lines_are_left_out_and_alone_refused(tmp_path):
    scene = Scene()
    scene.json["meshes"][0]["primitives"].append(scene.primitive | {"mode": 1})
    raw = scene.read(tmp_path)
    assert len(raw.parts) == 1
    assert raw.warnings == ("a.glb: points and lines in its scene are left out",)
    scene.primitive["mode"] = 0
    assert "no triangles in its scene" in refusal(scene, tmp_path)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_mirror_in_a_node_turns_the_triangles(tmp_path, sign):
    """The square seen from the front shows its front, wherever the mirror puts it."""
    scene = Scene()
    scene.json["nodes"][0]["scale"] = [sign, 1, 1]
    raw = scene.read(tmp_path)
    assert_allclose(area(raw), (0, 0, 2))
    assert_allclose(raw.parts[0].positions[:, 0].min(), min(0, sign))


def test_nodes_are_placed_as_trimesh_places_them(tmp_path):
    scene = Scene()
    turn = np.array([0.1, -0.7, 0.3, 0.6])
    scene.json["nodes"] = [
        {"children": [1, 3], "translation": [1, 2, 3], "rotation": (turn / np.linalg.norm(turn)).tolist()},
        {"children": [2], "scale": [2, -3, 0.5]},
        {"mesh": 0, "matrix": [0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]},
        {"mesh": 0, "translation": [9, 9, 9]},
    ]
    raw = scene.read(tmp_path)
    theirs = trimesh.load(tmp_path / "a.glb", process=False).to_geometry()
    assert len(raw.parts) == 2
    ours = np.concatenate([part.positions for part in raw.parts])
    assert_allclose(ours[np.lexsort(ours.T)], theirs.vertices[np.lexsort(theirs.vertices.T)], atol=1e-6)


def test_the_same_mesh_may_stand_in_many_places(tmp_path):
    scene = Scene()
    scene.json["nodes"] = [{"mesh": 0, "translation": [k, 0, 0]} for k in range(5)]
    scene.json["scenes"] = [{"nodes": [4, 0, 2]}]
    raw = scene.read(tmp_path)
    assert [part.positions[:, 0].min() for part in raw.parts] == [4, 0, 2]


def test_without_scenes_all_nodes_are_drawn(tmp_path):
    scene = Scene()
    del scene.json["scenes"], scene.json["scene"]
    scene.json["nodes"] = [{"mesh": 0}, {"children": [0], "translation": [1, 0, 0]}]
    assert [part.positions[:, 0].min() for part in scene.read(tmp_path).parts] == [1]


@pytest.mark.parametrize(
    "nodes",
    [
        [{"mesh": 0, "children": [0]}],
        [{"children": [1]}, {"children": [2], "mesh": 0}, {"children": [0]}],
        [{"children": [1, 2]}, {"children": [3]}, {"children": [3]}, {"mesh": 0}],
    ],
)
def test_nodes_that_are_no_tree_are_refused(tmp_path, nodes):
    scene = Scene()
    scene.json["nodes"] = nodes
    assert "below itself or has two parents" in refusal(scene, tmp_path)


def test_interleaved_attributes(tmp_path):
    scene = Scene()
    rows = np.concatenate([CORNERS, np.full((4, 2), 9, "<f4")], axis=1)
    scene.json["accessors"][0]["bufferView"] = scene.view(rows.astype("<f4").tobytes(), byteStride=20)
    assert_array_equal(scene.read(tmp_path).parts[0].positions, CORNERS)


def sparse(scene, at, values, **more):
    """Have the positions replaced at some places."""
    indices = {"bufferView": scene.view(np.array(at, "<u2").tobytes()), "componentType": 5123}
    scene.json["accessors"][0]["sparse"] = {
        "count": len(at),
        "indices": indices,
        "values": {"bufferView": scene.view(np.array(values, "<f4").tobytes())},
    } | more


def test_sparse_accessors(tmp_path):
    scene = Scene()
    sparse(scene, [1, 2], [(4, 0, 0), (4, 2, 0)])
    assert_allclose(area(scene.read(tmp_path)), (0, 0, 8))
    scene = Scene()
    del scene.json["accessors"][0]["bufferView"]
    sparse(scene, [1, 2, 3], CORNERS[1:])
    assert_array_equal(scene.read(tmp_path).parts[0].positions, CORNERS)


def test_quantised_positions(tmp_path):
    scene = Scene(POSITION=np.array([(0, 0, 0), (127, 0, 0), (127, 127, 0), (0, -128, 0)], "<i1"))
    scene.json["accessors"][0]["normalized"] = True
    scene.json["extensionsRequired"] = ["KHR_mesh_quantization"]
    assert_array_equal(scene.read(tmp_path).parts[0].positions, [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, -1, 0)])


def test_colours_are_linear_in_the_file_and_display_referred_here(tmp_path):
    linear = np.array([(0, 0.0031308, 0.5), (1, 0.2, 0.05), (0.001, 0.9, 1), (0, 0, 0)])
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert_allclose(display_referred(linear), shown, atol=1e-12)
    assert_array_equal(display_referred(np.array([0.0, 1.0, -3.0, 7.0])), [0, 1, 0, 1])
    raw = Scene(COLOR_0=linear.astype("<f4")).read(tmp_path)
    assert_allclose(raw.parts[0].colors, shown, atol=1e-6)
    scene = Scene(COLOR_0=np.array([(0, 255, 51, 7)] * 4, "<u1"))
    scene.json["accessors"][1]["normalized"] = True
    scene.json["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": [0.5, 1, 0, 1]}}]
    scene.primitive["material"] = 0
    (part,) = scene.read(tmp_path).parts
    assert_allclose(part.colors[0], (0, 1, display_referred(np.array(0.2))), atol=1e-6)
    assert_allclose(part.material.color, (display_referred(np.array(0.5)), 1, 0))


def change(path, value):
    """A change of the JSON: the entry at a path, of keys and numbers, becomes `value`; "-" takes it out."""

    def apply(scene):
        *most, last = path.split("/")
        at = scene.json
        for key in most:
            at = at[int(key)] if isinstance(at, list) else at[key]
        last = int(last) if isinstance(at, list) else last
        if value == "-":
            del at[last]
        else:
            at[last] = value

    return apply


BROKEN = [
    ("asset/version", "1.0", "version 1.0; expected 2.0"),
    ("asset/version", 2, "version 2; expected"),
    ("asset", "-", "version None"),
    ("extensionsRequired", ["KHR_draco_mesh_compression"], "requires KHR_draco_mesh_compression"),
    ("extensionsRequired", ["KHR_texture_basisu", "MADE_up"], "requires KHR_texture_basisu, MADE_up"),
    ("accessors/0/count", 5, "accessor 0 needs 60 bytes"),
    ("accessors/0/count", 10**15, "count is 1000000000000000"),
    ("accessors/0/count", 10**7, "at most 3000000"),
    ("accessors/0/count", -1, "count is -1"),
    ("accessors/0/count", 1.5, "count is 1.5"),
    ("accessors/0/type", "VEC2", "'VEC2'"),
    ("accessors/0/componentType", 5130, "accessor 0"),
    ("accessors/0/byteOffset", 1 << 60, "byteOffset"),
    ("accessors/0/byteOffset", 8, "accessor 0 needs"),
    ("accessors/1/componentType", 5126, "accessor 1 needs"),
    ("accessors/1/componentType", 5122, "not unsigned whole numbers"),
    ("accessors/1/count", 5, "5 corners; expected a multiple of 3"),
    ("bufferViews/0/byteOffset", 100, "ends at byte"),
    ("bufferViews/0/byteLength", 10**9, "ends at byte"),
    ("bufferViews/0/byteStride", 4, "accessor 0 needs"),
    ("bufferViews/0/buffer", 1, "number 1 of its buffers, and there are 1"),
    ("buffers/0/byteLength", 10**9, "declares"),
    ("meshes/0/primitives/0/attributes/POSITION", 7, "number 7 of its accessors"),
    ("meshes/0/primitives/0/attributes", {}, "no positions"),
    ("meshes/0/primitives/0/material", 3, "number 3 of its materials"),
    ("meshes/0/weights", [0, 0.5], "morph targets"),
    ("nodes/0/mesh", True, "number True of its meshes"),
    ("nodes/0/skin", 0, "skin"),
    ("nodes/0/scale", [1, 2], "scale is not a list of 3"),
    ("nodes/0/rotation", [0, 0, 0, 0], "quaternion 0"),
    ("nodes/0/translation", [1e300, 0, 0], "not finite"),
    ("scene", 4, "number 4 of its scenes"),
    ("scenes/0/nodes", [9], "number 9 of its nodes"),
    ("scenes/0/nodes", [], "no triangles"),
    ("nodes", {}, "nodes are not a list"),
    ("meshes", 7, "its meshes, and there are 0"),
]


@pytest.mark.parametrize(("path", "value", "says"), BROKEN, ids=str)
def test_broken_json_is_refused_with_what_is_wrong(tmp_path, path, value, says):
    scene = Scene()
    text = json.dumps(scene.json)
    scene.write(tmp_path / "a.glb")
    change(path, value)(scene)
    assert json.dumps(scene.json) != text
    (tmp_path / "a.glb").write_bytes(glb(json.dumps(scene.json).encode(), scene.data))
    with pytest.raises(MeshError) as caught:
        read_mesh(tmp_path / "a.glb")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_index_beyond_the_vertices(tmp_path):
    assert "refers to vertex 65535" in refusal(Scene(np.array([0, 1, 65535], "<u2")), tmp_path)


def test_a_packed_primitive_is_refused_even_where_the_file_does_not_say_so(tmp_path):
    scene = Scene()
    scene.primitive["extensions"] = {"KHR_draco_mesh_compression": {"bufferView": 0}}
    assert len(scene.read(tmp_path).parts) == 1  # with a fallback it is read
    del scene.json["accessors"][0]["bufferView"]
    assert "compressed by KHR_draco_mesh_compression" in refusal(scene, tmp_path)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("gone.bin", "'gone.bin' is not there"),
        ("../outside.bin", "leads out of"),
        ("/etc/passwd", "absolute path"),
        ("C:\\data.bin", "absolute path"),
        ("http://example.org/a.bin", "is not a local file"),
        ("file:///etc/passwd", "is not a local file"),
        ("data:application/octet-stream;base64,!!!!", "not base64"),
        ("data:application/octet-stream,abc", "another form than base64"),
        ("link.bin", "leads out of"),
        ("%2e%2e/outside.bin", "leads out of"),
        (7, "URI is not text"),
    ],
)
def test_buffers_are_read_from_the_collection_only(tmp_path, uri, says):
    scene = Scene()
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "outside.bin").write_bytes(scene.data)
    (inside / "link.bin").symlink_to(tmp_path / "outside.bin")
    scene.json["buffers"] = [{"byteLength": len(scene.data), "uri": uri}]
    (inside / "a.gltf").write_text(json.dumps(scene.json))
    with pytest.raises(MeshError) as caught:
        read_mesh(inside / "a.gltf")
    assert says in str(caught.value)
    if "outside" in str(uri) or uri == "link.bin":
        assert len(read_mesh(inside / "a.gltf", tmp_path).parts) == 1


def test_a_buffer_with_blanks_in_its_name_beside_the_file(tmp_path):
    scene = Scene()
    scene.json["buffers"] = [{"byteLength": len(scene.data), "uri": "my%20data.bin"}]
    (tmp_path / "my data.bin").write_bytes(scene.data)
    (tmp_path / "a.gltf").write_text(json.dumps(scene.json))
    assert_allclose(area(read_mesh(tmp_path / "a.gltf")), (0, 0, 2))
    (tmp_path / "my data.bin").write_bytes(scene.data[:-1])
    with pytest.raises(MeshError, match="declares 60 bytes and has 59; it is cut short"):
        read_mesh(tmp_path / "a.gltf")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"glTF", "fewer than the header"),
        (struct.pack("<4sII", b"gLTF", 2, 40) + bytes(28), "begins with the bytes"),
        (struct.pack("<4sII", b"glTF", 1, 40) + bytes(28), "version 1; expected 2"),
        (struct.pack("<4sII", b"glTF", 2, 400) + bytes(28), "declares 400 bytes and has 40"),
        (struct.pack("<4sIIII", b"glTF", 2, 40, 1 << 31, 0x4E4F534A) + bytes(20), "a chunk declares"),
        (struct.pack("<4sIIII", b"glTF", 2, 40, 20, 7) + bytes(20), "no JSON chunk"),
        (glb(b"{", b""), "JSON is cut short"),
        (glb(b"[" * 100_000, b""), "JSON is cut short"),
        (glb(b"[1]", b""), "version None"),
        (glb(b"[" + b"1," * 3_000_000 + b"1]", b""), "more than 2000000 values"),
    ],
    ids=range(10),
)
def test_broken_containers(tmp_path, data, says):
    (tmp_path / "a.glb").write_bytes(data)
    with pytest.raises(MeshError) as caught:
        read_mesh(tmp_path / "a.glb")
    assert says in str(caught.value)
