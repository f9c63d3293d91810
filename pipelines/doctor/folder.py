"""What lies in a folder: face models by their kind, and stores by their health."""

from pathlib import Path
from typing import Any

from dataset.errors import StoreError
from dataset.store import open_store, store_exists
from pipelines.doctor.store import lacking
from render import ModelError
from render.models import identify

SUFFIXES = (".h5", ".hdf5", ".mat", ".npz", ".pkl")
"""How files end that may hold a face model; only those are opened."""
MOST = 50
"""Entries that are looked at: the folder may be anybody's."""


def look(folder: Path) -> dict[str, Any]:
    """A line for each face model and store in the folder itself; nothing below it is searched."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))[:MOST]
    lines = {path.name: line for path in entries if (line := _store(path) or _model(path))}
    return lines or {str(folder.absolute()): "no face model and no store"}


def _model(path: Path) -> str | None:
    if path.is_file() and path.suffix.lower() not in SUFFIXES:
        return None
    try:
        return f"face model, {identify(path).name}"
    except (ModelError, OSError):
        return None


def _store(path: Path) -> str | None:
    if not (path.is_dir() and store_exists(str(path))):
        return None
    try:
        store = open_store(path)
        missing = lacking(store)
    except StoreError as error:
        return f"store that cannot be read: {error}"
    state = f"{missing} shards missing" if missing else "complete"
    return f"store, {store.spec.content} of {store.spec.subject}s, {state}"
