"""import-batches: the chairs' tree, the authors' tensors, and folders with a table; whole, damaged and hostile."""

import csv
import json
import math
import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset import open_store
from dataset.shards import missing_shards, shard_file
from pipelines.interchange.images import fit, grey, read_image
from pipelines.interchange.source import ImageFormat, SourceError
from pipelines.interchange.table import read_table
from train.runs.trained_run import load_run

STEPS = [math.floor(k * 360 / 31) for k in range(1, 32)]
SMALL = ("--size", 16)


def plain(url):
    """A store as zarr alone reads it."""
    return zarr.open_group(str(url), mode="r")


# --- the chairs ---


def shade(chair, elevation, azimuth):
    """The grey level of a toy picture's middle: it says which picture it is."""
    return 20 + 24 * chair + 2 * (azimuth % 10) + (elevation == 30)


def draw_chair(folder, chair, views=31):
    """62 pictures of 30 x 30: a plain middle of 20 x 20, and a rim that is to be cut off."""
    (folder / "renders").mkdir(parents=True)
    for offset, elevation in ((0, 20), (32, 30)):
        for k, azimuth in enumerate(STEPS[:views]):
            pixels = np.zeros((30, 30, 3), np.uint8)
            pixels[5:25, 5:25] = shade(chair, elevation, azimuth)
            name = f"image_{k + 1 + offset:03d}_p{elevation:03d}_t{azimuth:03d}_r096.png"
            Image.fromarray(pixels).save(folder / "renders" / name)


def chair_id(chair):
    return f"{chair:032x}"


@pytest.fixture(scope="module")
def chairs(tmp_path_factory):
    """Eight chairs: 2 has a grey picture, 3 a transparent one, 6 lacks a view, 7 has one that was cut short."""
    root = tmp_path_factory.mktemp("aubry") / "rendered_chairs"
    for chair in range(8):
        draw_chair(root / chair_id(chair), chair)
    (root / "all_chair_names.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    (root / chair_id(0) / "renders/Thumbs.db").write_bytes(b"x")
    one = [sorted((root / chair_id(chair) / "renders").glob("*.png"))[4] for chair in range(8)]
    with Image.open(one[2]) as image:
        image.convert("L").save(one[2])
    Image.new("RGBA", (30, 30), (0, 0, 0, 0)).save(one[3])
    one[6].unlink()
    one[7].write_bytes(one[7].read_bytes()[:-20])
    return root


@pytest.fixture(scope="module")
def chair_store(chairs, tmp_path_factory):
    from pipelines.console.cli import load

    url = tmp_path_factory.mktemp("store") / "chairs.zarr"
    words = [chairs.parent, "--store", url, "--size", 48, "--batch-size", 5, "--test-fraction", 0.4]
    load("import-batches").main([str(word) for word in words], standalone_mode=False)
    return url


def test_chairs_that_are_not_whole_are_named_and_left_out(dcign, chairs, chair_store):
    said = dcign("import-batches", chairs, "--store", chair_store)
    assert said.code == 0, said.err
    assert f"{chairs}: layout aubry" in said.err
    assert "nothing to import" in said.out
    assert f"chair {chair_id(6)} is left out: 1 of 62 views are missing" in said.out
    assert f"chair {chair_id(7)} is left out: " in said.out
    names = open_store(chair_store).spec.source["names"]
    assert names == [chair_id(chair) for chair in range(6)]


def test_the_labels_of_a_chair_are_those_of_its_file_name(chair_store):
    root, seen = plain(chair_store), 0
    for split in ("train", "test"):
        for group in root[split]:
            for images, factors, identity in zip(
                *(root[f"{split}/{group}/{n}"][:] for n in ("image", "factors", "identity")), strict=True
            ):
                for image, (azimuth, elevation), chair in zip(images, factors, identity, strict=True):
                    transparent = (chair, elevation, azimuth) == (3, 20, STEPS[4])
                    assert (image == (255 if transparent else shade(chair, elevation, azimuth))).all()
                    seen += 1
    assert seen == sum(root[f"{s}/{g}/identity"].size for s in ("train", "test") for g in root[s])


def test_batches_of_chairs_vary_one_factor(chair_store):
    root, splits = plain(chair_store), {}
    for split in ("train", "test"):
        azimuth, identity = (root[f"{split}/azimuth/{name}"][:] for name in ("factors", "identity"))
        assert (identity == identity[:, :1]).all()
        assert (azimuth[..., 1] == azimuth[:, :1, 1]).all()
        assert all(len(set(batch)) == 5 for batch in azimuth[..., 0])
        # each chair at each elevation, once
        shown = [(who[0], pose[0, 1]) for who, pose in zip(identity, azimuth, strict=True)]
        assert len(set(shown)) == len(shown) == 2 * len(set(identity[:, 0]))
        splits[split] = set(identity[:, 0])
    assert splits["train"] | splits["test"] == set(range(6))
    assert splits["train"].isdisjoint(splits["test"])
    factors, identity = (root[f"train/intrinsic/{name}"][:] for name in ("factors", "identity"))
    assert (factors[..., 0] == factors[:, :1, 0]).all()
    assert {20, 30} == set(factors[..., 1].ravel())
    pictures = np.stack([identity, factors[..., 0], factors[..., 1]], axis=-1).reshape(-1, 3)
    assert len(np.unique(pictures, axis=0)) == len(pictures)


def test_the_store_records_its_conventions_and_is_sound(dcign, chair_store):
    attributes = json.loads((chair_store / "zarr.json").read_text())["attributes"]
    assert attributes["varied"] == ["azimuth", "intrinsic"]
    assert attributes["factors"][0]["period"] == 360
    assert "recorded as it stands" in attributes["source"]["conventions"]
    said = dcign("verify-store", chair_store)
    assert said.code == 0, said
    assert "no image was rendered again" in said.out
    assert "imported from the layout aubry" in dcign("dcign-doctor", "--store", chair_store).out


def test_a_chair_stays_in_its_split_whatever_others_there_are(dcign, chairs, tmp_path):
    def test_chairs(url):
        return {names[k] for k in np.unique(plain(url)["test/azimuth/identity"][:])}

    words = ("--batch-size", 3, "--test-fraction", 0.5, *SMALL)
    found = []
    for name, members in (("some", range(4)), ("more", range(6))):
        for chair in members:
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / chair_id(chair)).symlink_to(chairs / chair_id(chair))
        assert dcign("import-batches", tmp_path / name, "--store", tmp_path / f"{name}.zarr", *words).code == 0
        names = open_store(tmp_path / f"{name}.zarr").spec.source["names"]
        found.append(test_chairs(tmp_path / f"{name}.zarr"))
    assert found[0] == found[1] & {chair_id(k) for k in range(4)}


