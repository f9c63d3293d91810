"""From a mesh as it was read to one that can be drawn: axes, size, doubles, normals, and the name of a shape."""

import ast
import dataclasses
import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from render.errors import MeshError
from render.meshes.axes import AXES, parse_axis, turned
from render.meshes.fingerprint import POWERS, geometry_hash, moments
from render.meshes.parts import Material, Part, RawMesh
from render.meshes.prepare import prepare

ROOT = Path(__file__).parents[2]
CORNERS = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
SIDES = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
"""Quads of a unit cube, counter-clockwise from outside."""


def boxes(*places):
    """Boxes from one corner to the other, each of 12 triangles."""
    triangles = np.concatenate([SIDES[:, [0, 1, 2]], SIDES[:, [0, 2, 3]]])
    positions = [CORNERS * np.subtract(high, low) + low for low, high in places]
    return np.concatenate(positions), np.concatenate([triangles + 8 * k for k in range(len(places))]).astype(np.int32)


CHAIR = boxes(
    *[((x, 0, z), (x + 0.1, 0.9, z + 0.1)) for x in (0, 0.9) for z in (0, 0.8)],
    ((0, 0.9, 0), (1, 1, 0.9)),
    ((0, 1, 0), (1, 2, 0.07)),
    ((0.95, 1, 0.1), (1, 1.2, 0.9)),  # an arm on one side only: a mirrored chair is another one
)


def raw(positions, triangles, **more):
    return RawMesh((Part(np.asarray(positions, float), np.asarray(triangles, np.int32), **more),))


def drawn(mesh):
    """Corners of the triangles, sorted: what is drawn, whatever the order."""
    rows = np.concatenate([mesh.positions[mesh.triangles], mesh.normals[mesh.triangles]], axis=2).reshape(-1, 3, 6)
    corners = np.round(rows.astype(np.float64), 5) + 0.0
    turns = np.stack([np.roll(corners, k, axis=1).reshape(-1, 18) for k in range(3)], axis=1)
    first = [turn[np.lexsort(turn.T[::-1])[0]] for turn in turns]
    return np.array(sorted(map(tuple, first)))


def face_normals(mesh):
    a, b, c = (mesh.positions[mesh.triangles[:, k]].astype(float) for k in range(3))
    normal = np.cross(b - a, c - a)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def assert_sound(mesh):
    """What every prepared mesh promises."""
    assert mesh.positions.dtype == mesh.normals.dtype == mesh.albedo.dtype == np.float32
    assert np.isfinite(mesh.positions).all()
    assert_allclose(mesh.positions.min(axis=0), -mesh.positions.max(axis=0), atol=1e-6)
    assert_allclose(np.linalg.norm(mesh.positions, axis=1).max(), 1, atol=1e-6)
    assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-6)
    assert mesh.triangles.min() == 0
    assert mesh.triangles.max() == len(mesh.positions) - 1
    assert len(mesh.texture) == len(mesh.triangles)
    assert len(mesh.label) == len(mesh.albedo) == len(mesh.positions)
    # Every corner is lit from the side from which its triangle is counter-clockwise.
    agreement = (mesh.normals[mesh.triangles] * face_normals(mesh)[:, None]).sum(axis=2)
    assert agreement.min() > 0


PAIRS = [(up, front) for up, front in itertools.product(AXES, AXES) if up[1] != front[1]]


@pytest.mark.parametrize(("up", "front"), PAIRS)
def test_axes_are_turned_and_never_mirrored(up, front):
    frame = turned(np.eye(3), up, front)
    assert_allclose(np.linalg.det(frame), 1)
    unit = {name: np.eye(3)["xyz".index(name[1])] * (-1 if name[0] == "-" else 1) for name in AXES}
    assert_array_equal(turned(unit[up][None], up, front), [(0, 1, 0)])
    assert_array_equal(turned(unit[front][None], up, front), [(0, 0, 1)])


@pytest.mark.parametrize(("up", "front"), PAIRS)
def test_a_chair_is_the_same_in_whatever_axes_it_was_made(up, front):
    positions, triangles = CHAIR
    frame = turned(np.eye(3), up, front)  # rows: the file's axes in ours
    made = prepare(raw(positions @ frame.T, triangles), up, front)
    assert_sound(made)
    assert_allclose(drawn(made), drawn(prepare(raw(*CHAIR), "y", "z")), atol=2e-5)


