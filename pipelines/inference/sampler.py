"""ABC-MCMC: Markov chains that accept hypotheses by the distance of their summary statistics to the observation's.

The chains sample prior(S) K(rho(S) / epsilon), with rho the distance between the statistics of the image of S and of
the observation, and K the density of an assumed error between them: Wilkinson's probabilistic acceptance
(Stat. Appl. Genet. Mol. Biol. 12, 2013), with which ABC is exact under that error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.inference.moves import Floats, Move

Kernel = Literal["l1", "l2"]
"""Density of the error between statistics. `l1`: Laplace, K = exp(-rho / epsilon); `l2`: normal,
K = exp(-rho^2 / (2 epsilon^2))."""
WANTED = 0.25
"""Acceptance rate to which the sizes of steps are adapted; optimal for many coordinates (Roberts et al. 1997)."""
HASTE = 0.15
"""Change of a size's logarithm when a step is accepted, before the sizes are frozen."""
SMALLEST = 1e-4
BEGIN = 0.05
"""First epsilon, as a share of the median distance at the start: a larger one loses a good start."""

Simulate = Callable[[Floats], tuple[Floats, Mapping[str, Floats]]]
"""(n, D) states -> (n,) distances to the observation, and named (n,) arrays to record."""


@dataclass(frozen=True)
class Schedule:
    """Length of the chains, and their tolerance over time."""

    iterations: int
    settling: int
    """Iterations at the start in which epsilon falls and step sizes adapt; they are no samples."""
    tolerance: float
    """Epsilon after settling."""

    def epsilon(self, iteration: int, first: float) -> float:
        """Epsilon at an iteration: falls geometrically from `first`, or from a larger tolerance, to the tolerance."""
        if iteration >= self.settling:
            return self.tolerance
        share = iteration / self.settling
        return float(max(first, self.tolerance) ** (1 - share) * self.tolerance**share)


@dataclass(frozen=True)
class Trace:
    """The history of the chains; row 0 is the start."""

    states: NDArray[np.float32]
    """(iterations + 1, n, D)."""
    distance: Floats
    """(iterations + 1, n)."""
    recorded: Mapping[str, Floats]
    """Named (iterations + 1, n) arrays that `simulate` gave for the states."""
    accepted: NDArray[np.bool_]
    """(iterations, n)."""
    settling: int
    """Rows up to this one are no samples."""

    @property
    def samples(self) -> NDArray[np.float32]:
        """(m, n, D) states after settling."""
        return self.states[self.settling + 1 :]


def run_chains(
    start: Floats,
    moves: Sequence[tuple[Move, float]],
    simulate: Simulate,
    schedule: Schedule,
    rng: np.random.Generator,
    *,
    kernel: Kernel = "l1",
    adapt: bool = True,
    on_iteration: Callable[[int, Trace], None] = lambda _iteration, _trace: None,
) -> Trace:
    """Run n chains in parallel; every iteration is one call of `simulate` with n hypotheses.

    Parameters
    ----------
    start : (n, D) states
    moves : moves with the size, 0..1, of their first steps; each iteration uses one, chosen at random, for all chains
    simulate : see `Simulate`
    schedule : length and tolerance of the chains
    rng : random generator
    kernel : see `Kernel`
    adapt : adapt the step sizes of each chain while settling
    on_iteration : called with the number of finished iterations, and the trace so far

    Returns
    -------
    Trace
    """
    n, length = len(start), schedule.iterations + 1
    states = start.astype(np.float64)
    distance, recorded = simulate(states)
    trace = Trace(
        np.empty((length, *states.shape), np.float32),
        np.empty((length, n)),
        {name: np.empty((length, n)) for name in recorded},
        np.empty((schedule.iterations, n), bool),
        schedule.settling,
    )
    first = BEGIN * float(np.median(distance))
    sizes = np.tile([[size] for _, size in moves], n)
    now = {name: values.copy() for name, values in recorded.items()}
    _write(trace, 0, states, distance, now)
    for iteration in range(schedule.iterations):
        epsilon = schedule.epsilon(iteration, first)
        which = int(rng.integers(len(moves)))
        move, _ = moves[which]
        proposed = move.propose(states, sizes[which], rng)
        proposed_distance, proposed_record = simulate(proposed)
        odds = move.excess(proposed) - move.excess(states) + log_kernel(proposed_distance, epsilon, kernel)
        odds -= log_kernel(distance, epsilon, kernel)
        taken = np.log(1 - rng.random(n)) < odds
        states[taken], distance = proposed[taken], np.where(taken, proposed_distance, distance)
        now = {name: np.where(taken, proposed_record[name], now[name]) for name in now}
        if adapt and iteration < schedule.settling:
            change = np.where(taken, HASTE, -HASTE * WANTED / (1 - WANTED))
            sizes[which] = np.clip(sizes[which] * np.exp(change), SMALLEST, 1)
        trace.accepted[iteration] = taken
        _write(trace, iteration + 1, states, distance, now)
        on_iteration(iteration + 1, trace)
    return trace


def log_kernel(distance: Floats, epsilon: float, kernel: Kernel) -> Floats:
    """(n,) values of log K, up to a constant."""
    ratio = distance / epsilon
    return -ratio if kernel == "l1" else -0.5 * ratio * ratio


def split_r_hat(samples: NDArray[np.floating]) -> Floats:
    """Potential scale reduction of chains split in halves (Gelman et al., Bayesian Data Analysis, 3rd edition).

    Parameters
    ----------
    samples : (m, n, D), m of 4 or more

    Returns
    -------
    (D,) values, 1 where the halves of all chains agree; nan where no chain moved
    """
    half = len(samples) // 2
    halves = np.concatenate([samples[:half], samples[half : 2 * half]], axis=1).astype(np.float64)
    within = halves.var(axis=0, ddof=1).mean(axis=0)
    between = halves.mean(axis=0).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.sqrt((half - 1) / half + between / within)
    return np.where(within > 0, found, np.nan)


def _write(trace: Trace, row: int, states: Floats, distance: Floats, recorded: Mapping[str, Floats]) -> None:
    trace.states[row], trace.distance[row] = states, distance
    for name, values in recorded.items():
        trace.recorded[name][row] = values
