"""The training loop: batches in, a run directory out; the same call again continues a run to the same bits."""

import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from train.batches import Batch, BatchSource, Schedule, check_source
from train.checkpoint import Checkpoint, StoreFacts
from train.config import TrainConfig
from train.device import keep_freed_memory
from train.errors import RunMismatch, TrainingDiverged
from train.layout import INTRINSIC
from train.network import Network
from train.objectives import OBJECTIVES, Loss, TrainBatch
from train.reading import OneFactor, Reader, Shuffled, prefetch
from train.rundirectory import RunDirectory
from train.tensorboard import MetricsWriter, open_writer

ACTIVE_NATS = 0.1
"""A latent counts as active when its KL, averaged over a window of batches, exceeds this many nats per image."""
_NOISE_KEY = 0x6E6F6973


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
    """Seconds of those spent waiting for batches."""
    metrics: dict[str, Any] | None
    """The last line of metrics.jsonl."""


@dataclass
class Window:
    """Sums over the batches since the last line of metrics; part of the resume state."""

    count: dict[str, int] = field(default_factory=dict)
    reconstruction: dict[str, float] = field(default_factory=dict)
    kl: dict[str, float] = field(default_factory=dict)
    kl_by_latent: list[float] = field(default_factory=list)
    waited: float = 0.0
    seconds: float = 0.0

    def add(self, factor: str, reconstruction: float, kl: list[float]) -> None:
        """Count one batch; nats per image, kl for every latent."""
        self.count[factor] = self.count.get(factor, 0) + 1
        self.reconstruction[factor] = self.reconstruction.get(factor, 0.0) + reconstruction
        self.kl[factor] = self.kl.get(factor, 0.0) + math.fsum(kl)
        before = self.kl_by_latent or [0.0] * len(kl)
        self.kl_by_latent = [a + b for a, b in zip(before, kl, strict=True)]

    def line(self, step: int) -> dict[str, Any]:
        """The line of metrics.jsonl: means in nats per image by factor, active latents, seconds."""
        batches = sum(self.count.values())
        return {
            "step": step,
            "batches": dict(sorted(self.count.items())),
            "reconstruction": {name: total / self.count[name] for name, total in sorted(self.reconstruction.items())},
            "kl": {name: total / self.count[name] for name, total in sorted(self.kl.items())},
            "active_latents": sum(total / batches > ACTIVE_NATS for total in self.kl_by_latent),
            "seconds": round(self.seconds, 3),
            "waited": round(self.waited, 3),
        }

    def means(self) -> tuple[float, float]:
        """Reconstruction and KL over all factors, nats per image."""
        batches = max(1, sum(self.count.values()))
        return sum(self.reconstruction.values()) / batches, sum(self.kl.values()) / batches


