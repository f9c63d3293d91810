"""A person seen once, turned, nodded and re-lit by the network, beside what the renderer shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.console.pictures import sheet
from pipelines.evaluation.experiments import moved
from pipelines.evaluation.measure import MEASURED, Measured

MOST_SIDE = 100


def turning_frames(measured: Measured, factor: str, people: Sequence[int], frames: int = 15) -> NDArray[np.uint8]:
    """Frames of an animation with a column for each person of the test split.

    Rows: the one image that the network saw (the middle of the sweep), the decoder's sweep, the true renders.
    """
    angles = measured.codes.angles[factor]
    shown = np.linspace(0, len(angles) - 1, frames).round().astype(int)
    values, latent = measured.calibration(factor)[shown], measured.codes.neurons[factor]
    middle = len(angles) // 2
    truth, ours, seen = [], [], []
    for person in people:
        images = measured.store.read(MEASURED, factor, person)["image"]
        truth.append(images[shown])
        ours.append(moved(measured.run, measured.codes.test[factor][person, middle], latent, values))
        seen.append(images[middle])
    rows = (np.stack(seen), np.stack(ours), np.stack(truth))
    return np.stack([_small(sheet([rows[0], rows[1][:, k], rows[2][:, k]]), len(people)) for k in range(frames)])


def _small(frame: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """At most `MOST_SIDE` pixels a picture: an animation of larger ones takes megabytes."""
    share = MOST_SIDE * columns / frame.shape[1]
    if share >= 1:
        return frame
    size = (round(frame.shape[1] * share), round(frame.shape[0] * share))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
