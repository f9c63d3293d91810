"""`runs.jsonl`: a line for each shard that was written, and what the newest still knows."""

import json
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from dataset.shards import images_in
from dataset.store import Store

FILE = "runs.jsonl"
Task = tuple[str, str, int]
"""Split, factor and shard."""
Record = dict[str, Any]
"""What the log says of one shard."""


def shard_record(store: Store, task: Task, seconds: float, libraries: Iterable[str]) -> Record:
    """What the log says of every shard, however its images came about.

    Parameters
    ----------
    store, task
        What was written.
    seconds : float
        That it took.
    libraries : names
        Of installed packages whose versions are told.
    """
    split, group, shard = task
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "split": split,
        "factor": group,
        "shard": shard,
        "images": images_in(store, *task),
        "seconds": round(seconds, 3),
        "command": sys.argv,
        "machine": f"{platform.node()}, {platform.platform()}",
        "versions": {"python": platform.python_version()} | {name: version(name) for name in libraries},
    }


def last_source(store: Store) -> str | None:
    """The model or meshes that the newest line names."""
    if store.files.size(FILE) <= 0:
        return None
    try:
        return str(json.loads(store.files.read(FILE).splitlines()[-1])["model"])
    except (ValueError, KeyError, IndexError):
        return None
