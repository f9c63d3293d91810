"""Tests of the mean of the built-in head: its surface is clean and symmetric, landmarks and labels are in place."""

import numpy as np
import pytest

from render.content.head import procedural


@pytest.fixture(scope="module")
def model():
    return procedural()


def _corners(positions, triangles):
    return (positions[triangles[:, k]].astype(np.float64) for k in range(3))


def _pieces(model):
    """Number (V,) of the connected piece that each vertex belongs to."""
    label = np.arange(model.vertices)
    while True:
        lowest = label[model.triangles].min(axis=1)
        after = label.copy()
        for k in range(3):
            np.minimum.at(after, model.triangles[:, k], lowest)
        after = after[after]
        if np.array_equal(after, label):
            return label
        label = after


def test_size_and_frame(model):
    assert model.unit == "mm"
    assert 12_000 <= model.vertices <= 30_000
    assert np.isfinite(model.mean).all()
    crown = model.mean[:, 1].max()
    assert 215 < crown - model.chin < 245  # a head, crown to chin
    assert abs(crown + model.chin) < 10  # centred on it
    assert np.ptp(model.mean[:, 0]) < 200


def test_every_vertex_is_used_and_no_triangle_is_flat(model):
    assert np.array_equal(np.unique(model.triangles), np.arange(model.vertices))
    a, b, c = _corners(model.mean, model.triangles)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    assert area.min() > 1e-3  # mm²


def test_edges_are_shared_by_two_triangles_that_agree(model):
    t = model.triangles.astype(np.int64)
    directed = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    codes = directed[:, 0] * model.vertices + directed[:, 1]
    assert len(np.unique(codes)) == len(codes)  # no edge is walked twice the same way: consistent winding


def test_three_pieces_with_one_border_each_but_for_the_lids(model):
    t = model.triangles.astype(np.int64)
    directed = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    forward = set(map(tuple, directed.tolist()))
    border = [(a, b) for a, b in forward if (b, a) not in forward]
    following = dict(border)
    assert len(following) == len(border)  # borders are simple loops
    loops, left = 0, set(following)
    while left:
        loops += 1
        at = start = next(iter(left))
        while True:
            left.discard(at)
            at = following[at]
            if at == start:
                break
    assert len(np.unique(_pieces(model))) == 3  # head, two eyeballs
    assert loops == 5  # neck, two lid openings, two eyeballs' rims


def test_the_surface_faces_outward(model):
    a, b, c = _corners(model.mean, model.triangles)
    pieces = _pieces(model)[model.triangles[:, 0]]
    for piece in np.unique(pieces):
        own = pieces == piece
        centre = a[own].mean(axis=0) - (
            0,
            0,
            30 if own.sum() < 2000 else 0,
        )  # eyeballs are caps
        volume = np.einsum("ij,ij->i", a[own] - centre, np.cross(b[own] - centre, c[own] - centre)).sum() / 6
        assert volume > 0
    face = (a[:, 2] > 70) & (abs(a[:, 0]) < 40)
    normal = np.cross(b - a, c - a)
    assert (normal[face, 2] > 0).mean() > 0.97


def test_the_mean_is_symmetric_to_the_last_bit(model):
    at = {tuple(p): k for k, p in enumerate((model.mean + np.float32(0)).tolist())}
    mirrored = (model.mean * np.float32([-1, 1, 1]) + np.float32(0)).tolist()
    partner = np.array([at[tuple(p)] for p in mirrored])
    albedo = model.blocks["albedo"].mean
    np.testing.assert_array_equal(albedo[partner], albedo)
    np.testing.assert_array_equal(model.regions[partner], model.regions)


def test_landmarks_are_where_they_should_be(model):
    at = {name: model.mean[k] for name, k in model.landmarks.items()}
    ibug = np.stack([at[f"ibug68.{k:02d}"] for k in range(68)])
    assert at["center.nose.tip"][2] == pytest.approx(model.mean[:, 2].max(), abs=1)
    assert abs(at["center.nose.tip"][0]) < 0.5
    assert abs(at["center.chin.tip"][0]) < 0.5
    assert model.chin == pytest.approx(-115, abs=2)
    assert at["left.eye.corner_outer"][0] > at["left.eye.corner_inner"][0] > 10
    assert len({*model.landmarks.values()}) > 60
    # Left and right mirror one another, in the usual order of the 68 points.
    swap = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    swap += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    swap += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
    np.testing.assert_allclose(ibug[swap] * [-1, 1, 1], ibug, atol=0.01)


def test_landmarks_from_top_to_bottom(model):
    y = {k: float(model.mean[model.landmarks[f"ibug68.{k:02d}"], 1]) for k in range(68)}
    assert y[19] > y[37] > y[41] > y[30] > y[33] > y[51] > y[62] > y[57] > y[8]
    assert y[19] > y[27] > y[28] > y[29] > y[30]
    assert all(y[k] > y[k + 1] for k in range(8))  # the jaw descends to the chin


def test_regions(model):
    names = model.region_names
    assert names[0] == "background"
    assert not (model.regions == 0).any()
    centre = {n: model.mean[model.regions == k].mean(axis=0) for k, n in enumerate(names) if k}
    assert centre["hair"][1] > centre["brows"][1] > centre["iris"][1] > centre["nose"][1] > centre["lips"][1]
    assert centre["lips"][1] > centre["neck"][1]
    assert centre["nose"][2] == max(c[2] for c in centre.values())
    assert all((model.regions == k).sum() > 50 for k in range(1, len(names)))
