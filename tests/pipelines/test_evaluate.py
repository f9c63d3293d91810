"""plot-equivariance, evaluate-dcign and compare-runs, end to end on a toy store."""

import base64
import io
import json
import os
import re
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import zarr
from PIL import Image

from dataset import StoreError
from pipelines.console.cli import load
from pipelines.evaluation.cache import KEEP, cached
from pipelines.evaluation.calibration import Calibration, read_calibrations
from pipelines.evaluation.experiments import draw_random, moved
from pipelines.evaluation.metrics.portraits import METHODS
from pipelines.evaluation.portraits import portrait_statistics, why_none
from pipelines.evaluation.run_evaluation import open_evaluation
from pipelines.evaluation.targets import GUARDS, LEVELS, TARGETS, UNGUARDED, Target, reached
from train.errors import RunUnreadable
from train.runs.trained_run import load_run, to_uint8

TINY = ("--maps", 8, "--latents", 8, "--precision", "float32")
QUICK = ("--resamples", 50)
VERIFIED = ("--recognition", "--pairs", 96, *QUICK)
FACTORS = {"azimuth": 61, "elevation": 17, "light": 81}


@pytest.fixture(scope="module")
def evaluated(toy, made_once):
    """The toy run, an entangled one beside it, another seed, and the evaluation of the first two."""
    return made_once("evaluated", lambda home: make_evaluated(toy, home))


def make_evaluated(toy, home):
    beside = ["--baseline", home / "entangled-s0", "--sweeps", toy / "sweeps.zarr"]
    train = ["train-dcign", "--store", toy / "faces.zarr", *TINY, "--batches", 12]
    steps = (
        [*train, "--run", home / "entangled-s0", "--objective", "random"],
        [*train, "--run", home / "paper-s0"],
        [*train, "--run", home / "paper-s1", "--seed", 1],
        ["evaluate-dcign", "--run", home / "paper-s0", *beside, "--out", home / "out", *VERIFIED],
    )
    for step in steps:
        load(step[0]).main([str(word) for word in step[1:]], standalone_mode=False)


@pytest.fixture(scope="module")
def record(evaluated):
    return json.loads((evaluated / "out/metrics.json").read_text())


def estimates(found):
    """Every {"value", "interval"} below."""
    if isinstance(found, dict):
        if found.keys() == {"value", "interval"}:
            yield found
        else:
            for inner in found.values():
                yield from estimates(inner)


def test_every_number_has_a_definition_a_size_and_an_interval(record):
    for factor, angles in FACTORS.items():
        found = record["factors"][factor]
        assert found["test_faces"] == 3
        assert found["test_images"] == 3 * angles
        assert found["pairs"] > 0
        for kind in ("equivariance", "invariance", "retrieval", "rerender", "analogy", "reconstruction"):
            for name in found[kind]:
                general = re.sub(r"_(ours|calibrated|left_alone|copy|mean_face|oracle)$", "_METHOD", name)
                assert {name, general} & record["definitions"][kind].keys()
    every = list(estimates(record["factors"]))
    assert len(every) > 100
    for one in every:
        assert (one["value"] is None) == (one["interval"] is None)
        assert one["interval"] is None or one["interval"][0] <= one["interval"][1]
    for scores in (record, record["baseline"], record["bounds"]["perfect"], record["bounds"]["noise"]):
        found = scores["disentanglement"]
        assert found["data"] == "300 independent images"
        assert found["factors"] == list(FACTORS)
        assert set(found["intervals"]) == {"mig", "sap", "mcc", "mig_block", "sap_block", "mcc_block"}
        facts = {"images", "identities", "factors", "intervals"}
        assert {name.removesuffix("_block") for name in found.keys() - facts} <= record["definitions"][
            "disentanglement"
        ].keys()
    perfect, noise = (record["bounds"][end]["disentanglement"] for end in ("perfect", "noise"))
    assert perfect["mig_block"] > 0.6 > 0.1 > noise["mig_block"]


