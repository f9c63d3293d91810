"""Per-pixel truth against the float64 reference, reprojected vertices, and the second backend."""

from dataclasses import replace

import numpy as np
import pytest

from render import CpuRenderer, SceneBatch, frame_head
from render.errors import RenderError
from render.gl.backend import PyrenderRenderer
from render.gl.context import probe
from render.pose import light_direction, rotation
from render.reference import shade, visible_surface
from render.scene import AMBIENT, CHANNELS, LUMINANCE
from render.testing import plate, square, views

ALL = tuple(CHANNELS)
POSES = [(0.0, 0.0, 20.0), (50.0, 15.0, -60.0), (-80.0, -20.0, 70.0)]


@pytest.fixture(scope="module")
def face(head):
    """One person at three poses, 96 pixels, with every channel the CPU renderer has."""
    rng = np.random.Generator(np.random.Philox(11))
    draw = {k: rng.standard_normal((1, head.blocks[k].components)).astype("f4") for k in ("shape", "albedo")}
    camera = frame_head(head.mean, head.chin, 96, (-86, 0, 86), (-23, 0, 23))
    table = np.array(POSES, np.float32)
    scenes = SceneBatch(head.meshes(draw), np.zeros(3, np.int64), *table.T.copy(), camera)
    return scenes, CpuRenderer("rgb", 1, ALL).render(scenes)


@pytest.fixture(scope="module")
def surfaces(face):
    scenes, _ = face
    return [visible_surface(scenes.meshes[0], rotation(a, e), scenes.camera, 1) for a, e, _ in POSES]


@pytest.mark.parametrize("view", range(3))
def test_depth_normal_albedo_and_shading_are_the_references(face, surfaces, view):
    _, frames = face
    surface, truth = surfaces[view], {name: frames.truth[name][view] for name in ALL if name != "mask"}
    both = surface.covered & (truth["depth"] > 0)
    assert both.sum() >= 0.999 * surface.covered.sum()
    # Where the two see the same surface; on a fold the snapped silhouette may show the one behind.
    same = both & (np.abs(truth["depth"] - np.where(both, surface.depth, 0)) < 0.5)
    assert same.sum() >= 0.995 * both.sum()
    assert np.abs(truth["depth"] - surface.depth)[same].mean() < 0.02  # millimetres
    length = np.linalg.norm(surface.normal, axis=-1, keepdims=True)
    unit = np.divide(surface.normal, length, out=np.zeros_like(surface.normal), where=length > 0)
    assert np.abs(truth["normal"] / 127 - unit)[same].mean() < 0.006  # rounding alone gives 0.002
    assert np.abs(truth["albedo"] / 255 - surface.albedo)[same].mean() < 0.003
    _, _, light = POSES[view]
    white = replace(surface, albedo=np.ones_like(surface.albedo))
    expected = 255 * shade(white, light_direction(light), two_sided=False)[..., 0]
    assert np.abs(truth["shading"] - expected)[same].mean() < 0.6


def test_albedo_times_shading_is_the_image_at_one_sample(face):
    _, frames = face
    product = frames.truth["albedo"].astype(float) * frames.truth["shading"][..., None] / 255
    # Both factors are rounded to 1/255, so the product is off by at most one level, and the image by half of one.
    assert np.abs(product - frames.image).max() <= 1.51


def test_background_values(face):
    _, frames = face
    outside = frames.mask == 0
    for name, value in (("depth", 0), ("normal", 0), ("albedo", 255), ("shading", 255), ("region", 0)):
        assert (frames.truth[name][outside] == value).all()


def test_the_grey_albedo_is_the_luminance_of_the_rgb_one(face):
    scenes, frames = face
    grey = CpuRenderer("grey", 1, ("albedo",)).render(scenes).truth["albedo"]
    assert np.abs(grey - frames.truth["albedo"] @ np.array(LUMINANCE)).max() <= 1.01


@pytest.mark.parametrize("view", range(3))
def test_landmarks_are_reprojected_vertices_and_seen_when_nothing_is_before_them(face, surfaces, view):
    scenes, frames = face
    mesh, marks = scenes.meshes[0], frames.truth["landmarks"][view]
    expected = scenes.camera.project(mesh.positions[mesh.landmarks], *POSES[view][:2])
    np.testing.assert_allclose(marks[:, :2], expected[:, :2], atol=0.01)
    inside = ((expected[:, :2] >= 0) & (expected[:, :2] < 96)).all(axis=1)
    assert (marks[~inside, 2] == 0).all()
    columns, rows = np.floor(expected[inside, :2].T).astype(int)
    hidden_by = expected[inside, 2] - surfaces[view].depth[rows, columns]  # millimetres behind the visible surface
    assert (marks[inside][hidden_by > 6, 2] == 0).all()
    assert (marks[inside][hidden_by < 1.5, 2] == 1).all()


