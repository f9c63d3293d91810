import json

import pytest
import torch
from safetensors import torch as safetensors_torch

from train.checkpoint import (
    Checkpoint,
    StoreFacts,
    list_checkpoints,
    read_checkpoint,
    read_resume,
    remove_old,
    write_checkpoint,
    write_durably,
)
from train.errors import CheckpointUnreadable

STORE = StoreFacts("abc", (("azimuth", "degrees", -86.0, 86.0),))
RESUME = {"optimizer": {"step": torch.tensor(3.0), "betas": (0.9, 0.99)}, "window": {"count": {"light": 2}}}


@pytest.fixture
def checkpoint(make_config):
    weights = {"a": torch.arange(6.0).view(2, 3), "b": torch.zeros(4)}
    return Checkpoint(500, make_config(), STORE, weights)


def read_both(path):
    return read_checkpoint(path), read_resume(path)


def test_round_trip(tmp_path, checkpoint):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    read = read_checkpoint(path)
    assert (read.step, read.config, read.store) == (500, checkpoint.config, STORE)
    assert read.weights.keys() == checkpoint.weights.keys()
    assert all(torch.equal(read.weights[name], checkpoint.weights[name]) for name in read.weights)
    assert read_resume(path)["window"] == RESUME["window"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00000500.resume", "00000500.safetensors"]


@pytest.mark.parametrize("suffix", [".safetensors", ".resume"])
@pytest.mark.parametrize("keep", [0, 7, 100, -200, -1])
def test_every_truncation_is_noticed(tmp_path, checkpoint, suffix, keep):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    broken = path.with_suffix(suffix)
    broken.write_bytes(broken.read_bytes()[:keep])
    with pytest.raises(CheckpointUnreadable, match=broken.name):
        read_both(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".resume"])
def test_a_flipped_bit_is_noticed(tmp_path, checkpoint, suffix):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    broken = path.with_suffix(suffix)
    content = bytearray(broken.read_bytes())
    content[-3] ^= 16
    broken.write_bytes(content)
    with pytest.raises(CheckpointUnreadable, match="checksum"):
        read_both(path)


def test_foreign_files(tmp_path, checkpoint):
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(safetensors_torch.save(checkpoint.weights))
    with pytest.raises(CheckpointUnreadable, match="no dcign-checkpoint of version 1"):
        read_checkpoint(path)
    with pytest.raises(CheckpointUnreadable, match="cannot be read"):
        read_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointUnreadable, match=r"none\.resume cannot be read"):
        read_resume(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("config", "{}", "cannot be used: missing key in the configuration"),
        ("store", "{}", "bad metadata"),
        ("step", "many", "bad metadata"),
        ("format_version", "2", "no dcign-checkpoint of version 1"),
    ],
)
def test_bad_metadata(tmp_path, checkpoint, key, value, message):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    raw = path.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    path.write_bytes(safetensors_torch.save(checkpoint.weights, header["__metadata__"] | {key: value}))
    with pytest.raises(CheckpointUnreadable, match=message):
        read_checkpoint(path)


def test_a_resume_file_cannot_run_code(tmp_path, checkpoint):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    path = write_checkpoint(tmp_path, checkpoint, {"window": Evil()})
    with pytest.raises(CheckpointUnreadable, match="more than tensors and numbers"):
        read_resume(path)


def test_only_the_newest_are_kept(tmp_path, checkpoint):
    for step in (4, 8, 12, 100):
        write_checkpoint(tmp_path, Checkpoint(step, checkpoint.config, STORE, checkpoint.weights), RESUME)
    remove_old(tmp_path, 2)
    assert [p.name for p in list_checkpoints(tmp_path)] == ["00000100.safetensors", "00000012.safetensors"]
    assert len(list(tmp_path.iterdir())) == 4


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_durably(path, b"old")
    with pytest.raises(TypeError):
        write_durably(path, "not bytes")
    assert path.read_bytes() == b"old"