def test_a_net_trains_on_chairs_and_no_command_draws_into_them(dcign, refused, chair_store, tmp_path):
    tiny = ("--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 2)
    said = dcign("train-dcign", "--store", chair_store, "--run", tmp_path / "run", *tiny)
    assert said.code == 0, said.err
    assert load_run(tmp_path / "run").layout.to_json() == {"azimuth": 1, "intrinsic": 7}
    assert "render-sweeps" not in said.out
    assert dcign("preview-store", chair_store, "--out", tmp_path / "sheet.png").code == 0
    for words in (
        ("render-batches", "--store", chair_store, "--factor", "azimuth", "--n", 500),
        ("render-sweeps", "--store", tmp_path / "s", "--like", chair_store),
    ):
        assert "imported images: nothing can be rendered" in refused(*words)
    wrong = refused("train-dcign", "--store", chair_store, "--run", tmp_path / "r", "--factors", "elevation")
    assert "no factor elevation; it has azimuth, intrinsic" in wrong


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--batch-size", 32), 1, "has 2 complete chairs with 62 views each, too few for a batch of 32 images"),
        (("--test-fraction", 1.5), 2, "--test-fraction"),
        (("--format", "torch7"), 1, "has no known layout"),
    ],
)
def test_impossible_imports_make_no_store(refused, chairs, tmp_path, words, code, message):
    for chair in range(2):
        (tmp_path / "two" / chair_id(chair)).parent.mkdir(exist_ok=True)
        (tmp_path / "two" / chair_id(chair)).symlink_to(chairs / chair_id(chair))
    assert message in refused("import-batches", tmp_path / "two", "--store", tmp_path / "s", *words, code=code)
    assert not (tmp_path / "s").exists()


