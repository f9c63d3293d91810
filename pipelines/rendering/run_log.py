"""`runs.jsonl`: one line for each shard that was written, and the source that the newest line names."""

import json
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from dataset.shards import images_in
from dataset.store import Store

FILE = "runs.jsonl"


class Task(NamedTuple):
    """One shard to write; `*task` are the arguments that identify it in `dataset.shards`."""

    split: str
    factor: str
    shard: int


@dataclass(frozen=True)
class Record:
    """One line of the log: how one shard was written."""

    when: str
    """Time in UTC, ISO 8601."""
    split: str
    factor: str
    shard: int
    images: int
    seconds: float
    command: tuple[str, ...]
    machine: str
    versions: Mapping[str, str]
    """Library to its version."""
    model: str | None = None
    """Source of the subject, of rendered shards."""
    renderer: Mapping[str, Any] | None = None
    source: str | None = None
    """Folder of the images, of imported shards."""

    def to_json(self) -> dict[str, Any]:
        """The fields that have a value."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def shard_record(
    store: Store,
    task: Task,
    seconds: float,
    libraries: Iterable[str],
    *,
    model: str | None = None,
    renderer: Mapping[str, Any] | None = None,
    source: str | None = None,
) -> Record:
    """Make the log's record of a shard.

    Parameters
    ----------
    store, task
        The shard that was written.
    seconds : float
        Time that it took.
    libraries : iterable of str
        Names of installed packages whose versions are recorded.
    model, renderer, source
        As in `Record`.
    """
    return Record(
        datetime.now(UTC).isoformat(timespec="seconds"),
        *task,
        images=images_in(store, *task),
        seconds=round(seconds, 3),
        command=tuple(sys.argv),
        machine=f"{platform.node()}, {platform.platform()}",
        versions={"python": platform.python_version()} | {name: version(name) for name in libraries},
        model=model,
        renderer=renderer,
        source=source,
    )


def last_source(store: Store) -> str | None:
    """The model or meshes that the newest line names; None where there is no such line."""
    if store.files.size(FILE) <= 0:
        return None
    try:
        return str(json.loads(store.files.read(FILE).splitlines()[-1])["model"])
    except (ValueError, KeyError, IndexError):
        return None
