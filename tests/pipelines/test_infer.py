"""infer-scene: an image in, scenes out; states, pictures and the truth are one and the same scene."""

import json

import numpy as np
import pytest
import trimesh
from PIL import Image
from sklearn.linear_model import Ridge

from pipelines.inference import problem as problems
from pipelines.inference.guide import GuideFit, span
from pipelines.inference.observation import observe
from pipelines.inference.problem import ChainOptions, Pixels, Problem, distances, typical_distance
from pipelines.inference.scenes import scene_space
from pipelines.pretrained import FACES
from train.runs.trained_run import load_run

SHORT = ("--chains", 4, "--iterations", 20)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(problems, "PRIOR_SAMPLES", 60)
    monkeypatch.setattr(problems, "ROUND_SAMPLES", 40)


@pytest.fixture(scope="module")
def run(toy):
    return load_run(toy / "run")


@pytest.fixture(scope="module")
def view(toy, run):
    return observe(f"{toy / 'sweeps.zarr'}#test/azimuth/0/20", run)


def test_a_state_and_the_scene_that_it_stands_for_are_one(head, rng_states):
    space, states = rng_states
    for state in states:
        values = {name: float(space.values(state, name)) for name in space.names}
        blocks = {block: state[space.columns(block)] for block in space.blocks}
        np.testing.assert_allclose(space.state(blocks, values), state, atol=1e-12)
    columns = [space.columns(name) for name in (*space.blocks, *space.names)]
    covered = np.concatenate([np.arange(c.start, c.stop) for c in columns])
    np.testing.assert_array_equal(covered, np.arange(states.shape[1]))  # each coordinate once, in order


@pytest.fixture
def rng_states(head):
    space = scene_space(head, {"azimuth": (-86.0, 86.0), "elevation": (-23.0, 23.0), "light": (-80.0, 80.0)}, 0.05)
    return space, space.sample(5, np.random.Generator(np.random.Philox(1)))


def test_the_prior_is_normal_and_uniform_over_the_ranges(head, rng_states):
    space, _ = rng_states
    states = space.sample(4000, np.random.Generator(np.random.Philox(2)))
    np.testing.assert_allclose(states[:, space.gaussian].mean(axis=0), 0, atol=0.08)
    np.testing.assert_allclose(states[:, space.gaussian].std(axis=0), 1, atol=0.06)
    for name, (low, high) in space.ranges.items():
        values = space.values(states, name)
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high


def test_the_true_scene_renders_as_the_stored_image(run, view, head):
    """Four samples as in the store would be the same bytes; the toy store has one."""
    problem = Problem(run, head)
    np.testing.assert_array_equal(problem.hypotheses.images(view.truth(problem.space)[None])[0], view.image)


def test_the_cameras_offsets_are_shares_of_the_frame(run, view, head):
    problem = Problem(run, head, spread=0.05)
    truth = view.truth(problem.space)
    drawn = []
    for name in ("right", "up", "nearer"):
        moved = truth.copy()
        moved[problem.space.columns(name)] = 1
        drawn.append(255 - problem.hypotheses.images(moved[None])[0].astype(float))
    still = 255 - problem.hypotheses.images(truth[None])[0].astype(float)
    rows, columns = np.indices(still.shape)

    def place(ink):
        return np.array([(ink * columns).sum(), (ink * rows).sum()]) / ink.sum()

    # The shoulders leave the frame, so that ink does not move by quite the whole share.
    right, up = place(drawn[0]) - place(still), place(drawn[1]) - place(still)
    assert right[0] == pytest.approx(0.05 * 48, rel=0.35)
    assert up[1] < -0.5
    assert drawn[2].sum() > 1.05 * still.sum()


def test_a_guide_predicts_what_is_linear_and_its_own_errors(head, rng_states):
    space, _ = rng_states
    rng = np.random.Generator(np.random.Philox(3))
    states = space.sample(1500, rng)
    mix = rng.normal(size=(states.shape[1], 12))
    statistics = states @ mix
    fit = GuideFit(space, states, statistics)
    guide = fit.guide(statistics[0])
    solution, *_ = np.linalg.lstsq(statistics[200:], states[200:, space.gaussian], rcond=None)
    missed = states[:200, space.gaussian] - statistics[:200] @ solution
    spread = np.diag(guide.factor @ guide.factor.T)
    np.testing.assert_allclose(spread.mean(), (missed**2).mean(), rtol=0.1)
    drawn = guide.sample(4000, rng)
    np.testing.assert_allclose(drawn[:, space.gaussian].mean(axis=0), guide.mean, atol=0.1)
    np.testing.assert_allclose(drawn[:, space.gaussian].var(axis=0).mean(), spread.mean(), rtol=0.05)
    assert np.abs(drawn[:, space.uniform]).max() <= 1
    names = {tuple(range(m.columns.start, m.columns.stop)) for m, _ in guide.moves()}
    assert sorted(k for columns in names for k in columns) == list(range(states.shape[1]))  # every part moves


