"""A configuration's network, and whether weights are those of one."""

from collections.abc import Mapping

import torch
from torch import Tensor

from train.config import TrainConfig
from train.networks.authors import Network

STORED = (torch.float32, torch.float16)
"""What weights may be kept as; float16 in a packed run (train/runs/packing.py)."""


def make_network(config: TrainConfig, *, plain: bool = False) -> Network:
    """The network of a configuration with its initial weights, on the CPU."""
    return Network(
        side=config.side,
        channels=config.channels,
        maps=config.maps,
        latents=config.latents,
        seed=config.seed,
        widest=config.widest,
        precision=config.precision,
        plain=plain,
    )


def weight_mismatch(config: TrainConfig, weights: Mapping[str, Tensor]) -> str:
    """How `weights` differ from what a network of this configuration has, in a few words; "" if they do not.

    No memory is taken for the network, so that a false configuration cannot ask for more than there is.
    """
    try:
        with torch.device("meta"):
            wanted = make_network(config).state_dict()
    except (RuntimeError, OverflowError, TypeError) as error:
        return f"no network of {config.maps} maps and {config.latents} latents can be made ({type(error).__name__})"
    if names := sorted(wanted.keys() ^ weights.keys()):
        return f"{names[0]} is {'missing' if names[0] in wanted else 'no weight of the network'}"
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            return f"{name} has shape {tuple(tensor.shape)}, the network {tuple(wanted[name].shape)}"
        if tensor.dtype not in STORED:
            return f"{name} is {tensor.dtype}, not {' or '.join(map(str, STORED))}"
    return ""
