"""A configuration's network."""

from train.config import TrainConfig
from train.network import Network


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