def test_portraits_end_their_scales(record):
    assert record["no_portraits"] is None
    for factor in FACTORS:
        found = record["factors"][factor]["portraits"]
        assert found.keys() == METHODS.keys()
        for one in found.values():
            assert one.keys() <= record["definitions"]["portraits"].keys()
        assert found["true"]["detail_r2"]["value"] == found["true"]["rank_1"]["value"] == 1
        assert found["mean_face"]["detail_skill"]["value"] == found["source"]["absolute"]["value"] == 0
        for name in ("absolute", "detail_r2", "detail_skill"):
            values = [found[method][name]["value"] for method in ("true", "blur_2", "blur_4")]
            assert values == sorted(values, reverse=True)


def test_sweeps_whose_model_is_gone_have_no_portraits_and_say_why(toy, monkeypatch):
    def gone(*_):
        raise StoreError("model.h5 is not here")

    evaluation = open_evaluation(toy / "run", str(toy / "sweeps.zarr"))
    monkeypatch.setattr("pipelines.rendering.subjects.open_subject", gone)
    assert why_none(evaluation) == "model.h5 is not here"
    assert portrait_statistics(evaluation, "azimuth") == {}


def test_a_model_that_was_given_and_is_not_there_is_an_error(refused, toy, tmp_path):
    words = ("evaluate-dcign", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", tmp_path)
    assert "gone.h5" in refused(*words, "--model", tmp_path / "gone.h5")


def test_skill_agrees_with_its_parts(record):
    for factor in FACTORS:
        found = {name: e["value"] for name, e in record["factors"][factor]["rerender"].items()}
        if found["mse_oracle"] < found["mse_copy"]:
            by_hand = (found["mse_copy"] - found["mse_ours"]) / (found["mse_copy"] - found["mse_oracle"])
            assert found["skill"] == pytest.approx(by_hand)
        else:
            assert found["skill"] is None


def test_bounds_and_baseline_stand_beside_the_run(record):
    for factor in FACTORS:
        ends = {end: record["bounds"][end]["factors"][factor] for end in ("perfect", "noise")}
        assert ends["perfect"]["equivariance"]["spearman_pooled"] == pytest.approx(1)
        assert ends["noise"]["equivariance"]["spearman_pooled"] < 0.3
        assert ends["perfect"]["retrieval"]["retrieval"] == 1
    assert record["baseline"]["run"]["objective"] == "random"
    assert record["baseline"]["neurons"]["rule"] == "variance"
    assert record["neurons"] == {"rule": "layout", "latents": {"azimuth": 0, "elevation": 1, "light": 2}}


def test_targets_name_the_level_that_is_reached(record):
    rows = {(row["factor"], row["name"]): row for row in record["targets"]}
    assert len(rows) == len(TARGETS) + 2 * len(FACTORS) + 2 + len(GUARDS)
    for row in rows.values():
        assert row["level"] in {"below", UNGUARDED, *LEVELS}
    target = Target("azimuth", "k", "n", "", "", (0.6, None, 0.98))
    assert [target.level(v) for v in (None, 0.5, 0.6, 0.97, 0.98)] == [
        "below",
        "below",
        "reproduce",
        "reproduce",
        "stretch",
    ]
    lower = Target("azimuth", "k", "n", "", "", (20, 12, 5), higher=False)
    assert [lower.level(v) for v in (21, 20, 11, 5)] == ["below", "reproduce", "good", "stretch"]


def test_the_page_is_one_file_with_every_picture_in_it(evaluated):
    page = (evaluated / "out/report.html").read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "http" not in page
    pictures = re.findall(r'src="data:image/(png|gif);base64,([^"]+)"', page)
    assert [kind for kind, _ in pictures].count("gif") == 3
    assert len(pictures) == 15
    for kind, data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            image.load()
            assert getattr(image, "n_frames", 1) > 10 or kind == "png"
    text = re.sub(r"<style>.*?</style>|base64,[^\"]+", "", page, flags=re.DOTALL)
    assert not re.search(r"\$[a-z]+", text)
    for word in (
        "entangled net",
        "perfect code",
        "noise",
        "original nets",
        "stretch",
        "untrained encoder",
        "C unchanged",
        "Scored on 300 independent images of",
        "The intrinsic latents as one",
    ):
        assert word in text


def test_random_values_change_one_neuron_of_one_image(toy, monkeypatch):
    """A row for each factor: the image, its own code decoded, and that code with the factor's neuron in its range."""
    evaluation, drawn = open_evaluation(toy / "run", str(toy / "sweeps.zarr")), {}
    monkeypatch.setattr("pipelines.evaluation.experiments.draw_rows", lambda rows, *_: drawn.update(rows=rows))
    values = {}

    def keep(run, code, latent, at):
        values[latent] = at
        return moved(run, code, latent, at)

    monkeypatch.setattr("pipelines.evaluation.experiments.moved", keep)
    draw_random(evaluation, None)
    assert [row[0].split()[0] for row in drawn["rows"]] == list(FACTORS)
    source = evaluation.views("azimuth", 0)[30]
    code = evaluation.run.encode(source[None])[0]
    for (_, images), factor in zip(drawn["rows"], FACTORS, strict=True):
        latent = evaluation.codes.neurons[factor]
        np.testing.assert_array_equal(images[0], source)
        np.testing.assert_allclose(images[1], to_uint8(evaluation.run.decode(code[None]))[0], atol=1)
        np.testing.assert_allclose(images[2:], moved(evaluation.run, code, latent, values[latent]), atol=1)
        low, high = np.quantile(evaluation.codes.train[factor][..., latent], (0.02, 0.98))
        assert (values[latent] >= low).all()
        assert (values[latent] <= high).all()
        assert (np.diff(values[latent]) < 0).any()  # random, not a sweep


def test_figures_are_there_in_both_formats(evaluated):
    drawn = ("equivariance", "rerender", "analogies", "recognition", "invariance", "reconstruction", "random", "relit")
    for name in (*drawn, *(f"sweep-{f}" for f in FACTORS)):
        assert (evaluated / f"out/{name}.png").stat().st_size > 5_000
        assert ET.parse(evaluated / f"out/{name}.svg").getroot().tag.endswith("svg")


def test_a_second_evaluation_uses_what_the_first_has_computed(dcign, evaluated, toy, monkeypatch):
    def fail(*_):
        raise AssertionError("nothing should be computed again")

    monkeypatch.setattr("train.runs.trained_run.TrainedRun.posterior", fail)
    monkeypatch.setattr("pipelines.evaluation.run_evaluation.pair_errors", fail)
    monkeypatch.setattr("pipelines.evaluation.analogies.answer_errors", fail)
    monkeypatch.setattr("pipelines.evaluation.recognition.render_pairs", fail)
    monkeypatch.setattr("pipelines.rendering.subjects.render_identities", fail)
    monkeypatch.setattr("pipelines.evaluation.scores.score", fail)
    before = (evaluated / "out/metrics.json").read_bytes()
    words = ("--run", evaluated / "paper-s0", "--baseline", evaluated / "entangled-s0", "--sweeps", toy / "sweeps.zarr")
    said = dcign("evaluate-dcign", *words, "--out", evaluated / "again", *VERIFIED)
    assert said.code == 0, said.err
    assert (evaluated / "again/metrics.json").read_bytes() == before
    monkeypatch.undo()
    assert (
        dcign("evaluate-dcign", "--run", toy / "run", *words[4:], "--out", evaluated / "other", *QUICK, "--json").code
        == 0
    )


def test_what_is_kept_survives_damage_and_does_not_grow_for_ever(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"a": np.arange(3)}

    for _ in range(2):
        assert cached(tmp_path, "codes", {"k": 0}, make, "train.layout")["a"].tolist() == [0, 1, 2]
    assert len(made) == 1
    file = next(tmp_path.glob("codes-*.npz"))
    file.write_bytes(file.read_bytes()[:50])
    assert cached(tmp_path, "codes", {"k": 0}, make, "train.layout")["a"].tolist() == [0, 1, 2]
    assert len(made) == 2
    for k in range(KEEP + 3):
        cached(tmp_path, "codes", {"k": k}, make, "train.layout")
        os.utime(max(tmp_path.glob("codes-*.npz"), key=lambda p: p.stat().st_mtime_ns), (k, k))
    assert len(list(tmp_path.glob("codes-*.npz"))) <= KEEP
    assert not list(tmp_path.glob("*.partial"))


def test_codes_are_the_networks_own(evaluated, toy):
    measured = open_evaluation(evaluated / "paper-s0", str(toy / "sweeps.zarr"))
    images = measured.store.read("test", "light", 1)["image"]
    np.testing.assert_array_equal(measured.codes.test["light"][1], measured.run.encode(images))
    plain = zarr.open_group(toy / "sweeps.zarr", mode="r")["test/light/factors"][1]
    np.testing.assert_array_equal(measured.codes.truth["light"][1], plain)
    np.testing.assert_allclose(plain[:, 2], measured.codes.angles["light"], rtol=1e-6)
    rows = measured.codes.train["light"][:, :, 2]
    np.testing.assert_allclose(measured.calibration("light"), rows.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_moving_a_neuron_changes_one_latent_only(evaluated, toy):
    run = open_evaluation(evaluated / "paper-s0", str(toy / "sweeps.zarr")).run
    images = moved(run, np.zeros(8, np.float32), 0, np.array([-3.0, 0.0, 3.0]))
    expected = np.zeros((3, 8), np.float32)
    expected[:, 0] = (-3, 0, 3)
    np.testing.assert_array_equal(images, np.floor(255 * run.decode(expected) + 0.5).astype(np.uint8))


def test_a_calibration_reads_back_what_it_sets():
    c = Calibration("azimuth", "degrees", 0, np.array([-90.0, 0, 90]), np.array([10.0, 1, -4]))
    assert c.value(np.array([-90, -45, 200])).tolist() == [10, 5.5, -4]
    for angle in (-90, -33, 12, 90):
        assert c.angle(float(c.value(np.array([angle]))[0])) == pytest.approx(angle, abs=0.1)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"azimuth": {"unit": "d", "latent": 99, "angles": [0, 1], "values": [0, 1]}}', '{"a": 3}']
)
def test_a_damaged_calibration_is_one_line(tmp_path, toy, text):
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(RunUnreadable, match="--sweeps"):
        read_calibrations(tmp_path, load_run(toy / "run"))


