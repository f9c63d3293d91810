"""Materials and pictures of OBJ and glTF: what is drawn, what replaces it when missing, and where it may lie."""

import base64
import io
import json
import os
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from render.meshes.limits import MOST_PICTURES, TEXTURE_SIDE
from render.meshes.mtl import Map, parse_map
from render.meshes.read import read_mesh

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl wood\nf 1/1 2/2 3/3\n"
CHECKS = np.array([[(255, 0, 0), (0, 255, 0)], [(0, 0, 255), (9, 8, 7)]], np.uint8)


def picture(pixels, kind="PNG", **options):
    data = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(data, kind, **options)
    return data.getvalue()


def rgba(alpha):
    """White pixels with these alphas."""
    alpha = np.asarray(alpha, np.uint8)
    return np.concatenate([np.full((*alpha.shape, 3), 255, np.uint8), alpha[..., None]], axis=-1)


def material(tmp_path, mtl, root=None, name="a.obj", **files):
    """The one material of a triangle with this library, and the warnings."""
    for file, data in files.items():
        (tmp_path / file.replace("_png", ".png").replace("__", " ")).write_bytes(data)
    (tmp_path / "a.mtl").write_text(f"newmtl wood\n{mtl}\n")
    (tmp_path / name).write_text("mtllib a.mtl\n" + TRIANGLE)
    raw = read_mesh(tmp_path / name, root)
    (part,) = raw.parts
    return part.material, raw.warnings, part


def test_a_picture_multiplies_the_colour(tmp_path):
    found, warnings, part = material(tmp_path, "Kd 0.5 0.25 1\nmap_Kd a.png", a_png=picture(CHECKS))
    assert found.color == (0.5, 0.25, 1)
    assert_array_equal(found.texture[..., :3], CHECKS)
    assert (found.texture[..., 3] == 255).all()
    assert (found.wrap, found.cut_below, warnings) == (("repeat", "repeat"), None, ())
    assert_array_equal(part.uv[part.triangles[0]], [(0, 0), (1, 0), (0, 1)])


def test_without_a_colour_the_picture_is_as_it_is(tmp_path):
    assert material(tmp_path, "map_Kd a.png", a_png=picture(CHECKS))[0].color == (1, 1, 1)
    assert material(tmp_path, "Ka 1 1 1")[0].color == (0.8, 0.8, 0.8)


def test_a_picture_under_black_is_drawn_as_it_is(tmp_path):
    found, warnings, _ = material(tmp_path, "Kd 0 0 0\nmap_Kd a.png", a_png=picture(CHECKS))
    assert found.color == (1, 1, 1)
    assert len(warnings) == 1
    assert "black colour" in warnings[0]


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("oak.png", Map("oak.png")),
        ("dark oak 2.png", Map("dark oak 2.png")),
        ("-clamp on oak.png", Map("oak.png", clamp=True)),
        ("-s 2 3 1 -o 0.5 0 0 -mm 0 1 oak.png", Map("oak.png", scale=(2, 3), offset=(0.5, 0))),
        ("-s 2 oak.png", Map("oak.png", scale=(2, 1))),
        ("-blendu on -bm 0.3 -texres 512 dark oak.png", Map("dark oak.png")),
        ('"dark oak.png"', Map("dark oak.png")),
        ("-oak.png", Map("-oak.png")),
        ("-clamp on", None),
        ("", None),
    ],
)
def test_options_before_the_name_of_a_map(line, read):
    assert parse_map(line) == read


def test_scale_and_offset_go_into_the_texture_places(tmp_path):
    found, _, part = material(tmp_path, "map_Kd -clamp on -s 2 4 -o 0.5 0.25 my wood.png", my__wood_png=picture(CHECKS))
    assert found.wrap == ("clamp", "clamp")
    assert_array_equal(part.uv[part.triangles[0]], [(0.5, 0.25), (2.5, 0.25), (0.5, 4.25)])