def test_a_tree_without_a_whole_chair_is_one_line(refused, tmp_path):
    (tmp_path / "a/renders").mkdir(parents=True)
    assert "has no complete chair: of 1, " in refused("import-batches", tmp_path, "--store", tmp_path / "s")
    draw_chair(tmp_path / "b", 1, views=2)
    for picture in (tmp_path / "b/renders").iterdir():
        picture.write_bytes(b"")
    assert "has no complete chair: of 2, " in refused("import-batches", tmp_path, "--store", tmp_path / "s")


# --- the authors' tensors ---


def write_t7(path, array):
    """As torch.save writes a contiguous FloatTensor."""

    def opened(index, name):
        return struct.pack("<iii3si", 4, index, 3, b"V 1", len(name)) + name

    strides = [math.prod(array.shape[k + 1 :]) for k in range(array.ndim)]
    sizes = struct.pack(f"<i{2 * array.ndim + 1}q", array.ndim, *array.shape, *strides, 1)
    data = struct.pack("<q", array.size) + array.astype("<f4").tobytes()
    path.write_bytes(opened(1, b"torch.FloatTensor") + sizes + opened(2, b"torch.FloatStorage") + data)


def levels(group, split, number):
    """(4, 1, 16, 16) bytes of a toy batch."""
    start = {"AZ": 0, "EL": 50, "LIGHT_AZ": 100, "SHAPE": 150}[group] + 20 * (split == "FT_test") + number
    return np.broadcast_to(np.arange(start, start + 4, dtype=np.uint8)[:, None, None, None], (4, 1, 16, 16))


@pytest.fixture
def tensors(tmp_path):
    """Twelve training and two test batches of each; names that do not sort as their numbers do."""
    root = tmp_path / "dcign_facedataset"
    for group in ("AZ", "EL", "LIGHT_AZ", "SHAPE"):
        for split, count in (("FT_training", 12), ("FT_test", 2)):
            folder = root / f"th_{group}_VARIED" / split
            folder.mkdir(parents=True)
            for number in range(1, count + 1):
                write_t7(folder / f"batch{number}", levels(group, split, number) / np.float32(255))
    (root / "th_AZ_VARIED/FT_training/.DS_Store").write_bytes(b"x")
    return root


def test_the_authors_batches_come_in_their_order_and_nothing_is_made_up(dcign, tensors, tmp_path):
    said = dcign("import-batches", tensors.parent, "--store", tmp_path / "s", *SMALL, "--json")
    assert said.code == 0, said.err
    assert "layout torch7" in said.err
    summary = json.loads(said.out)
    assert summary["batches"]["train"] == dict.fromkeys(("azimuth", "elevation", "light", "intrinsic"), 12)
    assert summary["notes"] == []
    root = plain(tmp_path / "s")
    names = {"AZ": "azimuth", "EL": "elevation", "LIGHT_AZ": "light", "SHAPE": "intrinsic"}
    for group, name in names.items():
        for split, folder, count in (("train", "FT_training", 12), ("test", "FT_test", 2)):
            assert set(root[f"{split}/{name}"]) == {"image", "digest"}
            expected = np.stack([levels(group, folder, k)[:, 0] for k in range(1, count + 1)])
            np.testing.assert_array_equal(root[f"{split}/{name}/image"][:], expected)
    assert dcign("verify-store", tmp_path / "s").code == 0
    batch = open_store(tmp_path / "s").read("test", "light", 1)
    assert set(batch) == {"image"}


def test_black_frames_are_counted_and_damaged_files_left_out(dcign, tensors, tmp_path):
    folder = tensors / "th_EL_VARIED/FT_training"
    dark = (levels("EL", "FT_training", 3) / np.float32(255)).copy()
    dark[1:3] = 0
    write_t7(folder / "batch3", dark)
    (folder / "batch5").write_bytes((folder / "batch5").read_bytes()[:-7])
    write_t7(folder / "batch6", np.zeros((3, 1, 16, 16), np.float32))
    (folder / "batch7").write_text("#!/bin/sh\ntouch pwned\n")
    said = dcign("import-batches", tensors, "--store", tmp_path / "s", *SMALL)
    assert said.code == 0, said.err
    assert "train/elevation: 9 batches of 4 images" in said.out
    assert "note: train/elevation: 2 of 36 images are black" in said.out
    assert "batch5 is left out: " in said.out
    assert "cut short" in said.out
    assert "batch6 is left out: it has the shape (3, 1, 16, 16), most have (4, 1, 16, 16)" in said.out
    assert "batch7 is left out: " in said.out


