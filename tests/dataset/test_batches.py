"""A store as a Python object: a mapping from split and factor to sequences of batches, with names refused by name."""

import numpy as np
import pytest

from dataset import StoreError, create_store
from dataset.errors import UnknownNameError


def equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


def test_a_store_maps_split_and_factor_to_its_batches(shared_store):
    pairs = [("train", factor) for factor in ("azimuth", "elevation", "light", "intrinsic")]
    assert list(shared_store) == pairs
    assert len(shared_store) == 4
    assert ("train", "light") in shared_store
    assert ("test", "light") not in shared_store
    assert "train" not in shared_store
    assert [len(shared_store[pair]) for pair in shared_store] == [7] * 4
    assert len(shared_store["test", "light"]) == 0
    assert list(shared_store["test", "light"]) == []


def test_an_empty_store_is_still_a_store(tmp_path, spec):
    store = create_store(str(tmp_path / "s"), spec)
    assert store
    assert len(store) == 0
    assert repr(store) == f"<Store {store.url}: batches of faces, 8 x 8 grey, 0.0 MB>"


def test_batches_are_indexed_as_a_list_is(shared_store):
    batches = shared_store["train", "light"]
    everything = list(batches)
    assert len(everything) == 7
    for index in (0, 6, -1, -7):
        equal(batches[index], everything[index])
        equal(batches[index], shared_store.read("train", "light", index % 7))
    for part in (slice(2, 5), slice(None, None, -2), slice(5, 99), slice(3, 3)):
        assert len(batches[part]) == len(everything[part])
        for one, other in zip(batches[part], everything[part], strict=True):
            equal(one, other)
    equal(batches[2:6][-1], everything[5])
    for index in (7, -8):
        with pytest.raises(IndexError, match=rf"7 batches of train/light here, numbered from 0; {index} was asked for"):
            batches[index]
    with pytest.raises(TypeError, match="expected the number of a batch or a slice, not 'image'"):
        batches["image"]


def test_channels_are_read_where_they_are_asked_for(shared_store):
    plain, masked = shared_store["train", "light"], shared_store["train", "light"].with_channels("mask")
    assert set(plain[0]) == {"image", "factors", "identity"}
    assert set(masked[1:3][0]) == {"image", "factors", "identity", "mask"}
    np.testing.assert_array_equal(masked[3]["mask"], shared_store.values("train", "light", "mask", 3))


def test_reprs_say_what_is_there(shared_store):
    assert repr(shared_store["train", "light"][1:]) == "<6 batches of train/light: 4 images, 8 x 8>"
    first, train = repr(shared_store).splitlines()
    assert first.startswith(f"<Store {shared_store.url}: batches of faces, 8 x 8 grey, 0.0 MB")
    assert train == "  train: azimuth 7, elevation 7, light 7, intrinsic 7>"
    assert shared_store.bytes("train", "light") > 1000


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.factors("tran"),
        lambda store: store.batches("tran", "light"),
        lambda store: store.read("tran", "light", 0),
        lambda store: store.values("tran", "light", "image", 0),
        lambda store: store.ensure("tran", "light", 3),
        lambda store: store["tran", "light"],
    ],
)
def test_an_unknown_split_is_refused_by_name(shared_store, ask):
    with pytest.raises(StoreError, match=r"has no split tran; it has train, val, test$"):
        ask(shared_store)


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.batches("train", "gender"),
        lambda store: store.read("train", "gender", 0),
        lambda store: store.values("train", "gender", "image", 0),
        lambda store: store["train", "gender"],
    ],
)
def test_an_unknown_factor_is_refused_by_name(shared_store, ask):
    with pytest.raises(KeyError, match=r"has no factor gender; it has azimuth, elevation, light, intrinsic$"):
        ask(shared_store)


def test_an_unknown_array_is_refused_by_name(shared_store):
    with pytest.raises(UnknownNameError, match="does not store depth; it has image, mask, factors, identity, coeff"):
        shared_store.read("train", "light", 0, ["depth"])


def test_a_key_that_is_no_pair_is_refused(shared_store):
    with pytest.raises(KeyError, match="expected a split and a factor"):
        shared_store["train"]
