"""Polygons of any shape are covered exactly once by their triangles."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from render.errors import MeshError
from render.meshes.polygons import triangulate

SPIN = np.linalg.qr(np.cos(np.arange(9.0)).reshape(3, 3))[0]
"""A plane that is along no axis."""


def areas(points, corners):
    a, b, c = (points[corners[:, k]] for k in range(3))
    return np.cross(b - a, c - a) / 2


def in_space(outline):
    return np.asarray(outline, float) @ SPIN[:2] + (3, -2, 5)


def shoelace(outline):
    x, y = np.asarray(outline, float).T
    return (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2


def assert_covered(outline):
    """No triangle against the outline's sense and none beyond it: the plain and the directed area are the polygon's."""
    points = in_space(outline)
    cut = triangulate(points, np.array([len(points)]))
    assert len(cut.corners) == len(points) - 2
    assert not cut.crossing
    directed = areas(points, cut.corners)
    assert_allclose(np.linalg.norm(directed.sum(axis=0)), abs(shoelace(outline)), rtol=1e-9)
    assert_allclose(np.linalg.norm(directed, axis=1).sum(), abs(shoelace(outline)), rtol=1e-9)


@st.composite
def stars(draw):
    """A polygon round the origin, its corners at rising angles and any distance."""
    n = draw(st.integers(4, 40))
    radius = draw(st.lists(st.floats(0.1, 1), min_size=n, max_size=n))
    angle = 2 * np.pi * (np.arange(n) + draw(st.floats(0, 0.4))) / n
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return outline[::-1] if draw(st.booleans()) else outline


@given(outline=stars())
@settings(max_examples=200, deadline=None)
def test_stars(outline):
    assert_covered(outline)


def comb(teeth):
    top = [(x, 1 + 9 * (x % 2)) for x in range(2 * teeth, -1, -1)]
    return [(0, 0), (2 * teeth, 0), *top]


def spiral(turns):
    angle = np.linspace(0, 2 * np.pi * turns, 16 * turns)
    outer = np.stack([(1 + angle) * np.cos(angle), (1 + angle) * np.sin(angle)], axis=1)
    inner = np.stack([(0.5 + angle) * np.cos(angle), (0.5 + angle) * np.sin(angle)], axis=1)
    return np.concatenate([outer, inner[::-1]])


SQUARE, HOLE = [(0, 0), (10, 0), (10, 10), (0, 10)], [(3, 3), (3, 7), (7, 7), (7, 3)]
OUTLINES = {
    "arrow": [(0, 0), (4, -2), (1, 0), (4, 2)],
    "arrow from its notch": [(1, 0), (4, 2), (0, 0), (4, -2)],
    "L": [(0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4)],
    "corners on straight lines": [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)],
    "a corner twice": [(0, 0), (2, 0), (2, 0), (2, 2), (0, 2)],
    "comb": comb(20),
    "spiral": spiral(3),
    "hole joined by two edges in one place": [*SQUARE, SQUARE[0], *HOLE, HOLE[0]],
    "two holes": [
        *((0, 0), (10, 0), (10, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)),
        *((6, 1), (6, 3), (8, 3), (8, 1), (6, 1), (1, 1)),
    ],
}


@pytest.mark.parametrize("kind", OUTLINES)
@pytest.mark.parametrize("turned", [1, -1])
def test_outlines(kind, turned):
    assert_covered(OUTLINES[kind][::turned])


@pytest.mark.parametrize("turned", [1, -1])
@pytest.mark.parametrize("start", range(len(comb(20))))
def test_where_an_outline_starts_does_not_matter(start, turned):
    assert_covered(np.roll(comb(20), start, axis=0)[::turned])


def test_many_polygons_keep_their_order():
    points = np.concatenate([in_space(OUTLINES["L"]), in_space(SQUARE), in_space(SQUARE[:3]), in_space(OUTLINES["L"])])
    cut = triangulate(points, np.array([6, 4, 3, 6]))
    assert cut.faces.tolist() == [0] * 4 + [1] * 2 + [2] + [3] * 4
    starts = np.array([0, 6, 10, 13])[cut.faces]
    ends = np.array([6, 10, 13, 19])[cut.faces]
    assert (cut.corners >= starts[:, None]).all()
    assert (cut.corners < ends[:, None]).all()


def test_a_quad_is_cut_where_it_bends_inward():
    cut = triangulate(in_space(OUTLINES["arrow"]), np.array([4]))
    assert all({0, 2} <= set(triangle) for triangle in cut.corners.tolist())
    cut = triangulate(in_space(np.roll(OUTLINES["arrow"], 1, axis=0)), np.array([4]))
    assert all({1, 3} <= set(triangle) for triangle in cut.corners.tolist())


def test_a_polygon_that_is_not_flat_loses_no_corner():
    """Its last corner lies above an edge: seen from the top, the roof has no area."""
    points = np.array([[-5, 0, 5], [5, 0, 5], [5, 0, -5], [-5, 0, -5], [0, 5, -5]], float)
    cut = triangulate(points, np.array([5]))
    assert set(cut.corners.reshape(-1)) == set(range(5))
    assert (np.linalg.norm(areas(points, cut.corners), axis=1) > 0).all()


def test_an_outline_that_crosses_itself_is_reported():
    bow = [(0, 0), (4, 4), (4, 0), (0, 4), (-2, 2)]
    cut = triangulate(in_space(bow), np.array([5]))
    assert cut.crossing == 1
    assert len(cut.corners) == 3


def test_polygons_that_would_take_minutes_are_refused():
    n = 4096
    zigzag = np.stack([np.arange(n), 1000.0 * (np.arange(n) % 2) + np.cos(np.arange(n) ** 2)], axis=1)
    points = np.tile(in_space(zigzag), (250, 1))
    began = time.process_time()
    with pytest.raises(MeshError, match="triangulate it first"):
        triangulate(points, np.full(250, n))
    assert time.process_time() - began < 15
