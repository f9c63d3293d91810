"""Which latent is a factor's neuron: the one that the layout gave it, or the one that varies most with it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from train.config import TrainConfig
from train.layout import INTRINSIC
from train.objectives import assigned

DEFINITIONS = {
    "layout": "the factor's own latent, as the training rule assigned it",
    "variance": "the latent whose variance along the factor's training sweeps is largest, mean over people (the rule "
    "of NIPS 2015 section 4.1.1 for nets that were told nothing)",
}


def choose_neurons(
    config: TrainConfig, train_codes: Mapping[str, NDArray[np.floating]]
) -> tuple[str, dict[str, int], NDArray[np.int64]]:
    """How the neurons were chosen (a key of `DEFINITIONS`), factor to latent, and the intrinsic latents.

    Parameters
    ----------
    config : of the run
    train_codes : factor to (people, G, latents), the means of all latents on the training split's sweeps
    """
    if assigned(config):
        every = np.arange(config.latents)
        intrinsic = every[config.layout.slice(INTRINSIC)] if INTRINSIC in config.layout.names else every[:0]
        return "layout", {factor: config.layout.slice(factor).start for factor in train_codes}, intrinsic
    chosen = {factor: most_varying(codes) for factor, codes in train_codes.items()}
    return "variance", chosen, rest(config.latents, chosen)


def most_varying(codes: NDArray[np.floating]) -> int:
    """From (people, G, latents): the latent with the largest variance along the sweeps, mean over people."""
    return int(codes.var(axis=1, dtype=np.float64).mean(axis=0).argmax())


def rest(latents: int, neurons: Mapping[str, int]) -> NDArray[np.int64]:
    """The latents that are nobody's neuron, in ascending order."""
    return np.setdiff1d(np.arange(latents), list(neurons.values()))
