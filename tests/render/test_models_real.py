"""Real files: ICT-FaceKit in its own layout and in that of BFM 2017, and a file written by scalismo."""

import tarfile

import numpy as np
import pytest
from numpy.testing import assert_allclose

from render import CpuRenderer, SceneBatch, frame_head, open_model

SKIN_AND_NECK, EYEBALLS = 11248, (21451, 24591)
"""Vertices of the folder's mesh that the HDF5 file has: face, head and neck, then the eyeballs."""


@pytest.fixture(scope="module")
def folder(ict_path, tmp_path_factory):
    place = tmp_path_factory.mktemp("ict")
    with tarfile.open(ict_path.with_name("ict_facexmodel_10modes.tar.xz")) as archive:
        archive.extractall(place)  # Debian 12's Python, 3.11.2, has no filter yet
    return open_model(str(place))


@pytest.fixture(scope="module")
def file(ict_path):
    return open_model(str(ict_path))


@pytest.fixture(scope="module")
def common():
    return np.r_[0:SKIN_AND_NECK, slice(*EYEBALLS)]


def test_the_two_files_have_one_mean(folder, file, common):
    assert (folder.unit, file.unit) == ("cm", "mm")
    assert_allclose(folder.mean[common] * 10, file.mean, atol=1e-4)


def test_modes_of_the_folder_are_unit_codes_of_the_file(folder, file, common):
    """The file's modes are the folder's turned to be orthogonal on fewer vertices.

    So each mode of the folder is an exact sum of all of the file's; and as both are made of standard normal
    coefficients with the same covariance, the ten sets of weights are orthonormal.
    """
    shape, own = file.blocks["shape"], folder.blocks["shape"]
    offsets = (own.basis[:, common] * own.sigma[:, None, None] * 10).reshape(own.components, -1).astype(np.float64)
    basis = shape.basis.reshape(shape.components, -1).astype(np.float64)
    weights = offsets @ basis.T / shape.sigma
    assert_allclose(weights @ weights.T, np.eye(10), atol=2e-3)
    again = shape.instance(weights.astype(np.float32)).reshape(10, -1) - file.mean.reshape(-1)
    assert np.abs(again - offsets).max() < 5e-3  # mm


def test_the_two_files_have_the_same_faces(folder, file, common):
    place = np.full(folder.vertices, -1)
    place[common] = np.arange(len(common))
    kept = place[folder.triangles]

    def area(triangles):
        a, b, c = (file.mean[triangles[:, k]].astype(np.float64) for k in range(3))
        return np.cross(b - a, c - a)

    ours, theirs = area(kept[(kept >= 0).all(1)]), area(file.triangles)
    assert len(ours) == len(theirs)
    assert_allclose(ours.sum(0), theirs.sum(0), atol=0.5)
    assert_allclose(np.linalg.norm(ours, axis=1).sum(), np.linalg.norm(theirs, axis=1).sum(), rtol=2e-3)


def test_shells_over_the_eyes_are_not_drawn(folder):
    assert folder.vertices == EYEBALLS[1]
    assert any("1692 polygons" in note for note in folder.notes)
    eye = folder.landmarks["ibug68.36"]
    assert folder.mean[eye, 0] < 0  # the subject's right eye
    assert folder.chin == pytest.approx(-7.5671)


def test_the_two_files_draw_the_same_outline(folder, file):
    """Skin differs in colour, and mouth and teeth are in one file only: the silhouettes are those of one head."""
    masks = []
    for model in (folder, file):
        camera = frame_head(model.mean, model.chin, 100, (-60, 60), (-20, 20))
        zero = {name: np.zeros((1, block.components), np.float32) for name, block in model.blocks.items()}
        angles = np.array([-50, 0, 50], np.float32)
        scenes = SceneBatch(model.meshes(zero), np.zeros(3, np.int64), angles, angles / 5, angles, camera)
        masks.append(CpuRenderer().render(scenes).mask.astype(int))
    assert np.abs(masks[0] - masks[1]).mean() < 0.3


def test_a_file_written_by_scalismo(ict_path):
    model = open_model(str(ict_path.with_name("random-momo.h5")))
    assert {name: block.basis.shape for name, block in model.blocks.items()} == dict.fromkeys(
        ("shape", "albedo", "expression"), (10, 25, 3)
    )
    assert len(model.landmarks) == 5
    assert not any("skin-like" in note for note in model.notes)
