"""Real chairs in all formats, and odd files of other projects' tests; skipped where they are not at hand."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import trimesh
from numpy.testing import assert_allclose
from scipy.spatial import cKDTree

from render.errors import MeshError
from render.meshes.fingerprint import geometry_hash
from render.meshes.guess import guess_axes
from render.meshes.layouts import find_meshes
from render.meshes.prepare import prepare
from render.meshes.read import read_mesh

DATA = Path(__file__).parents[3] / "shared" / "data"


def table():
    """Triangles, up and front of each chair, as its table of sources states them."""
    sources = DATA / "chairs" / "SOURCES.md"
    row = re.compile(
        r"\| `([^`]+)` \| \d+ \| \d+ \| (\d+) \| [^|]+ \| (?:obj|gltf|glb|stl|off|ply) \| [^|]+ "
        r"\| ([+-][XYZ]) \| ([+-][XYZ]|-) \|"
    )
    rows = row.findall(sources.read_text("utf-8")) if sources.is_file() else []
    return {name: (int(count), up.lower(), None if front == "-" else front.lower()) for name, count, up, front in rows}


CHAIRS = {name: row for name, row in table().items() if (DATA / "chairs" / name).is_file()}


@pytest.fixture(scope="module")
def chairs():
    """Every chair of the table, read once."""
    if not CHAIRS:
        pytest.skip("needs real chairs beside the checkout (chairs/SOURCES.md)")
    return {name: read_mesh(DATA / "chairs" / name, DATA / "chairs") for name in CHAIRS}


@pytest.fixture(scope="module")
def hashes(chairs):
    return {name: geometry_hash(prepare(raw, CHAIRS[name][1], CHAIRS[name][2])) for name, raw in chairs.items()}


def test_chairs_are_whole(chairs):
    for name, raw in chairs.items():
        assert raw.warnings == (), name
        assert sum(len(part.triangles) for part in raw.parts) == CHAIRS[name][0], name


def test_areas_and_volumes_are_those_that_trimesh_finds(chairs):
    for name, raw in chairs.items():
        if raw.parts[0].colors is not None:
            continue  # trimesh cuts these quads along the other diagonal
        theirs = trimesh.load(DATA / "chairs" / name, process=False, skip_materials=True)
        theirs = theirs.to_geometry() if isinstance(theirs, trimesh.Scene) else theirs
        starts = np.cumsum([0] + [len(part.positions) for part in raw.parts[:-1]])
        ours = trimesh.Trimesh(
            np.concatenate([part.positions for part in raw.parts]),
            np.concatenate([part.triangles + start for part, start in zip(raw.parts, starts, strict=True)]),
            process=False,
        )
        assert_allclose(ours.bounds, theirs.bounds, rtol=1e-5, atol=1e-6, err_msg=name)
        assert_allclose(ours.area, theirs.area, rtol=1e-4, err_msg=name)
        assert_allclose(ours.volume, theirs.volume, rtol=1e-3, err_msg=name)


def test_axes_are_guessed_right(chairs):
    """On the shapes that the rule was made on: no measure of how it does on others."""
    for name, raw in chairs.items():
        _, up, front = CHAIRS[name]
        guess = guess_axes(raw)
        assert guess.up == up, name
        assert guess.front == front, name


def same(name):
    """Another file's name for the same geometry: the format and the texture left out."""
    stem = Path(name).stem.lower()
    stem = re.sub(r"^(kaykit|clvrai|servicesim)_|_wood|_vertexcolor|_ascii|_binary", "", stem)
    return stem if "kaykit" in name or "clvrai" in name else name


def test_the_same_chair_has_one_hash_in_all_its_files_and_no_other_has_it(hashes):
    for one, other in combinations(hashes, 2):
        assert (hashes[one] == hashes[other]) == (same(one) == same(other)), f"{one}, {other}"
    assert len(set(hashes.values())) > 15


def farthest(one, other):
    """How far off the vertices of two meshes are, with normals, colours and texture places, from their likes."""
    rows = [
        np.concatenate([mesh.positions, mesh.normals, mesh.albedo, *([] if mesh.uv is None else [mesh.uv])], axis=1)
        for mesh in (one, other)
    ]
    return max(cKDTree(a).query(b)[0].max() for a, b in (rows, rows[::-1]))


def test_the_same_chair_is_the_same_picture_in_obj_and_gltf(chairs):
    """The file order of glTF differs; corners and where they lie in the texture do not."""
    pairs = [(n, n.replace("/gltf/", "/obj/").replace(".gltf", ".obj")) for n in chairs if "/gltf/" in n]
    assert pairs
    for gltf, obj in pairs:
        ours, theirs = (prepare(chairs[name], "y", "z") for name in (gltf, obj))
        assert len(ours.triangles) == len(theirs.triangles)
        assert len(ours.positions) == len(theirs.positions)
        assert farthest(ours, theirs) < 1e-4
        assert (ours.textures[0].rgba == theirs.textures[0].rgba).all()


