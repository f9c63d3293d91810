"""The training loop: batches in, a run directory out; the same call again continues a run to the same bits."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from train.config import TrainConfig
from train.data.direction_target import Orientation
from train.data.labels import check_labels
from train.data.loader import Reader, make_reader, prefetch
from train.data.source import BatchSource, Schedule, check_source
from train.device import prepare
from train.engine.distributed import team
from train.engine.tensorboard import MetricsWriter, open_writer
from train.engine.trainer import Trainer
from train.engine.validation import Validator
from train.errors import ConfigError, RunMismatch
from train.runs.checkpoint import StoreFacts
from train.runs.run_directory import RunDirectory


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for a progress bar; means are over the current window of `metrics_every` batches."""

    step: int
    """Batches done, earlier sessions included."""
    batches: int
    """Batches asked for."""
    reconstruction: float
    """Nats per image."""
    kl: float
    """Nats per image."""


@dataclass(frozen=True)
class RunResult:
    """What `train` did."""

    path: Path
    step: int
    """Batches done in all."""
    trained: int
    """Batches done by this call."""
    seconds: float
    """Of this call, from the first batch on."""
    waited: float
    """Seconds of those in which nothing was computed for want of batches, at most."""
    metrics: dict[str, Any] | None
    """The last line of metrics.jsonl."""


def train(
    config: TrainConfig,
    source: BatchSource,
    run_dir: str | Path,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    tensorboard: bool = True,
    watch: Validator | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Train, or go on training, the run in `run_dir` until it has seen `config.batches` batches.

    A run that was stopped at any moment and is continued by the same call ends with the same weights, optimiser
    and metrics (times apart), on the same machine with as many threads and the same precision.

    Parameters
    ----------
    config : resolved (train.presets.configure); of a run that is continued only `batches` and the two cadences
        may differ
    source : the training split
    run_dir : made if need be
    on_progress : called after every batch on a CPU, every `metrics_every` batches on a GPU
    tensorboard : write TensorBoard events where the package is installed
    watch : what looks at the network now and then; the numbers go to metrics.jsonl and TensorBoard
    stopping : asked with every batch; once it says yes, the run is saved where it is and KeyboardInterrupt raised

    Under torchrun every process takes every K-th batch of the same schedule, and their gradients are averaged.

    Raises
    ------
    ConfigError
        The configuration is for another number of processes, or the source lacks the true values it asks for.
    MissingFactor, TooFewBatches, WrongImages
        The source cannot serve the configuration.
    RunMismatch, RunUnreadable
        The directory holds another run, was written by another version, has more batches behind it than asked for, or
        cannot be read or written.
    TrainingDiverged
        The loss became NaN or infinite; the batch is saved.
    """
    check_source(config, source)
    check_labels(config, source)
    run = RunDirectory(Path(run_dir))
    store = store_facts(source)
    prepare(torch.device(config.device))
    with team(torch.device(config.device)) as together:
        if together.size != config.ranks:
            raise ConfigError(f"the configuration is for {config.ranks} processes; torchrun started {together.size}")
        if together.leads:
            run.check(config, store)
        together.wait()
        trainer = Trainer(config, store, run, together, Orientation(config, source), watch)
        first = trainer.resume()
        if first > config.batches:
            raise RunMismatch(f"{run.path} has {first} batches behind it; asked for {config.batches} in all")
        together.wait()  # whoever refuses has done so before anything is written
        if together.leads:
            run.prepare(config, store)
            run.cut_metrics(first)
        together.wait()
        counts = {name: source.count(name) for name in config.layout.names}
        reader = make_reader(config, source, Schedule(config.seed, config.ratio, counts))
        started = perf_counter()
        with open_writer(run.path / "tensorboard", first, enabled=tensorboard and together.leads) as writer:
            waited = _go(trainer, reader, first, writer, on_progress, stopping)
    lines = run.read_metrics()
    seconds = perf_counter() - started
    return RunResult(run.path, config.batches, config.batches - first, seconds, waited, lines[-1] if lines else None)


def store_facts(source: BatchSource) -> StoreFacts:
    """What a run keeps of the source it is made from."""
    factors = tuple((n, u, float(low), float(high)) for n, u, low, high in source.factors)
    return StoreFacts(source.digest, factors, source.scene)


def _go(
    trainer: Trainer,
    reader: Reader,
    first: int,
    writer: MetricsWriter,
    on_progress: Callable[[Progress], None] | None,
    stopping: Callable[[], bool],
) -> float:
    """All steps from batch `first` on; the seconds that were lost to waiting for batches."""
    batches, waited = trainer.config.batches, 0.0
    numbers = range(first + trainer.team.rank, batches, trainer.team.size)
    with closing(prefetch(reader, numbers)) as stream:
        for number, batch, stood in stream:
            if trainer.idle:  # a GPU may still be busy with the steps before, and then nothing was lost
                waited += stood
                trainer.window.waited += stood
            trainer.step(number, batch, stopping=stopping())
            if trainer.device.type == "cpu" or trainer.at_boundary:
                trainer.settle(reader)
                if on_progress is not None:
                    on_progress(Progress(trainer.done, batches, *trainer.window.means()))
            trainer.record(writer, reader)
            if trainer.stopping and trainer.done < batches:
                trainer.save()
                raise KeyboardInterrupt
    return waited
