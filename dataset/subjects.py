"""`subjects.json`: the meshes that a store shows, frozen when it is made, and the split of each.

The split follows from the geometry alone: adding a chair moves none, and the same chair in another format, or with
another texture, is in the same split.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dataset.errors import StoreError
from dataset.files import StoreFiles
from dataset.keys import SPLITS

FILE = "subjects.json"
VAL_SHARE = 0.5
"""Size of the val split, as a share of the test split's."""


@dataclass(frozen=True)
class SubjectEntry:
    """One mesh of a collection."""

    id: str
    """Unique in the collection: its path in the folder, or what its layout calls it."""
    path: str
    """Path of the file in the folder, with forward slashes."""
    files: Mapping[str, str]
    """SHA-256 of every file that it is read from, by its path in the folder: the mesh, materials, textures."""
    geometry: str
    """Hash of the shape alone."""
    up: str
    """The file's axis that points up, such as +y."""
    front: str | None
    """The axis its front looks along; None where it is unknown."""
    axes_from: str
    """`layout`, `option` or `guess`."""
    licence: str | None
    """The licence file beside it, if there is one."""
    split: str

    @property
    def number(self) -> str:
        """Hash of everything that decides how it is rendered."""
        decisive = {"files": sorted(self.files.items()), "up": self.up, "front": self.front}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def split_by_geometry(geometry: str, test_fraction: float) -> str:
    """The split of a shape, by its hash; `test_fraction` is the expected share of the test split.

    A larger fraction only moves shapes out of train: those in test stay there.
    """
    share = int(hashlib.sha256(f"split {geometry}".encode()).hexdigest()[:13], 16) / 16**13
    if share < test_fraction:
        return "test"
    return "val" if 1 - share <= VAL_SHARE * test_fraction else "train"


def list_hash(entries: Iterable[SubjectEntry]) -> str:
    """SHA-256 that identifies a collection: its meshes, their order and their splits."""
    rows = [[entry.id, entry.number, entry.split] for entry in entries]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def counts(entries: Iterable[SubjectEntry]) -> dict[str, int]:
    """Number of entries in each split."""
    splits = [entry.split for entry in entries]
    return {split: splits.count(split) for split in SPLITS}


def write_subjects(files: StoreFiles, entries: Iterable[SubjectEntry]) -> None:
    """Write the list; nothing else of a store may be there yet that depends on it."""
    files.write(FILE, json.dumps([asdict(entry) for entry in entries], indent=1).encode())


def read_subjects(files: StoreFiles, sha256: str) -> tuple[SubjectEntry, ...]:
    """Read the list of a store whose `model` attribute holds `sha256`.

    Raises
    ------
    StoreError
        When it is missing, damaged, or another one.
    """
    where = files.path(FILE)
    if files.size(FILE) < 0:
        raise StoreError(f"{where} is missing: it lists the meshes that the store shows; restore it")
    try:
        entries = tuple(_entry(fields) for fields in json.loads(files.read(FILE)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{where} is damaged: {error}") from error
    if list_hash(entries) != sha256:
        raise StoreError(f"{where} is not the list that the store was made with; restore it, or make a new store")
    return entries


def _entry(fields: dict[str, Any]) -> SubjectEntry:
    entry = SubjectEntry(**fields)
    if entry.split not in SPLITS:
        raise ValueError(f"{entry.id} has the split {entry.split!r}, not one of {', '.join(SPLITS)}")
    return entry
