"""What a step computes on its device: directly, or on a GPU as graphs that are recorded once and replayed.

A GPU does a step's few hundred kernels faster than Python can ask for them. Recorded as a CUDA graph they are asked for
at once. A graph always works on the same addresses: so images, noise and learning rate are copied to where it reads.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from train.config import TrainConfig
from train.data.collate import Inputs
from train.device import copy_to
from train.engine.noise import HeldNoise, StepNoise
from train.engine.step_stats import StepStats
from train.networks.authors import Network
from train.objectives import OBJECTIVES
from train.optim.optimizers import Optimizers, make_optimizers, step_all

PASSES_BEFORE = 2
"""Recording: in them libraries choose their kernels and allocate what they keep."""


class Step(Protocol):
    """Gradients of a batch, then the optimisers; between the two, processes may average what they have."""

    optimizers: Optimizers

    def gradients(self, number: int, inputs: Inputs) -> Tensor:
        """Leave the gradients of step `number` in the parameters.

        Returns
        -------
        float64 on the network's device, a row of `train.engine.step_stats`.
        """
        ...

    def update(self, rate: float) -> None:
        """One step of all optimisers with this learning rate."""
        ...


def make_step(network: Network, config: TrainConfig) -> Step:
    """As graphs where there is a GPU, directly elsewhere."""
    return RecordedStep(network, config) if network.mu.weight.is_cuda else DirectStep(network, config)


class DirectStep:
    """Every operation as it is asked for."""

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self._seed, self._device = config.seed, network.mu.weight.device
        self._objective, self._told = OBJECTIVES[config.objective](network, config), StepStats(config.layout)
        self._network, self.optimizers = network, make_optimizers(network, config)

    def gradients(self, number: int, inputs: Inputs) -> Tensor:
        """See `Step`."""
        self._network.zero_grad()
        inputs = inputs.on(self._device)
        loss = self._objective.loss(inputs.batch(StepNoise(self._seed, number)))
        loss.total.backward()  # type: ignore[no-untyped-call]
        return self._told.row(loss, inputs.active, inputs.pairing)

    def update(self, rate: float) -> None:
        """See `Step`."""
        step_all(self.optimizers, rate)


@dataclass(frozen=True)
class _Recording:
    """A graph, where it reads, and where it writes."""

    graph: torch.cuda.CUDAGraph
    inputs: Inputs
    noise: HeldNoise
    row: Tensor


class RecordedStep:
    """One graph for every kind of batch (see `Inputs`), and one for the optimisers."""

    def __init__(self, network: Network, config: TrainConfig) -> None:
        self._seed = config.seed
        self._objective, self._told = OBJECTIVES[config.objective](network, config), StepStats(config.layout)
        self._parameters = list(network.parameters())
        self._device = network.mu.weight.device
        self._gradients = [torch.zeros_like(parameter) for parameter in self._parameters]
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        self.optimizers = make_optimizers(network, config, capturable=True)
        self._rate = torch.zeros((), device=self._device)
        self._pool = torch.cuda.graph_pool_handle()
        # PyTorch's own stream for recording lies on the first GPU that ever recorded.
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._recordings: dict[tuple[Hashable, ...], _Recording] = {}
        self._updating: torch.cuda.CUDAGraph | None = None
        self._warm = False

    def gradients(self, number: int, inputs: Inputs) -> Tensor:
        """See `Step`."""
        if inputs.kind not in self._recordings:
            self._recordings[inputs.kind] = self._record(inputs)
        recording = self._recordings[inputs.kind]
        recording.noise.turn(number)
        for held, new in zip(recording.inputs.tensors, inputs.tensors, strict=True):
            copy_to(held, new)
        recording.graph.replay()
        return recording.row.clone()

    def update(self, rate: float) -> None:
        """See `Step`. The first one makes the optimisers' state; the second is recorded."""
        self._rate.fill_(rate)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:  # a checkpoint may say otherwise
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

    def _record(self, inputs: Inputs) -> _Recording:
        held, noise = inputs.on(self._device), HeldNoise(self._seed)
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
        """A context; what other threads ask of the GPU meanwhile (a source, NCCL) neither disturbs nor enters it."""
        return torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local")

    def _pass(self, inputs: Inputs, noise: HeldNoise) -> Tensor:
        noise.rewind()
        loss = self._objective.loss(inputs.batch(noise))
        gradients = torch.autograd.grad(loss.total, self._parameters, materialize_grads=True)
        torch._foreach_copy_(self._gradients, gradients)
        return self._told.row(loss, inputs.active, inputs.pairing)