def test_a_net_trains_where_no_angle_is_known(dcign, refused, tensors, tmp_path):
    assert dcign("import-batches", tensors, "--store", tmp_path / "s", "--size", 48).code == 0
    tiny = ("--store", tmp_path / "s", "--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 3)
    said = dcign("train-dcign", "--run", tmp_path / "run", *tiny)
    assert said.code == 0, said.err
    wrong = refused("train-dcign", "--run", tmp_path / "r", "--objective", "supervised", *tiny)
    assert "needs the true values" in wrong
    wrong = refused("train-dcign", "--run", tmp_path / "r2", "--label-fraction", 1, *tiny)
    assert "a label_fraction of 1 needs the true values of the factors, and batch 0 of azimuth has none" in wrong
    assert not (tmp_path / "r2").exists()


@pytest.mark.parametrize("wrong", [-0.01, 1.01, math.nan, math.inf])
def test_numbers_that_are_no_grey_values_are_refused(refused, tensors, tmp_path, wrong):
    bad = np.full((4, 1, 16, 16), 0.5, np.float32)
    bad[2, 0, 3, 3] = wrong
    write_t7(tensors / "th_AZ_VARIED/FT_test/batch1", bad)
    said = refused("import-batches", tensors, "--store", tmp_path / "s", *SMALL)
    assert "FT_test/batch1 has values outside 0 to 1" in said


def test_two_folders_for_one_factor_are_named(refused, tensors, tmp_path):
    (tensors / "old_AZ_VARIED/FT_test").mkdir(parents=True)
    assert "both hold batches of azimuth" in refused("import-batches", tensors, "--store", tmp_path / "s")


# --- a folder with a table ---


def write_table(path, rows, header=None):
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header or rows[0].keys())
        table.writerows([row.values() if isinstance(row, dict) else row for row in rows])


def picture(folder, name, level, size=(16, 16)):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, level).save(path)
    return name


@pytest.fixture
def photos(tmp_path):
    """Six identities at four azimuths and two elevations each; the level of a picture says who and where."""
    folder, rows = tmp_path / "photos", []
    for person in range(6):
        for azimuth in range(4):
            for elevation in (0, 10):
                level = 40 * person + 4 * azimuth + elevation // 5
                name = picture(folder, f"faces/{person}-{azimuth}-{elevation}.png", level)
                shown = {"azimuth": 15.5 * azimuth, "elevation": elevation, "identity": person}
                rows.append({"file": name} | shown)
    write_table(folder / "labels.csv", rows)
    return folder


def test_batches_are_formed_of_images_that_differ_in_one_factor_only(dcign, photos, tmp_path):
    url = tmp_path / "s"
    said = dcign("import-batches", photos, "--store", url, *SMALL, "--batch-size", 2, "--json")
    assert said.code == 0, said.err
    # 12 rings of 4, 24 pairs of 2, and 8 poses with six identities
    assert json.loads(said.out)["batches"]["train"] == {"azimuth": 24, "elevation": 24, "intrinsic": 24}
    assert dcign("verify-store", url).code == 0
    root = plain(url)
    for group in ("azimuth", "elevation", "intrinsic"):
        image, factors, identity = (root[f"train/{group}/{n}"][:] for n in ("image", "factors", "identity"))
        expected = 40 * identity + 4 * factors[..., 0] / 15.5 + factors[..., 1] / 5
        np.testing.assert_array_equal(image[..., 0, 0], expected)
        moves = {
            "azimuth": factors[:, 0, 0] != factors[:, 1, 0],
            "elevation": factors[:, 0, 1] != factors[:, 1, 1],
            "intrinsic": identity[:, 0] != identity[:, 1],
        }
        assert {name: bool(moved.all()) for name, moved in moves.items() if moved.any()} == {group: True}


