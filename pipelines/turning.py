"""A person seen once, turned, nodded and re-lit by the network, beside what the renderer shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dataset.store import Store
from pipelines.pictures import sheet
from train.measures.equivariance import NeuronSweep
from train.trained import TrainedRun, to_uint8


def calibration(sweep: NeuronSweep) -> NDArray[np.float64]:
    """(G,) what the neuron says on average over the training people at each angle of the grid."""
    mean: NDArray[np.float64] = sweep.train.mean(axis=0)
    return mean


def turned(run: TrainedRun, code: NDArray[np.float32], factor: str, values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Decode one code with a factor's latent set to each value in turn.

    Parameters
    ----------
    code : (latents,) float32
    values : (n,) float

    Returns
    -------
    (n, H, W) or (n, H, W, 3) uint8
    """
    codes = np.tile(code, (len(values), 1))
    codes[:, run.layout.slice(factor).start] = values
    return to_uint8(run.decode(codes))


def turning_frames(
    run: TrainedRun, store: Store, sweep: NeuronSweep, people: Sequence[int], frames: int = 21
) -> NDArray[np.uint8]:
    """Frames of an animation with a column for each person of the test split.

    Rows: the one image that the network saw (the middle of the sweep), the decoder's sweep, the true renders.
    """
    shown = np.linspace(0, len(sweep.angles) - 1, frames).round().astype(int)
    values = calibration(sweep)[shown]
    truth, ours, seen = [], [], []
    for person in people:
        images = store.read("test", sweep.factor, person).images
        middle = images[len(images) // 2]
        truth.append(images[shown])
        ours.append(turned(run, run.encode(middle[None])[0], sweep.factor, values))
        seen.append(middle)
    rows = (np.stack(seen), np.stack(ours), np.stack(truth))
    return np.stack([sheet([rows[0], rows[1][:, k], rows[2][:, k]]) for k in range(frames)])
