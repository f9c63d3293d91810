"""What a store shows: a face model's people, or chairs. A new kind is a module here and a line in `SUBJECTS`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.spec import StoreSpec
from dataset.store import Store, create_store, open_store, store_exists
from dataset.subjects import SubjectEntry
from pipelines.console.options import refuse_differences
from pipelines.rendering.chairs import ChairSource, open_chairs
from pipelines.rendering.faces import FaceSource, open_face
from pipelines.rendering.settings import comparable, refuse_foreign, stored_settings
from render import SceneBatch


class Subject(Protocol):
    """Makes scenes from what a store says of its batches. Threads may share it."""

    @property
    def source(self) -> str:
        """Where it came from, for the log and for other processes: a name, or a full path."""

    @property
    def mesh_bytes(self) -> int:
        """Of what it may keep in memory from batch to batch."""

    @property
    def vertices(self) -> int:
        """About how many vertices one of them has, to know what drawing it takes."""

    def batches(
        self,
        split: str,
        factors: NDArray[np.float32],
        identity: NDArray[np.int64],
        coefficients: Mapping[str, NDArray[np.float32]],
    ) -> list[SceneBatch]:
        """Scenes of n batches: (n, B, F) factors, (n, B) identity, (n, B, K) coefficients of each block."""


class Source(Protocol):
    """What a new store is made of, opened once."""

    def spec(self, given: Mapping[str, Any]) -> StoreSpec:
        """Of a store of batches, from the options that were given."""

    def subject(self, spec: StoreSpec) -> Subject:
        """What a store of this spec shows."""

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """The meshes that a new store lists, if it shows meshes of a folder."""


MESH_BYTES = 1_000_000_000
"""Of meshes that are kept in memory, where nobody says otherwise."""
SUBJECTS: dict[str, Callable[[Store, str | None, int], Subject]] = {"face": open_face, "chair": open_chairs}
"""The `subject` of a store to a function of the store, where to look first, and the bytes that may be kept."""
SOURCES: dict[str, Callable[[Mapping[str, Any]], Source]] = {"face": FaceSource, "chair": ChairSource}
"""The same to a function of the options that were given."""


def open_subject(store: Store, source: str | None = None, mesh_bytes: int = MESH_BYTES) -> Subject:
    """The subject that fills a store: from `source`, else from where the store's last run had it.

    Raises
    ------
    StoreError
        When there is none, or it is another one than the store was made with.
    """
    if store.spec.source is not None:
        raise StoreError(f"{store.url} holds imported images, which nothing here can draw")
    if store.spec.subject not in SUBJECTS:
        raise StoreError(f"{store.url} shows {store.spec.subject!r}; known here are {', '.join(SUBJECTS)}")
    return SUBJECTS[store.spec.subject](store, source, mesh_bytes)


def open_or_create(
    url: str, given: dict[str, Any], new_spec: Callable[[Source, dict[str, Any]], StoreSpec]
) -> tuple[Store, Subject]:
    """The store at `url`, checked against what was given, or a new one; and the subject that fills it."""
    if store_exists(url):
        store = open_store(url, write=True)
        refuse_differences(url, stored_settings(store.spec), comparable(given))
        return store, open_subject(store, where_given(store.spec, given), round(given["mesh_memory"] * 1e9))
    source = SOURCES[given["subject"] or "face"](given)
    store = create_store(url, new_spec(source, given), source.entries)
    return store, source.subject(store.spec)


def where_given(spec: StoreSpec, given: Mapping[str, Any]) -> str | None:
    """Where the user says that a store's subject is; `StoreError` where they say it of another kind."""
    refuse_foreign(spec.subject, given)
    found: str | None = given["meshes"] if spec.subject == "chair" else given["model"]
    return found


def scenes_of(
    subject: Subject,
    split: str,
    factors: NDArray[np.float32],
    identity: NDArray[np.int64],
    coefficients: Mapping[str, NDArray[np.float32]],
) -> SceneBatch:
    """Scenes of one batch: (B, F) factors, (B,) identity, (B, K) coefficients of each block."""
    return subject.batches(split, factors[None], identity[None], {b: v[None] for b, v in coefficients.items()})[0]
