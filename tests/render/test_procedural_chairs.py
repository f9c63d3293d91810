"""Tests of the built-in chairs: the same bytes on every machine, all different, and each a sound piece of furniture."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

import render
from render.content.chairs import FAMILIES, LABELS, describe, make_chair
from render.content.chairs.finishes.finish import RECIPES, texture
from render.content.chairs.generator import design
from render.content.chairs.sampler import Sampler
from render.content.chairs.solids.exact import cos_sin
from render.meshes.prepare import prepare

SEED, COUNT, MANY = 2015, 60, 1000
TOUCH = 0.005
"""Metres within which parts count as joined."""

# Hashes of version 1 of the generator on x86-64 with numpy 2.4, equal with and without AVX2 and AVX-512. If one of them
# has to change, every collection of chairs changes: raise GENERATOR_VERSION with it.
GOLDEN = {
    (0, 0): "0e7b32dea0b027657b0c7e054d9a58bfea39e819f751cd3834e9564e81155b80",
    (0, 3): "e0b0d771424bbc6cc47c714d08df25d1a45670b37e78ca384faf47e951452be4",
    (0, 4): "3676c2fc73b6651e596931ffea143eb1b27a37acd33dd2acfb9547d66fed715b",
    (0, 18): "60a371bd32a9f20b84525ba9fc325745e7241e612de5d6ce62623ed95ba02a6d",
    (2015, 9): "3ce4e60059dc9783bdfe5ddca235db7951a32edeeb9899e6efe710a3582c3a80",
    (7, 123456789): "efd70c799857a54ee499c5219a5a06acd51e6d4834c71f1d99886fdda587cbe6",
}


def digest(mesh):
    """SHA-256, in hex, of all arrays and attributes of a chair."""
    out = hashlib.sha256()
    for part in mesh.parts:
        for array in (part.positions, part.triangles, part.uv, part.material.texture):
            out.update(np.ascontiguousarray(array).data)
        out.update(json.dumps([part.label, part.material.color, part.material.cut_below]).encode())
    return out.hexdigest()


def whole(mesh):
    """Positions, welded to a tenth of a micrometre, triangles, and the label of each triangle."""
    starts = np.cumsum([0] + [len(part.positions) for part in mesh.parts[:-1]])
    points = np.concatenate([part.positions for part in mesh.parts])
    triangles = np.concatenate([part.triangles + k for part, k in zip(mesh.parts, starts, strict=True)])
    labels = np.concatenate([np.full(len(part.triangles), part.label) for part in mesh.parts])
    welded, index = np.unique(np.round(points, 7), axis=0, return_inverse=True)
    return welded, index.ravel()[triangles], labels


def pieces(points, triangles):
    """One trimesh for each connected set of triangles."""
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(ends)), ends.T), shape=(len(points),) * 2)
    piece = connected_components(graph, directed=False)[1][triangles[:, 0]]
    out = [trimesh.Trimesh(points, triangles[piece == k], process=False) for k in np.unique(piece)]
    for mesh in out:
        mesh.remove_unreferenced_vertices()
    return out


def sampled(mesh, step=0.007):
    """Points (n, 3) of a mesh's surface, in rows; neighbours and rows are at most `step` metres apart."""
    corners = mesh.triangles
    lengths = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    # Rows run along each triangle's longest side, since a sliver needs many points one way and few the other.
    order = (lengths.argmax(axis=1)[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(corners, order[..., None], axis=1).transpose(1, 0, 2)
    long = lengths.max(axis=1)
    counts = np.stack([long, 2 * mesh.area_faces / long], axis=1) / step
    counts = 2 ** np.ceil(np.log2(np.maximum(counts, 1))).astype(int)
    out = []
    for columns, rows in np.unique(counts, axis=0):
        chosen = (counts == (columns, rows)).all(axis=1)
        u, v = np.meshgrid(np.linspace(0, 1, columns + 1), np.linspace(0, 1, rows + 1))
        weights = np.stack([(1 - v) * (1 - u), (1 - v) * u, v], axis=-1).reshape(-1, 3)
        out.append(np.einsum("pk,ktd->tpd", weights, np.stack([a, b, c])[:, chosen]).reshape(-1, 3))
    return np.concatenate(out)


@pytest.fixture(scope="module")
def chairs():
    return [(design(SEED, k), make_chair(SEED, k)) for k in range(COUNT)]


@pytest.fixture(scope="module")
def collection():
    """Family, facts and a geometry hash of a thousand chairs, without their textures."""
    out = []
    for k in range(MANY):
        chair = design(SEED, k)
        points = np.concatenate([shape.positions for _, _, shape in chair.pieces])
        out.append((chair.family, hashlib.sha256(points.tobytes()).hexdigest(), np.ptp(points, axis=0)))
    return out


def each(chairs):
    """Name and mesh of every chair; the names are for messages of failed assertions."""
    return [(f"chair {k}, {chair.family} {chair.facts}", mesh) for k, (chair, mesh) in enumerate(chairs)]


@pytest.mark.parametrize("address", sorted(GOLDEN))
def test_golden(address):
    assert digest(make_chair(*address)) == GOLDEN[address]


ELSEWHERE = """
import sys
sys.path.insert(0, {tests!r})
from test_procedural_chairs import SEED, digest, make_chair
print(*[digest(make_chair(SEED, k)) for k in reversed(range(8))])
"""


def test_other_processors_and_another_order_make_the_same_bytes(another_processor):
    """In another process, in reverse order, where numpy may use no vector instructions beyond its baseline."""
    root = Path(render.__file__).parents[1]
    out = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ELSEWHERE.format(tests=str(root / "tests" / "render"))],
        env={**os.environ, "PYTHONPATH": str(root), **another_processor},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    assert out.stdout.split()[::-1] == [digest(make_chair(SEED, k)) for k in range(8)]


def test_samples_of_one_topic_do_not_shift_another():
    one, other = Sampler(1, 2), Sampler(1, 2)
    one.fraction()
    assert one.topic("legs").fraction() == other.topic("legs").fraction()
    assert one.topic("legs").fraction() != one.topic("back").fraction()
    assert Sampler(1, 3).fraction() != Sampler(1, 2).fraction() != Sampler(2, 2).fraction()


def test_samples_are_those_of_numpys_philox():
    """The words are those of the algorithm; here numpy makes the fractions of them."""
    source = np.random.Generator(np.random.Philox(np.random.SeedSequence(7, spawn_key=(3, 0))))
    sampler = Sampler(7, 3)
    words = [sampler.fraction() for _ in range(32)]
    np.testing.assert_array_equal(words[::-1], source.random(32))


def test_cosine_and_sine():
    turns = np.linspace(-3, 3, 4801)
    cos, sin = cos_sin(turns)
    np.testing.assert_allclose(cos, np.cos(2 * np.pi * turns), atol=4e-15)
    np.testing.assert_allclose(sin, np.sin(2 * np.pi * turns), atol=4e-15)
    np.testing.assert_array_equal(np.abs(cos_sin(np.arange(8) / 4)[0]), [1, 0] * 4)


def test_every_family_comes_about_as_often_as_it_should(collection):
    total = sum(family.weight for family in FAMILIES.values())
    names = [name for name, _, _ in collection]
    for name, family in FAMILIES.items():
        expected = MANY * family.weight / total
        # Five standard deviations of a binomial count.
        assert abs(names.count(name) - expected) < 5 * np.sqrt(expected)


def test_all_of_a_thousand_chairs_differ(collection):
    assert len({geometry for _, geometry, _ in collection}) == MANY


def test_chairs_of_one_family_differ_in_size(collection):
    for name in FAMILIES:
        sizes = np.array([size for family, _, size in collection if family == name])
        spread = sizes.std(axis=0)
        assert (spread > 0.012).all(), f"{name} {spread}"
        # The nearest neighbour in width, height and depth is some millimetres away, most of the time.
        nearest = cKDTree(sizes).query(sizes, k=2)[0][:, 1]
        assert np.median(nearest) > 0.003, f"{name} {np.median(nearest)}"


def test_describe_is_json_with_the_family(chairs):
    for k, (chair, _) in enumerate(chairs[:12]):
        facts = describe(SEED, k)
        assert facts == json.loads(json.dumps(facts))
        assert facts["family"] == chair.family in FAMILIES


def test_seats_are_as_high_as_the_table_says(chairs):
    for (chair, mesh), (name, _) in zip(chairs, each(chairs), strict=True):
        low, high = FAMILIES[chair.family].seat
        assert low <= chair.facts["seat_height"] <= high, name
        parts = [part for part in mesh.parts if part.label == LABELS["seat"]]
        points = np.concatenate([sampled(trimesh.Trimesh(p.positions, p.triangles, process=False)) for p in parts])
        middle = points[(np.abs(points[:, 0]) < 0.08) & (np.abs(points[:, 2]) < 0.08)]
        # Cushions swell and boards are hollowed by at most a few centimetres.
        assert abs(middle[:, 1].max() - chair.facts["seat_height"]) < 0.06, name


def test_chairs_stand_on_the_floor_and_measure_metres(chairs):
    for name, mesh in each(chairs):
        points = np.concatenate([part.positions for part in mesh.parts])
        assert points[:, 1].min() == 0, name
        width, height, depth = np.ptp(points, axis=0)
        assert 0.25 < width < 1.1, name
        assert 0.4 < height < 1.35, name
        assert 0.25 < depth < 1.2, name


def test_the_back_is_behind_the_seat_along_z(chairs):
    for name, mesh in each(chairs):
        mean = {label: [p.positions[:, 2].mean() for p in mesh.parts if p.label == label] for label in (1, 2)}
        if mean[LABELS["back"]]:
            assert max(mean[LABELS["back"]]) < min(mean[LABELS["seat"]]), name


def test_finite_and_nothing_degenerate(chairs):
    for name, mesh in each(chairs):
        assert not mesh.warnings
        for part in mesh.parts:
            assert np.isfinite(part.positions).all(), name
            a, b, c = (part.positions[part.triangles[:, k]] for k in range(3))
            assert np.linalg.norm(np.cross(b - a, c - a), axis=1).min() > 2e-10, name
            assert len(np.unique(part.triangles)) == len(part.positions), name


def test_moderate_counts_and_known_labels(chairs):
    for name, mesh in each(chairs):
        assert 500 <= sum(len(part.triangles) for part in mesh.parts) <= 12_500, name
        assert {part.label for part in mesh.parts} <= set(LABELS.values()), name
        kinds = {(part.label, id(part.material.texture), part.material.color) for part in mesh.parts}
        assert len(kinds) == len(mesh.parts), name


def test_closed_pieces_are_wound_outward(chairs):
    for name, mesh in each(chairs):
        points, triangles, _ = whole(mesh)
        for piece in pieces(points, triangles):
            assert piece.is_winding_consistent, name
            if piece.is_watertight:
                assert piece.volume > 0, name


def test_only_sheets_of_cane_and_net_are_open(chairs):
    for (chair, mesh), (name, _) in zip(chairs, each(chairs), strict=True):
        sheets = sum(RECIPES[finish.recipe].cut_below is not None for _, finish, _ in chair.pieces)
        points, triangles, _ = whole(mesh)
        assert sum(not piece.is_watertight for piece in pieces(points, triangles)) == sheets, name


def test_chairs_are_symmetric_and_connected(chairs):
    """Both laws in one test, since both need samples of the surfaces."""
    for name, mesh in each(chairs):
        points, triangles, _ = whole(mesh)
        trees = [cKDTree(sampled(piece)) for piece in pieces(points, triangles)]
        samples = np.concatenate([tree.data for tree in trees])
        assert cKDTree(samples).query(points * [-1, 1, 1])[0].max() < 0.008, name
        assert connected(trees), name


def connected(trees):
    """True if the point clouds are connected across gaps of at most TOUCH."""
    lows = np.array([tree.data.min(axis=0) for tree in trees]) - TOUCH
    highs = np.array([tree.data.max(axis=0) for tree in trees])
    near = (lows[:, None] <= highs).all(axis=2)
    joined = np.zeros((len(trees),) * 2, bool)
    for i, k in zip(*np.nonzero(np.triu(near & near.T, 1)), strict=True):
        small, large = sorted((trees[i], trees[k]), key=lambda tree: tree.n)
        joined[i, k] = large.query(small.data, distance_upper_bound=TOUCH)[0].min() <= TOUCH
    return connected_components(joined, directed=False)[0] == 1


def test_preparing_leaves_no_triangle_out(chairs):
    for name, mesh in each(chairs)[:20]:
        ready = prepare(mesh, "+y", "+z")
        assert ready.warnings == (), name
        assert len(ready.triangles) == sum(len(part.triangles) for part in mesh.parts), name


def test_texture_coordinates_are_metric(chairs):
    """On every part, one texture spans the metres of its recipe, measured along the edges of triangles."""
    for (chair, mesh), (name, _) in zip(chairs, each(chairs), strict=True):
        finishes = {}
        for label, finish, _ in chair.pieces:
            finishes.setdefault((label, finish), RECIPES[finish.recipe].tile)
        for part, tile in zip(mesh.parts, finishes.values(), strict=True):
            assert np.isfinite(part.uv).all(), name
            assert part.uv.dtype == np.float32
            ends = part.triangles[:, [0, 1]]
            lengths = np.linalg.norm(np.diff(part.positions[ends], axis=1)[:, 0], axis=1)
            on_texture = np.linalg.norm(np.diff(part.uv[ends], axis=1)[:, 0] * tile, axis=1)
            assert 0.55 < on_texture.sum() / lengths.sum() < 1.6, name


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_textures_are_shared_tileable_and_cut_where_they_should_be(recipe):
    colors = ((0.8, 0.6, 0.4), (0.3, 0.2, 0.1))
    image = texture(recipe, colors, 0)
    assert texture(recipe, colors, 0) is image
    assert image.dtype == np.uint8
    assert image.shape in ((256, 256, 4), (512, 512, 4))
    assert not image.flags.writeable
    assert (texture(recipe, colors, 1) != image).any()
    opaque = (image[..., 3] >= 128).mean()
    assert 0.3 < opaque < 0.9 if RECIPES[recipe].cut_below is not None else opaque == 1
    # Across the seam, neighbours differ no more than they do inside.
    pixels = image[..., :3].astype(float)
    for axis in (0, 1):
        steps = np.abs(pixels - np.roll(pixels, -1, axis=axis)).mean(axis=(1 - axis, 2))
        assert steps[-1] <= steps.max() * 1.0001
        assert steps[-1] < 3 * steps.mean() + 3
