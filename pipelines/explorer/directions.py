"""Along which directions the intrinsic part of the code differs most between people."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.explorer.people import People
from train.layout import INTRINSIC
from train.runs.trained_run import TrainedRun

COUNT = 5
SAMPLED_PEOPLE, VIEWS = 96, 6


@dataclass(frozen=True)
class Directions:
    """Principal directions of what the code says of training people, averaged over their views."""

    vectors: NDArray[np.float32]
    """(K, latents) of length 1, zero at the factors' latents; the first tells people apart most."""
    spread: NDArray[np.float32]
    """(K,) standard deviation of people along each."""


def leading_directions(run: TrainedRun, people: People) -> Directions:
    """Encode people of the training split at random views, and take the principal components of their means.

    The mean over a person's views keeps most of what the pose leaves in the intrinsic latents out of the directions.
    """
    images, _ = people.views("train", SAMPLED_PEOPLE, VIEWS, share=1.0)
    codes = run.encode(images).reshape(SAMPLED_PEOPLE, VIEWS, -1).mean(axis=1, dtype=np.float64)
    codes -= codes.mean(axis=0)
    where = run.layout.slice(INTRINSIC)
    _, singular, rows = np.linalg.svd(codes[:, where], full_matrices=False)
    count = min(COUNT, len(singular))
    vectors = np.zeros((count, run.config.latents))
    vectors[:, where] = rows[:count]
    # A singular vector has no sign of its own; this gives it one that does not depend on the library.
    largest = np.abs(vectors).argmax(axis=1)
    vectors *= np.sign(vectors[np.arange(count), largest])[:, None]
    spread = singular[:count] / np.sqrt(SAMPLED_PEOPLE - 1)
    return Directions(vectors.astype(np.float32), spread.astype(np.float32))
