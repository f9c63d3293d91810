"""Subjects: what a store shows, the faces of a model or chairs. A new kind is a module here and two lines below."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.plan import identity_coefficients
from dataset.spec import StoreSpec
from dataset.store import Store, create_store, open_store, store_exists
from dataset.subjects import SubjectEntry
from pipelines.rendering.chairs import ChairSource, open_chairs
from pipelines.rendering.faces import FaceSource, open_face
from pipelines.rendering.settings import DEFAULT_SOURCES, Given, Sources, refuse_differences, stored_settings
from render import Renderer, SceneBatch

IDENTITIES_AT_ONCE = 200
"""Most images that are rendered together where each may show another identity, which bounds the memory for meshes."""


class Subject(Protocol):
    """Makes scenes from the values that a store holds for its batches. Threads may share it."""

    @property
    def source(self) -> str:
        """Its source, for the log and for other processes: a name, or a full path."""

    @property
    def mesh_bytes(self) -> int:
        """Bytes that it may hold in memory from batch to batch."""

    @property
    def vertices(self) -> int:
        """Approximate number of vertices of one mesh, to estimate the memory that rendering takes."""

    def batches(
        self,
        split: str,
        factors: NDArray[np.float32],
        identity: NDArray[np.int64],
        coefficients: Mapping[str, NDArray[np.float32]],
    ) -> list[SceneBatch]:
        """Scenes of n batches: (n, B, F) factors, (n, B) identity, (n, B, K) coefficients of each block."""


class Source(Protocol):
    """The model or collection from which a new store is made, opened once, with the settings that were given."""

    def spec(self) -> StoreSpec:
        """Spec of a store of batches with these settings."""

    def subject(self, spec: StoreSpec) -> Subject:
        """The subject of a store of this spec."""

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """The meshes that a new store lists, if it shows meshes of a folder."""


SUBJECTS: dict[str, Callable[[Store, Sources], Subject]] = {"face": open_face, "chair": open_chairs}
"""The `subject` of a store to a function that opens it: from the sources, else from where its last run had it."""
SOURCES: dict[str, Callable[[Given], Source]] = {"face": FaceSource, "chair": ChairSource}
"""The `subject` of a new store to a function that opens what it is made from."""


def open_subject(store: Store, sources: Sources = DEFAULT_SOURCES) -> Subject:
    """Open the subject that fills a store: from `sources`, else from where the store's last run had it.

    Raises
    ------
    StoreError
        When there is none, or it is another one than the store was made with.
    """
    if store.spec.source is not None:
        raise StoreError(f"{store.url} holds imported images, which cannot be rendered here")
    if store.spec.subject not in SUBJECTS:
        raise StoreError(f"{store.url} shows {store.spec.subject!r}; known here are {', '.join(SUBJECTS)}")
    return SUBJECTS[store.spec.subject](store, sources)


def open_or_create(url: str, given: Given, new_spec: Callable[[Source], StoreSpec]) -> tuple[Store, Subject]:
    """Open the store at `url` and check it against the given settings, or create one; and open its subject."""
    if store_exists(url):
        store = open_store(url, write=True)
        explicit = given.explicit()
        refuse_differences(url, stored_settings(store.spec).options(explicit), explicit)
        given.refuse_foreign(store.spec.subject)
        return store, open_subject(store, given.sources)
    source = SOURCES[given.settings.subject](given)
    store = create_store(url, new_spec(source), source.entries)
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


def identity_scenes(
    subject: Subject, spec: StoreSpec, split: str, identity: NDArray[np.int64], factors: NDArray[np.float32]
) -> SceneBatch:
    """Scenes of identities of a split at any factor values, whether the store holds such images or not.

    Parameters
    ----------
    subject : of a store of this `spec`
    identity : (n,) int64
        Identity numbers; at most `IDENTITIES_AT_ONCE` bound the memory.
    factors : (n, F) float32
        In the order of the spec's factors, in their units.
    """
    distinct, place = np.unique(identity, return_inverse=True)
    coefficients = {block: rows[place] for block, rows in identity_coefficients(spec, split, distinct).items()}
    return scenes_of(subject, split, factors, identity, coefficients)


def render_identities(
    subject: Subject,
    renderer: Renderer,
    spec: StoreSpec,
    split: str,
    identity: NDArray[np.int64],
    factors: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """(n, H, W) or (n, H, W, 3) uint8 images of `identity_scenes`, by a renderer of a store of this `spec`."""
    return renderer.render(identity_scenes(subject, spec, split, identity, factors)).image