@pytest.mark.parametrize("kind", ["d 0", "Tr 1", "d 0.0\nTr 1.0", "d 0.4"])
@pytest.mark.parametrize("textured", [True, False])
def test_what_is_wholly_transparent_is_drawn_opaque(tmp_path, kind, textured):
    mtl = f"Kd 1 0 0\n{kind}\n" + ("map_Kd a.png" if textured else "")
    found, warnings, _ = material(tmp_path, mtl, a_png=picture(CHECKS))
    assert found.cut_below is None
    assert warnings == ("a.obj: the material 'wood' is transparent; it is rendered opaque",)


@pytest.mark.parametrize(
    ("alpha", "cut", "warned"),
    [
        ([[255, 255], [255, 255]], None, False),
        ([[0, 255], [255, 255]], 0.5, False),
        ([[127, 128], [255, 200]], 0.5, False),
        ([[128, 255], [200, 255]], None, False),
        ([[0, 0], [0, 0]], None, True),
        ([[127, 0], [0, 0]], None, True),
    ],
)
def test_alpha_cuts_where_it_is_on_both_sides_of_a_half(tmp_path, alpha, cut, warned):
    found, warnings, _ = material(tmp_path, "map_Kd a.png", a_png=picture(rgba(alpha)))
    assert found.cut_below == cut
    assert any("opaque" in line for line in warnings) == warned
    assert_array_equal(found.texture[..., 3], alpha if cut else 255)
    assert (found.texture[..., :3] == 255).all()


def test_a_mask_of_its_own(tmp_path):
    mask = picture(np.array([[0, 255], [255, 255]], np.uint8))
    found, warnings, _ = material(tmp_path, "Kd 1 1 1\nmap_Kd a.png\nmap_d b.png", a_png=picture(CHECKS), b_png=mask)
    assert (found.cut_below, warnings) == (0.5, ())
    assert_array_equal(found.texture, np.dstack([CHECKS, [[0, 255], [255, 255]]]))
    found, _, _ = material(tmp_path, "Kd 1 0 0\nmap_d b.png")
    assert (found.color, found.cut_below) == ((1, 0, 0), 0.5)
    assert found.texture[..., :3].min() == 255