def test_pictures_without_a_place_in_a_batch_are_counted(dcign, photos, tmp_path):
    said = dcign("import-batches", photos, "--store", tmp_path / "s", *SMALL, "--batch-size", 4)
    assert "train/intrinsic: 8 batches of 4 images" in said.out
    rows = list(csv.DictReader((photos / "labels.csv").read_text().splitlines()))
    rows.append({"file": rows[0]["file"].replace("faces/", "faces/x"), "azimuth": 99, "elevation": 99, "identity": 77})
    picture(photos, rows[-1]["file"], 3)
    write_table(photos / "labels.csv", rows)
    said = dcign("import-batches", photos, "--store", tmp_path / "t", *SMALL, "--batch-size", 4)
    assert "note: 1 pictures are in no batch" in said.out


def test_pictures_of_which_nothing_is_known_are_intrinsic(dcign, tmp_path):
    write_table(tmp_path / "all.csv", [{"file": picture(tmp_path, f"{k}.png", k)} for k in range(7)])
    assert dcign("import-batches", tmp_path / "all.csv", "--store", tmp_path / "s", *SMALL, "--batch-size", 3).code == 0
    root = plain(tmp_path / "s")
    assert set(root["train"]) == {"intrinsic"}
    assert root["train/intrinsic/image"].shape == (2, 3, 16, 16)
    assert len(np.unique(root["train/intrinsic/image"][..., 0, 0])) == 6


