"""Stores on disk: whole shards, digests, growth, and everything that can be in the way."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import zarr

from dataset import StoreError, StoreSpec, create_store, open_store, store_digest
from dataset.errors import BatchIndexError
from dataset.layout import ArrayDigest
from dataset.shards import missing_shards, shard_file, write_shard
from dataset.spec import shard_batches


def files_of(store):
    """Every file under a store with its hash, read without zarr."""
    root = Path(store.files.root)
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()
    }


def test_what_was_written_is_read_back_by_plain_zarr(store, shard_values):
    root = zarr.open_group(store.files.root, mode="r")
    for group in store.spec.batch_factors:
        expected = shard_values(store, "train", group, 1)
        for name, values in expected.items():
            np.testing.assert_array_equal(root[f"train/{group}/{name}"][5:7], values)
    assert root.attrs["format"] == "dcign-batches"
    assert root["train/azimuth/image"].shards == (5, 4, 8, 8)
    assert root["train/azimuth/image"].chunks == (1, 4, 8, 8)


def test_read_gives_one_batch(store, shard_values):
    batch = open_store(store.url).read("train", "light", 6)
    expected = shard_values(store, "train", "light", 1)
    np.testing.assert_array_equal(batch["image"], expected["image"][1])
    np.testing.assert_array_equal(batch["factors"], expected["factors"][1])
    np.testing.assert_array_equal(batch["identity"], expected["identity"][1])


@pytest.mark.parametrize("index", [-1, 7])
def test_a_batch_beyond_the_end_is_refused(store, index):
    with pytest.raises(StoreError, match=rf"light batches 0 to 6 in train; {index} was asked for"):
        store.read("train", "light", index)


def test_a_store_grown_in_steps_is_the_store_made_at_once(tmp_path, spec, fill):
    once, grown = (create_store(str(tmp_path / name), spec) for name in ("once", "grown"))
    once.ensure("train", "azimuth", 17)
    fill(once, factors=["azimuth"])
    for batches in (3, 7, 12, 17):
        grown.ensure("train", "azimuth", batches)
        fill(grown, factors=["azimuth"])
    assert files_of(grown) == files_of(once)
    assert store_digest(grown) == store_digest(once)


def test_growing_leaves_the_partly_filled_shard_incomplete(store):
    assert missing_shards(store, "train", "azimuth") == []
    store.ensure("train", "azimuth", 9)
    assert missing_shards(store, "train", "azimuth") == [1]
    store.ensure("train", "azimuth", 2)
    assert store.batches("train", "azimuth") == 9


def test_an_all_black_shard_is_complete(tmp_path, make_spec, shard_values):
    store = create_store(str(tmp_path / "black"), make_spec())
    store.ensure("train", "azimuth", 5)
    black = {k: np.zeros_like(v) for k, v in shard_values(store, "train", "azimuth", 0).items()}
    write_shard(store, "train", "azimuth", 0, black)
    assert missing_shards(store, "train", "azimuth") == []
    assert not open_store(store.url).read("train", "azimuth", 0)["image"].any()


@pytest.mark.parametrize("name", ["image", "mask", "factors", "identity", "coefficients/shape", "digest"])
@pytest.mark.parametrize("harm", ["remove", "empty", "cut"])
def test_a_shard_with_any_file_gone_or_short_is_incomplete(store, name, harm):
    path = Path(store.files.path(shard_file(store, "train", "azimuth", name, 1)))
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(b"" if harm == "empty" else path.read_bytes()[:-3])
    assert missing_shards(open_store(store.url), "train", "azimuth") == [1]
    with pytest.raises(StoreError, match="not complete: azimuth shard 1 of train is missing"):
        store_digest(open_store(store.url))


def test_writing_a_shard_anew_mends_it(store, shard_values):
    before = files_of(store)
    path = Path(store.files.path(shard_file(store, "train", "azimuth", "image", 0)))
    path.write_bytes(b"broken")
    write_shard(store, "train", "azimuth", 0, shard_values(store, "train", "azimuth", 0))
    assert files_of(store) == before


def test_the_digest_names_hash_and_size_of_every_file(store, shard_values):
    values = shard_values(store, "train", "azimuth", 0)
    for name, digest in zip(
        store.array("train", "azimuth", "digest").attrs["arrays"], store.digests("train", "azimuth", 0), strict=True
    ):
        data = Path(store.files.path(shard_file(store, "train", "azimuth", name, 0))).read_bytes()
        assert (digest.file, digest.size, digest.batches) == (hashlib.sha256(data).digest(), len(data), 5)
        assert digest.content == hashlib.sha256(np.ascontiguousarray(values[name]).tobytes()).digest()
        assert ArrayDigest.unpack(digest.pack()) == digest


def test_a_model_under_another_name_gives_the_same_digest(tmp_path, make_spec, fill):
    digests = set()
    for name in ("here", "there"):
        model = {**make_spec().model, "name": name}
        store = create_store(str(tmp_path / name), make_spec(model=model))
        store.ensure("train", "azimuth", 2)
        fill(store, "train", ["azimuth"])
        digests.add(store_digest(store))
    assert len(digests) == 1


def test_the_store_digest_moves_with_content_and_settings(tmp_path, store, make_spec, fill, shard_values):
    seen = {store_digest(store)}
    other = create_store(str(tmp_path / "other"), make_spec(seed=8))
    for group in other.spec.batch_factors:
        other.ensure("train", group, 7)
    fill(other)
    seen.add(store_digest(other))
    values = shard_values(store, "train", "light", 1)
    values["image"][0, 0, 0, 0] ^= 1
    write_shard(store, "train", "light", 1, values)
    seen.add(store_digest(store))
    assert len(seen) == 3


@pytest.mark.parametrize("spoil", ["missing", "shape", "dtype"])
def test_write_shard_refuses_arrays_that_do_not_fit(store, shard_values, spoil):
    before, values = files_of(store), shard_values(store, "train", "azimuth", 0)
    if spoil == "missing":
        del values["mask"]
    else:
        values["mask"] = values["mask"][:3] if spoil == "shape" else values["mask"].astype(np.float32)
    with pytest.raises(ValueError, match="shard 0 needs mask as"):
        write_shard(store, "train", "azimuth", 0, values)
    assert files_of(store) == before


def test_attributes_round_trip(store):
    assert StoreSpec.from_attributes(store.spec.to_attributes(), "here") == store.spec
    assert open_store(store.url).spec == store.spec


def test_no_store_is_one_line(tmp_path):
    with pytest.raises(StoreError, match="there is no store at"):
        open_store(tmp_path / "nothing.zarr")


def test_other_zarr_groups_and_versions_are_refused(tmp_path, store):
    zarr.create_group(tmp_path / "foreign.zarr", attributes={"a": 1})
    with pytest.raises(StoreError, match="format is None, not 'dcign-batches'"):
        open_store(tmp_path / "foreign.zarr")
    meta = Path(store.files.path("zarr.json"))
    text = json.loads(meta.read_text())
    for harm, message in (
        ({"format_version": 2}, "format version 2; this program reads 1"),
        ({"seed": -4}, "damaged: the seed must be 0 to"),
        ({"factors": [{"name": "azimuth"}]}, "damaged"),
        ({"surprise": 1}, "damaged"),
    ):
        meta.write_text(json.dumps({**text, "attributes": {**text["attributes"], **harm}}))
        with pytest.raises(StoreError, match=message):
            open_store(store.url)


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"zarr_format": 3, "node_type": "array"}', b"\xff\xfe"])
def test_a_broken_root_is_one_line(store, junk):
    Path(store.files.path("zarr.json")).write_bytes(junk)
    with pytest.raises(StoreError):
        open_store(store.url)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path, spec):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(StoreError, match="exists and is not a store"):
        create_store(str(tmp_path / "thesis"), spec)
    assert [p.name for p in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


def test_an_existing_store_with_other_settings_is_refused(store, make_spec):
    with pytest.raises(StoreError, match="was made with other settings"):
        create_store(store.url, make_spec(seed=99))
    assert create_store(store.url, store.spec).batches("train", "azimuth") == 7


def test_an_unknown_factor_and_array_are_refused(store):
    with pytest.raises(StoreError, match="no factor gender; it has azimuth, elevation, light, intrinsic"):
        store.ensure("train", "gender", 3)
    with pytest.raises(StoreError, match="has no train/azimuth/depth"):
        store.array("train", "azimuth", "depth")


def test_a_store_works_behind_a_url(spec, fill):
    store = create_store("memory://remote/toy.zarr", spec)
    store.ensure("train", "light", 6)
    fill(store, factors=["light"])
    again = open_store("memory://remote/toy.zarr")
    assert missing_shards(again, "train", "light") == []
    assert again.read("train", "light", 5)["image"].shape == (4, 8, 8)
    assert len(store_digest(again)) == 64


def test_temporary_files_of_dead_runs_are_swept_and_those_in_use_left(store):
    folder = Path(store.files.path("train/azimuth/image/c/0/0/0"))
    old, new = (folder / f"0.{name}.partial" for name in ("abc", "def"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    with store.files.writing():  # as another run would
        store.ensure("train", "azimuth", 7)
    assert not old.exists()
    assert new.exists()
    store.ensure("train", "azimuth", 7)
    assert not new.exists()


def test_temporary_files_of_a_run_that_died_while_it_made_the_store_are_swept(store):
    root = Path(store.files.root)
    left = [root / "zarr.abc.partial", root / "train/zarr.def.partial"]
    other = root / "train/light/zarr.ghi.partial"  # nobody's business here
    for path in (*left, other):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    store.ensure("train", "azimuth", 7)
    assert not any(path.exists() for path in left)
    assert other.exists()


@pytest.mark.parametrize(
    ("views", "frame", "expected"),
    [(20, (150, 150), 50), (20, (64, 64), 50), (81, (150, 150), 10), (20, (150, 150, 3), 10), (20, (2048, 2048), 1)],
)
def test_shards_hold_at_most_32_megabytes_of_images(views, frame, expected):
    assert shard_batches(views, frame) == expected
    assert expected * views * np.prod(frame) <= 32_000_000 or expected == 1


def test_a_batch_that_is_not_drawn_yet_is_no_black_picture(tmp_path, spec, fill):
    store = create_store(str(tmp_path / "half"), spec)
    store.ensure("train", "light", 7)
    for index in (0, 6):
        with pytest.raises(StoreError, match=f"light batch {index} of train in .* is not there yet"):
            store.read("train", "light", index)
    fill(store, factors=["light"])
    assert store.read("train", "light", 6)["image"].any()


def test_an_interrupted_making_leaves_no_trace(tmp_path, spec, fill):
    """Arrays that were made for 7 batches by a run that died before saying so, then asked for 3."""
    died, straight = (create_store(str(tmp_path / name), spec) for name in ("died", "straight"))
    died.ensure("train", "light", 7)
    meta = Path(died.files.path("train/light/digest/zarr.json"))
    text = json.loads(meta.read_text())
    text["attributes"] = {}
    meta.write_text(json.dumps(text))
    for store in (open_store(died.url, write=True), straight):
        store.ensure("train", "light", 3)
        fill(store, factors=["light"])
    assert files_of(died) == files_of(straight)


def test_values_that_were_read_can_be_changed_without_changing_the_store(spec, fill):
    store = create_store("memory://mutable/toy.zarr", spec)
    store.ensure("train", "azimuth", 6)
    fill(store, factors=["azimuth"])
    store = open_store("memory://mutable/toy.zarr")
    first = store.read("train", "azimuth", 3)
    kept = {name: values.copy() for name, values in first.items()}
    for values in first.values():
        values[:] = 0
    for name, values in store.read("train", "azimuth", 3).items():
        np.testing.assert_array_equal(values, kept[name])


def test_values_beyond_the_end_are_refused(store):
    with pytest.raises(BatchIndexError, match=f"{10**6} was asked for"):
        store.values("train", "light", "factors", 10**6)
