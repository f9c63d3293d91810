import json
from importlib.metadata import version

import pytest
import torch
from safetensors import safe_open
from safetensors import torch as safetensors_torch

from train.errors import CheckpointUnreadable
from train.families.dcign import Dcign
from train.runs.checkpoint import (
    Checkpoint,
    StoreFacts,
    list_checkpoints,
    read_checkpoint,
    read_resume,
    remove_old,
    source_commit,
    training_code,
    write_checkpoint,
    write_durably,
)

STORE = StoreFacts("abc", (("azimuth", "degrees", -86.0, 86.0),))
RESUME = {"optimizer": {"step": torch.tensor(3.0), "betas": (0.9, 0.99)}, "window": {"count": {"light": 2}}}


@pytest.fixture
def checkpoint(make_config):
    config = make_config()
    return Checkpoint(500, config, STORE, Dcign(config).network().state_dict())


def forged(path, weights, **metadata):
    """The checkpoint at `path` with other weights, or other metadata, and the checksum that belongs to them."""
    raw = path.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    path.write_bytes(safetensors_torch.save(weights, header["__metadata__"] | metadata))


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
    forged(path, checkpoint.weights, **{key: value})
    with pytest.raises(CheckpointUnreadable, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"maps": 16}, r"decoder.0.bias has shape \(4,\), the network \(8,\)"),
        ({"maps": 4_000_000}, r"decoder.0.bias has shape \(4,\), the network \(2000000,\)"),  # 3 PB, if it were made
        ({"maps": 4 * 10**30}, "no network of 4000000000000000000000000000000 maps, .* can be made"),
        ({"layout": {"intrinsic": 10**30}, "ratio": {"intrinsic": 1}}, "no network of 8 maps"),
    ],
)
def test_a_false_configuration_is_refused_before_its_network_is_made(tmp_path, checkpoint, change, message):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    forged(path, checkpoint.weights, config=json.dumps(checkpoint.config.to_plain() | change))
    with pytest.raises(CheckpointUnreadable, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mu.bias": torch.zeros(6, dtype=torch.bfloat16)}, "mu.bias is torch.bfloat16, not torch.float32 or"),
        ({"mu.bias": torch.zeros(6, dtype=torch.int64)}, "mu.bias is torch.int64"),
        ({"extra": torch.zeros(1)}, "extra is no weight of the network"),
    ],
)
def test_weights_that_are_not_the_networks(tmp_path, checkpoint, change, message):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    forged(path, checkpoint.weights | change)
    with pytest.raises(CheckpointUnreadable, match=message):
        read_checkpoint(path)
    forged(path, {name: tensor for name, tensor in checkpoint.weights.items() if name != "mu.bias"})
    with pytest.raises(CheckpointUnreadable, match=r"mu.bias is missing"):
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


def test_copies_that_somebody_keeps_are_neither_read_nor_removed(tmp_path, checkpoint):
    for step in (4, 8, 99_999_999, 100_000_000):
        path = write_checkpoint(tmp_path, Checkpoint(step, checkpoint.config, STORE, checkpoint.weights), RESUME)
        if step == 4:
            (tmp_path / "keep.safetensors").write_bytes(path.read_bytes())
    remove_old(tmp_path, 2)
    assert [p.name for p in list_checkpoints(tmp_path)] == ["100000000.safetensors", "99999999.safetensors"]
    assert (tmp_path / "keep.safetensors").exists()


def test_it_records_version_code_and_commit(tmp_path, checkpoint):
    path = write_checkpoint(tmp_path, checkpoint, RESUME)
    read = read_checkpoint(path)
    assert (read.version, read.code) == (version("dcign"), training_code())
    assert read.commit == source_commit()
    with safe_open(path, framework="pt") as stored:
        metadata = stored.metadata()
    earlier = {name: text for name, text in metadata.items() if name not in ("code", "code_sha256", "commit")}
    path.write_bytes(safetensors_torch.save(checkpoint.weights, earlier))
    read = read_checkpoint(path)
    assert (read.version, read.code, read.commit) == ("", "", "")  # of versions that did not record them


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write_durably(path, b"old")
    with pytest.raises(TypeError):
        write_durably(path, "not bytes")
    assert path.read_bytes() == b"old"