def test_layouts(chairs):
    """The fixtures of ShapeNet and ModelNet face the way that their layouts say."""
    folder = DATA / "chairs" / "layouts"
    found = find_meshes(folder)
    kinds = {mesh.layout for mesh in found}
    assert {"ShapeNetCore v1", "ShapeNetCore v2", "ModelNet"} <= kinds
    names = {}
    for mesh in found:
        raw = read_mesh(folder / mesh.path, folder)
        assert raw.warnings == ()
        guess = guess_axes(raw)
        assert mesh.up == guess.up
        assert mesh.front in (guess.front, None)
        if mesh.layout.startswith("ShapeNet"):
            assert raw.parts[0].material.texture is not None
            names.setdefault(mesh.id, set()).add(geometry_hash(prepare(raw, mesh.up, mesh.front)))
    assert [len(hashes) for hashes in names.values()] == [1] * len(names)


def test_textures_beside_the_folder_of_a_mesh_need_the_collection_as_root(chairs):
    name = "osrf-servicesim/desk_chair/meshes/desk_chair.obj"
    assert chairs[name].parts[0].material.texture.shape == (512, 512, 4)
    alone = read_mesh(DATA / "chairs" / name)
    assert alone.parts[0].material.texture is None
    assert "leads out of" in alone.warnings[0]


ODD = {
    "mutated/glb_bad_magic.glb": "begins with the bytes",
    "mutated/glb_truncated.glb": "cut short",
    "mutated/glb_version1.glb": "version 1; expected 2",
    "mutated/gltf_accessor_past_buffer.gltf": "accessor 0 needs 12000000 bytes",
    "mutated/gltf_missing_texture.gltf": (308, "'gone.png' is not there"),
    "mutated/gltf_negative_scale.gltf": (308, None),
    "mutated/obj_concave_ngon64.obj": (62, None),
    "mutated/obj_fully_transparent.obj": (308, "is transparent; it is rendered opaque"),
    "mutated/obj_half_faces_flipped.obj": (308, None),
    "mutated/obj_index_out_of_range.obj": "refers to vertex",
    "mutated/obj_index_relative_too_far.obj": "refers to the vertex 99999 before it",
    "mutated/obj_mtllib_missing.obj": (308, "material library is left out"),
    "mutated/obj_nonmanifold_fan.obj": (3, "use one vertex twice"),
    "mutated/obj_one_inf_vertex.obj": (300, "not finite"),
    "mutated/obj_texture_missing.obj": (308, "'missing_texture.png' is not there"),
    "mutated/obj_texture_truncated_png.obj": (308, "truncated.png"),
    "mutated/obj_truncated_midline.obj": (234, "ends inside a face"),
    "mutated/obj_vertices_only.obj": "no faces",
    "mutated/off_count_too_large.off": "expected a vertex with 3",
    "mutated/off_modelnet_glued_header.off": (308, None),
    "mutated/off_no_edge_count_crlf.off": (308, None),
    "mutated/ply_big_endian_ushort.ply": (308, None),
    "mutated/stl_binary_header_starts_with_solid.stl": (308, None),
    "mutated/stl_zero_normals.stl": (308, None),
    "mutated/zero_bytes.gltf": "an empty file",
    "mutated/zero_bytes.stl": "an empty file",
    "trimesh/BoxInterleaved.glb": (12, None),
    "trimesh/Mesh_PrimitiveMode_04.gltf": (2, None),
    "trimesh/busted.STL": (3878, None),
    "trimesh/comments.off": (12, None),
    "trimesh/cube.OBJ": (12, None),
    "trimesh/cube_blender_uv_meshlab.ply": (12, None),
    "trimesh/cube_compressed.obj": (12, None),
    "trimesh/empty.obj": "no faces",
    "trimesh/empty.ply": "no faces",
    "trimesh/empty.stl": "no triangles",
    "trimesh/empty_nodes.glb": "no triangles in its scene",
    "trimesh/face_in_group_name.obj": "no faces (1 vertices)",
    "trimesh/face_in_group_name_mid_file.obj": (2, None),
    "trimesh/jacked.obj": (12, "'nonexistent.mtl' is not there"),
    "trimesh/joined_tetrahedra.obj": (8, None),
    "trimesh/metadata.ply": (2, None),
    "trimesh/mirror.ply": (286, None),
    "trimesh/multi.ply": (2, None),
    "trimesh/nancolor.obj": (12, "colours are not finite"),
    "trimesh/negative_indices.obj": (12, None),
    "trimesh/no_indices_3storybuilding.glb": (72, None),
    "trimesh/not_convex.obj": (96, None),
    "trimesh/notenoughindices.obj": (1, "fewer than three corners"),
    "trimesh/obj_empty.obj": "no faces",
    "trimesh/obj_points.obj": "no faces (8 vertices)",
    "trimesh/obj_wireframe.obj": "points or lines, and no faces",
    "trimesh/obj_with_no_face_in_chunk.obj": (1, "no library for its 1 materials"),
    "trimesh/ply_empty_ascii.ply": "no faces",
    "trimesh/ply_empty_bin.ply": "no faces",
    "trimesh/ply_empty_header.ply": "no faces",
    "trimesh/ply_points_ascii.ply": "no faces (8 vertices)",
    "trimesh/ply_points_bin.ply": "no faces (8 vertices)",
    "trimesh/points_ascii_with_lists.ply": "no faces (5 vertices)",
    "trimesh/points_emptyascii.ply": "no faces (12 vertices)",
    "trimesh/points_emptyface.ply": "no faces (1024 vertices)",
    "trimesh/polygonfaces.obj": (3, "'surface.mtl' is not there"),
    "trimesh/singlevn.obj": (2, "'surface.mtl' is not there"),
    "trimesh/soup.stl": (100, None),
    "trimesh/stl_empty_ascii.stl": "no triangles",
    "trimesh/stl_empty_bin.stl": "no triangles",
    "trimesh/textured_tetrahedron.obj": (4, None),
    "trimesh/two_objects_mixed_case_names.stl": (24, None),
    "trimesh/wallhole.obj": (66, "'00.mtl' is not there"),
    "trimesh/whitespace.off": (12, None),
}
"""What should become of each: the refusal, or triangles and a warning (or none but on a last line without end)."""


