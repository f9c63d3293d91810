"""What `runs.jsonl` still knows."""

import json

from dataset.store import Store


def last_source(store: Store) -> str | None:
    """The model or meshes that the newest line names."""
    if store.files.size("runs.jsonl") <= 0:
        return None
    try:
        return str(json.loads(store.files.read("runs.jsonl").splitlines()[-1])["model"])
    except (ValueError, KeyError, IndexError):
        return None
