"""Codes of sweeps, from a network or made up, and everything that can be measured without drawing a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.metrics import disentanglement, equivariance, invariance, retrieval
from pipelines.evaluation.metrics.bootstrap import Statistic
from pipelines.evaluation.metrics.equivariance import NeuronSweep

Array = NDArray[np.float64]
DEFINITIONS: dict[str, dict[str, str]] = {
    "equivariance": equivariance.DEFINITIONS,
    "invariance": invariance.DEFINITIONS,
    "retrieval": retrieval.DEFINITIONS,
}


@dataclass(frozen=True)
class SweepCodes:
    """What a code says of all sweeps. The factors are the keys, the same in every mapping."""

    units: Mapping[str, str]
    """Of the angles."""
    angles: Mapping[str, Array]
    """(G,) ascending."""
    train: Mapping[str, NDArray[np.floating]]
    """(people, G, latents): the training split's sweeps, which calibrate."""
    test: Mapping[str, NDArray[np.floating]]
    """(people, G, latents): the test split's, which are measured. A person has the same number in all factors."""
    neurons: Mapping[str, int]
    """Each factor's latent."""
    rest: NDArray[np.int64]
    """The intrinsic latents: z[4..n] of the paper, what should know the person and nothing else."""
    truth: Mapping[str, NDArray[np.floating]]
    """(people, G, factors): the true values of all factors in the test sweeps, in the order of the keys."""

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
        """(people, G, D) intrinsic latents of the training and the test sweeps of a factor."""
        train, test = (codes[factor][:, :, self.rest].astype(np.float64) for codes in (self.train, self.test))
        return train, test

    def statistics(self, factor: str) -> dict[str, dict[str, Statistic]]:
        """The measures of a factor by the kinds of `DEFINITIONS`; crosstalk is `crosstalk`'s."""
        found = {"equivariance": equivariance.statistics(self.sweep(factor))}
        if len(self.rest):
            angles, (train, test) = self.angles[factor], self.intrinsic(factor)
            query, gallery = retrieval.query(angles), invariance.middle(angles)
            found["invariance"] = invariance.statistics(train, test, angles)
            found["retrieval"] = {"retrieval": retrieval.retrieval(test[:, query], test[:, gallery])}
        return found

    def crosstalk(self) -> dict[str, dict[str, float]]:
        """Factor to other factor to the share of that one's neuron that the first one's angle explains, linearly."""
        others = {
            factor: {o: self.test[factor][:, :, k].astype(np.float64) for o, k in self.neurons.items() if o != factor}
            for factor in self.factors
        }
        return invariance.crosstalk([self.sweep(factor) for factor in self.factors], others)

    def cosine_curve(self, factor: str) -> Array:
        """(G,) mean over test people of the intrinsic code's cosine with that at the middle angle."""
        curve: Array = invariance.cosine_curve(self.intrinsic(factor)[1], invariance.middle(self.angles[factor])).mean(
            0
        )
        return curve

    def disentanglement(self) -> dict[str, Any] | None:
        """Disentanglement scores on all test images, with the intrinsic latents as one group.

        None where there are too few images.
        """
        codes = np.concatenate([self.test[f].reshape(-1, self.test[f].shape[-1]) for f in self.factors])
        truth = np.concatenate([self.truth[f].reshape(-1, self.truth[f].shape[-1]) for f in self.factors])
        if len(codes) < disentanglement.LEAST_IMAGES:
            return None
        people = [np.repeat(np.arange(len(self.test[f])), len(self.angles[f])) for f in self.factors]
        intrinsic = [self.rest.tolist()] if len(self.rest) else []
        # Two factors may have chosen one latent, and a factor without sweeps here has a latent too.
        parts = [*([d] for d in np.setdiff1d(np.arange(codes.shape[1]), self.rest).tolist()), *intrinsic]
        return disentanglement.score(codes, truth, groups=parts, people=np.concatenate(people))
