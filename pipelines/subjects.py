"""What a store shows: a face model's people, or chairs. A new kind is a module here and a line in `SUBJECTS`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.spec import StoreSpec
from dataset.store import Store, create_store, open_store, store_exists
from pipelines.faces import FaceSource, open_face
from pipelines.options import refuse_differences
from pipelines.settings import stored_settings
from render import SceneBatch


class Subject(Protocol):
    """Makes scenes from what a store says of its batches. Threads may share it."""

    @property
    def source(self) -> str:
        """Where it came from, for the log and for other processes: a name, or a full path."""

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

    @property
    def sweeps(self) -> Mapping[str, int]:
        """Images in a sweep, by factor."""

    def spec(self, given: Mapping[str, Any]) -> StoreSpec:
        """Of a store of batches, from the options that were given."""

    def subject(self, spec: StoreSpec) -> Subject:
        """What a store of this spec shows."""


SUBJECTS: dict[str, Callable[[Store, str | None], Subject]] = {"face": open_face}
"""The `subject` of a store to a function of the store and where to look first."""
SOURCES: dict[str, Callable[[Mapping[str, Any]], Source]] = {"face": FaceSource}
"""The same to a function of the options that were given."""


def open_subject(store: Store, source: str | None = None) -> Subject:
    """The subject that fills a store: from `source`, else from where the store's last run had it.

    Raises
    ------
    StoreError
        When there is none, or it is another one than the store was made with.
    """
    if store.spec.subject not in SUBJECTS:
        raise StoreError(f"{store.url} shows {store.spec.subject!r}; known here are {', '.join(SUBJECTS)}")
    return SUBJECTS[store.spec.subject](store, source)


def open_or_create(
    url: str, given: dict[str, Any], new_spec: Callable[[Source, dict[str, Any]], StoreSpec]
) -> tuple[Store, Subject]:
    """The store at `url`, checked against what was given, or a new one; and the subject that fills it."""
    if store_exists(url):
        store = open_store(url, write=True)
        refuse_differences(url, stored_settings(store.spec), {k: v for k, v in given.items() if k != "model"})
        return store, open_subject(store, given["model"])
    source = SOURCES["face"](given)
    store = create_store(url, new_spec(source, given))
    return store, source.subject(store.spec)


def scenes_of(
    subject: Subject,
    split: str,
    factors: NDArray[np.float32],
    identity: NDArray[np.int64],
    coefficients: Mapping[str, NDArray[np.float32]],
) -> SceneBatch:
    """Scenes of one batch: (B, F) factors, (B,) identity, (B, K) coefficients of each block."""
    return subject.batches(split, factors[None], identity[None], {b: v[None] for b, v in coefficients.items()})[0]
