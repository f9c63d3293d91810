"""Fine detail: against scipy, in closed form, and by the laws that a headline measure has to obey on true renders."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter

from pipelines.evaluation.face_regions import FEATURE, feature_labels
from pipelines.evaluation.metrics.detail import blurred, detail_errors, grown, high_pass, painted_out, pixels
from pipelines.evaluation.metrics.portraits import (
    METHODS,
    PortraitSet,
    known_pictures,
    portrait_errors,
    statistics,
)
from render import CpuRenderer, SceneBatch, frame_head, open_model

LANDMARKS = ("center.nose.tip", "center.chin.tip", "right.eye.corner_outer", "left.eye.corner_outer")
ANGLES = np.array([-40.0, 0.0, 40.0])
PEOPLE, TRAINED = 4, 6
ENDS = ("true", "mean_face", "source")


@pytest.fixture
def noise():
    return np.random.Generator(np.random.Philox(4))


@pytest.mark.parametrize("side", [48, 64, 150])
@pytest.mark.parametrize("sigma", [0.7, 4.0, 9.0])
def test_a_blur_is_scipys(noise, side, sigma):
    image = noise.random((2, 3, side, side)).astype(np.float32)
    radius = round(4 * sigma)
    expected = [[gaussian_filter(plane.astype(float), sigma, radius=radius) for plane in one] for one in image]
    np.testing.assert_allclose(blurred(image, sigma), expected, atol=2e-6)


def test_an_even_image_has_no_detail_and_a_blur_takes_it_away(noise):
    assert np.abs(high_pass(np.full((1, 1, 64, 64), 0.3, np.float32))).max() < 1e-6
    fine = noise.random((1, 1, 64, 64)).astype(np.float32)
    energies = [np.square(high_pass(blurred(fine, sigma))).sum() for sigma in (0.5, 1, 2, 4)]
    assert energies == sorted(energies, reverse=True)


def test_areas_grow_by_a_disc(noise):
    area = noise.random((3, 40, 40)) > 0.99
    area[2] = False
    y, x = np.mgrid[-3:4, -3:4]
    for one, wide in zip(area, grown(area, 3.2), strict=True):
        np.testing.assert_array_equal(wide, binary_dilation(one, (y * y + x * x) <= 3.2**2))


def test_detail_errors_are_sums_within_the_features(noise):
    fine, true = noise.normal(size=(2, 3, 1, 9, 9)), noise.normal(size=(3, 1, 9, 9))
    weights = noise.random((3, 9, 9)) > 0.5
    found = detail_errors(fine.astype(np.float32), true.astype(np.float32), weights)
    expected = [[((fine[s, t, 0] - true[t, 0]) ** 2)[weights[t]].sum() for t in range(3)] for s in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_painting_out_changes_the_features_alone_and_leaves_no_edge_in_them():
    y, x = np.mgrid[:64, :64]
    skin = np.where((x - 32) ** 2 + (y - 32) ** 2 < 28**2, 0.4 + 0.004 * x, 1.0).astype(np.float32)
    spot = (x - 32) ** 2 + (y - 32) ** 2 < 5**2
    face = np.where(spot, 0.0, skin).astype(np.float32)
    found = painted_out(face[None, None], spot[None], (skin < 1)[None])[0, 0]
    np.testing.assert_array_equal(found[~spot], face[~spot])
    assert np.abs(found - skin)[spot].max() < 0.02


@pytest.fixture(scope="module", params=["regions", "four landmarks"])
def model(request):
    """The built-in head, and the same with what a model in the layout of Basel has: landmarks, and few."""
    head = open_model("procedural")
    if request.param == "regions":
        return head
    return replace(head, regions=None, region_names=(), landmarks={name: head.landmarks[name] for name in LANDMARKS})


@pytest.fixture(scope="module")
def heads(model):
    """Meshes of test and of training identities, with labels of the features."""
    rng = np.random.Generator(np.random.Philox(11))
    drawn = {name: rng.normal(size=(PEOPLE + TRAINED, model.blocks[name].components)) for name in ("shape", "albedo")}
    meshes = model.meshes({name: values.astype(np.float32) for name, values in drawn.items()})
    return [replace(mesh, region=feature_labels(model)) for mesh in meshes]


@pytest.fixture(scope="module", params=[(64, "grey"), (96, "rgb"), (150, "grey")], ids=str)
def portraits(request, model, heads):
    """A portrait set of true renders."""
    side, color = request.param
    camera = frame_head(model.mean, model.chin, side, (-86, 0, 86), (-23, 0, 23))
    count = len(heads) * len(ANGLES)
    scenes = SceneBatch(
        tuple(heads),
        np.repeat(np.arange(len(heads)), len(ANGLES)),
        camera=camera,
        light_elevation=30.0,
        azimuth=np.tile(ANGLES, len(heads)).astype(np.float32),
        elevation=np.zeros(count, np.float32),
        light=np.zeros(count, np.float32),
    )
    shown = CpuRenderer(color, 4, ("mask", "region")).render(scenes)
    shape = (len(heads), len(ANGLES))
    images, masks = (a.reshape(*shape, *a.shape[1:]) for a in (shown.image, shown.mask))
    near = grown(shown.truth["region"] == FEATURE, pixels(side)).reshape(masks.shape)
    levels = images[PEOPLE:].mean(axis=0, dtype=np.float64) / 255
    mean = levels[:, None] if color == "grey" else np.moveaxis(levels, -1, 1)
    return PortraitSet(ANGLES, images[:PEOPLE], masks[:PEOPLE], near[:PEOPLE], mean.astype(np.float32))


def ends(portraits, identity):
    """The pictures that end the scales."""
    truth = portraits.truth(identity)
    return dict(zip(ENDS, (truth[None], portraits.mean[None], truth[:, None]), strict=True))


def measured(portraits, pictures_of):
    """The value of every measure, of pictures by name that a function makes for each identity."""
    gallery = portraits.gallery()
    each = [portrait_errors(portraits, gallery, k, pictures_of(k)) for k in range(PEOPLE)]
    table = {name: np.stack([one[name] for one in each]) for name in each[0]}
    found = statistics(portraits.angles, table, azimuth=True)
    return {method: {name: s.value for name, s in of.items()} for method, of in found.items()}


@pytest.fixture(scope="module")
def known(portraits):
    return measured(portraits, lambda identity: known_pictures(portraits, identity))


def test_the_ends_of_the_scales(known):
    assert set(known) == set(METHODS) - {"turned", "reconstructed"}
    for name, value in known["true"].items():
        assert value == pytest.approx(1, abs=1e-9), name
    assert known["mean_face"]["detail_skill"] == 0
    assert known["source"]["absolute"] == 0


def test_a_blur_lowers_every_headline_measure_the_more_the_wider_it_is(portraits):
    side = portraits.masks.shape[-1]
    found = []
    for width in (1, 2, 4, 8):
        shown = {k: {"turned": blurred(portraits.truth(k), width * side / 150)[None]} for k in range(PEOPLE)}
        found.append(measured(portraits, lambda k, shown=shown: ends(portraits, k) | shown[k])["turned"])
    for name in ("absolute", "detail_r2", "detail_skill"):
        values = [1.0, *(one[name] for one in found)]
        assert values == sorted(values, reverse=True), name
        assert len(set(values)) == len(values), name
    assert found[2]["detail_skill"] < 0.15


def test_painting_out_lowers_every_headline_measure(known):
    for name in ("absolute", "detail_r2", "detail_skill", "rank_1"):
        assert known["painted_out"][name] < known["true"][name], name
    assert known["painted_out"]["detail_skill"] < known["blur_2"]["detail_skill"]


def test_another_identity_has_less_of_the_person_than_the_average_face(known):
    assert known["another"]["detail_skill"] < 0
    assert known["another"]["rank_1"] == 0


def test_the_old_marks_are_good_where_the_new_ones_are_not(known):
    """Why these measures exist: a head whose features are painted out is nearly the true render by squared error."""
    assert known["painted_out"]["absolute"] > 0.85
    assert known["painted_out"]["detail_skill"] < 0.5


def test_the_gallery_finds_the_most_similar_by_brute_force(portraits, noise):
    """Correlations by numpy, of differences from the mean true render; contrast does not matter, the mean is nobody."""
    gallery, truth = portraits.gallery(), np.stack([high_pass(portraits.truth(k)) for k in range(PEOPLE)]).astype(float)
    weights = np.sqrt(portraits.features.mean(axis=0))[:, None]
    fine = (truth[2] + truth[3]) / 2 + 0.02 * noise.normal(size=truth[2].shape)
    mean = truth.mean(axis=0)
    ours, theirs = ((fine - mean) * weights), (truth - mean) * weights
    for t in range(len(ANGLES)):
        flat = [one[t].ravel() for one in (ours, *theirs)]
        similar = [flat[0] @ one / np.linalg.norm(flat[0]) / np.linalg.norm(one) for one in flat[1:]]
        for identity in range(PEOPLE):
            for drawn in (fine, mean + 0.3 * (fine - mean)):
                found = gallery.found(drawn.astype(np.float32), identity)[t]
                assert found == (np.argmax(similar) == identity)
            assert gallery.found(mean.astype(np.float32), identity)[t] == 0


def test_labels_by_landmarks_hold_the_regions_of_the_head():
    """Hulls of 68 landmarks, and the guess from four, hold most of the eyes and lips, and neither hair nor ears."""
    head = open_model("procedural")
    places = {name: head.regions == k for k, name in enumerate(head.region_names)}
    for marks in (head.landmarks, {name: head.landmarks[name] for name in LANDMARKS}):
        label = feature_labels(replace(head, regions=None, region_names=(), landmarks=marks)) == FEATURE
        assert label[places["iris"]].mean() > 0.9
        assert label[places["lips"]].mean() > 0.6
        for outer in ("hair", "ears", "neck"):
            assert label[places[outer]].mean() < 0.02, outer


@pytest.mark.parametrize("names", [(), LANDMARKS[:1], LANDMARKS[:2], LANDMARKS[2:]])
def test_a_model_with_too_few_landmarks_has_no_labels(names):
    head = open_model("procedural")
    few = replace(head, regions=None, region_names=(), landmarks={name: head.landmarks[name] for name in names})
    assert (feature_labels(few) != FEATURE).all()
