"""OBJ, PLY, STL and OFF: one shape is one mesh in every format, and each format's own turns are taken."""

import struct

import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose, assert_array_equal

from render.errors import MeshError
from render.meshes.prepare import prepare
from render.meshes.read import read_mesh

BOX = np.array([(x, y, z) for x in (0, 2) for y in (0, 3) for z in (0, 5)], float)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
"""Of a box of 2 x 3 x 5, counter-clockwise from outside."""
TRIANGLES = [t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))]


def obj(path, faces=QUADS):
    lines = [f"v {x} {y} {z}" for x, y, z in BOX] + ["f " + " ".join(str(k + 1) for k in face) for face in faces]
    path.write_text("\n".join(lines) + "\n")


def off(path, header="OFF\n8 6 12\n"):
    rows = [f"{x} {y} {z}" for x, y, z in BOX] + [f"{len(q)} " + " ".join(map(str, q)) for q in QUADS]
    path.write_text(header + "\n".join(rows) + "\n")


def ply(path, order="<", count="B", index="i", faces=QUADS):
    names = {"B": "uchar", "H": "ushort", "I": "uint", "i": "int"}
    kind = "little" if order == "<" else "big"
    header = f"ply\nformat binary_{kind}_endian 1.0\ncomment written by hand\nelement vertex 8\n"
    header += "property float x\nproperty float y\nproperty float z\n"
    header += f"element face {len(faces)}\nproperty list {names[count]} {names[index]} vertex_indices\n"
    rows = [struct.pack(f"{order}{count}{len(face)}{index}", len(face), *face) for face in faces]
    path.write_bytes(f"{header}end_header\n".encode() + BOX.astype(f"{order}f4").tobytes() + b"".join(rows))


def ply_text(path):
    header = "ply\nformat ascii 1.0\nelement vertex 8\nproperty float x\nproperty float y\nproperty float z\n"
    header += "element face 6\nproperty list uchar int vertex_index\nend_header\n"
    rows = [f"{x} {y} {z}" for x, y, z in BOX] + ["4 " + " ".join(map(str, q)) for q in QUADS]
    path.write_text(header + "\n".join(rows) + "\n")


def stl(path, header=b"solid by name only"):
    rows = [struct.pack("<12fH", 0, 0, 0, *BOX[list(t)].reshape(-1), 0) for t in TRIANGLES]
    path.write_bytes(header.ljust(80) + struct.pack("<I", len(rows)) + b"".join(rows))


def stl_text(path):
    facets = [
        "facet normal 0 0 0\n outer loop\n"
        + "".join(f"  vertex {x:e} {y:e} {z:e}\n" for x, y, z in BOX[list(t)])
        + " endloop\nendfacet\n"
        for t in TRIANGLES
    ]
    path.write_text("solid a\n" + "".join(facets[:6]) + "endsolid a\nSOLID b\n" + "".join(facets[6:]) + "endsolid b\n")


def by_trimesh(path):
    trimesh.Trimesh(BOX, TRIANGLES, process=False).export(path)


WRITERS = {
    "obj": obj,
    "off": off,
    "ply": ply,
    "big-endian ply": lambda path: ply(path, ">", "H", "I"),
    "ply with triangles and quads": lambda path: ply(path, faces=[*QUADS[:3], *TRIANGLES[6:]]),
    "text ply": ply_text,
    "stl": stl,
    "text stl": stl_text,
    "trimesh's obj": by_trimesh,
    "trimesh's off": by_trimesh,
    "trimesh's ply": by_trimesh,
    "trimesh's stl": by_trimesh,
    "trimesh's glb": by_trimesh,
}


def written(tmp_path, kind):
    path = tmp_path / f"box.{kind.replace('with triangles and quads', '').split()[-1]}"
    WRITERS[kind](path)
    return path


def joined(raw):
    """Positions and triangles of all parts."""
    starts = np.cumsum([0] + [len(part.positions) for part in raw.parts])
    triangles = [part.triangles + start for part, start in zip(raw.parts, starts[:-1], strict=True)]
    return np.concatenate([part.positions for part in raw.parts]), np.concatenate(triangles)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_box_is_the_same_mesh_in_every_format(tmp_path, kind):
    raw = read_mesh(written(tmp_path, kind))
    assert raw.warnings == ()
    mesh = prepare(raw, "y", "z")
    # Three normals at each of eight corners, and the size of the box over its half diagonal.
    assert mesh.positions.shape == (24, 3)
    assert mesh.triangles.shape == (12, 3)
    half = np.array([2, 3, 5]) / np.sqrt(38)
    assert_allclose(np.abs(mesh.positions), np.tile(half, (24, 1)), rtol=1e-6)
    assert_allclose(np.abs(mesh.normals).max(axis=1), 1, rtol=1e-7)
    assert_allclose((mesh.normals * mesh.positions).max(axis=1), np.abs(mesh.normals * half).max(axis=1), rtol=1e-6)


