"""The contract of every rendering backend, as a test class to inherit.

    class TestCpu(RendererContract):
        def make(self, color, samples): return CpuRenderer(color, samples)

Each test states a law or a closed form; none depends on how a backend works.
"""

import math
from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray

from render.camera import Camera
from render.pose import light_direction, rotation
from render.scene import AMBIENT, LUMINANCE, Color, Frames, Mesh, Renderer, SceneBatch
from render.texture import Skin, make_textures

CAMERA = Camera(64, 64, (0.0, 0.0, 0.0), 8.0)
"""64 pixels over about 2.8 units at the centre."""
PAINT = (0.4, 0.4, 0.4)
"""Albedo of plates; fully lit it is 102.0 levels, far from where rounding turns."""


def sphere(radius: float = 1.0, albedo: tuple[float, float, float] = (0.9, 0.6, 0.3)) -> Mesh:
    """A fine sphere with exact normals."""
    ball = trimesh.creation.icosphere(subdivisions=5, radius=radius)
    points = np.asarray(ball.vertices, np.float32)
    return Mesh(points, points, _paint(len(points), albedo), np.asarray(ball.faces, np.int32))


def plate(corners: NDArray[np.floating], two_sided: bool = False) -> Mesh:
    """A grey quadrilateral of two triangles from (4, 3) corners, counter-clockwise."""
    normals = np.tile(np.array([[0, 0, 1]], np.float32), (4, 1))
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return Mesh(np.asarray(corners, np.float32), normals, _paint(4, PAINT), triangles, two_sided)


def views(mesh: Mesh, *poses: tuple[float, float, float], camera: Camera = CAMERA) -> SceneBatch:
    """The mesh at poses (azimuth, elevation, light) in degrees."""
    table = np.array(poses, np.float32)
    index = np.zeros(len(poses), np.int64)
    return SceneBatch((mesh,), index, table[:, 0], table[:, 1], table[:, 2], camera, 0.0)


def square(half: float) -> NDArray[np.float64]:
    """Corners of a square in the plane z = 0."""
    return half * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float64)


def poster(
    corners: NDArray[np.floating],
    picture: NDArray[np.uint8],
    repeats: float = 1.0,
    wrap: tuple[str, str] = ("repeat", "repeat"),
    cut: float | None = None,
) -> Mesh:
    """A white two-sided quadrilateral that shows a picture, its row 0 along the last two of the four corners.

    `picture` is (H, W) grey, (H, W, 3) or (H, W, 4) uint8.
    """
    rgba = np.full((*picture.shape[:2], 4), 255, np.uint8)
    rgba[..., : 3 if picture.ndim == 2 else picture.shape[2]] = picture[..., None] if picture.ndim == 2 else picture
    uv = repeats * np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    skin = Skin(make_textures([rgba], [wrap], [cut]), uv, np.zeros(2, np.int16))
    return replace(plate(corners, two_sided=True), albedo=np.ones((4, 3), np.float32), skin=skin)


def _paint(vertices: int, albedo: tuple[float, float, float]) -> NDArray[np.float32]:
    return np.tile(np.array([albedo], np.float32), (vertices, 1))


def _joined(first: Mesh, second: Mesh) -> Mesh:
    """Two posters as one mesh; what is cut out must be in the second."""
    assert first.skin is not None
    assert second.skin is not None
    pictures = [skin.textures.level(0, 0) for skin in (first.skin, second.skin)]
    cuts = [0.5 if skin.textures.cut[0] else None for skin in (first.skin, second.skin)]
    skin = Skin(
        make_textures(pictures, [("clamp", "clamp")] * 2, cuts),
        np.concatenate([first.skin.uv, second.skin.uv]),
        np.repeat(np.arange(2, dtype=np.int16), 2),
    )
    return Mesh(
        np.concatenate([first.positions, second.positions]),
        np.concatenate([first.normals, second.normals]),
        np.concatenate([first.albedo, second.albedo]),
        np.concatenate([first.triangles, second.triangles + 4]),
        two_sided=True,
        skin=skin,
    )


def _head_like(seed: int) -> Mesh:
    """A lumpy closed surface with an albedo of its own in every vertex: no symmetry hides an error on it."""
    ball, rng = sphere(), np.random.Generator(np.random.Philox(seed))
    lumps = 1 + 0.2 * np.sin(ball.positions @ rng.normal(size=(3, 3)) * 3).mean(axis=1, keepdims=True)
    albedo = (0.5 + 0.4 * np.sin(ball.positions @ rng.normal(size=(3, 3)) * 4)).astype(np.float32)
    return replace(ball, positions=(ball.positions * lumps).astype(np.float32), albedo=albedo)