def test_names_of_axes():
    assert [parse_axis(name) for name in ("Y", "+z", "-X", " z ")] == ["+y", "+z", "-x", "+z"]
    for name in ("", "+", "yy", "up", "--z"):
        with pytest.raises(MeshError, match="is not an axis"):
            parse_axis(name)
    with pytest.raises(MeshError, match=r"up \(\+y\) and front \(-y\) lie along one axis"):
        prepare(raw(*CHAIR), "y", "-y")


def test_without_a_front_the_usual_one_is_taken():
    for up, front in (("y", "z"), ("z", "-y"), ("x", "z")):
        assert_array_equal(prepare(raw(*CHAIR), up).positions, prepare(raw(*CHAIR), up, front).positions)


@pytest.mark.parametrize("unit", [1e-25, 1e-6, 1, 1e3, 1e25])
@pytest.mark.parametrize("away", [0, 1, 1e5])
def test_unit_and_place_of_the_file_do_not_count(unit, away):
    positions, triangles = CHAIR
    made = prepare(raw((positions + np.array([away, -2 * away, 0])) * unit, triangles), "y", "z")
    assert_sound(made)
    assert_allclose(drawn(made), drawn(prepare(raw(*CHAIR), "y", "z")), atol=2e-5)


def test_the_box_of_the_chair_is_where_its_vertices_are():
    """1 x 2 x 0.9: half the box over the half diagonal."""
    made = prepare(raw(*CHAIR), "y", "z")
    assert_allclose(made.positions.max(axis=0), np.array([0.5, 1, 0.45]) / np.sqrt(0.25 + 1 + 0.2025), rtol=1e-6)


def test_vertices_that_no_triangle_uses_do_not_count():
    positions, triangles = CHAIR
    far = np.concatenate([positions, [(1e9, 0, 0)]])
    assert_array_equal(prepare(raw(far, triangles), "y").positions, prepare(raw(*CHAIR), "y").positions)
    line = np.concatenate([triangles, [(0, len(positions), 0)]])
    far[-1] = (0, 0, 50)
    made = prepare(raw(far, line), "y")
    assert_allclose(made.positions, prepare(raw(*CHAIR), "y").positions, atol=1e-6)
    assert made.warnings == ("1 triangles without area are left out",)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_windings_of_the_file_do_not_count(seed):
    random = np.random.Generator(np.random.Philox(seed))
    positions, triangles = CHAIR
    flipped = np.where(random.random(len(triangles))[:, None] < 0.5, triangles[:, ::-1], triangles)
    made = prepare(raw(positions, flipped), "y", "z")
    assert_allclose(drawn(made), drawn(prepare(raw(*CHAIR), "y", "z")), atol=2e-5)
    a, b, c = (made.positions[made.triangles[:, k]].astype(float) for k in range(3))
    assert np.einsum("ij,ij->", a, np.cross(b, c)) > 0  # counter-clockwise from outside


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_order_and_sharing_of_vertices_do_not_count(seed):
    random = np.random.Generator(np.random.Philox(seed))
    positions, triangles = CHAIR
    soup = positions[triangles].reshape(-1, 3)
    order = random.permutation(len(soup))
    shuffled = np.argsort(order)[np.arange(len(soup))].reshape(-1, 3)[random.permutation(len(triangles))]
    made = prepare(raw(soup[order], shuffled), "y", "z")
    plain = prepare(raw(*CHAIR), "y", "z")
    assert len(made.positions) == len(plain.positions)
    assert_allclose(drawn(made), drawn(plain), atol=2e-5)
    assert geometry_hash(made) == geometry_hash(plain)


def test_copies_of_triangles_are_left_out():
    """As in ShapeNet: every face a second time, wound the other way."""
    positions, triangles = CHAIR
    twice = np.concatenate([triangles, triangles[:, [1, 0, 2]]])
    made = prepare(raw(np.concatenate([positions, positions]), twice + [[0]] * len(twice)), "y", "z")
    assert len(made.triangles) == len(triangles)
    assert made.warnings == (f"{len(triangles)} copies of triangles are left out",)
    assert_allclose(drawn(made), drawn(prepare(raw(*CHAIR), "y", "z")), atol=2e-5)