def test_statistics_along_their_span_are_regressed_on_as_they_are():
    rng = np.random.Generator(np.random.Philox(3))
    draws, new = rng.normal(size=(40, 900)).astype(np.float32), rng.normal(size=(5, 900)).astype(np.float32)
    wanted = rng.normal(size=(40, 3))
    axes = span(draws)
    np.testing.assert_allclose(axes.T @ axes, np.eye(40), atol=1e-4)
    along = Ridge(0.3, fit_intercept=False).fit(draws @ axes, wanted).predict(new @ axes)
    np.testing.assert_allclose(along, Ridge(0.3, fit_intercept=False).fit(draws, wanted).predict(new), atol=1e-4)
    assert span(draws[:, :40]) is None


def test_further_rounds_bring_a_guide_nearer(head, monkeypatch):
    """By the network that comes with the package, on scenes of the prior: each round guesses a picture more alike."""
    monkeypatch.setattr(problems, "PRIOR_SAMPLES", 400)
    monkeypatch.setattr(problems, "ROUND_SAMPLES", 300)
    problem = Problem(load_run(FACES), head)
    rng = np.random.Generator(np.random.Philox(5))
    pictures = problem.hypotheses.images(problem.space.sample(3, rng))
    apart = []
    for rounds in (0, 1, 2):
        monkeypatch.setattr(problems, "ROUNDS", rounds)
        counted = []
        guides = [problem.guide(code, rng, counted.append) for code in problem.statistic(pictures)]
        assert sum(counted) == 3 * (300 * rounds + rounds + 1)
        guessed = problem.hypotheses.images(np.array([guide.best for guide in guides]))
        apart.append(np.square((guessed - pictures.astype(float)) / 255).mean())
    assert apart[2] < apart[1] < apart[0]
    assert apart[2] < 0.7 * apart[0]


def test_renders_are_counted(run, view, head, monkeypatch):
    problem = Problem(run, head, Pixels())
    problem.fit  # noqa: B018 -- drawn once, for every image
    drawn, each = [], problem.hypotheses.each

    def counting(states, look):
        drawn.append(len(states))
        return each(states, look)

    monkeypatch.setattr(problem.hypotheses, "each", counting)
    for method in ("refined", "plain"):
        options = ChainOptions(16, 8, method)
        drawn.clear()
        problem.infer(view.image, options)
        assert sum(drawn) == options.renders + 16  # and the prior's, to compare with


def test_distances_are_the_norms_that_they_are_called(run):
    rows, one = np.array([[1.0, 3.0], [0.0, 0.0]], np.float32), np.array([0.0, 0.0], np.float32)
    np.testing.assert_allclose(distances(rows, one, "l1"), [2, 0])
    np.testing.assert_allclose(distances(rows, one, "l2"), [np.sqrt(5), 0])
    assert typical_distance(np.array([[0.0], [1.0], [4.0], [4.0]], np.float32), "l1") == 3.5
    assert Pixels()(np.full((2, 3, 3), 51, np.uint8)).tolist() == [[pytest.approx(0.2)] * 9] * 2


def test_chains_on_pixels_come_nearer_than_they_began(run, view, head, monkeypatch):
    """With the image itself as statistic, what is accepted is what looks alike."""
    monkeypatch.setattr(problems, "ROUNDS", 0)  # it is the chains that should
    problem = Problem(run, head, Pixels())
    fitted = problem.infer(view.image, ChainOptions(4, 150, tolerance=0.01))
    mse = fitted.trace.recorded["mse"]
    assert np.median(mse[-1]) < 0.6 * np.median(mse[0])
    assert np.median(mse[-1]) < 0.5 * fitted.prior_mse


@pytest.fixture(scope="module")
def inferred(toy, tmp_path_factory):
    from pipelines.console.cli import load

    home = tmp_path_factory.mktemp("infer")
    words = [f"{toy / 'sweeps.zarr'}#test/azimuth/0/20", "--run", toy / "run", *SHORT, "--out", home / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems, "PRIOR_SAMPLES", 60)
        patch.setattr(problems, "ROUND_SAMPLES", 40)
        load("infer-scene").main([str(word) for word in words], standalone_mode=False)
    return home / "out"


def test_what_is_written_is_whole(inferred, view, head):
    found = json.loads((inferred / "scene.json").read_text())
    with np.load(inferred / "posterior.npz") as posterior:
        assert posterior["shape"].shape == (10, 4, head.blocks["shape"].components)
        assert posterior["azimuth"].shape == (10, 4)
        assert posterior["distance"].shape == posterior["pixel_mse"].shape == (21, 4)
        assert np.abs(posterior["azimuth"]).max() <= 86
        good = posterior["azimuth"][:, ~posterior["failed"]]
        assert found["scene"]["azimuth"]["mean"] == pytest.approx(good.mean(), abs=1e-3)
        assert found["best"]["azimuth"] is not None
    assert found["scene"]["azimuth"]["truth"] == pytest.approx(-86 + 20 * 172 / 60, abs=1e-3)
    fitted = trimesh.load(inferred / "mesh.ply", process=False)
    state = {block: np.array([found["best"][block]], np.float32) for block in ("shape", "albedo")}
    positions, albedo = head.instance(state)
    np.testing.assert_allclose(fitted.vertices, positions[0], atol=1e-3)
    np.testing.assert_allclose(fitted.visual.vertex_colors[:, :3], 255 * albedo[0], atol=1)
    with Image.open(inferred / "scene.png") as figure:
        assert figure.size[0] > 1000


