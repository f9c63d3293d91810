"""Stores of chairs, end to end: a folder of meshes, its splits, its changes, and the built-in ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dataset import open_store
from dataset.errors import StoreError
from dataset.factors import factors_of, sweep_lengths
from dataset.subjects import split_by_geometry
from pipelines.rendering.mesh_collections import list_folder
from pipelines.rendering.run_log import Task
from pipelines.rendering.settings import RenderSettings, Sources
from pipelines.rendering.shard_task import Job, decisive_versions, render_elsewhere
from pipelines.rendering.subjects import open_subject

SMALL = ("--size", 32, "--samples", 1, "--batch-size", 4)


def chair(height, depth=0.4):
    """Seat, back and four legs; the sitter looks along +z."""
    boxes = [((0.4, 0.05, depth), (0, 0.45, 0)), ((0.4, height, 0.05), (0, 0.45 + height / 2, -depth / 2))]
    boxes += [((0.05, 0.45, 0.05), (x, 0.22, z)) for x in (-0.17, 0.17) for z in (-depth / 2.5, depth / 2.5)]
    parts = [trimesh.creation.box(extents).apply_translation(at) for extents, at in boxes]
    return trimesh.util.concatenate(parts)


@pytest.fixture
def folder(tmp_path):
    """12 chairs as OBJ; the splits follow from their shapes."""
    home = tmp_path / "chairs"
    home.mkdir()
    for k in range(12):
        chair(0.3 + 0.05 * k, 0.35 + 0.01 * k).export(home / f"chair_{k:02}.obj")
    (home / "LICENSE").write_text("anything goes")
    return home


@pytest.fixture
def render(dcign):
    def call(url, folder, *more, n=3, factor="all"):
        axes = ("--up", "y", "--front", "+z")
        words = ("--subject", "chair", "--meshes", folder, "--factor", factor, "--n", n)
        return dcign("render-batches", "--store", url, *words, *axes, *SMALL, *more)

    return call


def subjects(url):
    return json.loads((url / "subjects.json").read_text())


def test_a_store_of_a_folder_is_complete_and_sound(dcign, render, folder, tmp_path):
    url = tmp_path / "chairs.zarr"
    said = render(url, folder, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["batches"] == {"azimuth": 3, "intrinsic": 3}
    checked = dcign("verify-store", url, "--json")
    assert checked.code == 0, checked.out
    assert json.loads(checked.out)["notes"] == []
    entries = subjects(url)
    assert [entry["id"] for entry in entries] == [f"chair_{k:02}" for k in range(12)]
    assert {entry["licence"] for entry in entries} == {"LICENSE"}
    assert all(entry["split"] == split_by_geometry(entry["geometry"], 0.1) for entry in entries)
    store = open_store(url)
    train = sum(entry["split"] == "train" for entry in entries)
    assert store.spec.collection["counts"]["train"] == train
    batch = store.read("train", "azimuth", 1)
    assert (batch["identity"] == 1).all()
    assert len(set(batch["factors"][:, 0])) == 4
    assert (batch["image"] < 255).any(axis=(1, 2)).all()
    assert len(set(store.read("train", "intrinsic", 0)["identity"])) == 4


def test_the_version_of_pillow_decides_the_pixels_of_mesh_files(render, dcign, folder, tmp_path):
    url, built_in = tmp_path / "u.zarr", tmp_path / "v.zarr"
    render(url, folder, factor="azimuth")
    log = json.loads((url / "runs.jsonl").read_text().splitlines()[-1])
    assert log["versions"]["Pillow"] == version("Pillow")
    decisive = decisive_versions(open_store(url))
    assert dict(decisive)["Pillow"] == version("Pillow")
    words = ("--store", built_in, "--subject", "chair", "--factor", "azimuth", *SMALL)
    dcign("render-batches", *words, "--n", 1)
    assert decisive_versions(open_store(built_in)) == tuple(pair for pair in decisive if pair[0] != "Pillow")
    another = Job(str(url), str(folder), (*decisive[:-1], ("Pillow", "0.1")), 1)
    with pytest.raises(StoreError, match=r"'Pillow': '0.1'\}; install the same"):
        render_elsewhere(another, Task("train", "azimuth", 0))
    assert render_elsewhere(replace(another, versions=decisive), Task("train", "azimuth", 0)) is None  # it is there


def test_workers_growth_and_a_lost_cache_change_no_byte(render, folder, tmp_path, array_files, monkeypatch):
    render(tmp_path / "a.zarr", folder, "--workers", 1, n=60)
    for n in (7, 60):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache{n}"))
        assert render(tmp_path / "b.zarr", folder, "--workers", 3, "--mesh-memory", 0.01, n=n).code == 0
    assert array_files(tmp_path / "a.zarr") == array_files(tmp_path / "b.zarr")


def test_a_file_that_changed_is_named(dcign, render, refused, folder, tmp_path):
    url = tmp_path / "c.zarr"
    render(url, folder)
    for k in range(12):
        path = folder / f"chair_{k:02}.obj"
        path.write_text(path.read_text().replace("0.2", "0.3"))
    said = refused("render-batches", "--store", url, "--factor", "azimuth", "--n", 60)
    assert "chair_" in said
    assert "has changed since the store was made" in said
    assert "no image was rendered again" in dcign("verify-store", url).out


def test_a_folder_that_moved_is_found_again_with_meshes(dcign, render, refused, folder, tmp_path):
    url = tmp_path / "d.zarr"
    render(url, folder)
    folder.rename(tmp_path / "elsewhere")
    more = ("render-batches", "--store", url, "--factor", "azimuth", "--n", 5)
    assert "give its present location with --meshes" in refused(*more)
    assert dcign(*more, "--meshes", tmp_path / "elsewhere").code == 0
    (tmp_path / "elsewhere/chair_03.obj").unlink()
    assert dcign("verify-store", url, "--meshes", tmp_path / "elsewhere", "--frames", 40).code == 0


def test_another_list_of_meshes_is_refused(render, folder, tmp_path):
    render(tmp_path / "e.zarr", folder)
    entries = subjects(tmp_path / "e.zarr")
    (tmp_path / "e.zarr/subjects.json").write_text(json.dumps(entries[1:]))
    said = render(tmp_path / "e.zarr", folder, n=9)
    assert said.code == 1
    assert "is not the list that the store was made with" in said.err


def test_meshes_of_another_conversion_are_refused(dcign, render, refused, folder, tmp_path, monkeypatch):
    url, sweeps = tmp_path / "o.zarr", tmp_path / "sweeps.zarr"
    render(url, folder)
    assert dcign("render-sweeps", "--store", sweeps, "--like", url).code == 0
    monkeypatch.setattr("pipelines.rendering.mesh_collections.CONVERSION", 2)
    said = refused("render-batches", "--store", url, "--factor", "azimuth", "--n", 9)
    assert "conversion 1 there, 2 here. Use the dcign that made it" in said
    assert "sha256" not in said
    render(tmp_path / "p.zarr", folder)
    assert "model differ" in refused("render-sweeps", "--store", sweeps, "--like", tmp_path / "p.zarr")


def test_chairs_of_another_generator_are_refused(dcign, refused, tmp_path, monkeypatch):
    words = ("--store", tmp_path / "q.zarr", "--subject", "chair", "--factor", "azimuth", *SMALL)
    assert dcign("render-batches", *words, "--n", 1).code == 0
    monkeypatch.setattr("pipelines.rendering.mesh_collections.GENERATOR_VERSION", 2)
    said = refused("render-batches", *words, "--n", 60)
    assert "makes other meshes of procedural chairs than the store was made with: sha256 " in said


def test_a_folder_for_a_store_of_built_in_chairs_is_refused(dcign, refused, folder, tmp_path):
    words = ("--store", tmp_path / "t.zarr", "--subject", "chair", "--factor", "azimuth", *SMALL)
    assert dcign("render-batches", *words, "--n", 1).code == 0
    said = refused("render-batches", *words, "--n", 60, "--meshes", folder)
    assert f"shows built-in chairs, not those of {folder}: leave --meshes out" in said
    assert dcign("render-batches", *words, "--n", 2, "--meshes", "procedural").code == 0


def given(**changes):
    return RenderSettings(**{"up": "+y", "front": "+z", "test_fraction": 0.4} | changes)


def test_one_chair_in_two_formats_is_on_one_side(folder):
    for k in range(12):
        mesh = trimesh.load(folder / f"chair_{k:02}.obj", process=False)
        mesh.export(folder / f"again_{k:02}.off")
        mesh.export(folder / f"third_{k:02}.stl")
    splits: dict[str, set[str]] = {}
    for entry in list_folder(folder, given()).entries:
        splits.setdefault(entry.id[-2:], set()).add(entry.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len(set.union(*splits.values())) == 3


def test_a_new_chair_moves_none(folder):
    before = {entry.id: entry.split for entry in list_folder(folder, given()).entries}
    chair(0.77).export(folder / "a_first_one.obj")
    after = {entry.id: entry.split for entry in list_folder(folder, given()).entries}
    assert {name: after[name] for name in before} == before


def test_a_split_file_decides(render, dcign, folder, tmp_path):
    table = tmp_path / "splits.csv"
    table.write_text("id,split\n" + "".join(f"chair_{k:02},{'test' if k < 5 else 'train'}\n" for k in range(12)))
    url = tmp_path / "f.zarr"
    assert render(url, folder, "--split-file", table).code == 0
    assert [entry["split"] for entry in subjects(url)] == ["test"] * 5 + ["train"] * 7
    assert render(url, folder, "--split-file", table).code == 0
    table.write_text("chair_00,train\n")
    assert "has split_file " in render(url, folder, "--split-file", table).err
    table.write_text("chair_99,train\n")
    said = render(tmp_path / "g.zarr", folder, "--split-file", table)
    assert "names 'chair_99', which the folder has not; its meshes are called chair_00" in said.err
    assert not (tmp_path / "g.zarr").exists()
    for text, why in (("a,b,c\n", "expected id,split"), ("a,train\na,val\n", "is there twice"), ("", "names no mesh")):
        table.write_text(text)
        said = render(tmp_path / "g.zarr", folder, "--split-file", table)
        assert said.code == 2
        assert why in said.err


def test_what_cannot_be_drawn_is_told_and_left_out(render, refused, folder, tmp_path):
    (folder / "broken.obj").write_text("v 0 0 0\nf 1 2 3\n")
    (folder / "empty.stl").write_bytes(b"")
    said = render(tmp_path / "h.zarr", folder)
    assert said.code == 0
    assert "2 meshes: left out" in said.err
    assert "broken.obj" in said.err
    assert len(subjects(tmp_path / "h.zarr")) == 12
    for path in folder.glob("chair*"):
        path.unlink()
    words = ("--subject", "chair", "--meshes", folder, "--factor", "azimuth")
    assert "holds no mesh that can be rendered" in refused("render-batches", "--store", tmp_path / "i.zarr", *words)
    assert "there is no folder" in refused(
        "render-batches", "--store", tmp_path / "i.zarr", *words[:3], tmp_path / "nowhere", *words[4:]
    )


@pytest.mark.skipif(os.cpu_count() == 1, reason="needs two cores: one reads without workers")
@pytest.mark.parametrize(
    ("blow", "said"),
    [
        ("a worker is killed", "died (killed, or out of memory); run the same command again"),
        ("Ctrl-C while workers start", "run the same command to resume"),
    ],
)
def test_a_listing_that_is_stopped_ends_in_a_line(tmp_path, blow, said):
    balls = tmp_path / "balls"
    balls.mkdir()
    ball = trimesh.creation.icosphere(5).export(file_type="obj")
    for k in range(40):
        (balls / f"{k}.obj").write_text(f"# {k}\n{ball}")
    words = ["--store", tmp_path / "s.zarr", "--subject", "chair", "--factor", "azimuth", "--meshes", balls]
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "render-batches", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # with its workers, a group of processes of its own
    )
    while not (workers := workers_of(process)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(0.3)
    if blow == "a worker is killed":
        os.kill(workers[0], signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=100)[1]
    assert process.returncode == 1
    assert said in errors
    assert len(errors.strip().splitlines()) == 1
    assert not (tmp_path / "s.zarr").exists()


def workers_of(process):
    """Numbers of the processes that a process has spawned to work for it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def test_axes_that_nobody_said_are_reported_as_a_guess(dcign, folder, tmp_path):
    words = ("--subject", "chair", "--meshes", folder, "--factor", "azimuth", "--n", 1, *SMALL)
    said = dcign("render-batches", "--store", tmp_path / "j.zarr", *words)
    assert said.code == 0
    assert "12 meshes: axes were guessed (give --up and --front to be sure)" in said.err
    assert "chair_00.obj: up +y, front +z" in said.err
    assert {entry["axes_from"] for entry in subjects(tmp_path / "j.zarr")} == {"guess"}


