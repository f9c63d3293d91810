"""A trained run made small enough to send: 16-bit weights, no optimiser, no history."""

from pathlib import Path

import torch

from train.runs.checkpoint import RESUME, Checkpoint, write_weights
from train.errors import ExportFailed
from train.runs.run_directory import RunDirectory
from train.runs.trained_run import TrainedRun


def pack(run: TrainedRun, out: Path) -> int:
    """Write a run directory of float16 weights to `out`: everything can read it, nothing can train on from it.

    Rounding to float16 changes a weight by at most 0.05% of its size (or 3e-8); what the neurons mean is measured anew.

    Returns
    -------
    Bytes of the weights

    Raises
    ------
    ExportFailed
        A weight is too large for float16, or `out` holds a run that can be trained on, such as this one.
    RunMismatch
        `out` holds another run.
    """
    weights = {name: tensor.cpu().to(torch.float16) for name, tensor in run.network.state_dict().items()}
    if wrong := [name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all())]:
        raise ExportFailed(f"{', '.join(wrong)} has values beyond 65,504, which float16 cannot hold")
    directory = RunDirectory(out)
    directory.check(run.config, run.store)
    if any(directory.checkpoints.glob(f"*{RESUME}")):
        raise ExportFailed(f"{out} holds a run that can be trained on, and is not written over; give another folder")
    directory.prepare(run.config, run.store)
    path = write_weights(directory.checkpoints, Checkpoint(run.step, run.config, run.store, weights))
    return path.stat().st_size