@pytest.mark.parametrize("kind", WRITERS)
def test_volume_and_area_are_those_that_trimesh_has(tmp_path, kind):
    positions, triangles = joined(read_mesh(written(tmp_path, kind)))
    ours = trimesh.Trimesh(positions, triangles, process=False)
    assert ours.volume == pytest.approx(30)
    assert ours.area == pytest.approx(62)


@pytest.mark.parametrize("kind", ["obj", "off", "ply", "text ply"])
def test_vertices_are_shared_as_in_the_file(tmp_path, kind):
    positions, triangles = joined(read_mesh(written(tmp_path, kind)))
    assert_array_equal(positions[triangles[0]], BOX[list(QUADS[0][:3])])
    assert len(positions) == 8


OBJ_VARIANTS = {
    "relative": lambda t: t.replace("f 1 2 4 3", "f -8 -7 -5 -6"),
    "crlf": lambda t: t.replace("\n", "\r\n"),
    "old mac": lambda t: t.replace("\n", "\r"),
    "continued line": lambda t: t.replace("f 1 2 4 3", "f 1 2 \\\n 4 3"),
    "comment that ends in a backslash": lambda t: "# C:\\chairs\\\n" + t,
    "comment after a face": lambda t: t.replace("f 1 2 4 3", "f 1 2 4 3 # seat"),
    "latin-1 comment": lambda t: "# Stühle für Bäcker\n" + t,
    "byte order mark": lambda t: "ï»¿" + t,
    "tabs and blanks": lambda t: t.replace(" ", " \t ") + "\n\n  \n",
    "empty slashes": lambda t: t.replace("f 1 2 4 3", "f 1// 2// 4// 3//"),
    "normals and texture places": lambda t: "vt 0 0\nvn 0 0 1\n" + t.replace("f 1 2 4 3", "f 1/1/1 2/1/1 4/1/1 3/1/1"),
    "weights": lambda t: t.replace("v 0.0 0.0 0.0", "v 0 0 0 1.0"),
    "group with faces in its name": lambda t: "g an f Three\no f 1 2 3\n" + t,
    "vertices after faces": lambda t: "\n".join(sorted(t.splitlines())),
}


@pytest.mark.parametrize("kind", OBJ_VARIANTS)
def test_varieties_of_obj(tmp_path, kind):
    obj(tmp_path / "plain.obj")
    text = OBJ_VARIANTS[kind]((tmp_path / "plain.obj").read_text())
    (tmp_path / "a.OBJ").write_bytes(text.encode("latin-1"))
    raw = read_mesh(tmp_path / "a.OBJ")
    assert raw.warnings == ()
    positions, triangles = joined(raw)
    assert trimesh.Trimesh(positions, triangles, process=False).volume == pytest.approx(30)


OFF_HEADERS = {
    "glued": "OFF8 6 12\n",
    "on one line": "OFF 8  6  12\n",
    "no edges": "OFF\r\n8 6\r\n",
    "comments": "# a\nOFF # b\n\n# c\n8 6 12 # d\n\n",
    "blanks": " \t OFF8 6 0 # or not\n",
}


@pytest.mark.parametrize("kind", OFF_HEADERS)
def test_varieties_of_off(tmp_path, kind):
    off(tmp_path / "a.off", OFF_HEADERS[kind])
    positions, triangles = joined(read_mesh(tmp_path / "a.off"))
    assert trimesh.Trimesh(positions, triangles, process=False).volume == pytest.approx(30)


