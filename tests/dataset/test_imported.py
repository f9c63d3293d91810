"""Stores of images that were made elsewhere: what they may do without, and what still holds."""

import json
from pathlib import Path

import numpy as np
import pytest

from dataset import Factor, StoreError, StoreSpec, create_store, open_store, store_digest
from dataset.shards import write_shard
from dataset.spec import NOT_RENDERED, RENDERED
from dataset.verify import all_shards, check_shard, check_splits_disjoint

CHAIRS = (Factor("azimuth", "degrees", 0, 360, 360), Factor("elevation", "degrees", 20, 30))


def imported(labels=("factors", "identity"), **changes):
    fields = {
        "content": "batches",
        "subject": "chair",
        "image": {"height": 8, "width": 8, "color": "grey"},
        "factors": CHAIRS,
        "batch_size": {"azimuth": 3, "intrinsic": 4},
        "shard_batches": 2,
        "channels": (),
        "only_factors": ("azimuth", "intrinsic"),
        "source": {"format": "toy", "sha256": "0" * 64, "labels": list(labels), "options": {}, "names": []},
    }
    return StoreSpec(**NOT_RENDERED, **{**fields, **changes})


def values(spec, group, batches=2):
    views = spec.views(group)
    factors = np.full((batches, views, 2), 20, np.float32)
    factors[:, :, 0 if group == "azimuth" else 1] += np.arange(views)
    identity = np.zeros((batches, views), np.int64) + (np.arange(views) if group == "intrinsic" else 5)
    known = {"factors": factors, "identity": identity}
    return {"image": np.zeros((batches, views, 8, 8), np.uint8)} | {name: known[name] for name in spec.labels}


def filled(path, spec, splits=("train",)):
    store = create_store(str(path), spec)
    for split in splits:
        for group in spec.batch_factors:
            store.ensure(split, group, 2)
            write_shard(store, split, group, 0, values(spec, group))
    return store


@pytest.mark.parametrize("labels", [("factors", "identity"), ("identity",), ()])
def test_a_store_holds_the_labels_that_are_known_and_no_others(tmp_path, labels):
    store = filled(tmp_path / "s", imported(labels))
    assert {p.name for p in (tmp_path / "s/train/azimuth").iterdir() if p.is_dir()} == {"image", "digest", *labels}
    again = open_store(store.url)
    assert again.spec == store.spec
    assert again.factors("train") == ("azimuth", "intrinsic")
    batch = again.read("train", "intrinsic", 1)
    assert batch["image"].shape == (4, 8, 8)
    assert set(batch) == {"image", *labels}
    assert [p for s in all_shards(again) for p in check_shard(again, *s)] == []
    assert len(store_digest(again)) == 64


def test_nothing_is_said_of_how_images_were_drawn(tmp_path):
    filled(tmp_path / "s", imported())
    attributes = json.loads((tmp_path / "s/zarr.json").read_text())["attributes"]
    assert attributes.keys().isdisjoint(RENDERED)
    assert attributes["varied"] == ["azimuth", "intrinsic"]


def test_a_drawn_store_says_nothing_of_a_source(store):
    attributes = json.loads(Path(store.files.path("zarr.json")).read_text())["attributes"]
    assert {"source", "varied"}.isdisjoint(attributes)


def test_a_factor_that_is_not_varied_is_free_among_intrinsic_batches_only(tmp_path):
    spec = imported()
    store = filled(tmp_path / "s", spec)
    wrong = values(spec, "azimuth")
    wrong["factors"][0, 1, 1] += 1
    write_shard(store, "train", "azimuth", 0, wrong)
    wrong = values(spec, "intrinsic")
    wrong["factors"][0, 1, 0] += 1
    write_shard(store, "train", "intrinsic", 0, wrong)
    found = [p.what for s in all_shards(store) for p in check_shard(store, *s)]
    assert found == [
        "elevation varies inside a batch, where only azimuth should",
        "azimuth varies inside a batch, where only intrinsic should",
    ]


def test_named_identities_may_not_be_in_two_splits(tmp_path):
    numbered, named = imported(), imported()
    named.source["names"] = ["ada", "bob"]
    for spec, problems in ((numbered, 0), (named, 1)):
        store = filled(tmp_path / str(problems), spec, ("train", "test"))
        assert len(check_splits_disjoint(store)) == problems


@pytest.mark.parametrize("name", ["../up", "a/b", ".", "", "two words", "-x", "é"])
def test_names_that_are_no_folders_are_refused(name):
    with pytest.raises(StoreError, match="cannot be the name of a factor"):
        Factor(name, "", 0, 1)


def test_damaged_attributes_of_an_import_are_one_line(tmp_path):
    filled(tmp_path / "s", imported())
    meta = tmp_path / "s/zarr.json"
    text = json.loads(meta.read_text())
    for harm in ({"varied": ["azimuth", "gender"]}, {"varied": 3}, {"source": []}, {"source": {}}):
        meta.write_text(json.dumps({**text, "attributes": {**text["attributes"], **harm}}))
        with pytest.raises(StoreError, match="damaged"):
            open_store(tmp_path / "s")
