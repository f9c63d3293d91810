"""Checkpoints: weights as safetensors with everything that describes them, and the state to resume from.

Two files a checkpoint, `<step>.resume` (optimisers and counters, read with ``weights_only=True``) and, written after
it, `<step>.safetensors` (weights; configuration, store and checksums in its metadata). The second file's presence
is completeness. Neither can run code when it is read.
"""

import hashlib
import io
import json
import os
import pickle
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch
from torch import Tensor

from train.config import TrainConfig
from train.errors import CheckpointUnreadable, ConfigError
from train.families import family_class
from train.networks.interface import weight_mismatch
from train.runs.code_hash import code_hash

FORMAT = "dcign-checkpoint"
FORMAT_VERSION = 1
WEIGHTS, RESUME = ".safetensors", ".resume"


def code_version() -> str:
    """The version of this package, "" where it is not installed."""
    try:
        return version("dcign")
    except PackageNotFoundError:
        return ""


def training_code() -> str:
    """SHA-256 of the code that decides the weights of a run: the loop, and everything that it imports."""
    return code_hash("train.engine.loop")


@cache
def source_commit() -> str:
    """The git commit of the checkout that this package is imported from; "" where it is not in one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        answer = subprocess.run(  # noqa: S603 -- no input from outside
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 -- the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


@dataclass(frozen=True)
class StoreFacts:
    """The facts about a run's data that are stored with it."""

    digest: str
    """The source's digest."""
    factors: tuple[tuple[str, str, float, float], ...]
    """(name, unit, low, high) of every factor of the source."""
    scene: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that decides its images, as JSON; the run cannot be evaluated on sweeps of another scene."""

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values."""
        factors = [list(factor) for factor in self.factors]
        return {"digest": self.digest, "factors": factors, "scene": dict(self.scene)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "StoreFacts":
        """The inverse of `to_plain`; raises KeyError, TypeError or ValueError on anything else."""
        factors = tuple((str(n), str(u), float(low), float(high)) for n, u, low, high in plain["factors"])
        return cls(str(plain["digest"]), factors, dict(plain.get("scene", {})))


@dataclass(frozen=True)
class Checkpoint:
    """Weights after `step` batches, and their description."""

    step: int
    config: TrainConfig
    store: StoreFacts
    weights: dict[str, Tensor]
    """Parameter name -> float32, on the CPU; float16 in a packed run (train/runs/export.py)."""
    version: str = field(default_factory=code_version)
    """The version of this package that wrote it; "" where that is unknown."""
    code: str = field(default_factory=training_code)
    """Hash of the code that wrote it (`training_code`); "" in checkpoints of versions that did not store one."""
    commit: str = field(default_factory=source_commit)
    """The git commit of that code; "" where there is no git checkout."""


def write_checkpoint(directory: Path, checkpoint: Checkpoint, resume: Mapping[str, Any]) -> Path:
    """Write both files under temporary names, flush them to the disk and rename them; returns the path of the weights.

    Parameters
    ----------
    directory : exists
    resume : tensors, numbers, texts, lists and dicts of them: what ``torch.load(weights_only=True)`` can read
    """
    buffer = io.BytesIO()
    torch.save(dict(resume), buffer)
    state = buffer.getvalue()
    write_durably(_stem(directory, checkpoint).with_suffix(RESUME), state)
    return write_weights(directory, checkpoint, hashlib.sha256(state).hexdigest())


def write_weights(directory: Path, checkpoint: Checkpoint, resume_sha256: str = "") -> Path:
    """Write the weights alone, enough to encode and decode but not to resume training; returns the path.

    Parameters
    ----------
    directory : exists
    resume_sha256 : of the resume state beside it, "" without one
    """
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.weights.items()}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "code": checkpoint.version,
        "code_sha256": checkpoint.code,
        "commit": checkpoint.commit,
        "step": str(checkpoint.step),
        "config": json.dumps(checkpoint.config.to_plain()),
        "store": json.dumps(checkpoint.store.to_plain()),
        "weights_sha256": _weights_digest(weights),
        "resume_sha256": resume_sha256,
    }
    path = _stem(directory, checkpoint).with_suffix(WEIGHTS)
    write_durably(path, safetensors_torch.save(weights, metadata))
    return path


