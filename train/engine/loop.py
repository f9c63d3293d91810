"""The training loop: batches in, a run directory out; the same call again resumes a run to the same bits."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from train.config import TrainConfig
from train.data.loader import Loader, prefetch
from train.data.source import BatchSource
from train.device import prepare
from train.engine.distributed import process_group
from train.engine.tensorboard import MetricsWriter, open_writer
from train.engine.trainer import Trainer
from train.engine.validation import Validator
from train.errors import ConfigError, RunMismatch
from train.families import family_class
from train.runs.checkpoint import StoreFacts
from train.runs.run_directory import RunDirectory


@dataclass(frozen=True)
class Progress:
    """The state of a run for a progress bar; means are over the current window of `metrics_every` batches."""

    step: int
    """Batches done, earlier sessions included."""
    batches: int
    """Length of the run."""
    terms: dict[str, float]
    """Term of the loss -> nats per image."""


@dataclass(frozen=True)
class RunResult:
    """The result of `train`."""

    path: Path
    step: int
    """Batches done in all sessions."""
    trained: int
    """Batches done by this call."""
    seconds: float
    """Duration of this call, from the first batch on."""
    waited: float
    """Seconds of those in which the device waited for batches, at most."""
    metrics: dict[str, Any] | None
    """The last line of metrics.jsonl."""


def train(
    config: TrainConfig,
    source: BatchSource,
    run_dir: str | Path,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    tensorboard: bool = True,
    validator: Validator | None = None,
    stopping: Callable[[], bool] = lambda: False,
    other_code: bool = False,
) -> RunResult:
    """Train, or resume training, the run in `run_dir` until it has trained on `config.batches` batches.

    A run that was stopped at any moment and is resumed by the same call ends with the same weights, optimiser states
    and metrics (except times), on the same machine with as many threads and the same precision.

    Parameters
    ----------
    config : resolved (train.presets.configure); of a run that is resumed only `batches` and the two cadences
        may differ
    source : the training split
    run_dir : made if need be
    on_progress : called after every batch on a CPU, every `metrics_every` batches on a GPU
    tensorboard : write TensorBoard events where the package is installed
    validator : evaluates the network now and then; the numbers go to metrics.jsonl and TensorBoard
    stopping : called with every batch; once it returns True, the run is saved and KeyboardInterrupt raised
    other_code : resume also where other code has written the checkpoint; the result may then differ

    Under torchrun every process takes every K-th batch of the same schedule, and their gradients are averaged.

    Raises
    ------
    ConfigError
        The configuration is for another number of processes, or the source lacks the true values that it needs.
    MissingFactor, MissingArray, TooFewBatches, WrongImages
        The source cannot serve the configuration.
    RunMismatch, RunUnreadable
        The directory holds another run, was written by other code, was trained on more batches than the
        configuration has, or cannot be read or written.
    TrainingDiverged
        The loss became NaN or infinite; the batch is saved.
    """
    family = family_class(config.family)(config)
    family.check_source(source)
    run = RunDirectory(Path(run_dir))
    store = store_facts(source)
    prepare(torch.device(config.device))
    with process_group(torch.device(config.device)) as ranks:
        if ranks.size != config.ranks:
            raise ConfigError(f"the configuration is for {config.ranks} processes; torchrun started {ranks.size}")
        if ranks.is_main:
            run.check(config, store)
        ranks.wait()
        trainer = Trainer(family, store, run, ranks, validator)
        first = trainer.resume(other_code=other_code)
        if first > config.batches:
            raise RunMismatch(
                f"{run.path} was trained on {first} batches, more than the requested {config.batches};"
                f" give --batches {first} or more, or another run directory"
            )
        ranks.wait()  # a process that refuses has done so before anything is written
        if ranks.is_main:
            run.prepare(config, store)
            run.cut_metrics(first)
        ranks.wait()
        loader = family.loader(source)
        started = perf_counter()
        with open_writer(run.path / "tensorboard", first, enabled=tensorboard and ranks.is_main) as writer:
            waited = _all_steps(trainer, loader, first, writer, on_progress, stopping)
    lines = run.read_metrics()
    seconds = perf_counter() - started
    return RunResult(run.path, config.batches, config.batches - first, seconds, waited, lines[-1] if lines else None)


def store_facts(source: BatchSource) -> StoreFacts:
    """The facts about a source that are stored with a run."""
    factors = tuple((n, u, float(low), float(high)) for n, u, low, high in source.factors)
    return StoreFacts(source.digest, factors, source.scene)


def _all_steps(
    trainer: Trainer,
    loader: Loader,
    first: int,
    writer: MetricsWriter,
    on_progress: Callable[[Progress], None] | None,
    stopping: Callable[[], bool],
) -> float:
    """Train on all batches from `first` on; returns the seconds that were lost to waiting for batches."""
    batches, waited = trainer.config.batches, 0.0
    numbers = range(first + trainer.ranks.rank, batches, trainer.ranks.size)
    with closing(prefetch(loader, numbers)) as stream:
        for number, batch, seconds in stream:
            if trainer.idle:  # a GPU may still be busy with the steps before, and then nothing was lost
                waited += seconds
                trainer.window.waited += seconds
            trainer.step(number, batch, stopping=stopping())
            if trainer.device.type == "cpu" or trainer.at_boundary:
                trainer.settle(loader)
                if on_progress is not None:
                    on_progress(Progress(trainer.done, batches, trainer.window.means()))
            trainer.record(writer, loader)
            if trainer.stopping and trainer.done < batches:
                trainer.save()
                raise KeyboardInterrupt
    return waited
