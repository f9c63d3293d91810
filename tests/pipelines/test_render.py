"""render-batches, render-sweeps, verify-store and preview-store, end to end."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset import batch_values, create_store, open_store
from dataset.shards import missing_shards, shard_file
from pipelines.rendering.backends import store_renderer
from pipelines.rendering.faces import FaceSubject, batches_spec, open_face
from pipelines.rendering.settings import RenderSettings
from pipelines.rendering.shard_task import bytes_while_rendered
from pipelines.rendering.subjects import scenes_of
from render import CpuRenderer
from render.errors import RenderError
from render.gl.context import probe

SMALL = ("--size", 24, "--samples", 1, "--batch-size", 5)


def test_a_store_of_every_factor_is_complete_and_sound(dcign, tmp_path):
    url = tmp_path / "faces.zarr"
    said = dcign("render-batches", "--store", url, "--factor", "all", "--n", 6, *SMALL, "--json")
    assert said.code == 0, said.err
    summary = json.loads(said.out)
    assert summary["batches"] == {"azimuth": 6, "elevation": 6, "light": 6, "intrinsic": 6}
    assert summary["images_drawn"] == 120
    checked = dcign("verify-store", url, "--json")
    assert checked.code == 0, checked
    assert json.loads(checked.out)["digest"] == summary["digest"]


def test_again_draws_nothing_and_more_batches_extend(dcign, tmp_path, array_files):
    once, grown = tmp_path / "once.zarr", tmp_path / "grown.zarr"
    dcign("render-batches", "--store", once, "--factor", "light", "--n", 60, *SMALL)
    for count in (20, 20, 55, 60):
        said = dcign("render-batches", "--store", grown, "--factor", "light", "--n", count, *SMALL)
    assert said.code == 0
    assert "complete" in said.out
    again = dcign("render-batches", "--store", grown, "--factor", "light", "--n", 60)
    assert "nothing to render" in again.out
    assert array_files(grown) == array_files(once)


def test_workers_and_parts_change_no_byte(dcign, tmp_path, array_files):
    calls = {
        "one": [("--workers", 1)],
        "four": [("--workers", 4)],
        "parts": [("--part", "1/2"), ("--part", "0/2")],
    }
    for name, runs in calls.items():
        for extra in runs:
            url = tmp_path / name
            said = dcign("render-batches", "--store", url, "--factor", "azimuth", "--n", 120, *SMALL, *extra)
            assert said.code == 0, said.err
    found = [array_files(tmp_path / name) for name in calls]
    assert found[0] == found[1] == found[2]


def long_rendering(url):
    """A command that renders eight shards, so that it can be stopped after the first."""
    words = ["--store", url, "--factor", "elevation", "--n", 400, "--size", 100, "--workers", 2]
    return [sys.executable, "-m", "pipelines", "render-batches", *map(str, words)]


@pytest.fixture(scope="module")
def straight(made_once):
    """A store that was rendered without interruption."""
    command = long_rendering("straight.zarr")
    return made_once("straight", lambda home: subprocess.run(command, check=True, capture_output=True, cwd=home))


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_stopped_is_finished_by_the_same_command(tmp_path, straight, array_files, interruption):
    stopped = tmp_path / "stopped.zarr"
    process = subprocess.Popen(long_rendering(stopped), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(stopped.glob("train/elevation/digest/c/*")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)  # waiting for another process, not for a clock
    process.send_signal(interruption)
    asked = time.monotonic()
    errors = process.communicate(timeout=60)[1]
    if interruption == signal.SIGINT:
        assert process.returncode == 1
        assert "run the same command to resume" in errors
        assert "Traceback" not in errors
        assert time.monotonic() - asked < 10
    assert missing_shards(open_store(stopped), "train", "elevation")
    subprocess.run(long_rendering(stopped), check=True, capture_output=True)
    assert array_files(stopped) == array_files(straight / "straight.zarr")


def test_what_is_stored_is_what_the_plan_says_and_the_renderer_draws(toy):
    store = open_store(toy / "faces.zarr")
    subject, renderer = open_face(store), store_renderer(store)
    for group in store.spec.batch_factors:
        values = batch_values(store.spec, "train", group, 3, 4)
        one = {block: rows[0] for block, rows in values.coefficients.items()}
        frames = renderer.render(scenes_of(subject, "train", values.factors[0], values.identity[0], one))
        np.testing.assert_array_equal(store.read("train", group, 3)["image"], frames.image)
        np.testing.assert_array_equal(store.array("train", group, "mask")[3], frames.mask)


@pytest.mark.parametrize("name", ["image", "mask", "factors", "identity", "coefficients/shape", "digest"])
def test_verify_finds_and_repairs(dcign, tmp_path, array_files, name):
    url = tmp_path / "faces.zarr"
    dcign("render-batches", "--store", url, "--factor", "light", "--n", 60, *SMALL)
    before, store = array_files(url), open_store(url)
    harmed = Path(store.files.path(shard_file(store, "train", "light", name, 0)))
    data = bytearray(harmed.read_bytes())
    data[len(data) // 3] ^= 4
    harmed.write_bytes(bytes(data))
    Path(store.files.path(shard_file(store, "train", "light", "digest", 1))).unlink()
    said = dcign("verify-store", url)
    assert said.code == 1
    assert "train/light shard 0: " in said.out
    assert "train/light shard 1: missing or incomplete" in said.out
    assert f"verify-store {url} --repair" in said.out
    assert dcign("verify-store", url, "--repair").code == 0
    assert array_files(url) == before


def test_repair_brings_back_a_lost_array(dcign, tmp_path, array_files):
    url = tmp_path / "faces.zarr"
    dcign("render-batches", "--store", url, "--factor", "light", "--n", 3, *SMALL)
    before = array_files(url)
    (url / "train/light/image/zarr.json").unlink()
    said = dcign("verify-store", url)
    assert said.code == 1
    assert "has no train/light/image" in said.out
    assert dcign("verify-store", url, "--repair").code == 0
    assert array_files(url) == before


def test_damaged_metadata_is_said_and_not_taken_for_nothing(refused, dcign, tmp_path):
    url = tmp_path / "faces.zarr"
    dcign("render-batches", "--store", url, "--factor", "light", "--n", 3, *SMALL)
    (url / "train/light/digest/zarr.json").write_bytes(b"{")
    for words in (("verify-store", url), ("render-batches", "--store", url, "--factor", "light", "--n", 4)):
        assert "train/light/digest is damaged" in refused(*words)


def test_two_processes_may_start_one_store_together(tmp_path, dcign, array_files):
    words = ["--store", tmp_path / "both", "--factor", "azimuth", "--n", 100, *SMALL, "--part"]
    command = [sys.executable, "-m", "pipelines", "render-batches", *map(str, words)]
    pair = [subprocess.Popen([*command, f"{i}/2"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) for i in (0, 1)]
    for process in pair:
        assert process.communicate(timeout=120)[1] == b""
        assert process.returncode == 0
    dcign("render-batches", "--store", tmp_path / "alone", "--factor", "azimuth", "--n", 100, *SMALL)
    assert array_files(tmp_path / "both") == array_files(tmp_path / "alone")


def test_progress_bars_on_a_terminal(tmp_path, toy):
    """Under a pseudo-terminal, as a person sees it."""
    import os
    import pty

    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "pipelines", "verify-store", str(toy / "faces.zarr"), "--frames", "2"]
    done = subprocess.run(
        words, stderr=theirs, stdout=subprocess.PIPE, check=False, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    seen = os.read(ours, 1 << 16).decode(errors="replace")
    os.close(ours)
    assert done.returncode == 0
    assert "checking" in seen
    assert "Traceback" not in seen


def test_the_pyrender_backend_fills_a_store_in_processes(dcign, refused, tmp_path, missing):
    url = tmp_path / "gl.zarr"
    try:
        found = probe("egl")
    except RenderError as error:
        missing(f"OpenGL through EGL ({error})")
    call = ("render-batches", "--store", url, "--factor", "light", *SMALL)
    said = dcign(*call, "--n", 4, "--backend", "pyrender", "--workers", 1)
    assert said.code == 0, said.err
    store = open_store(url)
    assert store.spec.renderer == {"backend": "pyrender", "platform": "egl", "gl_renderer": found}
    values = batch_values(store.spec, "train", "light", 0, 4)
    one = {block: rows[0] for block, rows in values.coefficients.items()}
    scenes = scenes_of(open_face(store), "train", values.factors[0], values.identity[0], one)
    on_cpu = CpuRenderer("grey", 1).render(scenes)
    seen = on_cpu.mask > 0
    assert np.abs(store.read("train", "light", 0)["image"].astype(int) - on_cpu.image)[seen].mean() < 1
    assert "has backend pyrender, and cpu was given" in refused(*call, "--n", 5, "--backend", "cpu")


def test_channels_that_a_model_cannot_fill_make_no_store(refused, tmp_path, ict_path):
    other = ("--store", tmp_path / "other.zarr", "--factor", "light", "--model", ict_path, "--channels", "region")
    assert "has no regions" in refused("render-batches", *other)
    assert not (tmp_path / "other.zarr").exists()


def test_every_channel_is_stored_as_it_is_drawn(dcign, refused, tmp_path):
    url = tmp_path / "all.zarr"
    names = "landmarks,region,shading,albedo,normal,depth,mask"
    assert dcign("render-batches", "--store", url, "--factor", "light", "--n", 2, *SMALL, "--channels", names).code == 0
    assert dcign("verify-store", url).code == 0
    store = open_store(url)
    assert store.spec.channels == ("mask", "depth", "normal", "albedo", "shading", "region", "landmarks")
    values = batch_values(store.spec, "train", "light", 1, 2)
    one = {block: rows[0] for block, rows in values.coefficients.items()}
    frames = store_renderer(store).render(
        scenes_of(open_face(store), "train", values.factors[0], values.identity[0], one)
    )
    for name in store.spec.channels:
        np.testing.assert_array_equal(store.array("train", "light", name)[1], frames.channel(name))
    said = refused("render-batches", "--store", url, "--factor", "light", "--channels", "mask")
    assert "channels ('mask', 'depth'" in said


def test_scales_and_fixed_coefficients_reach_the_store(dcign, tmp_path):
    fixed = tmp_path / "fixed.json"
    fixed.write_text('{"albedo": [0.5, null, -1]}')
    words = ("--shape-scale", 0.5, "--fix", fixed, "--factor", "intrinsic", "--n", 3, *SMALL)
    assert dcign("render-batches", "--store", tmp_path / "a", *words).code == 0
    assert dcign("render-batches", "--store", tmp_path / "b", "--factor", "intrinsic", "--n", 3, *SMALL).code == 0
    a, b = (open_store(tmp_path / name) for name in "ab")
    albedo = np.asarray(a.array("train", "intrinsic", "coefficients/albedo")[:])
    assert (albedo[..., 0] == 0.5).all()
    assert (albedo[..., 2] == -1).all()
    shapes = [np.asarray(s.array("train", "intrinsic", "coefficients/shape")[:]) for s in (a, b)]
    np.testing.assert_allclose(shapes[0], shapes[1] / 2, rtol=1e-6)
    assert dcign("verify-store", tmp_path / "a").code == 0


def test_a_pool_of_named_people_in_two_splits(dcign, refused, tmp_path):
    pool, url = tmp_path / "people.json", tmp_path / "s"
    pool.write_text('{"ada": {"shape": [1.5, -0.2]}, "eve": {"albedo": [2], "split": "test"}, "bob": {}}')
    words = ("--store", url, "--factor", "azimuth", "--n", 3, "--pool", pool)
    assert dcign("render-batches", *words, *SMALL).code == 0
    assert dcign("render-batches", *words, "--split", "test").code == 0
    assert "a pool of 0 identities in val" in refused("render-batches", *words, "--split", "val")
    store = open_store(url)
    assert [p["name"] for p in store.spec.identities["train"]] == ["ada", "bob"]
    shape = np.asarray(store.array("train", "azimuth", "coefficients/shape")[:, 0, :2])
    np.testing.assert_array_equal(shape, np.array([[1.5, -0.2], [0, 0], [1.5, -0.2]], "f4"))
    assert dcign("verify-store", url).code == 0
    pool.write_text('{"ada": {"shape": [1]}}')
    assert "has pool {" in refused("render-batches", *words)
    sweeps = tmp_path / "sweeps.zarr"
    assert dcign("render-sweeps", "--like", url, "--store", sweeps, "--identities", 1).code == 0
    assert not open_store(sweeps).spec.identities  # sweeps show identities that are not named


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "should be like"),
        ("{}", "should be like"),
        ('{"ada": [1]}', "should be like"),
        ('{"ada": {"shape": [null]}}', "should be like"),
        ('{"ada": {"split": "tset"}}', "should be like"),
        (
            '{"ada": {"shape": [1, 0]}, "bob": {"shape": [1], "split": "test"}}',
            "ada and bob have the same coefficients",
        ),
    ],
)
def test_pools_that_are_none(refused, tmp_path, text, why):
    (tmp_path / "people.json").write_text(text)
    words = ("--store", tmp_path / "s", "--factor", "light", "--pool", tmp_path / "people.json")
    assert why in refused("render-batches", *words, code=2)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("pool", ["0", "-5", "9999999999"])
def test_pools_of_impossible_size(refused, tmp_path, pool):
    words = ("--store", tmp_path / "s", "--factor", "intrinsic", f"--pool={pool}")
    assert "a pool has 1 to 1,000,000 identities" in refused("render-batches", *words, code=2)


def test_named_people_take_no_other_controls(refused, tmp_path):
    (tmp_path / "people.json").write_text('{"ada": {"shape": [1]}}')
    words = ("--store", tmp_path / "s", "--factor", "light", "--pool", tmp_path / "people.json", "--shape-scale", 0.5)
    assert "named identities are rendered with the coefficients in their file" in refused("render-batches", *words)


def test_a_store_of_one_person_only_is_sound(dcign, tmp_path):
    for split in ("train", "val"):
        words = ("--store", tmp_path / "s", "--factor", "light", "--n", 2, "--split", split, "--distance", 0)
        assert dcign("render-batches", *words, *(SMALL if split == "train" else ())).code == 0
    assert dcign("verify-store", tmp_path / "s").code == 0


def test_memory_bounds_the_workers_at_once(tmp_path, dcign):
    words = ("--factor", "light", "--n", 100, "--workers", 4, "--memory", 0.01)
    said = dcign("render-batches", "--store", tmp_path / "s", *words, *SMALL)
    assert said.code == 0
    assert "of 4 workers at once" in said.err
    assert "--memory allows 0.01 GB" in said.err
    for value in ("nan", "inf", "0"):
        assert dcign("render-batches", "--store", tmp_path / "t", "--factor", "light", "--memory", value).code == 2


def test_large_grids_of_samples_count_as_memory(tmp_path, head):
    small, large = (batches_spec(head, RenderSettings(size=256, samples=s)) for s in (1, 16))
    sizes = [
        bytes_while_rendered(create_store(str(tmp_path / str(k)), spec), FaceSubject(head, spec, "procedural"), "light")
        for k, spec in enumerate((small, large))
    ]
    assert sizes[1] - sizes[0] == 15 * 256 * 256 * 5 * 4  # w, normal, albedo in float32


def test_people_around_a_reference(dcign, refused, tmp_path):
    reference, url = tmp_path / "ada.json", tmp_path / "s"
    reference.write_text('{"shape": [2, -1]}')
    words = ("--store", url, "--factor", "intrinsic", "--n", 2, "--around", reference)
    assert "needs a --distance" in refused("render-batches", *words, *SMALL)
    assert dcign("render-batches", *words, "--distance", 0.5, *SMALL).code == 0
    shape = np.asarray(open_store(url).array("train", "intrinsic", "coefficients/shape")[:], float)
    shape[..., 0] -= 2
    shape[..., 1] += 1
    np.testing.assert_allclose(np.sqrt((shape**2).mean(axis=-1)), 0.5, rtol=1e-6)
    assert "has distance 0.5, and 0.6 was given" in refused("render-batches", *words, "--distance", 0.6)
    assert dcign("verify-store", url).code == 0


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"shape": 3}', '{"shape": ["x"]}', '{"shape": [NaN]}', '{"shape": [true]}']
)
def test_files_of_fixed_coefficients_that_are_none(refused, tmp_path, text):
    (tmp_path / "fixed.json").write_text(text)
    words = ("--store", tmp_path / "s", "--factor", "light", "--fix", tmp_path / "fixed.json")
    assert "fixed.json" in refused("render-batches", *words, code=2)
    assert not (tmp_path / "s").exists()


def test_expression_needs_a_model_that_has_one(refused, dcign, tmp_path):
    words = ("--factor", "intrinsic", "--n", 1, *SMALL, "--expression-scale", 1)
    assert "no expression block" in refused("render-batches", "--store", tmp_path / "s", *words)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(("names", "code", "message"), [("heat", 2, "no channel heat"), ("mask,heat", 2, "no channel")])
def test_unknown_channels_are_bad_usage(refused, tmp_path, names, code, message):
    words = ("--store", tmp_path / "s", "--factor", "light", "--channels", names)
    assert message in refused("render-batches", *words, code=code)


def test_sweeps_are_like_their_parent(toy):
    faces, sweeps = open_store(toy / "faces.zarr").spec, open_store(toy / "sweeps.zarr")
    for name in ("model", "camera", "light", "image", "factors", "seed"):
        assert getattr(sweeps.spec, name) == getattr(faces, name)
    assert [sweeps.batches(s, "azimuth") for s in ("train", "val", "test")] == [40, 20, 3]
    assert sweeps.read("test", "elevation", 2)["image"].shape == (17, 48, 48)


def test_previews_are_pictures(dcign, toy, tmp_path):
    assert dcign("preview-store", toy / "faces.zarr", "--out", tmp_path / "a.png").code == 0
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (12 * 50 - 2, 8 * 50 - 2)
    assert dcign("preview-store", toy / "sweeps.zarr", "--out", tmp_path / "a.gif", "--factor", "light").code == 0
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 2 * 25 - 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--model", "nowhere.h5"), 1, "no face model at nowhere.h5"),
        (("--seed", 3), 1, "has seed 0, and 3 was given"),
        (("--size", 32), 1, "has size 48, and 32 was given"),
        (("--azimuth", -10, 10), 1, "has azimuth (-86.0, 86.0), and (-10.0, 10.0) was given"),
        (("--size", 4), 2, "--size"),
        (("--size", "big"), 2, "--size"),
        (("--part", "3/2"), 2, "expected 0 <= i < n, not 3/2"),
        (("--part", "half"), 2, "expected i/n such as 0/4"),
        (("--factor", "gender"), 2, "gender"),
        (("--n", 0), 2, "--n"),
    ],
)
def test_wrong_input_to_an_existing_store_is_one_line_and_loses_nothing(
    refused, toy, array_files, arguments, code, message
):
    before = array_files(toy / "faces.zarr")
    said = refused("render-batches", "--store", toy / "faces.zarr", "--factor", "light", *arguments, code=code)
    assert message in said
    assert array_files(toy / "faces.zarr") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--samples", 3), "square number"),
        (("--azimuth", 20, 10), "range of azimuth must rise"),
        (("--pool", 3, "--factor", "intrinsic"), "pool of 3 identities in train cannot fill intrinsic batches"),
        (("--light", "-inf", "inf"), "range of light must rise"),
        (("--shape-scale", "nan"), "at most 1000 standard deviations"),
        (("--size", 4096, "--samples", 16), "16384 samples a side; the cpu backend renders up to 8192"),
    ],
)
def test_impossible_settings_make_no_store(refused, tmp_path, arguments, message):
    assert message in refused("render-batches", "--store", tmp_path / "s", "--factor", "light", *arguments)
    assert not (tmp_path / "s").exists()


def test_truncated_and_foreign_model_files(refused, tmp_path, ict_path):
    cut = tmp_path / "cut.h5"
    cut.write_bytes(ict_path.read_bytes()[:100_000])
    text = tmp_path / "notes.h5"
    text.write_text("not a model")
    for path in (cut, text):
        said = refused("render-batches", "--store", tmp_path / "s", "--factor", "light", "--model", path)
        assert str(path) in said
        assert len(said.splitlines()) == 1


def test_another_model_than_the_stores_is_refused(refused, toy, ict_path):
    said = refused("render-batches", "--store", toy / "faces.zarr", "--factor", "light", "--model", ict_path)
    assert "was made with the model" in said


def test_an_unwritable_place_is_one_line(refused):
    """/proc takes no folders, not even root's."""
    assert "/proc/dcign" in refused("render-batches", "--store", "/proc/dcign/s.zarr", "--factor", "light", *SMALL)


