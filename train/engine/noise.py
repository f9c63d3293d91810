"""The random numbers of a step: normal numbers and permutations, a function of the run's seed and the step alone.

They are sampled on the CPU, so that a step has the same on every device. `StepNoise` samples when it is called;
`HeldNoise` keeps its samples at fixed addresses, for computations that are recorded once and replayed for every step
(`train.engine.step`).
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from train.device import copy_to, to_device

_NOISE_KEY = 0x6E6F6973


class Noise(Protocol):
    """The random numbers of one step, in the order of the calls."""

    def normal(self, like: Tensor) -> Tensor:
        """Independent N(0, 1), float32, in the shape and on the device of `like`."""
        ...

    def order(self, rows: int, device: torch.device) -> Tensor:
        """(rows,) int64: a random permutation."""
        ...


def step_generator(seed: int, step: int) -> torch.Generator:
    """The generator of one step: a CPU generator that is a function of (seed, step)."""
    words = np.random.SeedSequence(seed, spawn_key=(_NOISE_KEY, step)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0]) >> 1)


class StepNoise:
    """The random numbers of step `step` of a run with this seed."""

    def __init__(self, seed: int, step: int) -> None:
        self._generator = step_generator(seed, step)

    def normal(self, like: Tensor) -> Tensor:
        """See `Noise`."""
        return to_device(_normal(like.shape)(self._generator), like.device)

    def order(self, rows: int, device: torch.device) -> Tensor:
        """See `Noise`."""
        return to_device(_order(rows)(self._generator), device)


class HeldNoise:
    """The random numbers of the step that was last selected, in tensors at fixed addresses.

    The first pass makes the tensors; every later one, after `rewind`, must make the same calls in the same order, and
    gets the same tensors.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._held: list[tuple[Tensor, _Draw]] = []
        self._asked = 0

    def normal(self, like: Tensor) -> Tensor:
        """See `Noise`; zeros before the first `select`."""
        return self._next(_normal(like.shape), lambda: torch.zeros(like.shape, device=like.device))

    def order(self, rows: int, device: torch.device) -> Tensor:
        """See `Noise`; ascending before the first `select`."""
        return self._next(_order(rows), lambda: torch.arange(rows, device=device))

    def rewind(self) -> None:
        """Start another pass."""
        self._asked = 0

    def select(self, step: int) -> None:
        """Fill the tensors with the numbers of another step."""
        generator = step_generator(self._seed, step)
        for held, draw in self._held:
            copy_to(held, draw(generator))

    def _next(self, draw: "_Draw", make: Callable[[], Tensor]) -> Tensor:
        if self._asked == len(self._held):
            self._held.append((make(), draw))
        self._asked += 1
        return self._held[self._asked - 1][0]


_Draw = Callable[[torch.Generator], Tensor]
"""From a generator on the CPU to a tensor there."""


def _normal(shape: torch.Size) -> _Draw:
    return lambda generator: torch.randn(shape, generator=generator)


def _order(rows: int) -> _Draw:
    return lambda generator: torch.randperm(rows, generator=generator)