def test_of_copies_the_textured_one_is_kept():
    positions, triangles = CHAIR
    pixels = np.zeros((2, 2, 4), np.uint8)
    plain = Part(positions, triangles, Material((1, 0, 0)))
    textured = Part(positions, triangles[:, ::-1], Material((1, 1, 1), pixels), uv=np.zeros((len(positions), 2), "f4"))
    made = prepare(RawMesh((plain, textured)), "y", "z")
    assert (made.texture == 0).all()
    assert (made.albedo == 1).all()
    assert len(made.triangles) == len(triangles)


def cylinder(sides, height=3.0):
    """An open tube around y, of quads cut in two."""
    angle = 2 * np.pi * np.arange(sides) / sides
    ring = np.stack([np.cos(angle), np.zeros(sides), np.sin(angle)], axis=1)
    k, following = np.arange(sides), (np.arange(sides) + 1) % sides
    triangles = np.concatenate(
        [np.stack([k, k + sides, following], 1), np.stack([following, k + sides, following + sides], 1)]
    )
    return np.concatenate([ring, ring + np.array([0, height, 0])]), triangles


@pytest.mark.parametrize("sides", [3, 4, 6, 8])
def test_tubes_with_few_sides_keep_their_edges(sides):
    mesh = prepare(raw(*cylinder(sides)), "y", "z")
    assert_sound(mesh)
    assert len(mesh.positions) == 4 * sides
    assert_allclose(mesh.normals[mesh.triangles], np.repeat(face_normals(mesh)[:, None], 3, axis=1), atol=1e-5)


@pytest.mark.parametrize("sides", [10, 12, 40])
def test_tubes_with_many_sides_are_round(sides):
    """Two triangles of one side meet one of the next at every corner: the mean lies by area nearer to the former."""
    mesh = prepare(raw(*cylinder(sides)), "y", "z")
    assert_sound(mesh)
    assert len(mesh.positions) == 2 * sides
    radial = mesh.positions * (1, 0, 1)
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    cosine = (radial * mesh.normals).sum(axis=1)
    step = 2 * np.pi / sides
    off = step / 2 - np.arctan2(np.sin(step), 2 + np.cos(step))
    assert_allclose(cosine * np.sign(cosine[0]), np.cos(off), atol=1e-5)


def test_normals_of_a_sphere_are_its_radii():
    ball = trimesh.creation.icosphere(4)
    mesh = prepare(raw(ball.vertices, ball.faces), "y", "z")
    assert_sound(mesh)
    assert len(mesh.positions) == len(ball.vertices)
    assert_allclose(mesh.normals, mesh.positions, atol=0.006)


def test_normals_are_those_of_trimesh_where_all_is_smooth():
    ring = trimesh.creation.torus(1, 0.4, 60, 40)
    mesh = prepare(raw(ring.vertices, ring.faces), "y", "z")
    theirs = trimesh.Trimesh(mesh.positions, mesh.triangles, process=False)
    weighed = np.zeros((len(mesh.positions), 3))
    np.add.at(weighed, theirs.faces.reshape(-1), np.repeat(theirs.face_normals * theirs.area_faces[:, None], 3, axis=0))
    assert_allclose(mesh.normals, weighed / np.linalg.norm(weighed, axis=1, keepdims=True), atol=1e-5)


def test_a_moebius_strip_has_normals_too():
    """No winding fits it, so somewhere vertices stand twice; every corner is still lit on its own face's side."""
    n = 60
    angle = 2 * np.pi * np.arange(n) / n
    across = np.stack([np.cos(angle / 2) * np.cos(angle), np.sin(angle / 2), np.cos(angle / 2) * np.sin(angle)], axis=1)
    middle = np.stack([2 * np.cos(angle), np.zeros(n), 2 * np.sin(angle)], axis=1)
    points = np.concatenate([middle - 0.5 * across, middle + 0.5 * across])
    k = np.arange(n)
    following = np.where(k == n - 1, 0, k + 1)
    low, high = np.where(k == n - 1, n, following), np.where(k == n - 1, 0, following + n)
    triangles = np.concatenate([np.stack([k, low, k + n], 1), np.stack([low, high, k + n], 1)])
    mesh = prepare(raw(points, triangles), "y", "z")
    assert_sound(mesh)
    cosine = (mesh.normals[mesh.triangles] * face_normals(mesh)[:, None]).sum(axis=2)
    assert cosine.min() > np.cos(np.radians(20))