def test_colours_of_vertices(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0 0 0.5\nf 1 2 3\n")
    (tmp_path / "b.obj").write_text("v 0 0 0 255 0 0\nv 1 0 0 0 255 0\nv 0 1 0 0 0 127.5\nf 1 2 3\n")
    (tmp_path / "a.off").write_text("COFF\n3 1 0\n0 0 0 1 0 0 1\n1 0 0 0 1 0 1\n0 1 0 0 0 .5 1\n3 0 1 2\n")
    header = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    header += "property {0} red\nproperty {0} green\nproperty {0} blue\nelement face 1\n"
    header += (
        "property list uchar int vertex_indices\nend_header\n0 0 0 {1} 0 0\n1 0 0 0 {1} 0\n0 1 0 0 0 {2}\n3 0 1 2\n"
    )
    (tmp_path / "a.ply").write_text(header.format("float", 1, 0.5))
    (tmp_path / "b.ply").write_text(header.format("ushort", 65535, 32767.5))
    for path in sorted(tmp_path.iterdir()):
        (part,) = read_mesh(path).parts
        assert_allclose(part.colors, [(1, 0, 0), (0, 1, 0), (0, 0, 0.5)], atol=1e-6)
        assert part.material.color == (1, 1, 1)


def test_colours_that_are_no_numbers_are_left_out(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0 nan 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0 0 0.5\nf 1 2 3\n")
    raw = read_mesh(tmp_path / "a.obj")
    assert raw.parts[0].colors is None
    assert raw.warnings == ("a.obj: vertex colours are not finite and are left out",)


def test_colours_of_faces_split_their_vertices(tmp_path):
    faces = "3 0 1 2 255 0 0\n3 1 3 2 0 0 255\n"
    (tmp_path / "a.off").write_text("OFF\n4 2 0\n0 0 0\n1 0 0\n0 1 0\n1 1 0\n" + faces)
    (part,) = read_mesh(tmp_path / "a.off").parts
    assert part.positions.shape == (6, 3)
    assert_allclose(part.colors[part.triangles], [[(1, 0, 0)] * 3, [(0, 0, 1)] * 3])


def test_texture_places_split_vertices_only_where_they_differ(tmp_path):
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nvt .5 .5\nf 1/1 2/2 3/3\nf 2/2 4/4 3/1\n"
    (tmp_path / "a.obj").write_text(text)
    (part,) = read_mesh(tmp_path / "a.obj").parts
    assert_allclose(part.uv[part.triangles], [[(0, 0), (1, 0), (0, 1)], [(1, 0), (0.5, 0.5), (0, 0)]])
    assert len(part.positions) == 5


def test_wedges_of_meshlab(tmp_path):
    header = "ply\nformat ascii 1.0\ncomment TextureFile gone.png\nelement vertex 4\n"
    header += "property float x\nproperty float y\nproperty float z\nelement face 2\n"
    header += "property list uchar int vertex_indices\nproperty list uchar float texcoord\nend_header\n"
    rows = "0 0 0\n1 0 0\n0 1 0\n1 1 0\n3 0 1 2 6 0 0 1 0 0 1\n3 1 3 2 6 1 0 .5 .5 0 0\n"
    (tmp_path / "a.ply").write_text(header + rows)
    raw = read_mesh(tmp_path / "a.ply")
    (part,) = raw.parts
    assert_allclose(part.uv[part.triangles], [[(0, 0), (1, 0), (0, 1)], [(1, 0), (0.5, 0.5), (0, 0)]])
    assert raw.warnings == ("a.ply: the texture is left out: 'gone.png' is not there",)


def test_elements_that_nobody_asked_for_are_stepped_over(tmp_path):
    header = b"ply\nformat binary_big_endian 1.0\nelement strange 2\nproperty list uchar short odd\nproperty double d\n"
    header += b"element vertex 3\nproperty double x\nproperty uchar q\nproperty double y\nproperty double z\n"
    header += b"element face 1\nproperty char before\nproperty list uint ushort vertex_indices\n"
    header += (
        b"property list uchar float more\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nend_header\n"
    )
    strange = struct.pack(">B3hd", 3, 1, 2, 3, 0.5) + struct.pack(">Bd", 0, 0.5)
    vertices = b"".join(struct.pack(">dBdd", x, 7, y, 0) for x, y in ((0, 0), (1, 0), (0, 1)))
    face = struct.pack(">bI3HB2f3B", -1, 3, 0, 1, 2, 2, 0, 0, 51, 102, 255)
    (tmp_path / "a.ply").write_bytes(header + strange + vertices + face)
    (part,) = read_mesh(tmp_path / "a.ply").parts
    assert_array_equal(part.positions, [(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    assert_allclose(part.colors, [(0.2, 0.4, 1)] * 3)


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "1e39", "1e999"])
def test_faces_at_vertices_that_are_nowhere_are_left_out(tmp_path, bad):
    obj(tmp_path / "a.obj")
    text = (tmp_path / "a.obj").read_text().replace("v 0.0 0.0 0.0", f"v 0 {bad} 0")
    (tmp_path / "a.obj").write_text(text)
    raw = read_mesh(tmp_path / "a.obj")
    assert raw.warnings == ("a.obj: 3 faces at vertices that are not finite are left out",)
    assert np.isfinite(raw.parts[0].positions).all()
    assert len(raw.parts[0].triangles) == 6


def test_what_is_left_out_of_a_file_is_said(tmp_path):
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2\nf 1 1 2\nf 1 2 3\nl 1 2\np 1\nf 1/9 2/9 3/9\n"
    (tmp_path / "a.obj").write_text(text)
    assert read_mesh(tmp_path / "a.obj").warnings == (
        "a.obj: 2 points, lines or curves are left out",
        "a.obj: its faces refer to texture coordinates, and the file has none",
        "a.obj: 1 faces with fewer than three corners are left out",
        "a.obj: 1 triangles use one vertex twice and are left out",
    )


@pytest.mark.parametrize(("cut", "triangles"), [(0, 12), *((k, 11) for k in (1, 2)), *((k, 10) for k in range(3, 9))])
def test_an_obj_that_ends_inside_a_face(tmp_path, cut, triangles):
    """Of the last line, `f 2 6 8 4`, fewer and fewer letters are there: as a whole face, a triangle, and nothing."""
    obj(tmp_path / "a.obj")
    text = (tmp_path / "a.obj").read_text().rstrip()
    (tmp_path / "a.obj").write_text(text[: len(text) - cut])
    raw = read_mesh(tmp_path / "a.obj")
    assert len(joined(raw)[1]) == triangles
    assert any("cut short" in line for line in raw.warnings)


def test_bytes_behind_the_last_triangle_of_an_stl(tmp_path):
    stl(tmp_path / "a.stl", b"anything")
    (tmp_path / "a.stl").write_bytes((tmp_path / "a.stl").read_bytes() + bytes(20))
    raw = read_mesh(tmp_path / "a.stl")
    assert len(raw.parts[0].triangles) == 12
    assert raw.warnings == ("a.stl: 20 bytes behind the last triangle are left out",)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.obj", b"", "an empty file"),
        ("a.obj", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
        ("a.off", b"PK\x03\x04" + bytes(60), "a zip archive"),
        ("a.ply", b"\x1f\x8b" + bytes(60), "gzip archive (unpack it first)"),
        ("a.gltf", b"\x89PNG\r\n\x1a\n" + bytes(60), "a PNG picture"),
        ("a.obj", bytes(range(200)), "binary data"),
        ("a.obj", "v 0 0 0\n".encode("utf-16"), "UTF-16"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "line 4: a face refers to vertex 0; the first is 1"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "refers to vertex 3 (counted from 0); there are 3 vertices"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nf 1 2 -4\nv 0 1 0\n", "line 3: a face refers to the vertex 4 before it"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/2 3/1\n", "texture coordinate 2, and there are 1"),
        ("a.obj", b"v 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "line 1 cannot be read: 'v 0 0'"),
        ("a.obj", b"v 0,5 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "line 1 cannot be read: 'v 0,5 0 0'"),
        ("a.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999999\n", "refers to vertex"),
        ("a.obj", b"v 0 0 0\np 1\n", "points or lines, and no faces (1 vertices)"),
        ("a.off", b"solid a\n", "expected the word OFF"),
        ("a.off", b"4OFF\n1 1 0\n", "'4OFF'"),
        ("a.off", b"OFF BINARY\n", "'OFF BINARY'"),
        ("a.off", b"OFF\n-3 1 0\n", "are not counts"),
        ("a.off", b"OFF\n3 999999999999 0\n0 0 0\n", "the most are"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", "line 6 is not a face"),
        ("a.off", b"OFF\n3 2 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "declares 2 faces and ends after 1"),
        ("a.off", b"OFF\n4 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n", "line 6 has 4 numbers; expected a vertex with 3"),
        ("a.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", "refers to vertex 3"),
        ("a.ply", b"plywood\n", "does not begin with the word `ply`"),
        ("a.ply", b"ply\nformat ascii 1.0\nelement vertex 3\n", "`end_header`"),
        ("a.ply", b"ply\nformat middle 1.0\nend_header\n", "'middle'"),
        ("a.stl", b"\0" * 80 + b"\xff\xff\xff\xff" + bytes(50), "declares 4294967295 triangles"),
        ("a.stl", b"solid a\nfacet\nouter loop\nvertex 0 0 0\n", "ends inside a facet"),
        ("a.stl", b"solid a\nendsolid a\n", "no triangles"),
        ("a.stl", b"short", "neither a binary header"),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, name, data, says):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(MeshError) as caught:
        read_mesh(tmp_path / name)
    assert says in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_file_and_no_such_format(tmp_path):
    with pytest.raises(MeshError, match="there is no mesh at"):
        read_mesh(tmp_path / "a.obj")
    with pytest.raises(MeshError, match=r"unknown suffix of a mesh file; known are \.obj, \.gltf"):
        read_mesh(tmp_path / "a.dae")
    (tmp_path / "b.obj").mkdir()
    with pytest.raises(MeshError, match="a folder with nothing in it; expected a file"):
        read_mesh(tmp_path / "b.obj")
