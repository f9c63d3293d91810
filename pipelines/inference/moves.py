"""Proposals of the chains: elliptical for what is normal in the prior, reflected walks for what is uniform."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Move(Protocol):
    """A change of some coordinates of every chain's state.

    A step of size s from x to x' is as likely as one back, but for the `excess` at its ends: proposals keep a measure
    q of their own, and the excess is log prior - log q. A chain that accepts with min(1, exp(excess' - excess) K'/K)
    keeps prior times kernel K.
    """

    def propose(self, states: Floats, sizes: Floats, rng: np.random.Generator) -> Floats:
        """(n, D) new states for (n, D) states and (n,) sizes in 0..1."""

    def excess(self, states: Floats) -> Floats:
        """(n,) log prior - log q, up to a constant."""


@dataclass(frozen=True)
class Elliptical:
    """S' = sqrt(1 - a^2) S + a theta, a ~ U(-1, 1) times the size (arXiv:1503.03167v1 section 4.1).

    With `mean` and `factor` the ellipse is about N(mean, factor factor^T) instead of the prior N(0, I): where something
    is known of the posterior before the chain starts, its steps are long only where it is wide.
    """

    columns: slice
    """Coordinates that are standard normal in the prior."""
    mean: Floats | None = None
    """(k,)."""
    factor: Floats | None = None
    """(k, k) lower triangular."""

    def propose(self, states: Floats, sizes: Floats, rng: np.random.Generator) -> Floats:
        """See `Move`."""
        a = sizes * rng.uniform(-1, 1, len(states))
        theta = rng.standard_normal((len(states), self.columns.stop - self.columns.start))
        if self.factor is not None:
            theta = theta @ self.factor.T
        centre = 0.0 if self.mean is None else self.mean
        proposed = states.copy()
        proposed[:, self.columns] = (
            centre + np.sqrt(1 - a * a)[:, None] * (states[:, self.columns] - centre) + a[:, None] * theta
        )
        return proposed

    def excess(self, states: Floats) -> Floats:
        """See `Move`; 0 about the prior."""
        if self.mean is None or self.factor is None:
            return np.zeros(len(states))
        own = states[:, self.columns]
        whitened = np.linalg.solve(self.factor, (own - self.mean).T)
        found: Floats = 0.5 * ((whitened**2).sum(axis=0) - (own**2).sum(axis=1))
        return found


@dataclass(frozen=True)
class Reflected:
    """A step U(-2, 2) times the size in every coordinate, thrown back by the walls at -1 and 1."""

    columns: slice
    """Coordinates that are uniform on -1..1 in the prior."""

    def propose(self, states: Floats, sizes: Floats, rng: np.random.Generator) -> Floats:
        """See `Move`."""
        step = rng.uniform(-2, 2, (len(states), self.columns.stop - self.columns.start))
        proposed = states.copy()
        proposed[:, self.columns] = reflect(states[:, self.columns] + sizes[:, None] * step)
        return proposed

    def excess(self, states: Floats) -> Floats:
        """See `Move`: none."""
        return np.zeros(len(states))


@dataclass(frozen=True)
class Together:
    """Several moves of different coordinates as one."""

    moves: Sequence[Move]

    def propose(self, states: Floats, sizes: Floats, rng: np.random.Generator) -> Floats:
        """See `Move`."""
        for move in self.moves:
            states = move.propose(states, sizes, rng)
        return states

    def excess(self, states: Floats) -> Floats:
        """See `Move`."""
        return np.sum([move.excess(states) for move in self.moves], axis=0)


def reflect(values: Floats) -> Floats:
    """Values folded back into -1..1, as a ball between two walls."""
    found: Floats = 1 - np.abs((values + 1) % 4 - 2)
    return found
