"""Several processes train one network: each reads a batch of its own, and their gradients are averaged.

torchrun starts them and sets every process's rank. Without it there is one process, and nothing here has an effect.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from train.device import resolve_device


@dataclass(frozen=True)
class Ranks:
    """The processes of a run."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """True in the process that writes the run directory."""
        return self.rank == 0

    def average(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, parts, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def gather(self, row: Tensor) -> Sequence[Tensor]:
        """The rows of all processes, in the order of their ranks."""
        if self.size == 1:
            return [row]
        rows = [torch.empty_like(row) for _ in range(self.size)]
        distributed.all_gather(rows, row)
        return rows

    def wait(self) -> None:
        """Block until every process has called this."""
        if self.size > 1:
            distributed.barrier()


def ranks() -> int:
    """Number of processes that torchrun has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """True in the process that prints for the user."""
    return os.environ.get("RANK", "0") == "0"


def own_device(device: str) -> str:
    """The device of this process: one of this machine's GPUs each where torchrun started several."""
    if ranks() == 1 or resolve_device(device) != "cuda":
        return device
    return f"cuda:{os.environ['LOCAL_RANK']}"


@contextmanager
def process_group(device: torch.device) -> Iterator[Ranks]:
    """The group of this process and those that were started with it."""
    if ranks() == 1:
        yield Ranks()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
