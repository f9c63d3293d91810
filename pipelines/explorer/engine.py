"""What the page asks for, computed by torch and the renderer: facts, codes, pictures, true renders."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.calibration import Calibration
from pipelines.explorer.directions import leading_directions
from pipelines.explorer.people import SPLIT, People, Weights
from pipelines.training.store_source import shows_chairs
from render import MorphableModel
from train.errors import RunUnreadable
from train.layout import INTRINSIC
from train.runs.trained_run import TrainedRun, to_uint8

PAGE = Path(__file__).parent / "page"
"""The page's own files, the same for the server and the static site."""
FORMAT = "dcign-explorer 1"
OFFERED = 16


class Engine:
    """One network, one model, and what the neurons mean.

    Parameters
    ----------
    run : of faces
    found : the calibrations of its neurons
    model : the run's face model

    Raises
    ------
    RunUnreadable
        The run has learned something else than this model's faces.
    """

    def __init__(self, run: TrainedRun, found: list[Calibration], model: MorphableModel) -> None:
        if shows_chairs(run.store.scene):
            raise RunUnreadable("explore-dcign turns faces, and this run has learned chairs; give one of faces")
        self.run, self.calibrations = run, found
        self.people = People(run, model)
        self._torch, self._renderer = Lock(), Lock()

    @cached_property
    def offered(self) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """(n, H, W[, 3]) pictures to pick from, and their (n, F) angles."""
        return self.people.views(SPLIT, OFFERED)

    @property
    def picture_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        side, channels = self.run.config.side, self.run.config.channels
        return (side, side) if channels == 1 else (side, side, channels)

    def facts(self, engine: str) -> dict[str, Any]:
        """All that the page knows when it starts; `engine` is "server" or "browser", who encodes and decodes."""
        names = [name for name, *_ in self.run.store.factors]
        return {
            "format": FORMAT,
            "engine": engine,
            "side": self.run.config.side,
            "channels": self.run.config.channels,
            "latents": self.run.config.latents,
            "factors": [
                {"name": c.factor, "latent": c.latent, "angles": c.angles.tolist(), "values": c.values.tolist()}
                for c in self.calibrations
            ],
            "directions": self._directions(),
            "people": [dict(zip(names, row, strict=True)) for row in self.offered[1].round(2).tolist()],
            "about": {
                "objective": self.run.config.rule,
                "batches": self.run.step,
                "maps": self.run.config.maps,
                "model": self.people.model.name,
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

    def truth(self, who: Weights, angles: Mapping[str, float]) -> NDArray[np.uint8]:
        """(H, W[, 3]) what the renderer draws of offered people at angles in degrees; see `People.draw`."""
        with self._renderer:
            return self.people.draw(who, angles)

    def _directions(self) -> list[dict[str, Any]]:
        if INTRINSIC not in self.run.layout.names:
            return []
        found = leading_directions(self.run, self.people)
        return [
            {"vector": vector.round(5).tolist(), "spread": round(float(spread), 5)}
            for vector, spread in zip(found.vectors, found.spread, strict=True)
        ]
