"""Mip levels against plain means, and textured scenes on the CPU against the float64 reference and pyrender."""

import numpy as np
import pytest
import trimesh

from render import Camera, CpuRenderer, Mesh, SceneBatch
from render.errors import RenderError
from render.gl.backend import PyrenderRenderer
from render.gl.context import probe
from render.reference import ReferenceRenderer
from render.testing import CAMERA, poster, sphere, square, views
from render.texture import LARGEST, Skin, make_textures


def noise(rows, columns, seed=0):
    return np.random.Generator(np.random.Philox(seed)).integers(0, 256, (rows, columns, 4), dtype=np.uint8)


@pytest.mark.parametrize(("rows", "columns"), [(64, 64), (64, 16), (1, 8), (1, 1)])
def test_a_level_is_the_mean_of_two_by_two(rows, columns):
    textures = make_textures([noise(rows, columns)])
    number = 0
    while (level := textures.level(0, number).astype(float)).shape[:2] != (1, 1):
        down, across = (min(2, size) for size in level.shape[:2])
        means = level.reshape(level.shape[0] // down, down, level.shape[1] // across, across, 4).mean(axis=(1, 3))
        number += 1
        np.testing.assert_array_equal(textures.level(0, number), np.floor(means + 0.5))
    assert (textures.levels[0, number + 1 :] == 0).all()


@pytest.mark.parametrize("size", [3, 5, 127, 300])
def test_levels_of_odd_sizes_keep_the_mean(size):
    """Each level is the area average of the one before, whatever its size: a plain integral says the same."""
    textures = make_textures([noise(size, size)])
    first, second = textures.level(0, 0).astype(float), textures.level(0, 1)
    fine = np.repeat(first, len(second), axis=0).reshape(len(second), size, size, 4).mean(axis=1)
    expected = np.repeat(fine, len(second), axis=1).reshape(len(second), len(second), size, 4).mean(axis=2)
    assert np.abs(second - expected).max() <= 0.5 + 1e-9


def test_what_is_cut_out_lends_no_colour():
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[:, 1::2] = (200, 100, 50, 255)  # every other column; the rest is black and not there
    level = make_textures([picture], None, [0.5]).level(0, 1)
    np.testing.assert_array_equal(level[..., :3], np.tile([200, 100, 50], (4, 4, 1)))
    assert (level[..., 3] == 128).all()


@pytest.mark.parametrize(
    ("cut", "alpha", "there"), [(0.2, 60, True), (0.2, 40, False), (0.9, 235, True), (0.9, 220, False)]
)
def test_every_threshold_is_heeded(cut, alpha, there):
    picture = np.full((4, 4, 4), 255, np.uint8)
    picture[..., 3] = alpha
    assert CpuRenderer().render(views(poster(square(1.0), picture, cut=cut), (0, 0, 0))).mask.any() == there


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((4, 4, 4), np.float32),
        np.zeros((0, 4, 4), np.uint8),
        noise(LARGEST + 1, 1),
    ],
)
def test_pictures_that_are_none(picture):
    with pytest.raises(ValueError, match="a texture"):
        make_textures([picture])


def test_skins_that_do_not_fit():
    good = poster(square(1.0), noise(4, 4, 1))
    uv, textures = good.skin.uv, good.skin.textures
    none, first = np.full(2, -1, np.int16), np.zeros(2, np.int16)
    for skin, message in [
        (Skin(textures, uv[:3], first), r"shape \(4, 2\), not float32 of shape \(3, 2\)"),
        (Skin(textures, np.full_like(uv, np.nan), first), "finite"),
        (Skin(textures, uv, first[:1]), r"int16 of shape \(2,\), not int16 of shape \(1,\)"),
        (Skin(textures, uv, first + 1), "there are 1"),
        (Skin(make_textures([noise(4, 4)], None, [0.5]), uv, np.array([0, -1], np.int16)), "come last"),
    ]:
        with pytest.raises(ValueError, match=message):
            Mesh(good.positions, good.normals, good.albedo, good.triangles, True, skin=skin)
    assert Skin(textures, uv, none).whole == 2