def train(
    config: TrainConfig,
    source: BatchSource,
    run_dir: str | Path,
    on_progress: Callable[[Progress], None] | None = None,
    *,
    tensorboard: bool = True,
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
    stopping : asked after every batch; once it says yes, the run is saved where it is and KeyboardInterrupt raised

    Raises
    ------
    MissingFactor, TooFewBatches, WrongImages
        The source cannot serve the configuration.
    RunMismatch, RunUnreadable
        The directory holds another run, has more batches behind it than asked for, or cannot be read or written.
    TrainingDiverged
        The loss became NaN or infinite; the batch is saved.
    """
    check_source(config, source)
    run = RunDirectory(Path(run_dir))
    factors = tuple((n, u, float(low), float(high)) for n, u, low, high in source.factors)
    store = StoreFacts(source.digest, factors, source.scene)
    run.prepare(config, store)
    keep_freed_memory()
    trainer = _Trainer(config, store, run)
    first = trainer.resume()
    if first > config.batches:
        raise RunMismatch(f"{run.path} has {first} batches behind it; asked for {config.batches} in all")
    counts = {name: source.count(name) for name in config.layout.names}
    kind = Shuffled if OBJECTIVES[config.objective].shuffled else OneFactor
    reader = kind(config, source, Schedule(config.seed, config.ratio, counts))
    started, waited = perf_counter(), 0.0
    coming = closing(prefetch(reader, first, config.batches))
    with coming as stream, open_writer(run.path / "tensorboard", first, enabled=tensorboard) as writer:
        for step, batch, stood in stream:
            waited += stood
            trainer.window.waited += stood
            trainer.step(step, batch)
            if trainer.device.type == "cpu" or trainer.at_boundary:
                trainer.settle(reader)
                if on_progress is not None:
                    on_progress(Progress(trainer.done, config.batches, *trainer.window.means()))
            trainer.record(writer)
            if stopping() and trainer.done < config.batches:
                trainer.settle(reader)
                trainer.save()
                raise KeyboardInterrupt
    lines = run.read_metrics()
    seconds = perf_counter() - started
    return RunResult(run.path, config.batches, config.batches - first, seconds, waited, lines[-1] if lines else None)


class _Trainer:
    """Everything that changes during a run: weights, optimiser, the window of metrics."""

    def __init__(self, config: TrainConfig, store: StoreFacts, run: RunDirectory) -> None:
        self.config, self.store, self.run = config, store, run
        self.device = torch.device(config.device)
        self.network = make_network(config).to(self.device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=config.learning_rate, betas=config.betas, eps=1e-8, fused=True
        )
        self.objective = OBJECTIVES[config.objective](self.network, config)
        self.window = Window()
        self.done = 0
        self._pending: list[tuple[int, str, Loss]] = []
        self._clock = perf_counter()

    @property
    def at_boundary(self) -> bool:
        """Whether a line of metrics or a checkpoint is due after the batch just done."""
        every = (self.config.metrics_every, self.config.checkpoint_every, self.config.batches)
        return any(self.done % n == 0 for n in every)

    def resume(self) -> int:
        """Load the newest readable checkpoint; the number of batches behind it, 0 where there is none."""
        found = self.run.newest_to_resume()
        if found is not None:
            checkpoint, state = found
            self.network.load_state_dict(checkpoint.weights)
            self.optimizer.load_state_dict(state["optimizer"])
            self.window = Window(**state["window"])
            self.done = checkpoint.step
        self.run.cut_metrics(self.done)
        self._clock = perf_counter()
        return self.done

    def step(self, step: int, batch: Batch) -> None:
        """One batch forward, backward and through Adam."""
        loss = self.objective.loss(self._to_device(step, batch))
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(step)
        self.optimizer.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._pending.append((step, batch.active, Loss(loss.total.detach(), loss.reconstruction, loss.kl)))
        self.done = step + 1

    def settle(self, reader: Reader) -> None:
        """Look at the losses of the batches since the last look.

        Raises
        ------
        TrainingDiverged
            One is not finite; its batch is read again and saved.
        """
        for step, active, loss in self._pending:
            if not math.isfinite(loss.total.item()):
                self._save_culprit(step, reader)
            self.window.add(active, loss.reconstruction.item(), loss.kl.tolist())
        self._pending.clear()

    def record(self, writer: MetricsWriter) -> None:
        """Write a line of metrics and a checkpoint where they are due."""
        if not self.at_boundary:
            return
        now = perf_counter()
        self.window.seconds += now - self._clock
        self._clock = now
        last = self.done == self.config.batches
        if self.done % self.config.metrics_every == 0:
            line = self.window.line(self.done)
            self.run.append_metrics(line)
            writer.write(line)
            self.window = Window()
        if self.done % self.config.checkpoint_every == 0 or last:
            self.save()

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
        checkpoint = Checkpoint(self.done, self.config, self.store, weights)
        self.run.save(checkpoint, {"optimizer": self.optimizer.state_dict(), "window": asdict(self.window)})

    def _save_culprit(self, step: int, reader: Reader) -> None:
        batch = reader.read(step)
        path = self.run.path / f"diverged-step-{step}.npz"
        known = {"factors": batch.factors, "identity": batch.identity}
        arrays: dict[str, Any] = {name: array for name, array in known.items() if array is not None}
        np.savez(path, images=batch.images, **arrays)
        raise TrainingDiverged(
            f"the loss is NaN or infinite at step {step}, {reader.name(step)}, saved as {path};"
            " the last checkpoint is from before. A smaller learning rate or float32 may help."
        )

    def _to_device(self, step: int, batch: Batch) -> TrainBatch:
        images = torch.from_numpy(np.ascontiguousarray(batch.images)).to(self.device)
        known = None if batch.factors is None else torch.from_numpy(self._scaled(batch.factors)).to(self.device)
        return TrainBatch(images, batch.active, step_generator(self.config.seed, step), known)

    def _scaled(self, factors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, F) in the source's units to (B, extrinsic factors of the layout) in -1..1."""
        names = [name for name in self.config.layout.names if name != INTRINSIC]
        known = {name: (k, low, high) for k, (name, _, low, high) in enumerate(self.store.factors)}
        columns, low, high = (np.array(column) for column in zip(*(known[name] for name in names), strict=True))
        scaled: NDArray[np.float32] = (2 * (factors[:, columns] - low) / (high - low) - 1).astype(np.float32)
        return scaled


def make_network(config: TrainConfig, *, plain: bool = False) -> Network:
    """The network of a configuration with its initial weights, on the CPU."""
    return Network(
        side=config.side,
        channels=config.channels,
        maps=config.maps,
        latents=config.latents,
        seed=config.seed,
        precision=config.precision,
        plain=plain,
    )


def step_generator(seed: int, step: int) -> torch.Generator:
    """The randomness of one step: a CPU generator that is a function of (seed, step)."""
    words = np.random.SeedSequence(seed, spawn_key=(_NOISE_KEY, step)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0]) >> 1)
