"""The modes of the built-in head: orthonormal, human at the ends of their range, and telling people apart."""

import numpy as np
import pytest

from render.camera import frame_head
from render.content.head import eyes, procedural, sheet
from render.cpu.renderer import CpuRenderer
from render.scene import SceneBatch


@pytest.fixture(scope="module")
def model():
    return procedural()


def people(n, key, largest=2.5):
    """Coefficients of n random identities."""
    draw = np.random.Generator(np.random.Philox(key))
    normal = {name: draw.standard_normal((n, 199)).astype(np.float32) for name in ("shape", "albedo")}
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
    values = model.blocks["albedo"].instance(people(50, 1)["albedo"])
    assert ((values < -0.02) | (values > 1.02)).mean() < 0.01


def extremes():
    """Every mode alone at both ends, and random people."""
    single = np.eye(199, dtype=np.float32) * np.float32(2.5)
    return np.concatenate([single, -single, people(60, 2)["shape"]])


def test_the_face_does_not_fold(model):
    """No triangle of the face turns over against the mean: the surface slides and swells, but never folds."""
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


def test_lids_and_lips_keep_their_order(model):
    """Upper lids above lower ones, upper lip above lower, nose between, for everyone."""
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
    """The outer edge of the lids keeps in front of the part of the ball that it covers on the mean."""
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


def test_means_and_people_differ_enough(model):
    """Any two of 50 people differ by millimetres on the face."""
    face = (model.mean[:, 2] > 40) & (model.mean[:, 1] > -115)
    p = model.blocks["shape"].instance(people(50, 4)["shape"])[:, face]
    gaps = [np.sqrt(np.square(p[i] - p[j]).sum(axis=1).mean()) for i in range(50) for j in range(i)]
    assert min(gaps) > 3.0


def test_nearest_neighbour_knows_people_again(model):
    """Raw pixels, fixed light, five degrees of pose: the picture nearest to one of a person shows the same person."""
    n = 60
    meshes = model.meshes(people(n, 5))
    camera = frame_head(model.mean, model.chin, 64, (-86, 0, 86), (-23, 0, 23))
    draw = np.random.Generator(np.random.Philox(6))
    shots = []
    for _ in range(2):
        azimuth, elevation = draw.uniform(-5, 5, (2, n)).astype(np.float32)
        scene = SceneBatch(meshes, np.arange(n), azimuth, elevation, np.full(n, 20, np.float32), camera)
        shots.append(CpuRenderer("grey", 4).render(scene).image.reshape(n, -1).astype(np.float64))
    distance = np.square(shots[0][:, None] - shots[1][None]).sum(axis=2)
    assert (distance.argmin(axis=1) == np.arange(n)).mean() > 0.9


def test_the_contact_sheet_has_its_layout(model, monkeypatch):
    for name, value in (("PEOPLE", 4), ("COLUMNS", 1), ("LARGE", 0)):
        monkeypatch.setattr(sheet, name, value)
    picture = sheet.sheet(model)
    assert picture.shape == (1200, 600 + 150, 3)
    small = picture[:, 600:].reshape(8, 150, 150, 3)
    assert ((small < 250).any(axis=3).mean(axis=(1, 2)) > 0.3).all()  # a head in every tile