@pytest.mark.parametrize("name", ODD)
def test_odd_files_load_right_or_are_refused(name):
    path = DATA / "badmeshes" / name
    if not path.is_file():
        pytest.skip(f"needs odd meshes beside the checkout ({name})")
    wanted = ODD[name]
    if isinstance(wanted, str):
        with pytest.raises(MeshError) as caught:
            read_mesh(path)
        assert wanted in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    raw = read_mesh(path)
    triangles, warning = wanted
    assert sum(len(part.triangles) for part in raw.parts) == triangles
    said = [line for line in raw.warnings if "its last line has no end" not in line]
    assert any(warning in line for line in said) if warning else not said
    assert len(prepare(raw, "y").triangles) <= triangles


def test_every_odd_file_is_expected():
    folder = DATA / "badmeshes"
    if not folder.is_dir():
        pytest.skip("needs odd meshes beside the checkout (badmeshes)")
    kinds = {".obj", ".off", ".ply", ".stl", ".glb", ".gltf"}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix.lower() in kinds}
    assert there <= set(ODD)


@pytest.mark.parametrize(
    ("library", "says"),
    [
        ("texture_case_mismatch.mtl", "'furniturebits_texture.png' is used instead"),
        ("texture_lfs.mtl", "git lfs pull"),
        ("texture_parent_escape.mtl", "leads out of"),
        ("texture_windows_abs_path.mtl", "absolute path"),
    ],
)
def test_odd_material_libraries(tmp_path, library, says):
    folder = DATA / "badmeshes" / "mutated"
    if not (folder / library).is_file():
        pytest.skip(f"needs odd meshes beside the checkout ({library})")
    for name in (library, "furniturebits_texture.png", "lfs_pointer.png"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nusemtl furniture_texture\nf 1/1 2/1 3/1\n"
    (tmp_path / "a.obj").write_text(f"mtllib {library}\n{text}")
    raw = read_mesh(tmp_path / "a.obj")
    assert len(raw.warnings) == 1
    assert says in raw.warnings[0]
    assert (raw.parts[0].material.texture is not None) == ("case" in library)


def test_half_of_the_faces_flipped(chairs):
    """A flipped quad is cut along its other diagonal, so little more than the volume can be the same."""
    flipped = DATA / "badmeshes" / "mutated" / "obj_half_faces_flipped.obj"
    if not flipped.is_file():
        pytest.skip("needs odd meshes beside the checkout (badmeshes)")
    whole = chairs["kaykit-furniture-bits/obj/chair_A.obj"]
    meshes = [prepare(raw, "y", "z") for raw in (read_mesh(flipped, DATA), whole)]
    ours, theirs = (trimesh.Trimesh(mesh.positions, mesh.triangles, process=False) for mesh in meshes)
    assert ours.is_winding_consistent
    assert ours.volume == pytest.approx(theirs.volume, rel=1e-4)
    lit = (meshes[0].normals[meshes[0].triangles] * ours.face_normals[:, None]).sum(axis=2)
    assert lit.min() > 0.5