class RendererContract:
    """The laws of every backend; subclasses make one."""

    def make(self, color: Color, samples: int) -> Renderer:
        """The backend under test."""
        raise NotImplementedError("a subclass of the contract names its backend")

    def draw(self, scenes: SceneBatch, color: Color = "grey", samples: int = 4) -> Frames:
        """Frames of the backend under test."""
        return self.make(color, samples).render(scenes)

    def test_a_sphere_covers_its_disc(self) -> None:
        frames = self.draw(views(sphere(1.0), (0, 0, 0)))
        radius = CAMERA.focal / math.sqrt(CAMERA.distance**2 - 1)  # a ray that grazes the sphere
        area = frames.mask[0].sum() / 255
        # Four samples resolve the rim to a quarter of a pixel: a tenth of its length is a wide margin.
        assert abs(area - math.pi * radius**2) <= 0.1 * 2 * math.pi * radius

    def test_lambert_on_a_lit_sphere(self) -> None:
        pose = (0.0, 0.0, 50.0)
        frames = self.draw(views(sphere(1.0), pose), "rgb", samples=1)
        expected, inside = _shaded_sphere(CAMERA, light_direction(pose[2], 0.0), (0.9, 0.6, 0.3))
        error = np.abs(frames.image[0].astype(float) - expected)[inside]
        assert error.max() <= 2.0
        assert error.mean() <= 0.6  # rounding alone gives 0.25

    def test_two_triangles_of_a_quad_cover_each_pixel_once(self) -> None:
        for turn in np.linspace(0, 180, 23):
            quad = square(1.0) @ rotation(0, 0).T
            c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            mesh = plate(quad @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T)
            lower, upper = (replace(mesh, triangles=mesh.triangles[[k]]) for k in (0, 1))
            whole, *parts = (self.draw(views(m, (0, 0, 0)), samples=1).mask[0] // 255 for m in (mesh, lower, upper))
            np.testing.assert_array_equal(parts[0] + parts[1], whole)

    def test_whole_pixels_of_translation_move_the_picture(self) -> None:
        pixel = CAMERA.distance / CAMERA.focal
        corners = square(0.5) * np.array([1.03, 0.77, 1])
        still = self.draw(views(plate(corners), (0, 0, 40)))
        moved = self.draw(views(plate(corners + np.array([7 * pixel, -5 * pixel, 0])), (0, 0, 40)))
        np.testing.assert_array_equal(moved.image[0], np.roll(still.image[0], (5, 7), axis=(0, 1)))
        np.testing.assert_array_equal(moved.mask[0], np.roll(still.mask[0], (5, 7), axis=(0, 1)))

    def test_a_mirrored_scene_gives_a_mirrored_image(self) -> None:
        mesh = _head_like(3)
        flip = np.array([-1, 1, 1], np.float32)
        mirror = replace(
            mesh,
            positions=mesh.positions * flip,
            normals=mesh.normals * flip,
            triangles=np.ascontiguousarray(mesh.triangles[:, ::-1]),
        )
        left = self.draw(views(mesh, (35, 10, 50))).image[0].astype(int)
        right = self.draw(views(mirror, (-35, 10, -50))).image[0].astype(int)
        # A sample that falls on an edge belongs to the other triangle in the mirror: rare, and never many levels.
        assert np.abs(left - right[:, ::-1]).mean() <= 0.02

    def test_the_order_of_triangles_does_not_matter(self) -> None:
        mesh = _head_like(4)
        order = np.random.Generator(np.random.Philox(5)).permutation(len(mesh.triangles))
        shuffled = replace(mesh, triangles=mesh.triangles[order])
        one, other = (self.draw(views(m, (20, -10, 30))) for m in (mesh, shuffled))
        np.testing.assert_array_equal(one.image, other.image)

    def test_azimuth_elevation_and_light_have_their_signs(self) -> None:
        nose = plate(square(0.12) + np.array([0, 0.0, 1.0]), two_sided=True)
        for pose, axis, sign in (((40, 0, 0), 1, 1), ((-40, 0, 0), 1, -1), ((0, 30, 0), 0, 1), ((0, -30, 0), 0, -1)):
            rows_columns = np.argwhere(self.draw(views(nose, pose)).mask[0] > 127).mean(axis=0)
            assert np.sign(rows_columns[axis] - 31.5) == sign
        for light, brighter in ((60.0, slice(32, None)), (-60.0, slice(None, 32))):
            image = self.draw(views(sphere(1.0), (0, 0, light))).image[0].astype(float)
            darker = slice(None, 32) if brighter.start else slice(32, None)
            assert image[20:44, brighter].mean() > image[20:44, darker].mean()

    def test_broken_triangles_draw_nothing_and_harm_nothing(self) -> None:
        good = plate(square(0.5))
        clean = self.draw(views(good, (0, 0, 0)))
        behind, far_out, flat = [0, 0, 9.0], [1e30, 0, 0], [0.1, 0.1, 0.1]
        bad = np.array(
            [[np.nan, 0, 0], [0, 0.1, 0], [0.1, 0, 0], behind, far_out, [np.inf, 1, 1], flat, flat, flat], np.float32
        )
        positions = np.concatenate([good.positions, bad])
        spoilt = np.array([[4, 5, 6], [5, 6, 7], [5, 6, 8], [5, 6, 9], [10, 11, 12], [5, 5, 6]], np.int32)
        mesh = Mesh(
            positions,
            np.concatenate([good.normals, np.zeros((9, 3), np.float32)]),
            _paint(len(positions), PAINT),
            np.concatenate([good.triangles, spoilt]),
        )
        np.testing.assert_array_equal(self.draw(views(mesh, (0, 0, 0))).image, clean.image)

    def test_nothing_to_draw_is_background(self) -> None:
        frames = self.draw(views(plate(square(0.5) + np.array([50, 0, 0])), (0, 0, 0)))
        assert (frames.image == 255).all()
        assert (frames.mask == 0).all()

    def test_back_faces_are_dropped_or_lit_like_front_faces(self) -> None:
        # An odd size, so that no edge runs through a sample: reversed, an edge would give it to the other side.
        back = np.ascontiguousarray(square(0.4837)[::-1])
        assert not self.draw(views(plate(back), (0, 0, 0))).mask.any()
        mesh = replace(plate(back, two_sided=True), normals=np.tile(np.array([[0, 0, -1]], np.float32), (4, 1)))
        front = self.draw(views(plate(square(0.4837)), (0, 0, 0)))
        np.testing.assert_array_equal(self.draw(views(mesh, (0, 0, 0))).image, front.image)

    def test_zero_normals_get_ambient_light_only(self) -> None:
        mesh = replace(plate(square(2.0)), normals=np.zeros((4, 3), np.float32))
        for two_sided in (False, True):
            image = self.draw(views(replace(mesh, two_sided=two_sided), (0, 0, 0))).image
            assert (image == math.floor(255 * AMBIENT * PAINT[0] + 0.5)).all()

    def test_large_triangles_are_drawn_exactly(self) -> None:
        # Two triangles far larger than the frame share a diagonal through it: whole, and each sample covered once.
        mesh = plate(square(60.0))
        lower, upper = (replace(mesh, triangles=mesh.triangles[[k]]) for k in (0, 1))
        whole, *parts = (self.draw(views(m, (0, 0, 0)), samples=1).mask[0] // 255 for m in (mesh, lower, upper))
        assert (whole == 1).all()
        np.testing.assert_array_equal(parts[0] + parts[1], whole)

    def test_a_picture_stands_upright_and_is_shaded(self) -> None:
        picture = np.array([[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [200, 200, 200]]], np.uint8)
        mesh = poster(square(1.2), np.kron(picture, np.ones((8, 8, 1), np.uint8)))
        image = self.draw(views(mesh, (0, 0, 60)), "rgb").image[0]
        shade = AMBIENT + (1 - AMBIENT) * 0.5  # cos 60
        found = image[[[16, 16], [48, 48]], [[16, 48], [16, 48]]].astype(float)
        assert np.abs(found - shade * picture).max() <= 1

    def test_a_picture_is_multiplied_by_the_albedo(self) -> None:
        mesh = replace(poster(square(2.0), np.full((4, 4), 128, np.uint8)), albedo=_paint(4, (0.5, 1.0, 0.25)))
        image = self.draw(views(mesh, (0, 0, 0)), "rgb").image
        assert np.abs(image - 128 * np.array([0.5, 1.0, 0.25])).max() <= 1

    def test_pictures_are_in_perspective(self) -> None:
        # A ramp along a plate that leans away: each ray's own meeting with it.
        ramp = np.tile(np.linspace(0, 255, 256).round().astype(np.uint8), (4, 1))
        corners = square(1.5) @ rotation(70.0, 0.0).T
        image = self.draw(views(poster(corners, ramp, wrap=("clamp", "clamp")), (0, 0, 0)), samples=1).image[0]
        column = np.arange(64)[10:54]
        ray = (column + 0.5 - 32) / CAMERA.focal
        c, s = math.cos(math.radians(70)), math.sin(math.radians(70))
        along = ray * CAMERA.distance / (c - ray * s)  # (c t, 0, -s t) lies on the ray (ray, 0, -1) from the eye
        expected = 255 * (along / 3 + 0.5)
        shade = AMBIENT + (1 - AMBIENT)
        inside = np.abs(along) < 1.4
        assert inside.sum() > 12
        error = image[32, column[inside]] - shade * expected[inside]
        # A footprint is up to 60 of the 256 texels wide here, and its mean is that of the nearest whole mip texels.
        assert np.abs(error).max() <= 16
        assert abs(error.mean()) <= 4

    def test_a_fine_pattern_far_away_does_not_sparkle(self) -> None:
        checks = (255 * (np.indices((1024, 1024)).sum(axis=0) % 2)).astype(np.uint8)
        for pose in ((0, 0, 0), (25, 10, 0)):
            frames = self.draw(views(poster(square(1.0), checks, repeats=3), pose), samples=1)
            inner = frames.image[0][24:40, 24:40].astype(float)
            assert np.ptp(inner) <= 2

    def test_what_is_cut_out_shows_what_is_behind(self) -> None:
        picture = np.full((64, 64, 4), 255, np.uint8)
        picture[:, :32, 3] = 0
        corners, frame = square(1.2) * np.array([1, 1.03, 1]), (0.0, 0.0, 0.0)
        front = poster(corners, picture, wrap=("clamp", "clamp"), cut=0.5)
        mask = self.draw(views(front, frame)).mask[0] > 127
        assert not mask[20:44, 8:31].any()
        assert mask[20:44, 34:56].all()
        behind = poster(square(1.0) - np.array([0, 0, 1.0]), np.full((4, 4), 90, np.uint8))
        both = _joined(behind, front)
        image = self.draw(views(both, frame)).image[0]
        assert np.abs(image[24:40, 12:30].astype(int) - 90).max() <= 1
        assert (image[24:40, 34:52] == 255).all()

    def test_pictures_repeat_clamp_and_mirror(self) -> None:
        halves = np.repeat(np.array([[0, 200]], np.uint8), 32, axis=1)
        shown = {
            "repeat": [0, 200, 0, 200, 0, 200],
            "clamp": [0, 200, 200, 200, 200, 200],
            "mirror": [0, 200, 200, 0, 0, 200],
        }
        for way, expected in shown.items():
            mesh = poster(square(1.2), halves, repeats=3, wrap=(way, way))
            image = self.draw(views(mesh, (0, 0, 0))).image[0]
            width = 2.4 * CAMERA.focal / CAMERA.distance
            columns = np.round(32 + width * ((np.arange(6) + 0.5) / 6 - 0.5) - 0.5).astype(int)
            assert np.abs(image[32, columns].astype(int) - expected).max() <= 2

    def test_grey_is_the_luminance_of_color(self) -> None:
        scenes = views(_head_like(6), (10, 5, -30))
        grey, rgb = self.draw(scenes, "grey", 1).image[0], self.draw(scenes, "rgb", 1).image[0]
        assert np.abs(grey - rgb @ np.array(LUMINANCE)).max() <= 1.01  # each rounded on its own


def _shaded_sphere(
    camera: Camera, light: NDArray[np.float64], albedo: tuple[float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Grey levels (H, W, 3) of a unit sphere by intersecting each pixel's ray, and where it is well inside."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    ray = np.stack(
        [(columns - camera.width / 2) / camera.focal, (camera.height / 2 - rows) / camera.focal, -np.ones(rows.shape)],
        axis=-1,
    )
    # |eye + t ray| = 1 with the eye at (0, 0, distance).
    a, b, c = (ray**2).sum(-1), -camera.distance, camera.distance**2 - 1
    root = b * b - a * c
    inside = root > 0.1
    t = (-b - np.sqrt(np.where(inside, root, 0))) / a
    normal = np.array([0, 0, camera.distance]) + t[..., None] * ray
    lit = AMBIENT + (1 - AMBIENT) * np.maximum(0, normal @ light)
    return np.where(inside[..., None], 255 * lit[..., None] * np.array(albedo), 255), inside
