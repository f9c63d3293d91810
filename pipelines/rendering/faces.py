"""A face model as the subject of a store: its part of the spec, and scenes from stored values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import Factor, factors_of, with_ranges
from dataset.spec import StoreSpec
from dataset.store import Store
from dataset.subjects import SubjectEntry
from pipelines.rendering.backends import describe_backend
from pipelines.rendering.run_log import last_source
from pipelines.rendering.scenes import Stage
from pipelines.rendering.settings import DEFAULT_SOURCES, Given, RenderSettings, Sources, common_fields
from render import Camera, ModelError, MorphableModel, SceneBatch, frame_head, open_model
from render.cpu.truth import check_subject
from render.pose import LIGHT_ELEVATION
from render.scene import AMBIENT

FACE_LIGHT = {"elevation": LIGHT_ELEVATION, "ambient": AMBIENT}


def batches_spec(model: MorphableModel, settings: RenderSettings) -> StoreSpec:
    """Spec of a new store of batches of a model's faces.

    Raises
    ------
    StoreError, RenderError
        When the model has no expression, regions or landmarks and they are asked for, or the backend cannot render it.
    """
    factors = with_ranges(factors_of("face"), settings.ranges)
    check_subject(settings.channels, model.regions is not None, model.landmarks68 is not None)
    scales = _scales(model, settings)
    return StoreSpec(
        subject="face",
        model=model_identity(model, settings.channels),
        camera=_camera(model, factors, settings.size).to_json(),
        light=FACE_LIGHT,
        factors=factors,
        coefficients={block: model.blocks[block].components for block in scales},
        scales=scales,
        fixed=settings.fix,
        around=_around(settings),
        **common_fields(settings, describe_backend(settings)),
    )


def _camera(model: MorphableModel, factors: Sequence[Factor], size: int) -> Camera:
    """The camera that the mean face fits at low, middle and high of each factor of its pose."""
    ends = {f.acts_on: (f.low, (f.low + f.high) / 2, f.high) for f in factors}
    poses = [ends.get(part, (0.0,)) for part in ("pose.azimuth", "pose.elevation", "pose.roll")]
    return frame_head(model.mean, model.chin, size, *poses)


def _around(settings: RenderSettings) -> dict[str, Any] | None:
    """The `around` attribute: the reference identity, and the distance of every identity from it."""
    if settings.distance is None:
        if settings.around is not None:
            raise StoreError("--around needs a --distance from that identity, in standard deviations")
        return None
    return {"reference": settings.around or {}, "distance": settings.distance}


def model_identity(model: MorphableModel, channels: Sequence[str]) -> dict[str, str]:
    """The `model` attribute: name and hash, and the hash of regions and landmarks where they are stored."""
    known = {"name": model.name, "sha256": model.sha256}
    return known | ({"labels": model.labels_sha256} if {"region", "landmarks"} & set(channels) else {})


def _scales(model: MorphableModel, settings: RenderSettings) -> dict[str, float]:
    """Blocks that are sampled, with their spread; expression is left out altogether unless it is asked for."""
    scales = {"shape": settings.shape_scale, "albedo": settings.albedo_scale}
    if settings.expression_scale:
        if "expression" not in model.blocks:
            raise StoreError(f"{model.name} has no expression block: leave --expression-scale out")
        scales["expression"] = settings.expression_scale
    return scales


class FaceSubject:
    """The faces of a store, as scenes.

    Raises
    ------
    StoreError
        When the model is not the one the store was made with, or a factor acts on something that scenes do not have.
    """

    def __init__(self, model: MorphableModel, spec: StoreSpec, source: str) -> None:
        if model.sha256 != spec.model["sha256"] or model_identity(model, spec.channels).get("labels") != spec.model.get(
            "labels"
        ):
            raise StoreError(
                f"the store was made with the model {spec.model['name']} (sha256 {spec.model['sha256'][:12]}), "
                f"not with {model.name} ({model.sha256[:12]}); give the right one with --model"
            )
        is_file = source != "procedural" and Path(source).exists()
        self.source = str(Path(source).resolve()) if is_file else source
        """Source of the model, for the log: a name, or a file's full path."""
        self.mesh_bytes = 0
        self.vertices = model.vertices
        self.model = model
        """The face model."""
        self._stage = Stage.of_spec(spec)

    def batches(
        self,
        split: str,
        factors: NDArray[np.float32],
        identity: NDArray[np.int64],
        coefficients: Mapping[str, NDArray[np.float32]],
    ) -> list[SceneBatch]:
        """Scenes of n batches: (n, B, F) factors, (n, B) identity, (n, B, K) coefficients of each block.

        The coefficients follow from the split already. All meshes are made together: reading the model's basis once
        for each of them would take longer than rendering.
        """
        _, first, index = np.unique(identity, return_index=True, return_inverse=True)
        del split
        distinct = {block: values.reshape(-1, values.shape[-1])[first] for block, values in coefficients.items()}
        meshes = self.model.meshes(distinct)
        return [
            self._stage.scenes(meshes, shown, values)
            for shown, values in zip(index.reshape(identity.shape), factors, strict=True)
        ]


class FaceSource:
    """A face model from which a new store is made."""

    def __init__(self, given: Given) -> None:
        given.refuse_foreign("face")
        self._name = given.sources.model or "procedural"
        self._model = open_model(self._name)
        self._settings = given.settings

    def spec(self) -> StoreSpec:
        """Spec of a store of batches with the given settings."""
        return batches_spec(self._model, self._settings)

    def subject(self, spec: StoreSpec) -> FaceSubject:
        """The faces of a store of this spec."""
        return FaceSubject(self._model, spec, self._name)

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """No meshes to list: the model is identified by its hash."""
        return ()


def open_face(store: Store, sources: Sources = DEFAULT_SOURCES) -> FaceSubject:
    """Open the model that fills a store: the given one, else the one that the store's last run used.

    Raises
    ------
    StoreError
        When no model is there, or it is another one.
    """
    tried = sources.model or last_source(store) or store.spec.model["name"]
    try:
        model = open_model(tried)
    except ModelError as error:
        hint = "" if sources.model else f"; {store.url} needs the model it was made with: give it with --model"
        raise StoreError(f"{error}{hint}") from error
    return FaceSubject(model, store.spec, tried)
