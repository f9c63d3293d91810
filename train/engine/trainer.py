"""Everything that changes during a run, and what one step does to it."""

import math
from dataclasses import asdict
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from train.config import TrainConfig
from train.data.collate import Scaling
from train.data.direction_target import Orientation
from train.data.loader import Reader
from train.data.source import Batch
from train.device import to_device
from train.engine.distributed import Ranks
from train.engine.metrics_window import Window
from train.engine.step import make_step
from train.engine.step_stats import StepStats
from train.engine.tensorboard import MetricsWriter
from train.engine.validation import Validator, leak_gap
from train.errors import RunUnreadable, TrainingDiverged
from train.networks.build_network import make_network
from train.objectives import assigned
from train.runs.checkpoint import Checkpoint, StoreFacts
from train.runs.run_directory import RunDirectory


class Trainer:
    """Weights, optimiser and the window of metrics of one process; `done` counts the batches of all processes."""

    def __init__(
        self,
        config: TrainConfig,
        store: StoreFacts,
        run: RunDirectory,
        team: Ranks,
        orientation: Orientation,
        watch: Validator | None = None,
    ) -> None:
        self.config, self.store, self.run, self.team, self.watch = config, store, run, team, watch
        self.device = torch.device(config.device)
        self.network = make_network(config).to(self.device)
        self.steps = make_step(self.network, config)
        self.window = Window()
        self.done = 0
        self.stopping = False
        """Whether any process was asked to stop, as far as was looked."""
        self._told = StepStats(config.layout)
        self._scaling, self._orientation = Scaling(config, store.factors), orientation
        self._pending: list[Tensor] = []
        self._number = 0
        self._clock = perf_counter()

    @property
    def at_boundary(self) -> bool:
        """Whether a line of metrics or a checkpoint is due after the batches just done."""
        return self._due(self.config.metrics_every) or self._due(self.config.checkpoint_every) or self._last_of_all

    @property
    def idle(self) -> bool:
        """Whether the device has done all that it was asked for."""
        return self.device.type == "cpu" or torch.cuda.current_stream(self.device).query()

    @property
    def _last_of_all(self) -> bool:
        return self.done == self.config.batches

    def _due(self, every: int, past: int | None = None) -> bool:
        """Whether the last `past` batches, by default those of the step just done, reached a multiple of `every`."""
        return self.done // every > (self.done - (past or self.team.size)) // every

    def resume(self) -> int:
        """Load the newest readable checkpoint; the number of batches behind it, 0 where there is none.

        Raises
        ------
        RunMismatch
            The checkpoint is of another run or another version of this package.
        RunUnreadable
            There are checkpoints, and none can be read or gone on from.
        """
        found = self.run.newest_to_resume()
        if found is not None:
            self.run.check_checkpoint(found[0], self.config, self.store)
            self._load(*found)
        self._clock = perf_counter()
        return self.done

    def _load(self, checkpoint: Checkpoint, state: dict[str, Any]) -> None:
        try:
            self.network.load_state_dict(checkpoint.weights)
            for name, optimizer in self.steps.optimizers.items():
                optimizer.load_state_dict(state[name])
            self.window = Window(**state["window"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunUnreadable(
                f"the state beside checkpoint {checkpoint.step} of {self.run.path} is not one of this run ({error!r});"
                " remove that checkpoint to go on from the one before"
            ) from error
        self.done = checkpoint.step

    def step(self, number: int, batch: Batch, *, stopping: bool) -> None:
        """Batch `number` forward and backward, and the mean gradient of all processes to the optimisers."""
        inputs = self._scaling.inputs(batch)._replace(heading=self._orientation.heading(number, batch.images))
        row = self.steps.gradients(number, inputs)
        self.team.average(self.network.parameters())
        self.steps.update(self.config.rate(number - self.team.rank))
        said = torch.tensor([number, stopping], dtype=torch.float64)
        self._pending.extend(self.team.gather(torch.cat([to_device(said, self.device), row])))
        self._number = number
        self.done = number - self.team.rank + self.team.size

    def settle(self, reader: Reader) -> None:
        """Look at the losses of the batches since the last look.

        Raises
        ------
        TrainingDiverged
            One is not finite; its batch is read again and saved.
        """
        rows = torch.stack(self._pending).tolist() if self._pending else []
        for number, stopping, *row in rows:
            numbers = self._told.read(row)
            if not math.isfinite(numbers.total):
                self._save_culprit(int(number), reader)
            self.window.add(numbers)
            self.stopping = self.stopping or bool(stopping)
        self._pending.clear()

    def record(self, writer: MetricsWriter, reader: Reader) -> None:
        """Write a line of metrics and a checkpoint where they are due."""
        if not self.at_boundary:
            return
        self._count_seconds()
        if self._due(self.config.metrics_every):
            if self.team.leads:
                self._write_line(writer, reader)
            self.window = Window()
        if self._due(self.config.checkpoint_every) or self._last_of_all:
            self.save()

    def _count_seconds(self) -> None:
        now = perf_counter()
        self.window.seconds += now - self._clock
        self._clock = now

    def _write_line(self, writer: MetricsWriter, reader: Reader) -> None:
        line = self.window.line(self.done)
        if assigned(self.config):
            batch = reader.scheduled(self._number)
            images = to_device(self._scaling.inputs(batch).images, self.device)
            line["leak_gap"] = {batch.active: leak_gap(self.network, self.config, images, batch.active)}
        if self.watch is not None and (self._due(self.watch.every, self.config.metrics_every) or self._last_of_all):
            looked = self.watch.look(self.network, self.done)
            line["val"] = looked.numbers
            writer.picture("val", looked.picture, self.done)
        self.run.append_metrics(line)
        writer.write(line)

    def save(self) -> None:
        """Write a checkpoint of what the batches so far have made.

        Raises
        ------
        TrainingDiverged
            A weight is not finite.
        """
        weights = {name: tensor.detach() for name, tensor in self.network.state_dict().items()}
        if not all(bool(torch.isfinite(tensor).all()) for tensor in weights.values()):
            raise TrainingDiverged(
                f"a weight is NaN or infinite after batch {self.done}; the checkpoint before is kept"
            )
        self._count_seconds()
        if self.team.leads:
            checkpoint = Checkpoint(self.done, self.config, self.store, weights)
            self.run.save(checkpoint, self._optimizer_states() | {"window": asdict(self.window)})

    def _optimizer_states(self) -> dict[str, Any]:
        """With the learning rate as a number also where an optimiser has it in a tensor."""
        states = {name: optimizer.state_dict() for name, optimizer in self.steps.optimizers.items()}
        for state in states.values():
            state["param_groups"] = [group | {"lr": float(group["lr"])} for group in state["param_groups"]]
        return states

    def _save_culprit(self, number: int, reader: Reader) -> None:
        batch = reader.read(number)
        path = self.run.path / f"diverged-step-{number}.npz"
        known = {"factors": batch.factors, "identity": batch.identity}
        if batch.pairing is not None:
            known |= {"active": batch.pairing.active, "partner": batch.pairing.partner}
        arrays: dict[str, Any] = {name: array for name, array in known.items() if array is not None}
        if self.team.leads:
            np.savez(path, images=batch.images, **arrays)
        raise TrainingDiverged(
            f"the loss is NaN or infinite at step {number}, {reader.name(number)}, saved as {path};"
            " the last checkpoint is from before. A smaller learning rate or float32 may help."
        )
