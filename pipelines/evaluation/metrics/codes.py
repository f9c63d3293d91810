"""Codes of sweeps, from a network or synthetic, the neuron of each factor, and the measures that need no decoder."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics import equivariance, invariance
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.equivariance import NeuronSweep
from train.layout import INTRINSIC, Layout

Array = NDArray[np.float64]
DEFINITIONS: dict[str, dict[str, str]] = {
    "equivariance": equivariance.DEFINITIONS,
    "invariance": invariance.DEFINITIONS,
    "retrieval": invariance.RETRIEVAL_DEFINITIONS,
}
NEURON_RULES = {
    "layout": "the factor's own latent, as the training rule assigned it",
    "variance": "the latent whose variance along the factor's training sweeps is largest, mean over identities (the "
    "rule of NIPS 2015 section 4.1.1 for nets trained without labels)",
}
"""The rules by which `choose_neurons` chooses."""


@dataclass(frozen=True)
class SweepCodes:
    """The codes of all sweeps of factors that are not periodic. All mappings have the same keys, the factors."""

    units: Mapping[str, str]
    """The unit of the angles of each factor."""
    angles: Mapping[str, Array]
    """(G,) ascending."""
    train: Mapping[str, NDArray[np.floating]]
    """(N, G, latents): the training split's sweeps, which calibrate."""
    test: Mapping[str, NDArray[np.floating]]
    """(N, G, latents): the test split's, which are measured. An identity has the same number in all factors."""
    neurons: Mapping[str, int]
    """Each factor's latent."""
    rest: NDArray[np.int64]
    """The intrinsic latents: z[4..n] of the paper, which should encode the identity and nothing else."""
    truth: Mapping[str, NDArray[np.floating]]
    """(N, G, factors): the true values of all factors in the test sweeps, in the order of the keys."""

    @property
    def factors(self) -> tuple[str, ...]:
        """The swept factors."""
        return tuple(self.units)

    def sweep(self, factor: str) -> NeuronSweep:
        """One factor's neuron on its sweeps."""
        latent = self.neurons[factor]
        train, test = (codes[factor][:, :, latent].astype(np.float64) for codes in (self.train, self.test))
        return NeuronSweep(factor, self.units[factor], self.angles[factor], train, test)

    def intrinsic(self, factor: str) -> tuple[Array, Array]:
        """(N, G, D) intrinsic latents of the training and of the test sweeps of a factor."""
        train, test = (codes[factor][:, :, self.rest].astype(np.float64) for codes in (self.train, self.test))
        return train, test

    def statistics(self, factor: str) -> dict[str, dict[str, Statistic]]:
        """The measures of a factor by the kinds of `DEFINITIONS`, without crosstalk."""
        found = {"equivariance": equivariance.statistics(self.sweep(factor))}
        if len(self.rest):
            angles, (train, test) = self.angles[factor], self.intrinsic(factor)
            query, gallery = invariance.query(angles), invariance.middle(angles)
            found["invariance"] = invariance.statistics(train, test, angles)
            found["retrieval"] = {"retrieval": invariance.retrieval(test[:, query], test[:, gallery])}
        return found

    def crosstalk(self) -> dict[str, dict[str, float]]:
        """Factor to other factor to the squared correlation of the other's neuron with the first one's angle."""
        others = {
            factor: {o: self.test[factor][:, :, k].astype(np.float64) for o, k in self.neurons.items() if o != factor}
            for factor in self.factors
        }
        return invariance.crosstalk([self.sweep(factor) for factor in self.factors], others)

    def cosine_curve(self, factor: str) -> Array:
        """(G,) cosine of the intrinsic code with that at the middle angle, mean over test identities."""
        curve: Array = invariance.cosine_curve(self.intrinsic(factor)[1], invariance.middle(self.angles[factor])).mean(
            0
        )
        return curve


def choose_neurons(
    layout: Layout, train_codes: Mapping[str, NDArray[np.floating]], *, axis_aligned: bool
) -> tuple[str, dict[str, int], NDArray[np.int64]]:
    """The rule by which neurons are chosen (a key of `NEURON_RULES`), factor to latent, and the intrinsic latents.

    Parameters
    ----------
    layout : of the run's code
    train_codes : factor to (N, G, latents), the means of all latents on the training split's sweeps
    axis_aligned : whether training assigned the layout's latents to its factors; where it did not, the latent that
        varies most with a factor is its neuron
    """
    if axis_aligned:
        every = np.arange(layout.total)
        intrinsic = every[layout.slice(INTRINSIC)] if INTRINSIC in layout.names else every[:0]
        return "layout", {factor: layout.slice(factor).start for factor in train_codes}, intrinsic
    chosen = {factor: most_varying(codes) for factor, codes in train_codes.items()}
    return "variance", chosen, rest(layout.total, chosen)


def most_varying(codes: NDArray[np.floating]) -> int:
    """From (N, G, latents): the latent with the largest variance along the sweeps, mean over identities."""
    return int(codes.var(axis=1, dtype=np.float64).mean(axis=0).argmax())


def rest(latents: int, neurons: Mapping[str, int]) -> NDArray[np.int64]:
    """The latents that are no factor's neuron, in ascending order."""
    return np.setdiff1d(np.arange(latents), list(neurons.values()))
