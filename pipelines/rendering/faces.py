"""A face model as the subject of a store: its part of the spec, and scenes from stored values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import FACE_FACTORS, Factor, with_ranges
from dataset.spec import StoreSpec
from dataset.store import Store
from dataset.subjects import SubjectEntry
from pipelines.rendering.run_log import last_source
from pipelines.rendering.settings import DEFAULTS, common_spec, refuse_foreign
from render import Camera, ModelError, MorphableModel, SceneBatch, frame_head, open_model
from render.cpu.truth import check_subject
from render.pose import LIGHT_ELEVATION
from render.scene import AMBIENT

FACE_LIGHT = {"elevation": LIGHT_ELEVATION, "ambient": AMBIENT}


def batches_spec(model: MorphableModel, given: Mapping[str, Any]) -> StoreSpec:
    """Spec of a new store of batches from the options that were given."""
    options: dict[str, Any] = DEFAULTS | {k: v for k, v in given.items() if v is not None}
    factors = with_ranges(FACE_FACTORS, {f.name: given.get(f.name) for f in FACE_FACTORS})
    return StoreSpec(factors=factors, **common_spec(options), **face_spec(model, factors, options))


def face_spec(model: MorphableModel, factors: Sequence[Factor], options: Mapping[str, Any]) -> dict[str, Any]:
    """What the model, its framing and the controls over its people decide of a `StoreSpec`.

    Raises
    ------
    StoreError, RenderError
        When the model has no expression, regions or landmarks and they are asked for.
    """
    channels = tuple(options["channels"])
    check_subject(channels, model.regions is not None, model.landmarks68 is not None)
    ranges = {f.name: (f.low, (f.low + f.high) / 2, f.high) for f in factors}
    camera = frame_head(model.mean, model.chin, options["size"], ranges["azimuth"], ranges["elevation"])
    scales = _scales(model, options)
    return {
        "subject": "face",
        "model": model_identity(model, channels),
        "camera": camera.to_json(),
        "light": FACE_LIGHT,
        "channels": channels,
        "coefficients": {block: model.blocks[block].components for block in scales},
        "scales": scales,
        "fixed": options.get("fix") or {},
        "around": _around(options),
    }


def _around(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The reference person and everybody's distance from it."""
    if options.get("distance") is None:
        if options.get("around") is not None:
            raise StoreError("--around needs a --distance from that person, in standard deviations")
        return None
    return {"reference": options.get("around") or {}, "distance": float(options["distance"])}


def model_identity(model: MorphableModel, channels: Sequence[str]) -> dict[str, str]:
    """The `model` attribute. Where regions or landmarks are stored, what they are is part of it."""
    known = {"name": model.name, "sha256": model.sha256}
    return known | ({"labels": model.labels_sha256} if {"region", "landmarks"} & set(channels) else {})


def _scales(model: MorphableModel, options: Mapping[str, Any]) -> dict[str, float]:
    """Blocks that are drawn, with their spread. Expression stays out altogether unless it is asked for."""
    scales = {"shape": float(options["shape_scale"]), "albedo": float(options["albedo_scale"])}
    expression = float(options["expression_scale"])
    if expression:
        if "expression" not in model.blocks:
            raise StoreError(f"{model.name} has no expression block: leave --expression-scale out")
        scales["expression"] = expression
    return scales


class FaceSubject:
    """Draws the people of a store.

    Raises
    ------
    StoreError
        When the model is not the one the store was made with.
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
        """Where the model came from, for the log: a name, or a file's full path."""
        self.mesh_bytes = 0
        self._model = model
        self.vertices = model.vertices
        self._camera = Camera.from_json(dict(spec.camera))
        self._light_elevation = float(spec.light["elevation"])
        self._columns = {f.name: k for k, f in enumerate(spec.factors)}

    def batches(
        self,
        split: str,
        factors: NDArray[np.float32],
        identity: NDArray[np.int64],
        coefficients: Mapping[str, NDArray[np.float32]],
    ) -> list[SceneBatch]:
        """Scenes of n batches: (n, B, F) factors, (n, B) identity, (n, B, K) coefficients of each block.

        The split is in the coefficients already. Their people are made together: reading the model's basis once for
        each of them would take longer than drawing.
        """
        _, first, index = np.unique(identity, return_index=True, return_inverse=True)
        del split
        people = {block: values.reshape(-1, values.shape[-1])[first] for block, values in coefficients.items()}
        meshes = self._model.meshes(people)
        pose = (factors[:, :, self._columns[name]] for name in ("azimuth", "elevation", "light"))
        return [
            SceneBatch(meshes, shown, azimuth, elevation, light, self._camera, self._light_elevation)
            for shown, azimuth, elevation, light in zip(index.reshape(identity.shape), *pose, strict=True)
        ]


class FaceSource:
    """A face model that a new store is made of."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        refuse_foreign("face", given)
        self._name = given["model"] or "procedural"
        self._model = open_model(self._name)

    def spec(self, given: Mapping[str, Any]) -> StoreSpec:
        """Of a store of batches, from the options that were given."""
        return batches_spec(self._model, given)

    def subject(self, spec: StoreSpec) -> FaceSubject:
        """Its people, in a store of this spec."""
        return FaceSubject(self._model, spec, self._name)

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """Nothing to list: the model's hash says everything."""
        return ()


def open_face(store: Store, source: str | None = None, mesh_bytes: int = 0) -> FaceSubject:
    """The subject that fills a store: from `source`, else from where the store's last run had it.

    Raises
    ------
    StoreError
        When no model is there, or it is another one.
    """
    del mesh_bytes  # people are made of coefficients anew
    tried = source or last_source(store) or store.spec.model["name"]
    try:
        model = open_model(tried)
    except ModelError as error:
        hint = "" if source else f"; {store.url} needs the model it was made with: give it with --model"
        raise StoreError(f"{error}{hint}") from error
    return FaceSubject(model, store.spec, tried)
