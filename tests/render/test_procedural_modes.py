"""Tests of the modes of the built-in head: orthonormal bases, plausible faces at all ends, distinct identities."""

import numpy as np
import pytest

from render.camera import frame_head
from render.content.head import eyes, procedural
from render.cpu.renderer import CpuRenderer
from render.scene import SceneBatch


@pytest.fixture(scope="module")
def model():
    return procedural()


def identities(n, key, largest=2.5):
    """Coefficients (n, 199) of n random identities, by block."""
    rng = np.random.Generator(np.random.Philox(key))
    normal = {name: rng.standard_normal((n, 199)).astype(np.float32) for name in ("shape", "albedo")}
    return {name: np.clip(c, -largest, largest) for name, c in normal.items()}


@pytest.mark.parametrize("name", ["shape", "albedo"])
def test_basis_is_orthonormal_and_sigmas_fall(model, name):
    block = model.blocks[name]
    assert block.components == 199
    rows = block.basis.reshape(199, -1).astype(np.float64)
    assert abs(rows @ rows.T - np.eye(199)).max() < 1e-6
    assert (np.diff(block.sigma) <= 0).all()
    assert block.sigma[-1] > 1e-3 * block.sigma[0]


def test_albedo_stays_in_range_on_the_mean_and_mostly_elsewhere(model):
    mean = model.blocks["albedo"].mean
    assert mean.min() > 0
    assert mean.max() < 1
    values = model.blocks["albedo"].instance(identities(50, 1)["albedo"])
    assert ((values < -0.02) | (values > 1.02)).mean() < 0.01


def extremes():
    """Coefficients of every mode alone at both ends, and of random identities."""
    single = np.eye(199, dtype=np.float32) * np.float32(2.5)
    return np.concatenate([single, -single, identities(60, 2)["shape"]])


def test_the_face_does_not_fold(model):
    """No triangle of the face is turned over with respect to the mean: the surface never folds."""
    t = model.triangles
    names = model.region_names
    face = ~np.isin(model.regions[t], [names.index("ears"), names.index("hair")]).any(axis=1)
    t = t[face & (model.mean[t].mean(axis=1)[:, 2] > 20)]

    def normals(p):
        a, b, c = (p[t[:, k]].astype(np.float64) for k in range(3))
        return np.cross(b - a, c - a)

    upright = normals(model.mean)
    for coefficients in np.array_split(extremes(), 8):
        for p in model.blocks["shape"].instance(coefficients):
            assert (np.einsum("ij,ij->i", normals(p), upright) > 0).all()


def test_lids_and_lips_stay_in_order(model):
    """Upper lids are above lower lids, the upper lip above the lower, the nose between, for all identities."""
    at = [model.landmarks[f"ibug68.{k:02d}"] for k in range(68)]
    for coefficients in np.array_split(extremes(), 8):
        y = model.blocks["shape"].instance(coefficients)[:, at, 1]
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            assert (y[:, upper] - y[:, lower] > 2.0).all()
        for upper, lower in ((51, 57), (50, 58), (52, 56)):
            assert (y[:, upper] - y[:, lower] > 3.0).all()
        assert (y[:, 33] > y[:, 51]).all()
        assert (y[:, 27] > y[:, 30]).all()
        assert (y[:, 57] > y[:, 8]).all()


def test_eyeballs_stay_behind_the_lids(model):
    """The outer edge of the lids stays in front of the part of the eyeball that it covers on the mean."""
    mean, names = model.mean.astype(np.float64), model.region_names
    radial = mean - np.where(mean[:, :1] > 0, 1, -1) * [eyes.CENTRE[0], 0, 0] - [0, *eyes.CENTRE[1:]]
    outward = radial / np.linalg.norm(radial, axis=1)[:, None]
    lids = np.flatnonzero((model.regions == names.index("lids")) & (np.linalg.norm(radial, axis=1) > eyes.RADIUS + 0.6))
    ball = np.flatnonzero(np.isin(model.regions, [names.index("eyes"), names.index("iris")]))
    assert len(lids) > 100
    behind = ball[np.square(mean[lids, None] - mean[None, ball]).sum(axis=2).argmin(axis=1)]
    for coefficients in np.array_split(extremes(), 8):
        p = model.blocks["shape"].instance(coefficients).astype(np.float64)
        gap = ((p[:, lids] - p[:, behind]) * outward[behind]).sum(axis=2)
        assert gap.min() > 0


def test_identities_differ_enough(model):
    """Any two of 50 identities differ by more than 3 mm (root mean square) on the face."""
    face = (model.mean[:, 2] > 40) & (model.mean[:, 1] > -115)
    p = model.blocks["shape"].instance(identities(50, 4)["shape"])[:, face]
    gaps = [np.sqrt(np.square(p[i] - p[j]).sum(axis=1).mean()) for i in range(50) for j in range(i)]
    assert min(gaps) > 3.0


def test_nearest_neighbour_by_pixels_has_the_same_identity(model):
    """Two images of each identity, fixed light, poses within five degrees: nearest images share the identity."""
    n = 60
    meshes = model.meshes(identities(n, 5))
    camera = frame_head(model.mean, model.chin, 64, (-86, 0, 86), (-23, 0, 23))
    rng = np.random.Generator(np.random.Philox(6))
    images = []
    for _ in range(2):
        azimuth, elevation = rng.uniform(-5, 5, (2, n)).astype(np.float32)
        scene = SceneBatch(meshes, np.arange(n), azimuth, elevation, np.full(n, 20, np.float32), camera)
        images.append(CpuRenderer("grey", 4).render(scene).image.reshape(n, -1).astype(np.float64))
    distance = np.square(images[0][:, None] - images[1][None]).sum(axis=2)
    assert (distance.argmin(axis=1) == np.arange(n)).mean() > 0.9
