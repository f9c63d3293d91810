"""Chairs as the subject of a store: built-in ones or a folder of meshes, their part of the spec, and their scenes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import batch_factors_of, factors_of, with_ranges
from dataset.spec import StoreSpec
from dataset.store import Store
from dataset.subjects import SubjectEntry
from pipelines.rendering.backends import describe_backend
from pipelines.rendering.mesh_collections import PROCEDURAL, Collection, open_collection, reopen_collection
from pipelines.rendering.run_log import last_source
from pipelines.rendering.scenes import Stage
from pipelines.rendering.settings import DEFAULT_SOURCES, Given, Sources, common_fields
from render import SceneBatch
from render.cpu.truth import check_subject
from render.meshes.drawable import mesh_camera
from render.meshes.library import MeshLibrary
from render.scene import AMBIENT

CHAIR_LIGHT = {"azimuth": 30.0, "elevation": 45.0, "ambient": AMBIENT}
"""Degrees: from the upper right, and never anywhere else."""
USUAL_VERTICES = 30_000
"""Vertices assumed of a mesh that is not read yet, to estimate the memory that rendering takes."""


class ChairSubject:
    """The chairs of a store, as scenes.

    Raises
    ------
    StoreError
        When the collection is not the one that the store was made with.
    """

    vertices = USUAL_VERTICES

    def __init__(self, collection: Collection, spec: StoreSpec, mesh_bytes: int) -> None:
        _check_identity(spec.model, collection.identity)
        self.source, self.mesh_bytes = collection.source, mesh_bytes
        self._stage = Stage.of_spec(spec)
        self._library: MeshLibrary[tuple[str, int]] = MeshLibrary(lambda name: collection.mesh(*name), mesh_bytes)

    def batches(
        self,
        split: str,
        factors: NDArray[np.float32],
        identity: NDArray[np.int64],
        coefficients: Mapping[str, NDArray[np.float32]],
    ) -> list[SceneBatch]:
        """Scenes of n batches: (n, B, F) factors, (n, B) identity; chairs have no coefficients."""
        del coefficients
        return [self._scenes(split, values, shown) for values, shown in zip(factors, identity, strict=True)]

    def _scenes(self, split: str, factors: NDArray[np.float32], identity: NDArray[np.int64]) -> SceneBatch:
        distinct, index = np.unique(identity, return_inverse=True)
        meshes = tuple(self._library((split, int(number))) for number in distinct)
        return self._stage.scenes(meshes, index, factors)


def _check_identity(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare all but the name: another generator or conversion makes other meshes."""
    differs = [
        f"{key} {wanted.get(key, 'unknown')[:12]} there, {found.get(key, 'unknown')[:12]} here"
        for key in sorted({*wanted, *found} - {"name"})
        if wanted.get(key) != found.get(key)
    ]
    if differs:
        raise StoreError(
            f"this dcign makes other meshes of {wanted['name']} than the store was made with: {'; '.join(differs)}. "
            "Use the dcign that made it (its runs.jsonl has the version), or make a new store"
        )


class ChairSource:
    """A collection of chairs from which a new store is made."""

    def __init__(self, given: Given) -> None:
        given.refuse_foreign("chair")
        self._collection = open_collection(given)
        self._settings, self._mesh_bytes = given.settings, given.sources.mesh_bytes

    def spec(self) -> StoreSpec:
        """Spec of a store of batches with the given settings.

        Raises
        ------
        StoreError, RenderError
            When the collection has no regions or landmarks and they are asked for, or the backend cannot render it.
        """
        settings = self._settings
        check_subject(settings.channels, self._collection.has_regions, has_landmarks=False)
        common = common_fields(settings, describe_backend(settings))
        common["pool"] = self._collection.pool(settings)
        return StoreSpec(
            subject="chair",
            model=self._collection.identity,
            camera=mesh_camera(settings.size).to_json(),
            light=CHAIR_LIGHT,
            factors=with_ranges(factors_of("chair"), settings.ranges),
            only_factors=batch_factors_of("chair"),
            coefficients={},
            scales={},
            collection=self._collection.listing,
            **common,
        )

    def subject(self, spec: StoreSpec) -> ChairSubject:
        """The chairs of a store of this spec."""
        return ChairSubject(self._collection, spec, self._mesh_bytes)

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """The meshes that a new store lists."""
        return self._collection.entries


def open_chairs(store: Store, sources: Sources = DEFAULT_SOURCES) -> ChairSubject:
    """Open the collection that fills a store: the given one, else the one that the store's last run used.

    Raises
    ------
    StoreError
        When the collection is not there, or it is another one.
    """
    if sources.meshes not in (None, PROCEDURAL) and not store.spec.collection:
        raise StoreError(f"{store.url} shows built-in chairs, not those of {sources.meshes}: leave --meshes out")
    tried = sources.meshes or last_source(store) or store.spec.model["name"]
    return ChairSubject(reopen_collection(store, tried), store.spec, sources.mesh_bytes)
