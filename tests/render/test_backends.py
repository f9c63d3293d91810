"""Every backend under the one contract, and the fast one against the float64 reference."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from render import CpuRenderer, SceneBatch, frame_head
from render.errors import RenderError
from render.gl.backend import PyrenderRenderer
from render.gl.context import probe
from render.reference import ReferenceRenderer
from render.testing import CAMERA, RendererContract, sphere, views


class TestCpu(RendererContract):
    def make(self, color, samples):
        return CpuRenderer(color, samples)


@pytest.fixture(scope="module")
def egl(missing):
    """One renderer string for the module; OpenGL is the one thing that a test may be without."""
    try:
        found = probe("egl")
    except RenderError as error:
        missing(f"OpenGL through EGL ({error})")
    return found


@pytest.mark.usefixtures("egl")
class TestPyrender(RendererContract):
    def make(self, color, samples):
        return PyrenderRenderer(color, samples, platform="egl")


@pytest.mark.usefixtures("egl")
def test_no_library_of_a_display_is_needed():
    code = "from render.gl.compat import import_pyrender; import_pyrender('egl'); import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pyrender" in done.stdout.split()
    assert not any(name.split(".")[0] == "pyglet" for name in done.stdout.split())


class TestReference(RendererContract):
    def make(self, color, samples):
        return ReferenceRenderer(color, samples)


@pytest.mark.parametrize("seed", range(3))
def test_cpu_agrees_with_the_reference_on_faces(seed, head, head_camera):
    """30 such scenes on a licensed model are in docs/records/2026-11.md; three keep the suite quick."""
    scenes = face_scene(seed, head, head_camera)
    iou, error = agreement(CpuRenderer().render(scenes), ReferenceRenderer().render(scenes))
    assert iou >= 0.9995  # at 64 pixels one sample of the rim is 0.0001
    assert error <= 0.1


@pytest.mark.parametrize("color", ["grey", "rgb"])
@pytest.mark.parametrize("samples", [1, 4, 9])
@pytest.mark.parametrize("size", [9, 13, 31])
def test_cpu_agrees_with_the_reference_where_cells_end_between_pixels(size, samples, color, head):
    """A row of such an image is no whole number of cells of eight samples, and neither is a pixel."""
    scenes = face_scene(7, head, frame_head(head.mean, head.chin, size, (-86, 0, 86), (-23, 0, 23)))
    ours, right = (kind(color, samples).render(scenes) for kind in (CpuRenderer, ReferenceRenderer))
    # One grey level where the roundings differ; a sample on the rim may fall the other way in one pixel.
    far = np.abs(ours.image.astype(int) - right.image).reshape(size, size, -1).max(axis=-1) > 1
    assert far.sum() <= 1
    assert np.count_nonzero(ours.mask != right.mask) <= 1


@pytest.mark.parametrize("seed", range(10))
def test_cpu_agrees_with_pyrender_on_faces(egl, seed, head):
    scenes = face_scene(seed, head, frame_head(head.mean, head.chin, 150, (-86, 0, 86), (-23, 0, 23)))
    gl = PyrenderRenderer("grey", 4, platform="egl")
    iou, error = agreement(CpuRenderer("grey", 4).render(scenes), gl.render(scenes))
    assert iou >= 0.999
    assert error <= 0.3


def face_scene(seed, head, camera):
    rng = np.random.Generator(np.random.Philox(seed))
    draw = {k: rng.standard_normal((1, b.components)).astype("f4") for k, b in head.blocks.items()}
    pose = [rng.uniform(-r, r, 1).astype("f4") for r in (86, 23, 80)]
    return SceneBatch(head.meshes(draw), np.zeros(1, np.int64), *pose, camera)


def agreement(fast, right):
    """Silhouette IoU and mean grey-level difference over the foreground of one view."""
    ours, theirs = fast.mask[0].astype(int), right.mask[0].astype(int)
    seen = (ours > 0) | (theirs > 0)
    error = np.abs(fast.image[0].astype(int) - right.image[0])[seen].mean()
    return np.minimum(ours, theirs).sum() / np.maximum(ours, theirs).sum(), error


def test_frames_do_not_depend_on_what_else_is_drawn():
    one, other = views(sphere(1.0), (20, 10, 30)), views(sphere(0.6), (0, 0, 0))
    both = SceneBatch(
        (one.meshes[0], other.meshes[0]),
        np.array([1, 0, 1]),
        *(np.array([0, getattr(one, f)[0], 0], np.float32) for f in ("azimuth", "elevation", "light")),
        CAMERA,
        0.0,
    )
    alone, together = CpuRenderer().render(one), CpuRenderer().render(both)
    np.testing.assert_array_equal(together.image[1], alone.image[0])
    np.testing.assert_array_equal(together.image[0], CpuRenderer().render(other).image[0])


@pytest.mark.parametrize(("color", "samples"), [*itertools.product(("grey", "rgb"), (1, 4, 9))])
def test_shapes_and_types(color, samples):
    frames = CpuRenderer(color, samples).render(views(sphere(), (0, 0, 0), (5, 5, 5)))
    assert frames.image.shape == ((2, 64, 64) if color == "grey" else (2, 64, 64, 3))
    assert frames.image.dtype == frames.mask.dtype == np.uint8


@pytest.mark.parametrize("samples", [0, 2, 8, -4, 81])
def test_sample_counts_that_are_no_square_are_refused(samples):
    with pytest.raises(ValueError, match=f"square number from 1 to 64.*not {samples}"):
        CpuRenderer(samples=samples)


def test_an_unknown_color_is_refused():
    with pytest.raises(ValueError, match="grey or rgb, not 'cmyk'"):
        CpuRenderer("cmyk")  # type: ignore[arg-type]


def test_an_empty_batch_gives_empty_frames():
    scenes = SceneBatch((sphere(),), np.zeros(0, np.int64), *(np.zeros(0, np.float32),) * 3, CAMERA)
    assert CpuRenderer().render(scenes).image.shape == (0, 64, 64)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(30))
def test_all_three_renderers_agree_on_a_real_model(seed, egl, real_head):
    camera = frame_head(real_head.mean, real_head.chin, 150, (-86, 0, 86), (-23, 0, 23))
    scenes = face_scene(100 + seed, real_head, camera)
    ours = CpuRenderer("grey", 4).render(scenes)
    iou, error = agreement(ours, ReferenceRenderer("grey", 4).render(scenes))
    assert iou >= 0.9998
    assert error <= 0.05
    iou, error = agreement(ours, PyrenderRenderer("grey", 4, platform="egl").render(scenes))
    assert iou >= 0.999
    assert error <= 0.3
