"""Batches read straight from their shard against the same batches read by zarr, whole and damaged."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset import open_store
from dataset.chunks import encode_shard, is_ours, read_batch
from dataset.errors import StoreError
from dataset.layout import ArraySpec, array_specs, codecs
from dataset.shards import shard_file, write_shard


def test_every_batch_of_every_array_is_what_zarr_gives(store):
    for spec in array_specs(store.spec, "light"):
        path = Path(store.files.path(f"train/light/{spec.name}"))
        array = zarr.open_array(path, mode="r")
        assert is_ours(array)
        for index in range(7):
            found = read_batch(array, path, index)
            np.testing.assert_array_equal(found, array[index])
            assert found.dtype == array.dtype
            assert found.flags.writeable


def test_a_shard_is_the_file_that_zarr_writes(tmp_path):
    """Whole and partly filled, of every type that stores hold, in zarr's own order and to its bytes."""
    rng = np.random.Generator(np.random.Philox(1))
    kinds = {"u1": 256, "i1": 127, "f4": 2, "i8": 2**60}
    for dtype, high in kinds.items():
        for held in (5, 2):
            values = (rng.random((held, 4, 3)) * high).astype(dtype)
            values[0] = 0  # what zarr would leave out by default
            folder = tmp_path / f"{dtype}{held}"
            spec = ArraySpec("x", dtype, (4, 3), 0)
            array = zarr.create_array(folder, config={"write_empty_chunks": True}, **spec.create_arguments(held, 5))
            array[:] = values
            files = [path for path in (folder / "c").rglob("*") if path.is_file()]
            assert [path.read_bytes() for path in files] == [encode_shard(values, 5)]


def test_a_batch_that_was_never_written_is_an_error_and_no_fill_value(store):
    """The last shard holds two batches of five; zarr gives zeros for the others."""
    path = Path(store.files.path("train/light/image"))
    array = zarr.open_array(path, mode="r")
    with pytest.raises(StoreError, match="batch 2 is not in its shard"):
        read_batch(array, path, 7)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_changed_or_missing_byte_is_an_error_or_leaves_the_batch_as_it_was(shared_store, data):
    """Any one byte of the shard flipped, or the file cut anywhere: never other pixels, and one StoreError at most."""
    store = shared_store
    array, folder = store.array("train", "light", "image"), Path(store.files.path("train/light/image"))
    file = Path(store.files.path(shard_file(store, "train", "light", "image", 1)))
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    cut = data.draw(st.booleans())
    expected = read_batch(array, folder, 5)
    try:
        file.write_bytes(whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            np.testing.assert_array_equal(read_batch(array, folder, 5), expected)
        except StoreError:
            return
    finally:
        file.write_bytes(whole)


def test_damage_names_the_batch_and_what_to_do(store):
    file = Path(store.files.path(shard_file(store, "train", "light", "image", 1)))
    file.write_bytes(b"\0" * file.stat().st_size)
    with pytest.raises(StoreError, match=r"light batch 5 of train in .* is damaged \(image: .*verify-store"):
        store.read("train", "light", 5)


def test_other_layouts_are_left_to_zarr(tmp_path):
    shape, chunks = (6, 4, 8), (1, 4, 8)
    others = {
        "no shards": {"chunks": chunks},
        "no checksum": {"chunks": chunks, "shards": (3, 4, 8), "compressors": zarr.codecs.ZstdCodec()},
        "half batches": {"chunks": (1, 2, 8), "shards": (3, 4, 8)},
        "big endian": {
            "chunks": chunks,
            "shards": (3, 4, 8),
            "dtype": "f4",
            "serializer": zarr.codecs.BytesCodec(endian="big"),
            "compressors": codecs(),
        },
    }
    for name, layout in others.items():
        zarr.create_array(tmp_path / name, shape=shape, **({"dtype": "u1"} | layout))
        assert not is_ours(zarr.open_array(tmp_path / name, mode="r")), name
    little = {**others["big endian"], "serializer": zarr.codecs.BytesCodec(endian="little")}
    zarr.create_array(tmp_path / "ours", shape=shape, **little)
    assert is_ours(zarr.open_array(tmp_path / "ours", mode="r"))


def test_a_batch_of_another_size_is_an_error(store):
    """A sound shard of smaller images in the place of one of this store's."""
    file = Path(store.files.path(shard_file(store, "train", "light", "image", 1)))
    file.write_bytes(encode_shard(np.zeros((2, 4, 6, 8), np.uint8), 5))
    with pytest.raises(StoreError, match="has 192 bytes, not 256"):
        store.read("train", "light", 5)


def test_an_array_of_another_layout_is_read_and_not_written(store, shard_values):
    values = shard_values(store, "train", "light", 1)
    name = Path(store.files.path("train/light/image"))
    shape, arguments = store.array("train", "light", "image").shape, {"chunks": (1, 4, 8, 8), "shards": (5, 4, 8, 8)}
    zipped = zarr.codecs.GzipCodec()
    array = zarr.create_array(name, shape=shape, dtype="u1", compressors=zipped, overwrite=True, **arguments)
    array[5:7] = values["image"]
    found = open_store(store.url, write=True)
    np.testing.assert_array_equal(found.read("train", "light", 6)["image"], values["image"][1])
    before = {path: path.read_bytes() for path in name.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match="is not laid out as the format prescribes"):
        write_shard(found, "train", "light", 1, values)
    assert {path: path.read_bytes() for path in name.rglob("*") if path.is_file()} == before