def test_three_faces_at_one_edge():
    """A wall on a floor: the floor goes on below it, smooth, and the wall does not tilt its normals."""
    points = [(0, 0, 0), (0, 0, 1), (1, 0, 0), (-1, 0.1, 0), (0, 1, 0.5)]
    mesh = prepare(raw(points, [(0, 1, 2), (1, 0, 3), (0, 1, 4)]), "y", "z")
    assert_sound(mesh)
    assert len(mesh.positions) == 4 + 3
    alone = np.flatnonzero(np.abs(mesh.normals[:, 0]) > 0.9)
    assert len(alone) == 3


def test_a_thousand_faces_at_one_edge():
    angle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    points = np.concatenate([[(0, 0, 0), (0, 1, 0)], np.stack([np.cos(angle), angle * 0, np.sin(angle)], axis=1)])
    mesh = prepare(raw(points, [(0, 1, k + 2) for k in range(1000)]), "y", "z")
    assert_sound(mesh)
    assert len(mesh.triangles) == 1000


def test_triangles_without_area_are_left_out_and_alone_refused():
    points = [(0, 0, 0), (1, 0, 0), (2, 0, 0), (0, 1, 0), (0, 1e-9, 0)]
    mesh = prepare(raw(points, [(0, 1, 2), (0, 0, 1), (0, 2, 3), (0, 1, 4)]), "y")
    assert len(mesh.triangles) == 1
    with pytest.raises(MeshError, match="none of its triangles has an area"):
        prepare(raw(points, [(0, 1, 2)]), "y")
    with pytest.raises(MeshError, match="at one place"):
        prepare(raw([(5, 5, 5)] * 3, [(0, 1, 2)]), "y")


def test_what_parts_carry_arrives():
    positions, triangles = boxes(((0, 0, 0), (1, 1, 1)))
    pixels = [np.full((2, 2, 4), value, np.uint8) for value in (51, 102)]
    uv = np.linspace(0, 1, 16, dtype=np.float32).reshape(8, 2)
    colors = np.linspace(0, 1, 24, dtype=np.float32).reshape(8, 3)
    parts = (
        Part(positions, triangles, Material((0.5, 1, 0)), colors=colors, label=3),
        Part(positions + 2, triangles, Material((1, 1, 1), pixels[0]), uv),
        Part(positions + 4, triangles, Material((1, 0.5, 1), pixels[1], ("clamp", "mirror"), 0.25), uv, label=9),
        Part(positions + 6, triangles, Material((1, 1, 1), pixels[0]), uv),
        Part(positions + 8, triangles, Material((0.5, 1, 1), pixels[0])),
    )
    mesh = prepare(RawMesh(parts, ("a.obj: something",)), "y", "z")
    assert_sound(mesh)
    assert mesh.texture.tolist() == [-1] * 12 + [0] * 12 + [1] * 12 + [0] * 12 + [-1] * 12
    assert [(id(t.rgba), t.wrap, t.cut_below) for t in mesh.textures] == [
        (id(pixels[0]), ("repeat", "repeat"), None),
        (id(pixels[1]), ("clamp", "mirror"), 0.25),
    ]
    place = np.argsort(mesh.positions.sum(axis=1), kind="stable").reshape(5, 24)
    assert [set(mesh.label[rows].tolist()) for rows in place] == [{3}, {0}, {9}, {0}, {0}]
    assert_allclose(np.unique(mesh.albedo[place[0]], axis=0), np.unique(colors * (0.5, 1, 0), axis=0), atol=1e-6)
    assert_array_equal(np.unique(mesh.uv[place[1]], axis=0), uv)
    assert_allclose(mesh.albedo[place[2]], [(1, 0.5, 1)] * 24)
    assert_allclose(mesh.albedo[place[4]], [(0.1, 0.2, 0.2)] * 24, rtol=1e-6)
    assert mesh.warnings == (
        "a.obj: something",
        "a part has a texture and no texture coordinates; the mean colour of the texture is used",
    )
    assert prepare(RawMesh(parts[:1]), "y").uv is None