def test_the_front_is_toward_the_camera_at_azimuth_zero(render, folder, tmp_path):
    """The back rest is behind the seat: seen from the front and above it hides nothing of the seat's front edge."""
    render(tmp_path / "k.zarr", folder)
    store = open_store(tmp_path / "k.zarr")
    subject = open_subject(store, Sources(meshes=str(folder)))
    values = np.zeros((1, 1, 2), np.float32)
    mesh = subject.batches("train", values, np.zeros((1, 1), np.int64), {})[0].meshes[0]
    high = mesh.positions[mesh.positions[:, 1] > 0.3]
    assert high[:, 2].mean() < -0.1  # the back rest is away from the viewer
    assert abs(mesh.positions[:, 0].min() + mesh.positions[:, 0].max()) < 1e-6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--factor", "light"), "no batches vary the light of chairs; they vary azimuth, intrinsic"),
        (("--factor", "azimuth", "--shape-scale", 2), "--shape-scale is an option of --subject face"),
        (("--factor", "azimuth", "--pool", 3), "a folder of meshes is a pool of its own"),
        (("--factor", "azimuth", "--channels", "region"), "has no regions"),
        (("--factor", "azimuth", "--front", "-y"), "lie along one axis"),
    ],
)
def test_options_that_chairs_do_not_have(refused, folder, tmp_path, words, message):
    call = ("render-batches", "--store", tmp_path / "l.zarr", "--subject", "chair", "--meshes", folder, "--up", "+y")
    assert message in refused(*call, *words)
    assert not (tmp_path / "l.zarr").exists()


