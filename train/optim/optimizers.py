"""What turns gradients into steps: Adam for all parameters, or Muon for the matrices and Adam for the rest."""

import torch
from torch import Tensor

from train.config import TrainConfig
from train.networks.authors import Network
from train.optim.muon import Muon

Optimizers = dict[str, torch.optim.Optimizer]
"""By the name under which a checkpoint keeps their state; Adam's is "optimizer", from when there was no other."""
MOST_CHANNELS = 3
"""Of an image."""


def make_optimizers(network: Network, config: TrainConfig, *, capturable: bool = False) -> Optimizers:
    """Those of a run; each parameter belongs to one of them.

    `capturable` is for recording on a GPU (see `train.engine.step`).
    """
    parameters = list(network.parameters())
    matrices = [] if config.optimizer == "adam" else [p for p in parameters if is_matrix(p)]
    others = [p for p in parameters if not any(p is one for one in matrices)]
    adam = torch.optim.Adam(
        others, lr=config.learning_rate, betas=config.betas, eps=1e-8, fused=True, capturable=capturable
    )
    return {"optimizer": adam} | ({"muon": Muon(matrices, config.learning_rate)} if matrices else {})


def is_matrix(parameter: Tensor) -> bool:
    """Whether a parameter maps features to features.

    The convolutions from and to the image do not, and what has no more inputs or outputs than an image has channels is
    left out with them: in nets of less than 16 maps some convolutions are.
    """
    return parameter.ndim > 1 and min(parameter.shape[0], parameter.shape[1]) > MOST_CHANNELS


def step_all(optimizers: Optimizers, rate: float | Tensor) -> None:
    """One step of each with this learning rate."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
