"""Scenes from factor values: the one place where the part of a scene that a factor acts on is set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import Factor, acts_on
from dataset.spec import StoreSpec
from render import Camera, Mesh, SceneBatch

ARGUMENTS = {
    "pose.azimuth": "azimuth",
    "pose.elevation": "elevation",
    "pose.roll": "roll",
    "light.azimuth": "light",
}
"""Part of a scene that a factor can act on, to the argument of `SceneBatch` that holds it, in degrees."""


@dataclass(frozen=True)
class Stage:
    """Everything of a store's scenes that is not the subject: the camera, the light, and what each factor acts on."""

    camera: Camera
    light: Mapping[str, float]
    """`elevation` in degrees; and `azimuth`, where no factor acts on it."""
    factors: tuple[Factor, ...]
    """In the order of the columns of factor values."""

    def __post_init__(self) -> None:
        for factor in self.factors:
            if factor.acts_on not in ARGUMENTS:
                part = factor.acts_on or "nothing"
                raise StoreError(f"the factor {factor.name} acts on {part}; scenes have {', '.join(ARGUMENTS)}")

    @classmethod
    def of_spec(cls, spec: StoreSpec) -> "Stage":
        """The stage of a store."""
        return cls(Camera.from_json(dict(spec.camera)), spec.light, spec.factors)

    @classmethod
    def of_run(cls, scene: Mapping[str, Any], factors: Sequence[tuple[str, str, float, float]]) -> "Stage":
        """The stage of the faces that a run has learned, from its recorded scene and its (name, unit, low, high)s."""
        known = (Factor(name, unit, low, high, acts_on=acts_on("face", name)) for name, unit, low, high in factors)
        return cls(Camera.from_json(dict(scene["camera"])), scene["light"], tuple(known))

    def scenes(self, meshes: Sequence[Mesh], mesh_index: NDArray[np.int64], values: NDArray[np.float32]) -> SceneBatch:
        """Scenes of n views.

        Parameters
        ----------
        meshes : sequence of Mesh
        mesh_index : (n,) int64
            Which of the meshes each view shows.
        values : (n, F) float32
            In the order of the factors, in degrees. A part of the scene that no factor acts on is 0, or the light's.
        """
        n = len(mesh_index)
        angles: dict[str, Any] = {name: np.zeros(n, np.float32) for name in ("azimuth", "elevation")}
        angles["light"] = np.full(n, self.light.get("azimuth", 0.0), np.float32)
        angles |= {ARGUMENTS[f.acts_on]: values[:, k] for k, f in enumerate(self.factors)}
        return SceneBatch(
            tuple(meshes), mesh_index, camera=self.camera, light_elevation=float(self.light["elevation"]), **angles
        )
