"""Chairs as the subject of a store: built-in ones or a folder of meshes, their part of the spec, and their scenes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import CHAIR_FACTORS, CHAIR_VARIED, with_ranges
from dataset.spec import StoreSpec
from dataset.store import Store
from dataset.subjects import SubjectEntry
from pipelines.rendering.mesh_collections import PROCEDURAL, Collection, open_collection, reopen_collection
from pipelines.rendering.run_log import last_source
from pipelines.rendering.settings import DEFAULTS, common_spec, refuse_foreign
from render import Camera, SceneBatch
from render.cpu.truth import check_subject
from render.meshes.drawable import mesh_camera
from render.meshes.library import MeshLibrary
from render.scene import AMBIENT

CHAIR_LIGHT = {"azimuth": 30.0, "elevation": 45.0, "ambient": AMBIENT}
"""Degrees: from the upper right, and never anywhere else."""
USUAL_VERTICES = 30_000
"""Of a mesh, to know what drawing it takes before it is read."""


class ChairSubject:
    """Draws the chairs of a store.

    Raises
    ------
    StoreError
        When the collection is not the one that the store was made with.
    """

    vertices = USUAL_VERTICES

    def __init__(self, collection: Collection, spec: StoreSpec, mesh_bytes: int) -> None:
        _check_identity(spec.model, collection.identity)
        self.source, self.mesh_bytes = collection.source, mesh_bytes
        self._camera = Camera.from_json(dict(spec.camera))
        self._light = spec.light
        self._columns = {f.name: k for k, f in enumerate(spec.factors)}
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
        return [self._scenes(split, values, who) for values, who in zip(factors, identity, strict=True)]

    def _scenes(self, split: str, factors: NDArray[np.float32], identity: NDArray[np.int64]) -> SceneBatch:
        distinct, index = np.unique(identity, return_inverse=True)
        meshes = tuple(self._library((split, int(number))) for number in distinct)
        azimuth, elevation = (factors[:, self._columns[name]] for name in ("azimuth", "elevation"))
        light = np.full(len(identity), self._light["azimuth"], np.float32)
        return SceneBatch(meshes, index, azimuth, elevation, light, self._camera, float(self._light["elevation"]))


def _check_identity(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Compare all but the name: where the generator or the conversion is another, so are the meshes."""
    differs = [
        f"{key} {wanted.get(key, 'unknown')[:12]} there, {found.get(key, 'unknown')[:12]} here"
        for key in sorted({*wanted, *found} - {"name"})
        if wanted.get(key) != found.get(key)
    ]
    if differs:
        raise StoreError(
            f"this dcign makes other meshes of {wanted['name']} than the store was made with: {'; '.join(differs)}. "
            "Use the dcign that made it (its runs.jsonl says which), or make a new store"
        )


class ChairSource:
    """Chairs that a new store is made of."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        refuse_foreign("chair", given)
        self._collection = open_collection(given)
        self._mesh_bytes = round(given["mesh_memory"] * 1e9)

    def spec(self, given: Mapping[str, Any]) -> StoreSpec:
        """Of a store of batches, from the options that were given."""
        options: dict[str, Any] = DEFAULTS | {k: v for k, v in given.items() if v is not None}
        channels = tuple(options["channels"])
        check_subject(channels, self._collection.has_regions, has_landmarks=False)
        return StoreSpec(
            subject="chair",
            model=self._collection.identity,
            camera=mesh_camera(options["size"]).to_json(),
            light=CHAIR_LIGHT,
            factors=with_ranges(CHAIR_FACTORS, {f.name: given.get(f.name) for f in CHAIR_FACTORS}),
            varied=CHAIR_VARIED,
            channels=channels,
            coefficients={},
            scales={},
            **(common_spec(options) | self._collection.spec_fields(given)),
        )

    def subject(self, spec: StoreSpec) -> ChairSubject:
        """Its chairs, in a store of this spec."""
        return ChairSubject(self._collection, spec, self._mesh_bytes)

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """The meshes that a new store lists."""
        return self._collection.entries


def open_chairs(store: Store, source: str | None, mesh_bytes: int) -> ChairSubject:
    """The subject that fills a store: from `source`, else from where the store's last run had it.

    Raises
    ------
    StoreError
        When the collection is not there, or it is another one.
    """
    if source not in (None, PROCEDURAL) and not store.spec.collection:
        raise StoreError(f"{store.url} shows built-in chairs, not those of {source}: leave --meshes out")
    tried = source or last_source(store) or store.spec.model["name"]
    return ChairSubject(reopen_collection(store, tried), store.spec, mesh_bytes)