def test_named_identities_get_numbers_and_keep_their_names(dcign, refused, tmp_path):
    names = ["zoë", "ada", "bob, jr", "ada"]
    rows = [
        {"file": picture(tmp_path, f"{k}.png", k), "azimuth": k // 2, "identity": name, "split": "test"}
        for k, name in enumerate(names)
    ]
    rows[1]["azimuth"] = rows[2]["azimuth"] = 0
    write_table(tmp_path / "t.csv", rows)
    said = dcign("import-batches", tmp_path, "--store", tmp_path / "s", *SMALL, "--batch-size", 2)
    assert said.code == 0, said.err
    assert open_store(tmp_path / "s").spec.source["names"] == ["ada", "bob, jr", "zoë"]
    assert plain(tmp_path / "s")["test/azimuth/identity"][:].tolist() == [[0, 0]]
    dcign("export-batches", "--store", tmp_path / "s", "--format", "png", "--out", tmp_path / "out")
    assert dcign("import-batches", tmp_path / "out", "--store", tmp_path / "again", *SMALL).code == 0
    assert open_store(tmp_path / "again").spec.source["names"] == ["ada", "bob, jr", "zoë"]
    rows[1]["split"] = "train"
    write_table(tmp_path / "t.csv", rows)
    said = refused("import-batches", tmp_path, "--store", tmp_path / "t", *SMALL, "--batch-size", 2)
    assert "'ada' is in test and in train; an identity belongs to one split" in said


def test_numbers_of_identities_count_within_a_split_and_a_note_says_so(dcign, photos, tmp_path):
    rows = list(csv.DictReader((photos / "labels.csv").read_text().splitlines()))
    write_table(photos / "labels.csv", [row | {"split": "test" if row["elevation"] == "10" else ""} for row in rows])
    said = dcign("import-batches", photos, "--store", tmp_path / "s", *SMALL, "--batch-size", 2)
    assert "test/azimuth: 12 batches" in said.out
    assert "note: 6 numbers of identities are in several splits, and count as different identities in each" in said.out


def rows_of_two_batches():
    return [
        {"file": "a.png", "batch": batch, "active": "azimuth", "azimuth": azimuth, "elevation": 3, "identity": batch}
        for batch in (0, 1)
        for azimuth in (10, 20)
    ]


def changed(row, **cells):
    rows = rows_of_two_batches()
    rows[row] |= cells
    return rows


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(1, file="b.png"), "line 3: there is no picture"),
        (changed(1, file=""), "line 3: '' is outside"),
        (changed(1, file="../secret.png"), "line 3: '../secret.png' is outside"),
        (changed(1, file="/etc/passwd"), "is outside"),
        (changed(1, file="way/secret.png"), "'way/secret.png' is outside"),
        (changed(1, file="."), "there is no picture"),
        (changed(1, file="a\0b"), "line 3"),
        (changed(2, azimuth="nan"), "line 4: azimuth is 'nan', not a number"),
        (changed(2, azimuth="inf"), "not a number"),
        (changed(2, azimuth="1e39"), "not a number"),
        (changed(2, azimuth="left"), "not a number"),
        (changed(2, azimuth=""), "not a number"),
        (changed(2, active="gender"), "line 4: 'gender' is active, but there is no column of this name"),
        (changed(2, active=""), "line 4: active is empty"),
        (changed(2, identity=""), "line 4: expected a number or a name as identity, not ''"),
        (changed(2, elevation=4), "batch '1' of azimuth in train: elevation varies too, from 3 to 4"),
        (changed(2, identity=7), "the identity varies too"),
        (changed(2, batch=2), "batches of azimuth have 1, 2 images; expected 2 or more, and the same number in each"),
        (changed(0, file="broken.png"), "cannot be read as a picture"),
        (changed(0, file="large.png"), "has 9000 x 9000 pixels, more than 64,000,000"),
        (changed(0, file="huge.png"), "has more than 64,000,000 pixels"),
        (changed(0, file="script.png"), "cannot be read as a picture"),
        (changed(0, file="deep.pgm"), "has 32-bit values, and which value is white is unknown"),
        (changed(0, file="scan.tif"), "cannot be read as a picture"),
        ([{"file": "a.png", "split": "tset"}], "expected a split of train, val, test, not 'tset'"),
        ([{"file": "a.png", "azimuth": 1}] * 2, "lines 2 and 3 have the same values. Add a column identity"),
        ([{"file": "a.png", "azimuth": 1}], "no 20 images differ in one factor only; at most 0 do"),
    ],
)
def test_rows_that_cannot_be_used_are_named_by_their_line(refused, tmp_path, rows, message):
    folder = tmp_path / "in"
    picture(folder, "a.png", 9)
    picture(tmp_path, "secret.png", 1)
    (folder / "way").symlink_to(tmp_path)
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:-15])
    for name, side in (("large.png", 9000), ("huge.png", 60_000)):
        chunks = {
            b"IHDR": struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0),
            b"IDAT": zlib.compress(b"x"),
            b"IEND": b"",
        }
        packed = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks.items()]
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    (folder / "script.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(pwned) (w) file\n")
    (folder / "deep.pgm").write_bytes(b"P5 2 2 65535\n" + b"ab" * 4)
    Image.new("L", (4, 4)).save(folder / "scan.tif")
    write_table(folder / "t.csv", rows)
    said = refused("import-batches", folder, "--store", tmp_path / "s", *SMALL)
    assert message in said
    assert len(said.splitlines()) == 2  # what was recognised, and what is wrong
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "has no column file"),
        (b"azimuth\n1\n", "has no column file"),
        (b"file,azimuth\n", "a header and no rows"),
        (b"file,azimuth,azimuth\na.png,1,2\n", "two columns called 'azimuth'"),
        (b"file,\na.png,1\n", "cannot be the name of a factor"),
        (b"file,../x\na.png,1\n", "cannot be the name of a factor"),
        (b"file,age (years)\na.png,1\n", "column 'age (years)': 'age (years)' cannot be the name"),
        (b"file,intrinsic\na.png,1\n", "rename it"),
        (b"file,batch\na.png,1\n", "both of the columns batch and active, or neither"),
        (b"file,azimuth\na.png\n", "line 2 has 1 cells; the header has 2"),
        (b"file,azimuth\na.png,1,2\n", "line 2 has 3 cells"),
        (b"file,azimuth\n\xff\xfe,1\n", "is not UTF-8"),
        (b'file,azimuth\n"a.png,1\n', "cannot be read as a CSV file"),
        (b"file\n" + b"a" * 200_000 + b"\n", "cannot be read as a CSV file"),
    ],
)
def test_tables_that_are_none_are_one_line(refused, tmp_path, text, message):
    picture(tmp_path, "a.png", 9)
    (tmp_path / "t.csv").write_bytes(text)
    assert message in refused("import-batches", tmp_path / "t.csv", "--store", tmp_path / "s", *SMALL)
    assert not (tmp_path / "s").exists()