def test_a_place_that_is_a_file_is_one_line(refused, tmp_path):
    (tmp_path / "file").write_text("x")
    said = refused("render-batches", "--store", tmp_path / "file" / "s.zarr", "--factor", "light", *SMALL)
    assert "s.zarr" in said


def test_sweeps_and_batches_do_not_mix(refused, toy, tmp_path):
    said = refused("render-batches", "--store", toy / "sweeps.zarr", "--factor", "light", "--n", 50)
    assert "holds sweeps, not batches" in said
    said = refused("train-dcign", "--store", toy / "sweeps.zarr")
    assert "holds sweeps, not batches to train on; render-batches makes those" in said
    assert "holds batches, not sweeps" in refused("render-sweeps", "--store", toy / "faces.zarr")
    said = refused("render-sweeps", "--store", tmp_path / "s", "--like", toy / "faces.zarr", "--size", 64)
    assert "has size 48, and 64 was given" in said
    assert "there is no store" in refused("render-sweeps", "--store", tmp_path / "s", "--like", tmp_path / "none")


def test_previews_of_what_is_not_there(refused, toy, tmp_path):
    out = ("--out", tmp_path / "x.png")
    assert "batch 99 was asked for" in refused("preview-store", toy / "faces.zarr", "--batch", 99, *out)
    assert "no batches in val" in refused("preview-store", toy / "faces.zarr", "--split", "val", *out)
    assert "there is no store" in refused("preview-store", tmp_path / "none.zarr", *out)