def test_the_same_command_finds_the_same(inferred, dcign, toy, tmp_path):
    view = f"{toy / 'sweeps.zarr'}#test/azimuth/0/20"
    said = dcign("infer-scene", view, "--run", toy / "run", *SHORT, "--out", tmp_path / "again", "--json")
    again, before = json.loads(said.out), json.loads((inferred / "scene.json").read_text())
    for found in (again, before):
        del found["hypotheses_per_second"]
    assert again == before


def test_images_may_be_compared_instead_of_codes(dcign, toy, tmp_path):
    view = f"{toy / 'sweeps.zarr'}#test/azimuth/0/20"
    how = ("--statistic", "pixels", "--distance", "l2")
    assert dcign("infer-scene", view, "--run", toy / "run", *SHORT, *how, "--out", tmp_path / "scene").code == 0
    found = json.loads((tmp_path / "scene/scene.json").read_text())
    assert found["options"]["statistic"] == "pixels"
    with np.load(tmp_path / "scene/posterior.npz") as kept:  # the distance is the pixel error, in another unit
        unit = np.sqrt(kept["pixel_mse"]) / kept["distance"]
    np.testing.assert_allclose(unit, np.median(unit), rtol=1e-4)


def test_a_part_of_a_picture_may_be_chosen_but_not_of_a_view(dcign, refused, toy, run, view, tmp_path):
    wide = np.concatenate([np.zeros_like(view.image), view.image], axis=1)
    Image.fromarray(wide).save(tmp_path / "two.png")
    side = len(view.image)
    box = (side, 0, 2 * side, side)
    np.testing.assert_array_equal(observe(str(tmp_path / "two.png"), run, box).image, view.image)
    words = ("--run", toy / "run", "--box", *box, *SHORT, "--out", tmp_path / "out")
    assert dcign("infer-scene", tmp_path / "two.png", *words).code == 0
    assert "used whole" in refused("infer-scene", f"{toy / 'sweeps.zarr'}#test/azimuth/0/20", *words, code=2)


@pytest.mark.parametrize("mesh", ["obj", "glb"])
def test_a_picture_has_no_truth_and_other_formats_hold_the_same_head(mesh, dcign, toy, tmp_path, view, head):
    Image.fromarray(view.image).save(tmp_path / "me.png")
    words = ("infer-scene", tmp_path / "me.png", "--run", toy / "run", *SHORT, "--camera", 0.02, "--mesh", mesh)
    said = dcign(*words, "--out", tmp_path / "out", "--distance", "l2", "--method", "plain")
    assert said.code == 0, said
    assert "azimuth" in said.out
    assert "right" in said.out
    assert ", truth" not in said.out
    found = json.loads((tmp_path / "out/scene.json").read_text())
    assert "vertex_rmse" not in found
    loaded = trimesh.load(tmp_path / f"out/mesh.{mesh}", process=False, force="mesh")
    assert len(loaded.vertices) == head.vertices


def test_what_cannot_be_inferred_is_one_line(refused, toy, tmp_path):
    run, sweeps = ("--run", toy / "run"), toy / "sweeps.zarr"
    assert "no file" in refused("infer-scene", tmp_path / "nobody.png", *run)
    assert "STORE#SPLIT/FACTOR/BATCH/VIEW" in refused("infer-scene", f"{sweeps}#azimuth/0", *run)
    assert "views 0 to 60" in refused("infer-scene", f"{sweeps}#test/azimuth/0/61", *run)
    assert "azimuth batches 0 to 2" in refused("infer-scene", f"{sweeps}#test/azimuth/7/0", *run)
    assert "varies azimuth, elevation, light" in refused("infer-scene", f"{sweeps}#test/mood/0/0", *run)
    (tmp_path / "a.png").write_text("no picture")
    assert "cannot be read as a picture" in refused("infer-scene", tmp_path / "a.png", *run)


def test_another_face_model_is_refused(refused, toy, ict_path):
    view = f"{toy / 'sweeps.zarr'}#test/azimuth/0/20"
    assert "give its model with --model" in refused("infer-scene", view, "--run", toy / "run", "--model", ict_path)


def test_a_run_on_other_images_has_no_model(run, head):
    from dataclasses import replace

    from train.errors import RunUnreadable

    other = replace(run, store=replace(run.store, scene={"subject": "chair"}))
    with pytest.raises(RunUnreadable, match="was trained on chairs"):
        Problem(other, head)
