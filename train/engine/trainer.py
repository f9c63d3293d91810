"""The state of a training run in one process: network, optimisers, metrics; a step, a line of metrics, a checkpoint."""

import math
from dataclasses import asdict
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.data.loader import Loader
from train.data.source import Batch
from train.device import to_device
from train.engine.distributed import Ranks
from train.engine.step import make_step
from train.engine.step_stats import MetricsWindow, StepStats
from train.engine.tensorboard import MetricsWriter
from train.engine.validation import Validator
from train.errors import RunUnreadable, TrainingDiverged
from train.families.interface import Family
from train.runs.checkpoint import Checkpoint, StoreFacts
from train.runs.run_directory import RunDirectory


class Trainer:
    """Weights, optimisers and the window of metrics of one process; `done` counts the batches of all processes."""

    def __init__(
        self,
        family: Family[Any],
        store: StoreFacts,
        run: RunDirectory,
        ranks: Ranks,
        validator: Validator | None = None,
    ) -> None:
        self.family, self.store, self.run, self.ranks, self.validator = family, store, run, ranks, validator
        self.config = family.config
        self.device = torch.device(self.config.device)
        self.network = family.network().to(self.device)
        self.steps = make_step(self.network, family)
        self.window = MetricsWindow()
        self.done = 0
        self.stopping = False
        """True once any process has a request to stop, as of the last `settle`."""
        self._stats = StepStats(family.factors, family.parts)
        self._saved = -1
        """Batches done at the last `save`."""
        self._pending: list[Tensor] = []
        self._number = 0
        self._clock = perf_counter()

    @property
    def at_boundary(self) -> bool:
        """True where a line of metrics or a checkpoint is due after the last step."""
        return self._due(self.config.metrics_every) or self._due(self.config.checkpoint_every) or self._last_of_all

    @property
    def idle(self) -> bool:
        """True where the device has finished all work that was submitted to it."""
        return self.device.type == "cpu" or torch.cuda.current_stream(self.device).query()

    @property
    def _last_of_all(self) -> bool:
        return self.done == self.config.batches

    def _due(self, every: int, past: int | None = None) -> bool:
        """True where the last `past` batches, by default those of the last step, reached a multiple of `every`."""
        return self.done // every > (self.done - (past or self.ranks.size)) // every

    def resume(self, *, other_code: bool = False) -> int:
        """Load the newest readable checkpoint; returns the number of batches that it was trained on, 0 without one.

        Parameters
        ----------
        other_code : accept a checkpoint that other code has written

        Raises
        ------
        RunMismatch
            The checkpoint is of another run or was written by other code.
        RunUnreadable
            There are checkpoints, and none can be read or resumed from.
        """
        found = self.run.newest_to_resume()
        if found is not None:
            self.run.check_checkpoint(found[0], self.config, self.store, other_code=other_code)
            self._load(*found)
        self._clock = perf_counter()
        return self.done

    def _load(self, checkpoint: Checkpoint, state: dict[str, Any]) -> None:
        try:
            self.network.load_state_dict(checkpoint.weights)
            for name, optimizer in self.steps.optimizers.items():
                optimizer.load_state_dict(state[name])
            self.window = MetricsWindow.from_state(state["window"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunUnreadable(
                f"the state beside checkpoint {checkpoint.step} of {self.run.path} is not one of this run ({error!r});"
                " remove that checkpoint to resume from the one before it"
            ) from error
        self.done = checkpoint.step

    def step(self, number: int, batch: Batch, *, stopping: bool) -> None:
        """Batch `number` forward and backward, and the mean gradient of all processes to the optimisers."""
        row = self.steps.gradients(number, self.family.collate(number, batch))
        self.ranks.average(self.network.parameters())
        self.steps.update(self.config.rate(number - self.ranks.rank))
        header = torch.tensor([number, stopping], dtype=torch.float64)
        self._pending.extend(self.ranks.gather(torch.cat([to_device(header, self.device), row])))
        self._number = number
        self.done = number - self.ranks.rank + self.ranks.size

    def settle(self, loader: Loader) -> None:
        """Read the losses of the batches since the last call.

        Raises
        ------
        TrainingDiverged
            A loss is not finite; its batch is read again and saved.
        """
        rows = torch.stack(self._pending).tolist() if self._pending else []
        for number, stopping, *row in rows:
            numbers = self._stats.read(row)
            if not math.isfinite(numbers.total):
                self._save_diverged(int(number), loader)
            self.window.add(numbers)
            self.stopping = self.stopping or bool(stopping)
        self._pending.clear()

    def record(self, writer: MetricsWriter, loader: Loader) -> None:
        """Write a line of metrics and a checkpoint where they are due."""
        if not self.at_boundary:
            return
        self._count_seconds()
        if self._due(self.config.metrics_every):
            if self.ranks.is_main:
                self._write_line(writer, loader)
            self.window = MetricsWindow()
        if self._due(self.config.checkpoint_every) or self._last_of_all:
            self.save()

    def _count_seconds(self) -> None:
        now = perf_counter()
        self.window.seconds += now - self._clock
        self._clock = now

    def _write_line(self, writer: MetricsWriter, loader: Loader) -> None:
        line = self.window.line(self.done) | self.family.extra_metrics(self.network, loader, self._number)
        validator = self.validator
        if validator is not None and (self._due(validator.every, self.config.metrics_every) or self._last_of_all):
            result = validator.validate(self.network, self.done)
            line["val"] = result.numbers
            writer.picture("val", result.picture, self.done)
        self.run.append_metrics(line)
        writer.write(line)

    def save(self) -> None:
        """Write a checkpoint of the current state, unless that was done after the last step.

        Raises
        ------
        TrainingDiverged
            A weight is not finite.
        """
        if self._saved == self.done:
            return  # to write a checkpoint anew would leave it unreadable for a moment
        weights = {name: tensor.detach() for name, tensor in self.network.state_dict().items()}
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            raise TrainingDiverged(
                f"a weight is NaN or infinite after batch {self.done}; the checkpoint before it stays"
            )
        self._count_seconds()
        if self.ranks.is_main:
            checkpoint = Checkpoint(self.done, self.config, self.store, weights)
            self.run.save(checkpoint, self._optimizer_states() | {"window": asdict(self.window)})
        self._saved = self.done

    def _optimizer_states(self) -> dict[str, Any]:
        """The optimisers' states, with the learning rate as a number also where an optimiser has it in a tensor."""
        states = {name: optimizer.state_dict() for name, optimizer in self.steps.optimizers.items()}
        for state in states.values():
            state["param_groups"] = [group | {"lr": float(group["lr"])} for group in state["param_groups"]]
        return states

    def _save_diverged(self, number: int, loader: Loader) -> None:
        path = self.run.path / f"diverged-step-{number}.npz"
        if self.ranks.is_main:
            arrays: dict[str, Any] = loader.read(number)
            np.savez(path, **arrays)
        raise TrainingDiverged(
            f"the loss is NaN or infinite at step {number}, {loader.name(number)}, saved as {path};"
            " the last checkpoint is from before. A smaller learning rate or float32 may help."
        )