def test_what_is_nowhere_or_no_layout_is_one_line(refused, tmp_path):
    words = ("--store", tmp_path / "s")
    assert f"there is no {tmp_path / 'nowhere'}" in refused("import-batches", tmp_path / "nowhere", *words)
    assert "has no known layout" in refused("import-batches", tmp_path, *words)
    (tmp_path / "rendered_chairs.tar").write_bytes(b"x")
    said = refused("import-batches", tmp_path / "rendered_chairs.tar", *words)
    assert "is an archive; unpack it" in said


def test_an_option_without_effect_is_bad_usage(refused, photos, tmp_path):
    words = ("import-batches", photos, "--store", tmp_path / "s", "--test-fraction", 0.5, "--batch-size", 2)
    assert "--test-fraction has no effect on this source (csv)" in refused(*words, code=2)
    assert not (tmp_path / "s").exists()


# --- pictures ---


def test_scaling_keeps_levels_and_draws_no_rims():
    ramp = np.tile(np.linspace(0, 255, 400), (400, 1))
    small = fit(Image.fromarray(ramp.round().astype(np.uint8)), ImageFormat(150, "grey"))
    exact = np.linspace(0, 255, 400 * 3).reshape(150, 8).mean(axis=1)  # each pixel's own area
    assert np.abs(small[0, 2:-2] - exact[2:-2]).max() < 1.5
    edge = np.where(np.arange(400) < 203, 40, 255).astype(np.uint8)
    step = fit(Image.fromarray(np.tile(edge, (400, 1))), ImageFormat(150, "grey"))[0]
    assert (np.diff(step.astype(int)) >= 0).all()
    assert (step[0], step[-1]) == (40, 255)


