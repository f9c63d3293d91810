"""Proposals of the chains: elliptical for normal coordinates of the prior, reflected walks for uniform ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Move(Protocol):
    """A change of some coordinates of every chain's state.

    A proposal is reversible with respect to its own measure q, and `excess` is log prior - log q. A chain that accepts
    with min(1, exp(excess' - excess) K'/K) has prior times kernel K as its stationary distribution.
    """

    def propose(self, states: Floats, sizes: Floats, rng: np.random.Generator) -> Floats:
        """Propose (n, D) new states for (n, D) states and (n,) sizes in 0..1."""

    def excess(self, states: Floats) -> Floats:
        """(n,) values of log prior - log q, up to a constant."""


@dataclass(frozen=True)
class Elliptical:
    """S' = sqrt(1 - a^2) S + a theta, a ~ U(-1, 1) times the size (arXiv:1503.03167v1 section 4.1).

    With `mean` and `factor` the ellipse is that of N(mean, factor factor^T) instead of the prior N(0, I): with an
    approximate posterior, steps are long only in the directions in which it is wide.
    """

    columns: slice
    """Coordinates that are standard normal in the prior."""
    mean: Floats | None = None
    """(k,), or None for the prior's."""
    factor: Floats | None = None
    """(k, k) lower triangular, or None for the prior's."""

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
        """See `Move`; 0 for an ellipse of the prior."""
        if self.mean is None or self.factor is None:
            return np.zeros(len(states))
        own = states[:, self.columns]
        whitened = np.linalg.solve(self.factor, (own - self.mean).T)
        found: Floats = 0.5 * ((whitened**2).sum(axis=0) - (own**2).sum(axis=1))
        return found


@dataclass(frozen=True)
class Reflected:
    """A step U(-2, 2) times the size in every coordinate, reflected at -1 and 1."""

    columns: slice
    """Coordinates that are uniform on -1..1 in the prior."""

    def propose(self, states: Floats, sizes: Floats, rng: np.random.Generator) -> Floats:
        """See `Move`."""
        step = rng.uniform(-2, 2, (len(states), self.columns.stop - self.columns.start))
        proposed = states.copy()
        proposed[:, self.columns] = reflect(states[:, self.columns] + sizes[:, None] * step)
        return proposed

    def excess(self, states: Floats) -> Floats:
        """See `Move`; 0, as the walk keeps the uniform prior."""
        return np.zeros(len(states))


@dataclass(frozen=True)
class Combined:
    """Several moves of different coordinates, made in one step."""

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
    """Reflect values into -1..1, at the walls -1 and 1 as often as needed."""
    found: Floats = 1 - np.abs((values + 1) % 4 - 2)
    return found
