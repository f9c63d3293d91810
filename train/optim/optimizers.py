"""The optimisers of a run: Adam or RMSprop for all parameters, or Muon for the matrices and Adam for the rest."""

import torch
from torch import Tensor, nn

from train.config import TrainConfig
from train.optim.adam import AuthorsAdam
from train.optim.muon import Muon

Optimizers = dict[str, torch.optim.Optimizer]
"""By the name of their state in a checkpoint; that of Adam and RMSprop is "optimizer"."""
PAPER_MOMENTUM, PAPER_WEIGHT_DECAY = 0.1, 0.01
"""NIPS section 4, word for word: "momentum decay" and "weight decay" of RMSprop. The squares decay by 0.99, which is
the default of Torch7 and of PyTorch; the paper does not say."""
MOST_CHANNELS = 3
"""Channels of an image."""


def make_optimizers(network: nn.Module, config: TrainConfig, *, capturable: bool = False) -> Optimizers:
    """The optimisers of a run; each parameter belongs to one of them.

    `capturable` is for recording on a GPU (see `train.engine.step`).
    """
    parameters = list(network.parameters())
    if config.optimizer == "rmsprop":
        rmsprop = torch.optim.RMSprop(
            parameters,
            lr=config.learning_rate,
            alpha=0.99,
            momentum=PAPER_MOMENTUM,
            weight_decay=PAPER_WEIGHT_DECAY,
            capturable=capturable,
        )
        return {"optimizer": rmsprop}
    matrices = [] if config.optimizer == "adam" else [p for p in parameters if is_matrix(p)]
    others = [p for p in parameters if not any(p is one for one in matrices)]
    adam = AuthorsAdam(others, config.learning_rate, config.betas, capturable=capturable)
    return {"optimizer": adam} | ({"muon": Muon(matrices, config.learning_rate)} if matrices else {})


def is_matrix(parameter: Tensor) -> bool:
    """True for a parameter that maps features to features.

    The convolutions from and to the image do not, and parameters with no more inputs or outputs than an image
    has channels are left out with them: in networks of less than 16 maps some convolutions are.
    """
    return parameter.ndim > 1 and min(parameter.shape[0], parameter.shape[1]) > MOST_CHANNELS


def step_all(optimizers: Optimizers, rate: float | Tensor) -> None:
    """One step of each optimiser with this learning rate."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