def test_runs_are_compared_with_the_first_and_seeds_together(dcign, evaluated, toy):
    runs = [evaluated / name for name in ("paper-s0", "paper-s1", "entangled-s0")]
    said = dcign("compare-runs", *runs, "--sweeps", toy / "sweeps.zarr", "--out", evaluated / "comparison", *QUICK)
    assert said.code == 0, said.err
    found = json.loads((evaluated / "comparison/comparison.json").read_text())
    assert {name: len(members) for name, members in found["members"].items()} == {"paper": 2, "entangled": 1}
    assert found["reference"] == "paper"
    alone = [
        json.loads(dcign("evaluate-dcign", "--run", run, "--sweeps", toy / "sweeps.zarr", *QUICK, "--json").out)
        for run in runs
    ]
    for factor in FACTORS:
        pooled = [one["factors"][factor]["equivariance"]["spearman_pooled"]["value"] for one in alone]
        both, other = (found["runs"][name][factor]["spearman_pooled"]["value"] for name in ("paper", "entangled"))
        assert both == pytest.approx(np.mean(pooled[:2]))
        assert other == pytest.approx(pooled[2])
        difference = found["differences"]["entangled"][factor]["spearman_pooled"]
        assert difference["value"] == pytest.approx(other - both)
        for name, members in (("paper", alone[:2]), ("entangled", alone[2:])):
            mean = np.mean([one["disentanglement"]["mig_block"] for one in members])
            assert found["disentanglement"][name]["MIG block"] == pytest.approx(mean)
    assert "| paper" in said.out
    assert "**Disentanglement scores (300 independent images; no intervals)**" in said.out
    for name in ("comparison.md", "comparison.png", "comparison.svg", "invariance.png"):
        assert (evaluated / "comparison" / name).stat().st_size > 500