def test_a_skin_without_pictures_changes_no_pixel():
    ball = sphere()
    skin = Skin(
        make_textures([]), np.zeros((len(ball.positions), 2), np.float32), np.full(len(ball.triangles), -1, np.int16)
    )
    dressed = Mesh(ball.positions, ball.normals, ball.albedo, ball.triangles, skin=skin)
    for color in ("grey", "rgb"):
        renderer = CpuRenderer(color, 4, ("mask", "albedo", "normal"))
        plain, with_skin = (renderer.render(views(mesh, (20, 10, 30))) for mesh in (ball, dressed))
        np.testing.assert_allclose(with_skin.image.astype(int), plain.image, atol=1)  # luminance before or after
        np.testing.assert_array_equal(with_skin.mask, plain.mask)
        np.testing.assert_array_equal(with_skin.truth["albedo"], plain.truth["albedo"])


def ball_of(radius):
    """A coarse sphere: the reference draws triangle by triangle."""
    ball = trimesh.creation.icosphere(subdivisions=3, radius=radius)
    points = np.asarray(ball.vertices, np.float32)
    return Mesh(points, points, np.ones_like(points), np.asarray(ball.faces, np.int32))


def scene(seed, size=96):
    """A lumpy ball and a crooked poster with holes, with pictures of several sizes and wraps, at a random pose."""
    rng = np.random.Generator(np.random.Philox(seed))
    ball = ball_of(0.9)
    rows, columns = np.indices((200, 300))
    smooth = 127.5 + 60 * np.sin(rows / rng.uniform(4, 20) + columns / rng.uniform(4, 20))
    picture = np.stack([smooth, smooth[::-1], 255 - smooth, np.full(smooth.shape, 255)], axis=-1).astype(np.uint8)
    rings = np.full((256, 256, 4), 255, np.uint8)
    rings[..., 3] = 127.5 + 127 * np.sin(np.hypot(*(np.indices((256, 256)) - 128)) / 6)
    rings[..., :3] = rng.integers(0, 256, 3)
    wide = square(1.3) * rng.uniform(0.6, 1, 3) + np.array([0, 0, 1.2])
    uv = np.concatenate([ball.positions[:, :2] * rng.uniform(0.5, 3), rng.uniform(-1, 2, (4, 2))]).astype(np.float32)
    n = len(ball.positions)
    index = np.zeros(len(ball.triangles) + 2, np.int16)
    index[: len(ball.triangles) // 3], index[-2:] = -1, 1
    skin = Skin(make_textures([picture, rings], [("repeat", "mirror"), ("clamp", "repeat")], [None, 0.4]), uv, index)
    mesh = Mesh(
        np.concatenate([ball.positions, wide.astype(np.float32)]),
        np.concatenate([ball.normals, np.tile(np.array([[0, 0, 1]], np.float32), (4, 1))]),
        np.concatenate([ball.albedo, np.ones((4, 3), np.float32)]),
        np.concatenate([ball.triangles, np.array([[0, 1, 2], [0, 2, 3]], np.int32) + n]),
        True,
        skin=skin,
    )
    pose = [rng.uniform(-r, r, 1).astype(np.float32) for r in (70, 30, 60)]
    return SceneBatch((mesh,), np.zeros(1, np.int64), *pose, Camera(size, size, (0, 0, 0), CAMERA.distance))


@pytest.mark.parametrize("seed", range(3))
def test_textured_scenes_agree_with_the_reference(seed):
    scenes = scene(seed, 48)
    ours, right = (kind("rgb", 4).render(scenes) for kind in (CpuRenderer, ReferenceRenderer))
    off = np.abs(ours.image.astype(int) - right.image)
    assert off.mean() <= 0.15
    assert np.count_nonzero(off.max(axis=-1) > 2) <= 0.01 * off[..., 0].size  # rims, where a sample falls otherwise


@pytest.mark.parametrize("seed", range(3))
def test_textured_scenes_agree_with_pyrender(seed, missing):
    try:
        probe("egl")
    except RenderError as error:
        missing(f"OpenGL through EGL ({error})")
    scenes = scene(seed)
    ours = CpuRenderer("grey", 4).render(scenes)
    gl = PyrenderRenderer("grey", 4, platform="egl").render(scenes)
    a, b = ours.mask[0] > 127, gl.mask[0] > 127
    assert (a & b).sum() / (a | b).sum() >= 0.98
    assert np.abs(ours.image.astype(int) - gl.image)[0][a | b].mean() <= 3