KINDS = {
    "grey": Image.fromarray(np.full((4, 4), 51, np.uint8)),
    "palette": Image.fromarray(np.full((4, 4, 3), 51, np.uint8)).quantize(4),
    "16 bits": Image.fromarray(np.full((4, 4), 51 * 256, np.uint16)),
    "one bit": Image.fromarray(np.full((4, 4), 255, np.uint8)).convert("1"),
    "grey and alpha": Image.fromarray(np.full((4, 4, 2), (51, 255), np.uint8), "LA"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_every_kind_become_colours(tmp_path, kind):
    data = io.BytesIO()
    KINDS[kind].save(data, "PNG")
    found, warnings, _ = material(tmp_path, "map_Kd a.png", a_png=data.getvalue())
    assert warnings == ()
    assert (found.texture == (255, 255, 255, 255) if kind == "one bit" else found.texture == (51, 51, 51, 255)).all()


def test_large_pictures_are_reduced_by_means_over_boxes(tmp_path):
    fine = np.indices((1024, 2048)).sum(axis=0) % 2 * 200 + 20
    data = picture(np.repeat(fine[..., None], 3, axis=2))
    found, _, _ = material(tmp_path, "map_Kd a.png", a_png=data)
    assert found.texture.shape == (TEXTURE_SIDE // 2, TEXTURE_SIDE, 4)
    assert (found.texture[..., :3] == 120).all()


def test_the_colour_of_what_is_cut_away_does_not_tint_what_is_left(tmp_path):
    pixels = rgba(np.tile([0, 255], (1024, 512)))
    pixels[:, ::2, :3] = (255, 0, 0)
    pixels[:8] = (255, 255, 255, 0)
    found, _, _ = material(tmp_path, "map_Kd a.png", a_png=picture(pixels))
    assert found.cut_below == 0.5
    kept = found.texture[found.texture[..., 3] > 0]
    assert (kept[:, :3] == 255).all()


def bomb(width, height):
    """A PNG of a few bytes that declares any size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


BAD_PICTURES = {
    "missing": (None, "'a.png' is not there"),
    "empty": (b"", "not a readable picture"),
    "truncated": (picture((np.arange(30000) ** 3 // 977).reshape(100, 100, 3) % 256)[:9000], "truncated"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    "text": (b"hello", "not a readable picture"),
    "bomb": (bomb(60000, 60000), "3600000000 pixels"),
    "fat bomb": (bomb(1 << 30, 1 << 30), "pixels"),
    "no pixels": (bomb(0, 0), "not a readable picture"),
}


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_a_bad_picture_leaves_the_colour_and_a_warning(tmp_path, kind):
    data, says = BAD_PICTURES[kind]
    if data is not None:
        (tmp_path / "a.png").write_bytes(data)
    found, warnings, _ = material(tmp_path, "Kd 0.1 0.2 0.3\nmap_Kd a.png")
    assert (found.color, found.texture) == ((0.1, 0.2, 0.3), None)
    assert len(warnings) == 1
    assert says in warnings[0]
    assert warnings[0].startswith("a.obj: the texture of material 'wood' is left out, its colour is used: ")


def test_many_pictures_are_not_opened_without_end(tmp_path):
    lines = ["newmtl m0"]
    for k in range(MOST_PICTURES + 5):
        (tmp_path / f"{k}.png").write_bytes(picture(CHECKS))
        lines += [f"newmtl m{k}", f"map_Kd {k}.png"]
    (tmp_path / "a.mtl").write_text("\n".join(lines))
    faces = "".join(f"usemtl m{k}\nf 1/1 2/1 3/1\n" for k in range(MOST_PICTURES + 5))
    (tmp_path / "a.obj").write_text("mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\n" + faces)
    raw = read_mesh(tmp_path / "a.obj")
    assert sum(part.material.texture is not None for part in raw.parts) == MOST_PICTURES
    assert len(raw.warnings) == 5


def test_one_picture_of_many_materials_is_one_array(tmp_path):
    (tmp_path / "a.png").write_bytes(picture(CHECKS))
    (tmp_path / "a.mtl").write_text("".join(f"newmtl m{k}\nKd 0.{k} 1 1\nmap_Kd ./a.png\n" for k in range(1, 9)))
    faces = "".join(f"usemtl m{k}\nf 1/1 2/1 3/1\n" for k in range(1, 9))
    (tmp_path / "a.obj").write_text("mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\n" + faces)
    raw = read_mesh(tmp_path / "a.obj")
    assert len(raw.parts) == 8
    assert len({id(part.material.texture) for part in raw.parts}) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../a.png", "leads out of"),
        ("../../../../../../etc/passwd", "leads out of"),
        ("/etc/passwd", "absolute path"),
        ("C:\\Users\\kay\\a.png", "absolute path"),
        ("\\\\server\\a.png", "absolute path"),
        ("link.png", "leads out of"),
        ("folder/a.png", "leads out of"),
        ("folder/A.PNG", "leads out of"),
        ("sub", "is not there"),
        ("a\0b.png", "is not the name of a file"),
        ("x" * 300 + ".png", "is not the name of a file"),
        ("round", "is not the name of a file"),
        ("fifo", "is not there"),
    ],
)
def test_pictures_are_read_from_the_collection_only(tmp_path, name, says):
    (tmp_path / "a.png").write_bytes(picture(CHECKS))
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    (inside / "link.png").symlink_to(tmp_path / "a.png")
    (inside / "folder").symlink_to(tmp_path)
    (inside / "round").symlink_to(inside / "round")
    os.mkfifo(inside / "fifo")
    found, warnings, _ = material(inside, f"Kd 0.1 0.2 0.3\nmap_Kd {name}")
    assert found.texture is None
    assert len(warnings) == 1
    assert says in warnings[0]
    assert "\n" not in warnings[0]


@pytest.mark.parametrize("name", ["../a.png", "..\\a.png", "link.png", "folder/a.png", "./sub/../../a.png"])
def test_within_its_root_a_mesh_may_look_around(tmp_path, name):
    (tmp_path / "a.png").write_bytes(picture(CHECKS))
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    (inside / "link.png").symlink_to(tmp_path / "a.png")
    (inside / "folder").symlink_to(tmp_path)
    found, warnings, _ = material(inside, f"map_Kd {name}", root=tmp_path)
    assert_array_equal(found.texture[..., :3], CHECKS)
    assert warnings == ()


def test_a_name_in_another_case_is_taken_where_it_can_only_mean_one_file(tmp_path):
    (tmp_path / "Maps").mkdir()
    (tmp_path / "Maps" / "Wood.PNG").write_bytes(picture(CHECKS))
    found, warnings, _ = material(tmp_path, "map_Kd maps/wood.png")
    assert_array_equal(found.texture[..., :3], CHECKS)
    assert len(warnings) == 2
    assert warnings[1] == "a.obj: 'wood.png' is not there, 'Wood.PNG' is used instead"
    (tmp_path / "Maps" / "wood.Png").write_bytes(picture(CHECKS))
    assert material(tmp_path, "map_Kd Maps/wood.png")[0].texture is None


def test_names_in_utf8_and_libraries_with_blanks(tmp_path):
    (tmp_path / "Stühle.png").write_bytes(picture(CHECKS))
    (tmp_path / "my own.mtl").write_text("newmtl grün\nmap_Kd Stühle.png\n", "utf-8")
    (tmp_path / "more.mtl").write_text("newmtl rot\nKd 1 0 0\n", "utf-8")
    text = TRIANGLE.replace("wood", "grün") + "usemtl rot\nf 1 2 3\n"
    (tmp_path / "a.obj").write_text("mtllib my own.mtl\nmtllib gone.mtl more.mtl\n" + text, "utf-8")
    raw = read_mesh(tmp_path / "a.obj")
    assert raw.parts[0].material.texture is not None
    assert raw.parts[1].material.color == (1, 0, 0)
    assert raw.warnings == ("a.obj: the material library is left out: 'gone.mtl' is not there",)


@pytest.mark.parametrize(
    ("library", "says"),
    [
        ("", "it has no library for its 1 materials"),
        ("mtllib gone.mtl\n", "the material library is left out: 'gone.mtl' is not there"),
        ("mtllib ../a.mtl\n", "leads out of"),
        ("mtllib other.mtl\n", "the material 'wood' is in no library"),
        ("mtllib large.mtl\n", "bytes; the most are"),
    ],
)
def test_without_its_library_a_mesh_has_the_default_colour(tmp_path, library, says):
    (tmp_path / "other.mtl").write_text("newmtl stone\n")
    with (tmp_path / "large.mtl").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "a.obj").write_text(library + TRIANGLE)
    raw = read_mesh(tmp_path / "a.obj")
    assert raw.parts[0].material.color == (0.8, 0.8, 0.8)
    assert len(raw.warnings) == 1
    assert says in raw.warnings[0]


def glass(tmp_path, data=None, wrap=None, info=None, **entry):
    """The material of a glTF triangle, and its part and warnings."""
    points = (
        np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], "<f4").tobytes() + np.array([0, 0, 1, 0, 0, 1], "<f4").tobytes()
    )
    uri = "data:application/octet-stream;base64," + base64.b64encode(points).decode()
    document = {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1, "TEXCOORD_1": 1}, "material": 0}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 24}],
        "buffers": [{"byteLength": 60, "uri": uri}],
        "materials": [{"name": "pane", **entry}],
        "samplers": [dict(zip(("wrapS", "wrapT"), wrap, strict=True))] if wrap else [{}],
        "textures": [{"source": 0, "sampler": 0}],
    }
    if data is not None:
        document["images"] = [{"uri": "data:image/png;base64," + base64.b64encode(data).decode()}]
        texture = {"baseColorTexture": {"index": 0, **(info or {})}}
        document["materials"][0]["pbrMetallicRoughness"] = texture | entry.get("pbrMetallicRoughness", {})
    (tmp_path / "a.gltf").write_text(json.dumps(document))
    raw = read_mesh(tmp_path / "a.gltf")
    return raw.parts[0].material, raw.parts[0], raw.warnings


def test_gltf_places_begin_at_the_top(tmp_path):
    _, part, _ = glass(tmp_path, picture(CHECKS))
    assert_array_equal(part.uv, [(0, 1), (1, 1), (0, 0)])


def test_wraps_of_the_sampler(tmp_path):
    assert glass(tmp_path, picture(CHECKS))[0].wrap == ("repeat", "repeat")
    assert glass(tmp_path, picture(CHECKS), (33071, 33648))[0].wrap == ("clamp", "mirror")


def test_texture_transform(tmp_path):
    """The example of the extension's own text: the lower left quarter of the picture, turned by 90 degrees."""
    info = {"offset": [0, 1], "rotation": np.pi / 2, "scale": [0.5, 0.5], "texCoord": 1}
    _, part, _ = glass(tmp_path, picture(CHECKS), info={"extensions": {"KHR_texture_transform": info}})
    assert_allclose(part.uv, [(0, 0), (0, 0.5), (0.5, 0)], atol=1e-12)


@pytest.mark.parametrize(
    ("alpha", "entry", "cut", "warned"),
    [
        ([[0, 255]], {}, None, False),
        ([[0, 255]], {"alphaMode": "MASK"}, 0.5, False),
        ([[0, 255]], {"alphaMode": "MASK", "alphaCutoff": 0.25}, 0.25, False),
        ([[0, 255]], {"alphaMode": "MASK", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.8]}}, 0.625, False),
        ([[0, 255]], {"alphaMode": "MASK", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.2]}}, None, True),
        ([[0, 20]], {"alphaMode": "MASK"}, None, True),
        ([[200, 255]], {"alphaMode": "MASK"}, None, False),
        ([[0, 255]], {"alphaMode": "BLEND"}, 0.5, False),
        ([[200, 255]], {"alphaMode": "BLEND"}, None, False),
        ([[20, 25]], {"alphaMode": "BLEND"}, None, True),
        ([[255, 255]], {"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.3]}}, None, True),
        (None, {"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.3]}}, None, True),
        (None, {"alphaMode": "MASK", "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0.3]}}, None, True),
        (None, {"alphaMode": "BLEND"}, None, False),
    ],
    ids=str,
)
def test_alpha_of_gltf(tmp_path, alpha, entry, cut, warned):
    found, _, warnings = glass(tmp_path, None if alpha is None else picture(rgba(alpha)), **entry)
    assert found.cut_below == cut
    assert warnings == (("a.gltf: material 'pane' is transparent; it is rendered opaque",) if warned else ())


def test_specular_and_glossiness(tmp_path):
    old = {"KHR_materials_pbrSpecularGlossiness": {"diffuseFactor": [1, 0, 1, 1]}}
    assert glass(tmp_path, extensions=old)[0].color == (1, 0, 1)


def test_a_damaged_picture_of_gltf(tmp_path):
    found, part, warnings = glass(tmp_path, b"nothing")
    assert (found.texture, part.uv, found.color) == (None, None, (1, 1, 1))
    assert len(warnings) == 1
    assert "the texture of material 'pane' is left out, its colour is used" in warnings[0]
