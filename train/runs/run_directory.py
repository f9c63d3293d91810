"""A run directory: self-contained, resumed by the same call, never mixed with another run.

config.json                the configuration, and the facts about the data
checkpoints/<step>.*       the two newest (train/runs/checkpoint.py)
metrics.jsonl              one line every `metrics_every` batches
tensorboard/               where TensorBoard is installed
diverged-step-<k>.npz      the batch that made the loss NaN, if one did
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train.config import REMOVED, TrainConfig
from train.errors import CheckpointUnreadable, ConfigError, RunMismatch, RunUnreadable
from train.runs.checkpoint import (
    Checkpoint,
    StoreFacts,
    list_checkpoints,
    read_checkpoint,
    read_resume,
    remove_old,
    training_code,
    write_checkpoint,
    write_durably,
)

FORMAT = "dcign-run"
FORMAT_VERSION = 1
KEEP = 2
MAY_CHANGE = frozenset({"batches", "checkpoint_every", "metrics_every"})
"""Fields that decide the length of a run and its cadences, not its weights: they may differ when a run is resumed."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run."""

    path: Path

    @property
    def config_file(self) -> Path:
        """JSON: format, configuration, store."""
        return self.path / "config.json"

    @property
    def checkpoints(self) -> Path:
        """The directory of checkpoints."""
        return self.path / "checkpoints"

    @property
    def metrics_file(self) -> Path:
        """One JSON object a line."""
        return self.path / "metrics.jsonl"

    def check(self, config: TrainConfig, store: StoreFacts) -> None:
        """Refuse a directory that holds another run; nothing is written.

        Raises
        ------
        RunMismatch
            It holds a run of another configuration or store; every difference is named.
        RunUnreadable
            Its config.json cannot be read.
        """
        if not self.config_file.exists():
            return
        then, then_store = self.read_config()
        if gone := [f"{name} {value}" for name, value in self._read()["config"].items() if name in REMOVED and value]:
            raise RunMismatch(
                f"{self.path} was started with an option that no longer exists ({', '.join(gone)}): it can be"
                " evaluated, but its training cannot be resumed. Give another run directory to start a new run."
            )
        differences = describe_differences(then, config, then_store, store)
        if then.decay and config.batches != then.batches:
            differences.append(f"batches was {then.batches}, is {config.batches}, and the learning rate falls with it")
        if differences:
            raise RunMismatch(
                f"{self.path} holds another run: {'; '.join(differences)}."
                " Give the options that it was made with to resume it, or another run directory to start a new run."
            )

    def prepare(self, config: TrainConfig, store: StoreFacts) -> None:
        """Make the directory and write config.json. Call `check`, and everything else that may refuse, first.

        Raises
        ------
        RunUnreadable
            It cannot be written.
        """
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "store": store.to_plain(),
            "config": config.to_plain(),
        }
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            write_durably(self.config_file, (json.dumps(content, indent=2) + "\n").encode())
        except OSError as error:
            raise RunUnreadable(f"cannot write to the run directory {self.path}: {error}") from error

    def read_config(self) -> tuple[TrainConfig, StoreFacts]:
        """The configuration and the store of the run.

        Raises
        ------
        RunUnreadable
            There is no run, or its config.json is not one.
        """
        try:
            content = self._read()
            kind = (content["format"], content["format_version"])
            config, store = TrainConfig.from_plain(content["config"]), StoreFacts.from_plain(content["store"])
        except FileNotFoundError as error:
            raise RunUnreadable(
                f"{self.path} is no run directory: it has no config.json; train-dcign --run makes one"
            ) from error
        except ConfigError as error:
            raise RunUnreadable(f"{self.config_file}: {error}") from error
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RunUnreadable(f"{self.config_file} cannot be read: {error!r}") from error
        if kind != (FORMAT, FORMAT_VERSION):
            raise RunUnreadable(f"{self.config_file} is no {FORMAT} of version {FORMAT_VERSION}; got {kind}")
        return config, store

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.config_file.read_text(encoding="utf-8"))
        return content

    def save(self, checkpoint: Checkpoint, resume: Mapping[str, Any]) -> None:
        """Write a checkpoint and drop all but the two newest."""
        write_checkpoint(self.checkpoints, checkpoint, resume)
        remove_old(self.checkpoints, KEEP)

    def newest(self) -> Checkpoint | None:
        """The newest readable checkpoint's weights, or None where there is no checkpoint at all.

        Raises
        ------
        RunUnreadable
            There are checkpoints and none can be read.
        """
        found = self._newest(with_resume=False)
        return found and found[0]

    def newest_to_resume(self) -> tuple[Checkpoint, dict[str, Any]] | None:
        """The newest checkpoint with the state to resume from; both files of the checkpoint must be readable.

        Raises
        ------
        RunUnreadable
            There are checkpoints, and none can be read, or none has a state to resume from.
        """
        return self._newest(with_resume=True)

    def _newest(self, *, with_resume: bool) -> tuple[Checkpoint, dict[str, Any]] | None:
        paths, weights, reason = list_checkpoints(self.checkpoints), None, ""
        for path in paths:
            try:
                weights = read_checkpoint(path)
                return weights, read_resume(path) if with_resume else {}
            except CheckpointUnreadable as error:
                reason = str(error)
                if path != paths[-1]:
                    log.warning("%s; trying the checkpoint before it", error)
        if weights is not None:
            raise RunUnreadable(
                f"{self.path} has weights but no state to resume from ({reason}), like a run that export-dcign --packed"
                " wrote: it can be evaluated, but its training cannot be resumed; give another run directory to start"
                " a new run"
            )
        if paths:
            raise RunUnreadable(
                f"none of the {len(paths)} checkpoints in {self.checkpoints} can be read ({reason});"
                " delete that directory to start the run again"
            )
        return None

    def check_checkpoint(
        self, checkpoint: Checkpoint, config: TrainConfig, store: StoreFacts, *, other_code: bool = False
    ) -> None:
        """Refuse to resume from a checkpoint of another run, or of other code unless `other_code` allows it.

        Raises
        ------
        RunMismatch
            Every difference is named.
        """
        differences = describe_differences(checkpoint.config, config, checkpoint.store, store)
        if differences:
            raise RunMismatch(
                f"checkpoint {checkpoint.step} of {self.path} is of another run: {'; '.join(differences)}."
                " Resume with the options that made it, or give another run directory to start a new run."
            )
        if not other_code and checkpoint.code != (current := training_code()):
            then = checkpoint.code[:12] or "unknown"
            then += f", commit {checkpoint.commit[:12]}" if checkpoint.commit else ""
            raise RunMismatch(
                f"checkpoint {checkpoint.step} of {self.path} was written by other training code ({then}; now"
                f" {current[:12]}), and the result could differ from a run without interruption."
                " Resume with the code that wrote it, or give --other-code to resume nevertheless."
            )

    def append_metrics(self, line: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl and flush it to the disk, so that no checkpoint outlives its metrics."""
        with self.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read_metrics(self) -> list[dict[str, Any]]:
        """All whole lines of metrics.jsonl; a last line cut short by a crash is left out."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def cut_metrics(self, step: int) -> None:
        """Remove the lines of metrics.jsonl after `step`: those batches are about to be trained on again."""
        kept = [json.dumps(line) + "\n" for line in self.read_metrics() if line["step"] <= step]
        write_durably(self.metrics_file, "".join(kept).encode())


def describe_differences(
    then: TrainConfig, now: TrainConfig, then_store: StoreFacts, now_store: StoreFacts
) -> list[str]:
    """One text for every difference that makes two runs different runs."""
    before, after = then.to_plain(), now.to_plain()
    differences = []
    for name in before | after:  # another network or family has other fields
        was, is_ = (plain.get(name, "absent") for plain in (before, after))
        if name not in MAY_CHANGE and was != is_:
            differences.append(f"{name} was {was}, now {is_}")
    if then_store.digest != now_store.digest:
        differences.append(f"its store has digest {then_store.digest[:16]}, now {now_store.digest[:16]}")
    return differences