def test_options_of_chairs_are_no_options_of_faces(refused, tmp_path, folder):
    call = ("render-batches", "--store", tmp_path / "m.zarr", "--factor", "light", "--meshes", folder)
    assert "--meshes is an option of --subject chair" in refused(*call)


@pytest.mark.parametrize("built_in", [True, False])
def test_named_people_are_refused_among_chairs(refused, tmp_path, folder, built_in):
    people = tmp_path / "people.json"
    people.write_text('{"ada": {"shape": [1.5]}}')
    meshes = () if built_in else ("--meshes", folder)
    call = ("render-batches", "--store", tmp_path / "r.zarr", "--subject", "chair", "--factor", "azimuth", *meshes)
    said = refused(*call, "--pool", people)
    assert (
        "a --pool file names identities of faces, and this is --subject chair: give a number, such as --pool 100"
        in said
    )
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "r.zarr").exists()


def test_the_help_says_how_chairs_are_swept(dcign):
    said = " ".join(dcign("render-sweeps", "--help").out.split())
    heights = len(factors_of("chair")[1].values)
    assert heights == 2
    azimuths = sweep_lengths("chair")["azimuth"] // heights
    assert f"A chair goes all round in {azimuths} azimuths, once at each of its two elevations" in said


def test_sweeps_of_held_out_chairs(dcign, render, folder, tmp_path):
    url, sweeps = tmp_path / "n.zarr", tmp_path / "sweeps.zarr"
    assert render(url, folder, "--test-fraction", 0.25).code == 0
    said = dcign("render-sweeps", "--store", sweeps, "--like", url)
    assert said.code == 0, said.err
    store, held = open_store(sweeps), open_store(url).spec.collection["counts"]
    assert {split: store.batches(split, "azimuth") for split in held} == held
    assert store.read("test", "azimuth", 0)["image"].shape == (120, 32, 32)
    assert dcign("verify-store", sweeps).code == 0
    assert "nothing to render" in dcign("render-sweeps", "--store", sweeps, "--like", url).out
    shutil.rmtree(sweeps)
    folder.rename(tmp_path / "moved")
    assert dcign("render-sweeps", "--store", sweeps, "--like", url, "--meshes", tmp_path / "moved").code == 0