def test_pictures_of_every_kind_become_what_they_show(dcign, tmp_path):
    colour = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    Image.fromarray(colour).save(tmp_path / "a.png")
    Image.fromarray(colour).quantize(4).save(tmp_path / "b.gif")
    Image.fromarray(np.dstack([colour, np.zeros((20, 30), np.uint8)])).save(tmp_path / "c.png")
    Image.fromarray(np.full((20, 30), 65535 * 3 // 4, np.uint16)).save(tmp_path / "d.png")
    rows = [{"file": name, "batch": 0, "active": "intrinsic"} for name in ("a.png", "b.gif", "c.png", "d.png")]
    write_table(tmp_path / "t.csv", rows)
    for color, expected in (("grey", [118, 118, 255, 191]), ("rgb", [[200, 100, 50]] * 2 + [[255] * 3, [191] * 3])):
        url = tmp_path / color
        assert dcign("import-batches", tmp_path, "--store", url, *SMALL, "--color", color).code == 0
        image = plain(url)["train/intrinsic/image"][0]
        assert (image == image[:, :1, :1]).all()
        assert np.abs(image[:, 0, 0].astype(int) - np.array(expected)).max() <= 1
    assert grey(np.array([200, 100, 50], np.uint8)) == 118


# --- again ---


def command(source, url):
    words = ["import-batches", source, "--store", url, "--size", 200, "--color", "rgb", "--batch-size", 5]
    return [sys.executable, "-m", "pipelines", *map(str, words), "--workers", "1"]


ONE_SHARD = """
import sys, time
from dataset.shards import write_shard
from pipelines.console.cli import main
from pipelines.interchange import importing

written = []

def one(store, split, group, shard, arrays, check_cancelled):
    while written:  # every later shard waits for the blow, or a fast import could be over before it
        check_cancelled()
        time.sleep(0.01)
    write_shard(store, split, group, shard, arrays, check_cancelled)
    written.append(shard)

importing.write_shard = one
main()
"""


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_an_import_that_was_stopped_is_finished_by_the_same_command(chairs, tmp_path, array_files, blow):
    stopped, straight = tmp_path / "stopped.zarr", tmp_path / "straight.zarr"
    words = [sys.executable, "-c", ONE_SHARD, *command(chairs, stopped)[3:]]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(stopped.glob("train/*/digest/c/*")) and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)  # waiting for another process, not for a clock
    process.send_signal(blow)
    said = process.communicate(timeout=60)[1]
    if blow == signal.SIGINT:
        assert process.returncode == 1
        assert "run the same command to resume" in said
        assert "Traceback" not in said
    half = open_store(stopped)
    assert any(missing_shards(half, split, group) for split in ("train", "test") for group in half.factors(split))
    for url in (stopped, straight):
        subprocess.run(command(chairs, url), check=True, capture_output=True)
    assert array_files(stopped) == array_files(straight)


def test_workers_change_no_byte(dcign, photos, tmp_path, array_files):
    for workers in (1, 3):
        words = ("--batch-size", 2, "--workers", workers, *SMALL)
        assert dcign("import-batches", photos, "--store", tmp_path / str(workers), *words).code == 0
    assert array_files(tmp_path / "1") == array_files(tmp_path / "3")


def test_another_source_or_another_setting_is_refused(dcign, refused, photos, chairs, toy, tmp_path, array_files):
    url = tmp_path / "s"
    words = ("import-batches", photos, "--store", url)
    assert dcign(*words, *SMALL, "--batch-size", 2).code == 0
    before = array_files(url)
    assert "nothing to import" in dcign(*words).out
    assert "has size 16, and 32 was given" in refused(*words, "--size", 32)
    assert "has batch_size 2, and 4 was given" in refused(*words, "--batch-size", 4)
    assert "holds images of the layout csv" in refused("import-batches", chairs, "--store", url)
    (photos / "labels.csv").write_text((photos / "labels.csv").read_text().replace("15.5", "15.25"))
    assert "differs from the source that" in refused(*words)
    assert array_files(url) == before
    assert "holds rendered images" in refused("import-batches", photos, "--store", toy / "faces.zarr")


@pytest.mark.parametrize("name", ["image", "factors", "identity", "digest"])
def test_verify_finds_damage_and_the_import_fixes_it(dcign, refused, photos, tmp_path, array_files, name):
    url = tmp_path / "s"
    words = ("import-batches", photos, "--store", url)
    dcign(*words, *SMALL, "--batch-size", 2)
    before, store = array_files(url), open_store(url)
    harmed = Path(store.files.path(shard_file(store, "train", "azimuth", name, 0)))
    data = bytearray(harmed.read_bytes())
    data[len(data) // 3] ^= 4
    harmed.write_bytes(bytes(data))
    said = dcign("verify-store", url)
    assert said.code == 1
    assert "train/azimuth shard 0: " in said.out
    assert f"import-batches SOURCE --store {url} brings them back" in refused("verify-store", url, "--repair")
    assert dcign(*words).code == 0
    assert array_files(url) == before


def test_a_store_may_be_anywhere(dcign, photos):
    said = dcign("import-batches", photos, "--store", "memory://far/photos.zarr", *SMALL, "--batch-size", 2)
    assert said.code == 0, said.err
    assert open_store("memory://far/photos.zarr").batches("train", "azimuth") == 24


# --- anything at all ---


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_mutated_tables_and_pictures_are_read_or_refused(tmp_path, data):
    """One line of our own, or what the bytes say; never another exception."""
    if not (tmp_path / "a.png").exists():
        for kind in ("PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP"):
            Image.fromarray((np.arange(1200) * 7 % 256).astype(np.uint8).reshape(20, 20, 3)).save(
                tmp_path / f"whole.{kind}", kind
            )
        picture(tmp_path, "a.png", 7)
    kind = data.draw(st.sampled_from(["csv", "PNG", "JPEG", "GIF", "BMP", "PPM", "WEBP"]))
    whole = "file,azimuth,identity,split\n" + "".join(f"a.png,{k}.5,{k},train\n" for k in range(4))
    harmed = bytearray(whole.encode() if kind == "csv" else (tmp_path / f"whole.{kind}").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        harmed[data.draw(st.integers(0, len(harmed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "harmed"
    path.write_bytes(harmed[: data.draw(st.integers(0, len(harmed)))])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            said = read_table(path) if kind == "csv" else read_image(path, ImageFormat(8, "grey"))
    except SourceError as error:
        said = str(error)
    assert "\n" not in said if isinstance(said, str) else said is not None