def test_a_collapsed_code_reaches_nothing_in_invariance_and_skill(record):
    """What a dead net scored in a trial: every picture the same blur, so left alone is as good as turned."""
    dead = json.loads(json.dumps(record))
    dead["collapse"] = {"kl_intrinsic": 0.0002, "active_latents": 0}
    for found in dead["factors"].values():
        found["invariance"]["cosine"]["value"] = 1.0
        found["equivariance"]["identity_share"] = {"value": None, "interval": None}
    for name in ("absolute", "absolute_left_alone"):
        dead["factors"]["azimuth"]["rerender"][name] = {"value": 1.0, "interval": [0.99, 1.0]}
    dead["factors"]["azimuth"]["portraits"]["turned"]["detail_skill"] = {"value": 0.7, "interval": [0.6, 0.8]}
    levels = {(row["factor"], row["name"]): row["level"] for row in reached(dead, None)}
    assert {levels[f, "cosine"] for f in FACTORS} == {UNGUARDED}
    assert levels["azimuth", "detail_skill turned"] == UNGUARDED
    assert {levels[f, "identity_share"] for f in FACTORS} == {"below"}
    assert levels["azimuth", "ahead"] == "below"
    assert levels["intrinsic", "kl_intrinsic"] == "below"
    dead["collapse"] = {"kl_intrinsic": 100.0, "active_latents": 50}
    dead["factors"]["azimuth"]["retrieval"]["retrieval"]["value"] = 0.4
    lost = {(row["factor"], row["name"]): row["level"] for row in reached(dead, None)}
    assert (lost["azimuth", "cosine"], lost["azimuth", "detail_skill turned"]) == (UNGUARDED, "stretch")
    dead["factors"]["azimuth"]["portraits"]["turned"]["detail_skill"] = {"value": 0.2, "interval": [-0.1, 0.4]}
    unsure = {(row["factor"], row["name"]): row["level"] for row in reached(dead, None)}
    assert unsure["azimuth", "detail_skill turned"] == "below"


