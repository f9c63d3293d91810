"""The computation of one step on its device: directly, or on a GPU as graphs that are recorded once and replayed.

A GPU executes a step's few hundred kernels faster than Python can launch them. Recorded as a CUDA graph they are
launched at once. A graph always works on the same addresses: so batch, noise and learning rate are copied to those.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from train.device import copy_to, to_device
from train.engine.noise import HeldNoise, StepNoise
from train.engine.step_stats import StepStats
from train.families.interface import Family
from train.optim.optimizers import Optimizers, make_optimizers, step_all

PASSES_BEFORE = 2
"""Passes before recording: in them libraries choose their kernels and allocate their workspaces."""
Batch = Mapping[str, Tensor]
"""The arrays of one batch, by name."""


class Step(Protocol):
    """Computes the gradients of a batch, then steps the optimisers; in between, processes may average gradients."""

    optimizers: Optimizers

    def gradients(self, number: int, batch: Batch) -> Tensor:
        """Leave the gradients of step `number` in the parameters; the batch is on the CPU.

        Returns
        -------
        float64 on the network's device, a row of `StepStats`.
        """
        ...

    def update(self, rate: float) -> None:
        """One step of all optimisers with this learning rate."""
        ...


def make_step(network: nn.Module, family: Family[Any]) -> Step:
    """A step that is recorded where there is a GPU, and direct elsewhere."""
    on_gpu = next(network.parameters()).is_cuda
    return RecordedStep(network, family) if on_gpu else DirectStep(network, family)


def on_device(batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """The batch on a device."""
    return {name: to_device(tensor, device) for name, tensor in batch.items()}


class DirectStep:
    """Executes every operation when it is called; see `Step`."""

    def __init__(self, network: nn.Module, family: Family[Any]) -> None:
        self._network, self._family = network, family
        self._device = next(network.parameters()).device
        self._stats = StepStats(family.factors, family.parts)
        self.optimizers = make_optimizers(network, family.config)

    def gradients(self, number: int, batch: Batch) -> Tensor:
        """See `Step`."""
        self._network.zero_grad()
        batch = on_device(batch, self._device)
        terms = self._family.terms(self._network, batch, StepNoise(self._family.config.seed, number))
        terms.total.backward()  # type: ignore[no-untyped-call]
        return self._stats.row(terms, batch["active"])

    def update(self, rate: float) -> None:
        """See `Step`."""
        step_all(self.optimizers, rate)


@dataclass(frozen=True)
class _Recording:
    """A graph, the tensors that it reads, and the row that it writes."""

    graph: torch.cuda.CUDAGraph
    batch: dict[str, Tensor]
    noise: HeldNoise
    row: Tensor


class RecordedStep:
    """One graph for batches with the same arrays of the same shapes, and one for the optimisers; see `Step`."""

    def __init__(self, network: nn.Module, family: Family[Any]) -> None:
        self._network, self._family = network, family
        self._parameters = list(network.parameters())
        self._device = self._parameters[0].device
        self._stats = StepStats(family.factors, family.parts)
        self._gradients = [torch.zeros_like(parameter) for parameter in self._parameters]
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        self.optimizers = make_optimizers(network, family.config, capturable=True)
        self._rate = torch.zeros((), device=self._device)
        self._pool = torch.cuda.graph_pool_handle()
        # PyTorch's own stream for recording is on the first GPU that ever recorded.
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._recordings: dict[tuple[Hashable, ...], _Recording] = {}
        self._updating: torch.cuda.CUDAGraph | None = None
        self._warm = False

    def gradients(self, number: int, batch: Batch) -> Tensor:
        """See `Step`."""
        kind = tuple((name, tensor.shape) for name, tensor in batch.items())
        if kind not in self._recordings:
            self._recordings[kind] = self._record(batch)
        recording = self._recordings[kind]
        recording.noise.select(number)
        for name, tensor in batch.items():
            copy_to(recording.batch[name], tensor)
        recording.graph.replay()
        return recording.row.clone()

    def update(self, rate: float) -> None:
        """See `Step`. The first one makes the optimisers' state; the second is recorded."""
        self._rate.fill_(rate)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:  # a checkpoint may have another value
                if "capturable" in group:
                    group["capturable"] = True
        if not self._warm:
            step_all(self.optimizers, self._rate)
            self._warm = True
            return
        if self._updating is None:
            self._updating = torch.cuda.CUDAGraph()
            with self._recording_into(self._updating):
                step_all(self.optimizers, self._rate)
        self._updating.replay()

    def _record(self, batch: Batch) -> _Recording:
        held, noise = on_device(batch, self._device), HeldNoise(self._family.config.seed)
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for _ in range(PASSES_BEFORE):
                self._pass(held, noise)
        torch.cuda.current_stream(self._device).wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        with self._recording_into(graph):
            row = self._pass(held, noise)
        return _Recording(graph, held, noise, row)

    def _recording_into(self, graph: torch.cuda.CUDAGraph) -> torch.cuda.graph:
        """A recording context; GPU calls of other threads (a source, NCCL) neither disturb nor enter it."""
        return torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local")

    def _pass(self, batch: Batch, noise: HeldNoise) -> Tensor:
        noise.rewind()
        terms = self._family.terms(self._network, batch, noise)
        gradients = torch.autograd.grad(terms.total, self._parameters, materialize_grads=True)
        torch._foreach_copy_(self._gradients, gradients)
        return self._stats.row(terms, batch["active"])
