"""Test identities of a run's face model, their pictures, and their true renders at any angles."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dataset.keys import generator
from pipelines.rendering.scenes import Stage
from render import CpuRenderer, Mesh, MorphableModel
from train.errors import RunUnreadable
from train.runs.trained_run import TrainedRun

SEED, SPLIT = 0, "test"
"""Key of the identities; those of training have keys of another split."""
BLOCKS = ("shape", "albedo")
SAMPLES = 4
CENTRAL_SHARE = 0.6
"""Share of each factor's range in which the pictures to choose from lie, so that every slider can move both ways."""
Weights = tuple[tuple[int, float], ...]
"""Identities and their shares: (3, 1.0) alone, or (3, 0.4) and (5, 0.6) for a mixture of two."""


class Identities:
    """Numbered identities of a face model, rendered as the run's training images were.

    Raises
    ------
    RunUnreadable
        The run was not trained on faces of this model.
    """

    def __init__(self, run: TrainedRun, model: MorphableModel) -> None:
        scene = run.store.scene
        if scene.get("model") != model.sha256:
            trained_on = f"faces of the model {scene['model'][:12]}" if "model" in scene else "pictures made elsewhere"
            raise RunUnreadable(
                f"the run was trained on {trained_on}, not on {model.name} (sha256 {model.sha256[:12]}); "
                "give its model with --model"
            )
        self.model = model
        self._ranges = np.array([(low, high) for _, _, low, high in run.store.factors])
        self._stage = Stage.of_run(scene, run.store.factors)
        self._renderer = CpuRenderer(scene["image"]["color"], SAMPLES)
        self._mesh = lru_cache(maxsize=64)(self._build)

    def views(
        self, split: str, count: int, each: int = 1, share: float = CENTRAL_SHARE
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Render the first identities of a split at random angles.

        Parameters
        ----------
        split : split of the identities
        count, each : number of identities, and of pictures of each
        share : 0..1, the central part of every range from which angles are sampled

        Returns
        -------
        (count * each, H, W[, 3]) uint8, the pictures of an identity one after another; their (count * each, F) float32
        angles in degrees, in the order of the run's factors
        """
        middle, half = self._ranges.mean(axis=1), np.ptp(self._ranges, axis=1) / 2
        keys = [generator(SEED, split, "sweep", "none", identity) for identity in range(count)]
        places = np.concatenate([key.uniform(-1, 1, (each, len(middle))) for key in keys])
        angles = (middle + share * half * places).astype(np.float32)
        meshes = self.model.meshes(_coefficients(self.model, split, np.arange(count)))
        return self._render(meshes, np.repeat(np.arange(count), each), angles), angles

    def render(self, weights: Weights, angles: Mapping[str, float]) -> NDArray[np.uint8]:
        """Render an identity, or a mixture of identities, at angles in degrees: (H, W[, 3])."""
        row = np.array([[angles[factor.name] for factor in self._stage.factors]], np.float32)
        return self._render((self._mesh(weights),), np.zeros(1, np.int64), row)[0]

    def _build(self, weights: Weights) -> Mesh:
        share = np.array([weight for _, weight in weights], np.float32)
        blocks = _coefficients(self.model, SPLIT, np.array([identity for identity, _ in weights]))
        return self.model.meshes({block: (share @ rows)[None] for block, rows in blocks.items()})[0]

    def _render(
        self, meshes: tuple[Mesh, ...], place: NDArray[np.int64], angles: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        return self._renderer.render(self._stage.scenes(meshes, place, angles)).image


def _coefficients(model: MorphableModel, split: str, identities: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Block to (n, K) standard normal coefficients: those of a store of this seed without controls."""
    return {
        block: np.stack(
            [
                generator(SEED, split, block, "none", int(identity)).standard_normal(model.blocks[block].components)
                for identity in identities
            ]
        ).astype(np.float32)
        for block in BLOCKS
    }
