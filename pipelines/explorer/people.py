"""The faces that the page offers: people of the run's model, whom no training has seen, and their true renders."""

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
"""Of the people; those of training have keys of another split."""
BLOCKS = ("shape", "albedo")
SAMPLES = 4
SHOWN_SHARE = 0.6
"""Share of each factor's range in which the offered pictures lie, so that every slider can move both ways."""
Weights = tuple[tuple[int, float], ...]
"""Identities and their shares: (3, 1.0) alone, or (3, 0.4) and (5, 0.6) where two people are mixed."""


class People:
    """People of a model by number, drawn as the run's training images were.

    Raises
    ------
    RunUnreadable
        The run has not learned faces of this model, or not all three of azimuth, elevation and light.
    """

    def __init__(self, run: TrainedRun, model: MorphableModel) -> None:
        scene = run.store.scene
        if scene.get("model") != model.sha256:
            learned = f"faces of the model {scene['model'][:12]}" if "model" in scene else "pictures made elsewhere"
            raise RunUnreadable(
                f"the run has learned {learned}, not of {model.name} (sha256 {model.sha256[:12]}); "
                "give its model with --model"
            )
        self.model = model
        self._ranges = np.array([(low, high) for _, _, low, high in run.store.factors])
        self._stage = Stage.of_run(scene, run.store.factors)
        self._renderer = CpuRenderer(scene["image"]["color"], SAMPLES)
        self._mesh = lru_cache(maxsize=64)(self._build)

    def views(
        self, split: str, people: int, each: int = 1, share: float = SHOWN_SHARE
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Pictures of the first people of a split, at angles of their own.

        Parameters
        ----------
        split : whose people
        people, each : how many, and how many pictures of each
        share : 0..1, the middle part of every range from which angles are drawn

        Returns
        -------
        (people * each, H, W[, 3]) uint8, a person's pictures together; their (people * each, F) float32 angles in
        degrees, in the order of the run's factors
        """
        middle, half = self._ranges.mean(axis=1), np.ptp(self._ranges, axis=1) / 2
        keys = [generator(SEED, split, "sweep", "none", identity) for identity in range(people)]
        places = np.concatenate([key.uniform(-1, 1, (each, len(middle))) for key in keys])
        angles = (middle + share * half * places).astype(np.float32)
        meshes = self.model.meshes(_coefficients(self.model, split, np.arange(people)))
        return self._render(meshes, np.repeat(np.arange(people), each), angles), angles

    def draw(self, who: Weights, angles: Mapping[str, float]) -> NDArray[np.uint8]:
        """(H, W[, 3]) the true render of a person, or of a mixture of people, at angles in degrees."""
        row = np.array([[angles[factor.name] for factor in self._stage.factors]], np.float32)
        return self._render((self._mesh(who),), np.zeros(1, np.int64), row)[0]

    def _build(self, who: Weights) -> Mesh:
        share = np.array([weight for _, weight in who], np.float32)
        people = _coefficients(self.model, SPLIT, np.array([identity for identity, _ in who]))
        return self.model.meshes({block: (share @ rows)[None] for block, rows in people.items()})[0]

    def _render(
        self, meshes: tuple[Mesh, ...], place: NDArray[np.int64], angles: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        return self._renderer.render(self._stage.scenes(meshes, place, angles)).image


def _coefficients(model: MorphableModel, split: str, who: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Block to (n, K), standard normal: the people of a store of this seed without controls."""
    return {
        block: np.stack(
            [
                generator(SEED, split, block, "none", int(one)).standard_normal(model.blocks[block].components)
                for one in who
            ]
        ).astype(np.float32)
        for block in BLOCKS
    }