def _stem(directory: Path, checkpoint: Checkpoint) -> Path:
    return directory / f"{checkpoint.step:08d}"


def read_checkpoint(path: Path) -> Checkpoint:
    """Weights and description, checked against their checksum.

    Raises
    ------
    CheckpointUnreadable
        The file is truncated, corrupt, or no checkpoint of this project, or its weights are not those of a network of
        its configuration.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  (not a mapping)
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointUnreadable(f"{path} cannot be read: {error}") from error
    if metadata.get("format") != FORMAT or metadata.get("format_version") != str(FORMAT_VERSION):
        raise CheckpointUnreadable(f"{path} is no {FORMAT} of version {FORMAT_VERSION}")
    try:
        config = TrainConfig.from_json(metadata["config"])
        store = StoreFacts.from_plain(json.loads(metadata["store"]))
        written_by = (metadata.get(name, "") for name in ("code", "code_sha256", "commit"))
        checkpoint = Checkpoint(int(metadata["step"]), config, store, weights, *written_by)
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, ConfigError) else f"bad metadata ({error})"
        raise CheckpointUnreadable(f"{path} cannot be used: {reason}") from error
    if wrong := _weight_mismatch(config, weights):
        raise CheckpointUnreadable(f"{path} cannot be used: its weights are not those of its configuration: {wrong}")
    if metadata.get("weights_sha256") != _weights_digest(weights):
        raise CheckpointUnreadable(f"{path} is corrupt: its weights do not have the checksum written with them")
    return checkpoint


def _weight_mismatch(config: TrainConfig, weights: Mapping[str, Tensor]) -> str:
    """A few words on how `weights` differ from those of the configuration's network; "" where they do not.

    The network is made without memory, so that a false configuration cannot ask for more than there is.
    """
    family = family_class(config.family)(config)
    try:
        with torch.device("meta"):
            wanted = family.network().state_dict()
    except (RuntimeError, OverflowError, TypeError) as error:
        return f"no network of {family.summary} can be made ({type(error).__name__})"
    return weight_mismatch(wanted, weights)


def read_resume(path: Path) -> dict[str, Any]:
    """The state beside the weights `path`, checked against the checksum in their metadata.

    Raises
    ------
    CheckpointUnreadable
        The file is missing, truncated, corrupt, or holds anything that could run code.
    """
    beside = path.with_suffix(RESUME)
    try:
        with safe_open(path, framework="pt") as stored:
            expected = (stored.metadata() or {}).get("resume_sha256")
        state = beside.read_bytes()
    except (OSError, SafetensorError) as error:
        raise CheckpointUnreadable(f"{beside} cannot be read: {error}") from error
    if hashlib.sha256(state).hexdigest() != expected:
        raise CheckpointUnreadable(f"{beside} is truncated or corrupt: it does not have the checksum in {path.name}")
    try:
        loaded: dict[str, Any] = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointUnreadable(f"{beside} holds more than tensors and numbers, and is not read") from error
    return loaded


def list_checkpoints(directory: Path) -> list[Path]:
    """The weights files, newest first; files with other names than ours are left alone."""
    ours = (path for path in directory.glob(f"*{WEIGHTS}") if re.fullmatch(r"[0-9]{8,18}", path.stem))
    return sorted(ours, key=lambda path: int(path.stem), reverse=True)


def remove_old(directory: Path, keep: int) -> None:
    """Delete all but the `keep` newest checkpoints, weights first so that none is left looking complete."""
    for path in list_checkpoints(directory)[keep:]:
        path.unlink()
        path.with_suffix(RESUME).unlink(missing_ok=True)


def write_durably(path: Path, content: bytes) -> None:
    """Write to a temporary name, flush to the disk, rename: after a crash the file is whole or the old one."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Flush a rename; systems that cannot open a directory keep renames by other means."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _weights_digest(weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(f"{name} {tuple(weights[name].shape)} {weights[name].dtype}\n".encode())
        digest.update(weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