@pytest.mark.parametrize(
    ("factors", "missing"), [("elevation,intrinsic", None), ("azimuth,elevation,light", "invariance")]
)
def test_smaller_codes_are_measured_too(dcign, toy, tmp_path, factors, missing):
    """One factor, and a code without intrinsic latents."""
    sizes = ("--maps", 8, "--batches", 6, "--precision", "float32")
    dcign("train-dcign", "--store", toy / "faces.zarr", "--factors", factors, *sizes, "--run", tmp_path / "run")
    said = dcign("evaluate-dcign", "--run", tmp_path / "run", "--sweeps", toy / "sweeps.zarr", *QUICK, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert missing is None or found["factors"]["elevation"].get(missing) is None
    scores = found["disentanglement"]
    assert scores["factors"] == list(FACTORS)  # all of the images, also those that the code leaves out
    assert ("mig_block" in scores) == ("intrinsic_r2" in scores) == ("intrinsic" in factors)
    assert (tmp_path / "run/evaluation/report.html").exists()
    said = dcign("compare-runs", tmp_path / "run", "--sweeps", toy / "sweeps.zarr", "--out", tmp_path / "c", *QUICK)
    assert said.code == 0, said.err
    words = ("--run", toy / "run", "--sweeps", toy / "sweeps.zarr")
    refusal = dcign("evaluate-dcign", *words, "--baseline", tmp_path / "run")
    assert refusal.code == 1
    assert "expected runs with the same factors" in refusal.err


def test_one_test_person(dcign, toy, tmp_path):
    sweeps = tmp_path / "one.zarr"
    dcign("render-sweeps", "--store", sweeps, "--like", toy / "faces.zarr", "--identities", 1)
    shutil.copytree(toy / "run", tmp_path / "run")
    said = dcign("evaluate-dcign", "--run", tmp_path / "run", "--sweeps", sweeps, *QUICK)
    assert said.code == 0, said.err
    text = (tmp_path / "run/evaluation/metrics.json").read_text()
    found = json.loads(text, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    assert found["factors"]["light"]["retrieval"]["retrieval"]["value"] is None
    assert found["factors"]["light"]["analogy"] == {}
    assert "an analogy needs two" in (tmp_path / "run/evaluation/report.html").read_text()


def test_a_checkpoint_is_evaluated_beside_its_run(dcign, toy, evaluated, tmp_path):
    shutil.copytree(evaluated / "paper-s0", tmp_path / "run")
    checkpoint = min((tmp_path / "run/checkpoints").glob("*.safetensors"))
    said = dcign("evaluate-dcign", "--run", checkpoint, "--sweeps", toy / "sweeps.zarr", *QUICK)
    assert said.code == 0, said.err
    out = tmp_path / "run/evaluation-12"
    assert (out / "report.html").exists()
    (out / "losses.png").write_bytes(b"a figure of another evaluation")
    dcign("evaluate-dcign", "--run", checkpoint, "--sweeps", toy / "sweeps.zarr", *QUICK)
    stranger = base64.b64encode(b"a figure of another evaluation").decode()
    assert stranger not in (out / "report.html").read_text()


def test_other_runs_of_the_same_name_are_not_seeds(refused, evaluated, toy, tmp_path):
    for name, at in (("paper-s0", "a"), ("entangled-s0", "b")):
        shutil.copytree(evaluated / name, tmp_path / at / "run")
    runs = [tmp_path / at / "run" for at in ("a", "b")]
    assert "two different runs are called run" in refused("compare-runs", *runs, "--sweeps", toy / "sweeps.zarr")


def test_a_run_given_twice_is_refused(refused, evaluated, toy):
    runs = [evaluated / "paper-s0"] * 2
    assert "give each run once" in refused("compare-runs", *runs, "--sweeps", toy / "sweeps.zarr")


def test_the_plot_and_its_numbers(dcign, toy, tmp_path):
    out = tmp_path / "figures" / "equivariance.png"
    said = dcign("plot-equivariance", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", out)
    assert said.code == 0, said.err
    with Image.open(out) as figure:
        assert figure.size[0] > 1000
    found = json.loads(out.with_suffix(".json").read_text())
    for name, angles in FACTORS.items():
        measured = found["factors"][name]
        assert measured["test_images"] == 3 * angles
        assert 0 <= measured["equivariance"]["spearman_pooled"]["value"] <= 1
        assert name in said.out


@pytest.mark.parametrize(
    ("run", "sweeps", "message"),
    [
        ("none", "sweeps.zarr", "none"),
        ("run", "none.zarr", "there is no store"),
        ("run", "faces.zarr", "holds batches, not sweeps"),
    ],
)
@pytest.mark.parametrize("verb", ["plot-equivariance", "evaluate-dcign"])
def test_what_is_not_there(refused, toy, tmp_path, verb, run, sweeps, message):
    out = ("--out", tmp_path / "x.png")
    assert message in refused(verb, "--run", toy / run, "--sweeps", toy / sweeps, *out)
    assert not (tmp_path / "x.png").exists()


def test_sweeps_of_another_size_are_refused(refused, dcign, toy, tmp_path):
    url = tmp_path / "sweeps.zarr"
    dcign("render-sweeps", "--store", url, "--identities", 1, "--size", 16, "--samples", 1)
    said = refused("plot-equivariance", "--run", toy / "run", "--sweeps", url, "--out", tmp_path / "x.png")
    assert "has images of (16, 16), the run was trained on (48, 48)" in said


@pytest.mark.parametrize(
    ("what", "change"), [("camera", ("distance",)), ("light", ("elevation",)), ("model", ("sha256",))]
)
def test_sweeps_of_another_scene_are_refused(refused, toy, tmp_path, what, change):
    shutil.copytree(toy / "sweeps.zarr", tmp_path / "sweeps.zarr")
    root = tmp_path / "sweeps.zarr/zarr.json"
    content = json.loads(root.read_text())
    inner = content["attributes"][what]
    inner[change[0]] = "f" * 64 if what == "model" else inner[change[0]] + 1
    root.write_text(json.dumps(content))
    said = refused(
        "evaluate-dcign", "--run", toy / "run", "--sweeps", tmp_path / "sweeps.zarr", "--out", tmp_path / "x"
    )
    assert f"another {what} than the run was trained on" in said


def test_a_figure_of_unknown_kind_is_bad_usage(refused, toy):
    said = refused("plot-equivariance", "--run", toy / "run", "--sweeps", toy / "sweeps.zarr", "--out", "x.bmp", code=2)
    assert "ends in .png, .svg or .pdf" in said