def test_nothing_here_uses_blas():
    """Its last bits differ from machine to machine, and prepared meshes promise that theirs do not."""
    banned = {"dot", "matmul", "einsum", "linalg", "inner", "tensordot", "vdot", "sin", "cos", "arccos", "power"}
    allowed = {"gltfmaterials.py"}  # rounds its sine
    for path in sorted((ROOT / "render" / "meshes").glob("*.py")):
        if path.name in {"guess.py", *allowed} or "procedural" in path.name:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            assert not isinstance(getattr(node, "op", None), ast.MatMult), path.name
            assert not (isinstance(node, ast.Attribute) and node.attr in banned), f"{path.name}: {node.attr}"


SCRIPT = """
import hashlib, sys
sys.path.insert(0, {root!r})
import numpy as np
from render.meshes.parts import Part, RawMesh
from render.meshes.prepare import prepare
k = np.arange(3000.0)
points = np.stack([np.modf(k * 0.7548)[0], np.modf(k * 0.5698)[0] ** 2, np.modf(k * 0.3141)[0]], axis=1)
mesh = prepare(RawMesh((Part(points, np.arange(3000, dtype=np.int32).reshape(-1, 3) * 7 % 3000),)), "z", "-y")
arrays = (mesh.positions, mesh.normals, mesh.triangles)
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
"""


def test_bits_do_not_depend_on_the_processor(another_processor):
    """numpy and BLAS take other instructions when told that the newer ones are missing."""

    def run(**env):
        script = SCRIPT.format(root=str(ROOT))
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env=os.environ | env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    plain = run()
    assert run(**another_processor) == plain


def hashed(positions, triangles=CHAIR[1]):
    return geometry_hash(prepare(raw(positions, triangles), "y", "z"))


def test_moments_have_closed_forms():
    """Of the eight corners of a cube around the origin, squares have the mean 1 and all odd powers 0."""
    found = dict(zip(POWERS, moments(2 * CORNERS - 1), strict=True))
    assert found.pop((2, 0, 0)) == found.pop((0, 2, 0)) == 1
    assert set(found.values()) == {0}
    assert len(POWERS) == 15


def test_a_shape_has_one_name_however_it_is_written():
    positions, triangles = CHAIR
    name = hashed(positions)
    assert len(name) == 64
    assert hashed(positions * 37.5 + (1, -2, 3)) == name
    assert hashed(np.round(positions / 3, 6)) == name
    assert hashed(positions.astype(np.float32)) == name
    assert hashed(positions, triangles[::-1, ::-1]) == name
    assert hashed(positions, np.concatenate([triangles, triangles[:5]])) == name
    other_diagonals = [(8 * k) + np.concatenate([SIDES[:, [0, 1, 3]], SIDES[:, [1, 2, 3]]]) for k in range(7)]
    assert hashed(positions, np.concatenate(other_diagonals)) == name


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("size", [0.003, 0.01, 0.1])
def test_another_chair_has_another_name(axis, size):
    """Only the back is moved, or is thicker, or one leg is longer, by parts of the width."""
    positions = CHAIR[0]
    name = hashed(positions)
    for rows in (slice(40, 48), slice(44, 48), slice(0, 8)):
        changed = positions.copy()
        changed[rows, axis] += size
        assert hashed(changed) != name


def test_mirrored_turned_stretched_and_poorer_chairs_have_other_names():
    positions, triangles = CHAIR
    names = [hashed(positions), hashed(positions * (-1, 1, 1)), hashed(positions[:, [2, 1, 0]])]
    names += [hashed(positions * (1, 1.01, 1)), hashed(positions, triangles[:-12])]
    assert len(set(names)) == len(names)


def test_a_hash_needs_nothing_but_the_shape():
    mesh = prepare(raw(*CHAIR), "y", "z")
    stripped = dataclasses.replace(mesh, albedo=mesh.albedo * 0, texture=mesh.texture * 0, label=mesh.label + 1)
    assert geometry_hash(stripped) == geometry_hash(mesh)
    assert geometry_hash(mesh) != hashlib.sha256(b"").hexdigest()
