"""verify: finds what was harmed, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from dataset import create_store, open_store
from dataset.shards import shard_file, write_shard
from dataset.verify import all_shards, check_frames, check_shard, check_splits_disjoint


def problems(store):
    return [p for s in all_shards(store) for p in check_shard(store, *s)]


def test_a_sound_store_has_no_problems(store):
    assert len(all_shards(store)) == 8
    assert problems(store) == []
    assert check_splits_disjoint(store) == []


def test_every_flipped_bit_is_found(store):
    rng = np.random.Generator(np.random.Philox(1))
    for name in ("image", "mask", "factors", "identity", "coefficients/albedo", "digest"):
        path = Path(store.files.path(shard_file(store, "train", "elevation", name, 0)))
        whole = path.read_bytes()
        for _ in range(10):
            data = bytearray(whole)
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
            path.write_bytes(bytes(data))
            found = problems(open_store(store.url))
            assert {(p.factor, p.shard) for p in found} == {("elevation", 0)}
        path.write_bytes(whole)
    assert problems(open_store(store.url)) == []


@pytest.mark.parametrize(
    ("name", "index", "message"),
    [
        ("factors", (0, 2, 1), "elevation varies inside a batch, where only azimuth should"),
        ("identity", (0, 1), "the identity varies inside a batch"),
        ("coefficients/shape", (1, 1, 0), "coefficients/shape is not what seed 7 gives"),
        ("factors", (0, 2, 0), "factors is not what seed 7 gives"),
    ],
)
def test_values_that_are_not_the_plans_are_found_though_their_digests_hold(store, shard_values, name, index, message):
    values = shard_values(store, "train", "azimuth", 0)
    values[name] = values[name].copy()
    values[name][index] += 1
    write_shard(store, "train", "azimuth", 0, values)
    assert any(message in p.what for p in problems(store))


def test_people_in_two_splits_are_found(tmp_path, make_spec, fill, shard_values):
    store = create_store(str(tmp_path / "leaky"), make_spec())
    for split in ("train", "test"):
        store.ensure(split, "azimuth", 2)
        fill(store, split, ["azimuth"])
    assert check_splits_disjoint(store) == []
    write_shard(store, "test", "azimuth", 0, shard_values(store, "train", "azimuth", 0))
    assert "also appear in train" in check_splits_disjoint(store)[0].what


@pytest.mark.parametrize("channel", ["image", "mask"])
def test_redrawn_frames_are_compared_pixel_by_pixel(store, channel):
    def faithful(split, group, batch, view):
        return {name: store.values(split, group, name, batch)[view] for name in ("image", "mask")}

    def off_by_one(split, group, batch, view):
        drawn = faithful(split, group, batch, view)
        changed = drawn[channel].copy()
        changed[3, 3] ^= 1
        return drawn | {channel: changed}

    assert check_frames(store, 12, faithful) == []
    assert [p.what.split()[0] for p in check_frames(store, 12, off_by_one)] == [channel] * 12