def test_half_the_landmarks_hide_in_profile(face):
    _, frames = face
    seen = frames.truth["landmarks"][:, :, 2].sum(axis=1)
    assert seen[0] > 55
    assert seen[2] < 45


def test_regions_are_those_of_the_vertices(face):
    """With one-hot albedos in place of colours, a pixel inside a region is exactly that region's."""
    scenes, frames = face
    mesh = scenes.meshes[0]
    compared = 0
    for label in np.unique(mesh.region):
        one_hot = np.repeat((mesh.region == label).astype(np.float32)[:, None], 3, axis=1)
        painted = replace(mesh, albedo=one_hot)
        surface = visible_surface(painted, rotation(0, 0), scenes.camera, 1)
        inside = surface.covered & (surface.albedo[..., 0] > 1 - 1e-9)
        labels = frames.truth["region"][0][inside]
        if len(labels) > 20:
            assert (labels == label).mean() > 0.97
            compared += 1
    assert compared >= 5
    assert set(np.unique(frames.truth["region"])) <= {0, *np.unique(mesh.region).tolist()}


def test_a_plate_has_the_depth_and_normal_of_its_plane():
    scenes = views(plate(square(0.5)), (30.0, 0.0, 0.0))
    truth = CpuRenderer("grey", 1, ("depth", "normal")).render(scenes).truth
    seen = truth["depth"][0] > 0
    np.testing.assert_array_equal(
        truth["normal"][0][seen], np.tile(np.floor(127 * rotation(30, 0) @ [0, 0, 1] + 0.5), (seen.sum(), 1))
    )
    assert truth["depth"][0][32, 32] == pytest.approx(8.0, abs=0.02)


def test_a_two_sided_plate_turns_its_normal_to_the_camera():
    mesh = replace(plate(square(0.5), two_sided=True), normals=np.tile(np.array([[0, 0, -1]], np.float32), (4, 1)))
    truth = CpuRenderer("grey", 1, ("normal", "shading")).render(views(mesh, (0.0, 0.0, 0.0))).truth
    np.testing.assert_array_equal(truth["normal"][0, 32, 32], [0, 0, 127])
    assert truth["shading"][0, 32, 32] == 255


def test_depth_does_not_depend_on_the_samples(face):
    scenes, frames = face
    again = CpuRenderer("rgb", 9, ("depth",)).render(scenes)
    np.testing.assert_array_equal(again.truth["depth"], frames.truth["depth"])


def test_pyrender_sees_the_same_depth(face, missing):
    try:
        probe("egl")
    except RenderError as error:
        missing(f"OpenGL through EGL ({error})")
    scenes, frames = face
    theirs = PyrenderRenderer("grey", 1, ("depth",), platform="egl").render(scenes).truth["depth"]
    ours = frames.truth["depth"]
    both = (ours > 0) & (theirs > 0)
    assert both.sum() >= 0.998 * (ours > 0).sum()
    error = np.abs(ours - theirs)[both]
    assert np.median(error) < 0.02
    assert (error < 1).mean() > 0.995


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CpuRenderer("grey", 1, ("heat",)), "no channel 'heat'; there are mask, depth"),
        (
            lambda: PyrenderRenderer("grey", 1, ("normal",)),
            "pyrender backend has no channel normal; it has mask, depth",
        ),
    ],
)
def test_channels_that_a_backend_does_not_have_are_refused(make, message):
    with pytest.raises(RenderError, match=message):
        make()


@pytest.mark.parametrize(("channel", "message"), [("region", "no regions"), ("landmarks", "the 68 landmarks")])
def test_channels_that_a_subject_cannot_fill_are_refused(channel, message):
    with pytest.raises(RenderError, match=message):
        CpuRenderer("grey", 1, (channel,)).render(views(plate(square(0.5)), (0.0, 0.0, 0.0)))


def test_ambient_alone_lights_what_looks_away():
    mesh = replace(plate(square(0.5)), normals=np.tile(np.array([[0, 0, -1]], np.float32), (4, 1)))
    truth = CpuRenderer("grey", 1, ("shading",)).render(views(mesh, (0.0, 0.0, 0.0))).truth
    assert truth["shading"][0, 32, 32] == round(255 * AMBIENT)
