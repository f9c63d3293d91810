"""export-batches: every layout read by a reader that is not ours, against the store read by plain zarr."""

import csv
import json
import shutil
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import zarr
from PIL import Image

from dataset import open_store
from dataset.shards import shard_file
from pipelines.interchange.exporting import write_h5, write_npz

GROUPS = ("azimuth", "elevation", "light", "intrinsic")


def stored(url, name, addresses):
    """(N, ...) of one array, batches one after another, by zarr alone."""
    root = zarr.open_group(str(url), mode="r")
    parts = [root[f"{split}/{group}/{name}"][:] for split, group in addresses]
    return np.concatenate([part.reshape(-1, *part.shape[2:]) for part in parts])


def pictures(folder):
    """Rows of factors.csv, and the pictures that they name."""
    with (folder / "factors.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images = []
    for row in rows:
        with Image.open(folder / row["file"]) as image:
            images.append(np.array(image))
    return rows, np.stack(images)


def test_an_npz_is_what_the_store_holds(dcign, toy, tmp_path):
    url, out = toy / "faces.zarr", tmp_path / "new" / "faces.npz"
    said = dcign("export-batches", "--store", url, "--format", "dsprites", "--out", out, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["images"] == 480
    addresses = [("train", group) for group in GROUPS]
    with np.load(out, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    np.testing.assert_array_equal(found["imgs"], stored(url, "image", addresses))
    assert found["latents_names"].tolist() == ["azimuth", "elevation", "light", "identity"]
    values = found["latents_values"]
    np.testing.assert_array_equal(values[:, :3], stored(url, "factors", addresses))
    np.testing.assert_array_equal(values[:, 3], stored(url, "identity", addresses))
    for k in range(4):
        levels = np.unique(values[:, k])
        assert found["latents_sizes"][k] == len(levels)
        np.testing.assert_array_equal(levels[found["latents_classes"][:, k]], values[:, k])
    np.testing.assert_array_equal(found["active"], np.repeat(range(4), 120))
    np.testing.assert_array_equal(found["batch"], np.tile(np.repeat(range(6), 20), 4))
    about = json.loads(found["metadata"].item())
    assert about["full_grid"] is False
    assert about["active"] == list(GROUPS)
    assert about["digest"] == json.loads(said.out)["digest"]
    assert [p.name for p in out.parent.iterdir()] == ["faces.npz"]


def test_an_h5_is_what_the_store_holds(dcign, toy, tmp_path):
    url, out = toy / "sweeps.zarr", tmp_path / "sweeps.h5"
    words = ("--split", "test", "--split", "val", "--factor", "light", "--factor", "elevation")
    said = dcign("export-batches", "--store", url, "--format", "3dshapes", "--out", out, *words)
    assert said.code == 0, said.err
    addresses = [(split, group) for split in ("val", "test") for group in ("elevation", "light")]
    assert "images of val/elevation, val/light, test/elevation, test/light" in said.out
    with h5py.File(out) as file:
        np.testing.assert_array_equal(file["images"][..., 0], stored(url, "image", addresses))
        assert file["images"].shape[1:] == (48, 48, 1)
        assert list(file["labels"].attrs["factor_names"]) == ["azimuth", "elevation", "light", "identity"]
        np.testing.assert_array_equal(file["labels"][:, :3], stored(url, "factors", addresses))
        np.testing.assert_array_equal(file["labels"][:, 3], stored(url, "identity", addresses))
        assert set(file["split"][:]) == {1, 2}
        assert json.loads(file["metadata"][()])["content"] == "sweeps"


def test_pictures_go_out_and_come_in_as_they_were(dcign, toy, tmp_path):
    url, out, back = toy / "faces.zarr", tmp_path / "faces", tmp_path / "back.zarr"
    assert dcign("export-batches", "--store", url, "--format", "png", "--out", out).code == 0
    addresses = [("train", group) for group in GROUPS]
    rows, images = pictures(out)
    assert list(rows[0]) == ["file", "batch", "active", "azimuth", "elevation", "light", "identity", "split"]
    np.testing.assert_array_equal(images, stored(url, "image", addresses))
    values = np.array([[np.float32(row[name]) for name in GROUPS[:3]] for row in rows])
    np.testing.assert_array_equal(values, stored(url, "factors", addresses))
    assert dcign("import-batches", out, "--store", back, "--size", 48).code == 0
    for name in ("image", "factors", "identity"):
        np.testing.assert_array_equal(stored(back, name, addresses), stored(url, name, addresses))
    assert open_store(back).spec.factors[0].unit == "degrees"
    assert dcign("verify-store", back).code == 0


def test_what_is_not_known_is_not_written(dcign, tmp_path):
    """Colour, and no labels at all, out and in and out again."""
    (tmp_path / "in").mkdir()
    rng = np.random.Generator(np.random.Philox(1))
    rows = ["file,batch,active"]
    for k in range(8):
        Image.fromarray(rng.integers(256, size=(9, 9, 3), dtype=np.uint8)).save(tmp_path / f"in/{k}.png")
        rows.append(f"{k}.png,{k // 4},{'light' if k < 4 else 'intrinsic'}")
    (tmp_path / "in/t.csv").write_text("\n".join(rows))
    store, out = tmp_path / "s", tmp_path / "out"
    words = ("--size", 9, "--color", "rgb")
    assert dcign("import-batches", tmp_path / "in", "--store", store, *words).code == 0
    assert dcign("export-batches", "--store", store, "--format", "png", "--out", out).code == 0
    found, images = pictures(out)
    assert list(found[0]) == ["file", "batch", "active", "split"]
    assert images.shape == (8, 9, 9, 3)
    assert dcign("import-batches", out, "--store", tmp_path / "again", *words).code == 0
    addresses = [("train", "light"), ("train", "intrinsic")]
    np.testing.assert_array_equal(stored(tmp_path / "again", "image", addresses), stored(store, "image", addresses))
    for name, form in (("a.npz", "dsprites"), ("a.h5", "3dshapes")):
        assert dcign("export-batches", "--store", store, "--format", form, "--out", tmp_path / name).code == 0
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["imgs"].shape == (8, 9, 9, 3)
        assert file["latents_values"].shape == (8, 0)
        np.testing.assert_array_equal(file["active"], np.repeat([2, 3], 4) - 2)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["images"].shape == (8, 9, 9, 3)
        assert file["labels"].shape == (8, 0)


@pytest.mark.parametrize(("form", "name"), [("dsprites", "f.npz"), ("3dshapes", "f.h5")])
def test_the_same_store_gives_the_same_file(dcign, toy, tmp_path, form, name):
    for folder in ("a", "b"):
        out = tmp_path / folder / name
        assert dcign("export-batches", "--store", toy / "faces.zarr", "--format", form, "--out", out).code == 0
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "dsprites", "--out", "here.npz"), "here.npz exists; nothing is overwritten"),
        (("--format", "png", "--out", "folder"), "folder exists; nothing is overwritten"),
        (("--format", "png", "--out", "link"), "link exists; nothing is overwritten"),
        (("--format", "png", "--out", "."), "exists; nothing is overwritten"),
        (("--format", "dsprites", "--out", "x.h5"), "x.h5 should end in .npz"),
        (("--format", "3dshapes", "--out", "x"), "x should end in .h5 or .hdf5"),
        (("--format", "png", "--out", "x", "--factor", "gender"), "has no factor gender; it has azimuth"),
        (("--format", "png", "--out", "x", "--split", "val"), "holds no batches of anything in val"),
        (("--format", "png", "--out", "here.npz/x"), "here.npz"),
    ],
)
def test_exports_that_cannot_be_are_one_line_and_leave_no_trace(refused, toy, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    Path("here.npz").write_text("years of work")
    Path("folder").mkdir()
    Path("link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    assert message in refused("export-batches", "--store", toy / "faces.zarr", *words)
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("here.npz").read_text() == "years of work"


@pytest.mark.parametrize(("form", "name"), [("dsprites", "f.npz"), ("3dshapes", "f.h5"), ("png", "f")])
def test_a_store_that_breaks_on_the_way_leaves_no_half_file(dcign, refused, toy, tmp_path, form, name):
    url = tmp_path / "faces.zarr"
    shutil.copytree(toy / "faces.zarr", url)
    store = open_store(url)
    harmed = Path(store.files.path(shard_file(store, "train", "intrinsic", "image", 0)))
    data = bytearray(harmed.read_bytes())
    data[len(data) // 3] ^= 4
    harmed.write_bytes(bytes(data))
    out = tmp_path / "out"
    words = ("--store", url, "--format", form, "--out", out / name)
    assert "is damaged" in refused("export-batches", *words)
    assert list(out.iterdir()) == []
    harmed.unlink()
    assert "not complete: intrinsic shard 0 of train is missing" in refused("export-batches", *words)
    assert dcign("export-batches", *words, "--factor", "light").code == 1  # its digest is of the whole split
    (out / f".{name}.partial").mkdir()  # as a killed export leaves
    assert dcign("export-batches", "--store", toy / "faces.zarr", "--format", form, "--out", out / name).code == 0
    assert [p.name for p in out.iterdir()] == [name]


def test_a_store_cannot_choose_where_files_go(refused, dcign, toy, tmp_path):
    url = tmp_path / "faces.zarr"
    shutil.copytree(toy / "faces.zarr", url)
    text = (url / "zarr.json").read_text().replace('"azimuth"', '"../../../azimuth"')
    (url / "zarr.json").write_text(text)
    out = tmp_path / "deep" / "out"
    assert "cannot be the name of a factor" in refused(
        "export-batches", "--store", url, "--format", "png", "--out", out
    )
    assert not out.parent.exists()


@pytest.mark.parametrize(("write", "name"), [(write_npz, "f.npz"), (write_h5, "f.h5")])
def test_images_pass_one_batch_at_a_time(tmp_path, write, name):
    batch, batches = np.zeros((20, 64, 64), np.uint8), 1000
    count = batches * len(batch)
    none = np.zeros(count, np.int64)
    selection = SimpleNamespace(
        count=count,
        store=SimpleNamespace(spec=SimpleNamespace(frame_shape=(64, 64), factors=())),
        table=lambda: SimpleNamespace(factors=None, identity=none, active=none, batch=none, split=none),
        images=lambda: (batch for _ in range(batches)),
        metadata=lambda: "{}",
    )
    told = []
    tracemalloc.start()
    write(selection, tmp_path / name, told.append)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(told) == count
    assert peak < 10_000_000 < batch.nbytes * batches / 8
