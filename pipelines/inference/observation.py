"""The image that is to be explained: a picture, or a view in a store, whose scene is known."""

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.store import Store, open_store
from pipelines.inference.moves import Floats
from pipelines.inference.photo import Box, PictureError, read_picture
from pipelines.inference.scenes import SceneSpace
from pipelines.rendering.run_log import last_source
from pipelines.training.store_source import scene
from train.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class View:
    """One image of a store, and where it is."""

    store: Store
    split: str
    group: str
    batch: int
    row: int

    def state(self, space: SceneSpace) -> Floats:
        """(D,) its scene."""
        read = self.store.read(self.split, self.group, self.batch)
        coefficients = {
            block: self.store.values(self.split, self.group, f"coefficients/{block}", self.batch)[self.row]
            for block in space.blocks
        }
        factors = read["factors"][self.row].tolist() if "factors" in read else []
        return space.state(coefficients, dict(zip((f.name for f in self.store.spec.factors), factors, strict=False)))


@dataclass(frozen=True)
class Observation:
    """An image for a run."""

    image: NDArray[np.uint8]
    """(H, W) or (H, W, 3)."""
    notes: list[str]
    """What was done to a picture."""
    model: str
    """The face model to try where the user names none."""
    view: View | None = None

    def truth(self, space: SceneSpace) -> Floats | None:
        """(D,) the scene, where it is known."""
        return None if self.view is None else self.view.state(space)


def observe(image: str, run: TrainedRun, box: Box | None = None) -> Observation:
    """What IMAGE names; `box` cuts a picture as `read_picture` has it.

    Raises
    ------
    click.ClickException, StoreError
        No picture, no such view, a box of a view, or scenes other than those that the run has learned.
    """
    if "#" in image and not Path(image).exists():
        if box is not None:
            raise click.UsageError(f"--box cuts pictures, and {image} is a view in a store, which is taken whole")
        return _view(image, run)
    try:
        picture, notes = read_picture(Path(image), run.config.side, run.config.channels, box)
    except PictureError as error:
        raise click.ClickException(str(error)) from error
    return Observation(picture, notes, "procedural")


def _view(image: str, run: TrainedRun) -> Observation:
    url, _, address = image.rpartition("#")
    parts = address.split("/")
    if len(parts) != 4 or parts[0] not in SPLITS or not (parts[2] + parts[3]).isdecimal():
        raise StoreError(
            f"a view is STORE#SPLIT/FACTOR/BATCH/VIEW such as sweeps.zarr#test/azimuth/0/20, not {image!r}"
        )
    store = open_store(url)
    view = View(store, parts[0], parts[1], int(parts[2]), int(parts[3]))
    here, there = scene(store), run.store.scene
    if differs := [what for what in there if here.get(what) != there[what]]:
        raise StoreError(f"{url} has another {' and '.join(differs)} than the images the run was trained on")
    if view.group not in store.spec.batch_factors:
        raise StoreError(f"{url} varies {', '.join(store.spec.batch_factors)}, not {view.group}")
    images = store.read(view.split, view.group, view.batch)["image"]
    if view.row >= len(images):
        raise StoreError(f"{url} has views 0 to {len(images) - 1} in a {view.group} batch; {view.row} was asked for")
    return Observation(images[view.row], [], last_source(store) or store.spec.model["name"], view)
