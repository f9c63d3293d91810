"""The explorer's computations, by torch and the renderer: facts about the run, codes, pictures, true renders."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.calibration import Calibration
from pipelines.explorer.identities import SPLIT, Identities, Weights
from pipelines.training.store_source import shows_chairs
from render import MorphableModel
from train.errors import RunUnreadable
from train.layout import INTRINSIC
from train.runs.trained_run import TrainedRun, to_uint8

PAGE = Path(__file__).parent / "page"
"""Folder of the page's own files, the same for the server and the static site."""
FORMAT = "dcign-explorer 1"
OFFERED = 16
"""Faces to choose from."""
DIRECTIONS, SAMPLED_IDENTITIES, VIEWS = 5, 96, 6
"""Sliders of the intrinsic code, and the identities and the views of each that they are computed from."""


@dataclass(frozen=True)
class Direction:
    """One direction of the intrinsic code along which identities differ."""

    vector: NDArray[np.float32]
    """(latents,) of length 1, zero at the factors' latents."""
    spread: float
    """Standard deviation of identities along it."""


class Engine:
    """One network, its face model, and the calibrations of its latents.

    Parameters
    ----------
    run : a run that was trained on faces
    found : calibrations of its latents: the value of each latent at each angle
    model : the face model that the run was trained on

    Raises
    ------
    RunUnreadable
        The run was trained on other images than this model's faces.
    """

    def __init__(self, run: TrainedRun, found: list[Calibration], model: MorphableModel) -> None:
        if shows_chairs(run.store.scene):
            raise RunUnreadable("explore-dcign shows faces, and this run was trained on chairs; give a run of faces")
        self.run, self.calibrations = run, found
        self.identities = Identities(run, model)
        self._torch, self._renderer = Lock(), Lock()

    @cached_property
    def offered(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(n, H, W[, 3]) pictures to choose from, and their (n, F) angles in degrees."""
        return self.identities.views(SPLIT, OFFERED)

    def facts(self, engine: str) -> dict[str, Any]:
        """Collect everything that the page needs to start, as JSON.

        `engine` is "server" or "browser", where encoder and decoder run.
        """
        names = [name for name, *_ in self.run.store.factors]
        return {
            "format": FORMAT,
            "engine": engine,
            "side": self.run.side,
            "channels": self.run.channels,
            "latents": self.run.latents,
            "factors": [
                {"name": c.factor, "latent": c.latent, "angles": c.angles.tolist(), "values": c.values.tolist()}
                for c in self.calibrations
            ],
            "directions": [
                {"vector": direction.vector.round(5).tolist(), "spread": round(direction.spread, 5)}
                for direction in leading_directions(self.run, self.identities)
            ],
            "identities": [dict(zip(names, row, strict=True)) for row in self.offered[1].round(2).tolist()],
            "about": {
                "batches": self.run.step,
                "network": self.run.family.summary,
                "model": self.identities.model.name,
                "store": self.run.store.digest[:12],
            },
        }

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, latents) codes of (n, H, W[, 3]) pictures."""
        with self._torch:
            return self.run.encode(images)

    def decode(self, codes: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(n, H, W[, 3]) pictures of (n, latents) codes."""
        with self._torch:
            return to_uint8(self.run.decode(codes))

    def truth(self, weights: Weights, angles: Mapping[str, float]) -> NDArray[np.uint8]:
        """(H, W[, 3]) true render of offered identities at angles in degrees; see `Identities.render`."""
        with self._renderer:
            return self.identities.render(weights, angles)


def leading_directions(run: TrainedRun, identities: Identities) -> list[Direction]:
    """Principal directions of the mean codes of training identities; the first separates identities most.

    Each identity's code is averaged over its views, which keeps most of what the pose leaves in the intrinsic latents
    out of the directions.
    """
    if INTRINSIC not in run.layout.names:
        return []
    images, _ = identities.views("train", SAMPLED_IDENTITIES, VIEWS, share=1.0)
    codes = run.encode(images).reshape(SAMPLED_IDENTITIES, VIEWS, -1).mean(axis=1, dtype=np.float64)
    codes -= codes.mean(axis=0)
    where = run.layout.slice(INTRINSIC)
    _, singular, rows = np.linalg.svd(codes[:, where], full_matrices=False)
    count = min(DIRECTIONS, len(singular))
    vectors = np.zeros((count, run.latents))
    vectors[:, where] = rows[:count]
    # A singular vector has no sign of its own; this gives it one that does not depend on the library.
    largest = np.abs(vectors).argmax(axis=1)
    vectors *= np.sign(vectors[np.arange(count), largest])[:, None]
    spread = (singular[:count] / np.sqrt(SAMPLED_IDENTITIES - 1)).astype(np.float32)
    return [Direction(vector, float(s)) for vector, s in zip(vectors.astype(np.float32), spread, strict=True)]
