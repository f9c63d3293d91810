"""A configuration's network, and the randomness of its steps."""

import numpy as np
import torch

from train.config import TrainConfig
from train.network import Network

_NOISE_KEY = 0x6E6F6973


def make_network(config: TrainConfig, *, plain: bool = False) -> Network:
    """The network of a configuration with its initial weights, on the CPU."""
    return Network(
        side=config.side,
        channels=config.channels,
        maps=config.maps,
        latents=config.latents,
        seed=config.seed,
        precision=config.precision,
        plain=plain,
    )


def step_generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one step: a CPU generator that is a function of (seed, step)."""
    words = np.random.SeedSequence(seed, spawn_key=(_NOISE_KEY, step)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0]) >> 1)
