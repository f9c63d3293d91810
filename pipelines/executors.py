"""Who runs the tasks: threads, processes, or a Dask cluster. A new one is a class here and a line in `Runner`."""

import importlib
import multiprocessing
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import (
    FIRST_EXCEPTION,
    BrokenExecutor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import click

from dataset.errors import StoreError
from dataset.store import Store
from pipelines.backends import needs_no_process, store_renderer
from pipelines.drawing import (
    Record,
    ShardRenderer,
    Stopped,
    Task,
    bytes_while_drawn,
    draw_elsewhere,
    images_in,
)
from pipelines.faces import FaceSubject
from render.models.assemble import one_line

DECISIVE = ("dcign", "numpy", "numba")
"""Libraries whose versions may move a byte."""


@dataclass(frozen=True)
class Work:
    """Shards to draw, and whom to tell."""

    store: Store
    subject: FaceSubject
    tasks: Sequence[Task]
    on_images: Callable[[int], None]
    """Called with a number of images as they are drawn."""
    on_shard: Callable[[Record], None]
    """Called once for each shard that is written."""

    def finished(self, task: Task, record: Record | None, counted: bool) -> None:
        """Pass on that a task is done; `counted` says that its images were told already."""
        if not counted:
            self.on_images(images_in(self.store, task))
        if record is not None:
            self.on_shard(record)


class Executor(Protocol):
    """Runs tasks in any order, each at least once; drawing a shard twice gives the same bytes."""

    def run(self, work: Work) -> None:
        """Return when all are done; the first error ends the run."""


@dataclass(frozen=True)
class Threads:
    """Kernels, compression and hashing release the interpreter lock: threads run in parallel and share one model."""

    workers: int

    def run(self, work: Work) -> None:
        """An interrupt is noticed between two batches; the shards that were being drawn are left missing."""
        shards = ShardRenderer(work.store, work.subject, store_renderer(work.store))
        stop = threading.Event()

        def draw(task: Task) -> None:
            work.finished(task, shards.draw(task, work.on_images, stop), counted=True)

        with ThreadPoolExecutor(self.workers) as pool:
            futures = [pool.submit(draw, task) for task in work.tasks]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                # After an interrupt or a failed shard: let go of what has not begun, leave the rest at its next batch.
                if not all(f.done() for f in futures):
                    stop.set()
                    pool.shutdown(cancel_futures=True)
        failed = [f.exception() for f in futures if f.done() and not f.cancelled() and f.exception()]
        for error in failed:
            if error is not None and not isinstance(error, Stopped):
                raise error


@dataclass(frozen=True)
class Processes:
    """For OpenGL: a process for each worker, with one context each; spawned, since a fork after a context hangs."""

    workers: int

    def run(self, work: Work) -> None:
        """A worker that dies ends the run; what it was drawing is missing."""
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, context, initializer=_leave_interrupts_to_the_parent) as pool:
            submit = (work.store.url, work.subject.source)
            futures = {pool.submit(draw_elsewhere, *submit, task): task for task in work.tasks}
            try:
                for future in as_completed(futures):
                    work.finished(futures[future], future.result(), counted=False)
            except BrokenExecutor as error:
                raise StoreError("a worker process died; run the same command to finish what is missing") from error
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent should speak."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(frozen=True)
class Dask:
    """A dask.distributed cluster whose workers have this package installed and reach the store and the model."""

    address: str

    def run(self, work: Work) -> None:
        """Tasks of workers that are lost go to others; a task that loses four workers ends the run."""
        distributed = _import_distributed()
        files, source = work.store.files, work.subject.source
        # The workers may have started in another folder.
        url = str(Path(work.store.url).absolute()) if files.local else work.store.url
        with self._connect(distributed) as client:
            self._check_workers(client, work.store)
            futures = {client.submit(draw_elsewhere, url, source, task, pure=False): task for task in work.tasks}
            try:
                for future in distributed.as_completed(futures):
                    work.finished(futures[future], future.result(), counted=False)
            except distributed.KilledWorker as error:
                raise StoreError(
                    f"{self.address} lost four workers over one shard (out of memory?); "
                    "run the same command to finish what is missing"
                ) from error
            finally:
                client.cancel(list(futures))

    def _connect(self, distributed: Any) -> Any:
        try:
            return distributed.Client(self.address, timeout="10s")
        except (OSError, ValueError, TimeoutError) as error:
            raise StoreError(f"no Dask scheduler answers at {self.address} ({one_line(str(error))})") from error

    def _check_workers(self, client: Any, store: Store) -> None:
        """Refuse a cluster without workers, and workers that could not draw the same bytes."""
        found, ours = client.run(_describe_worker), {name: version(name) for name in DECISIVE}
        if not found:
            raise StoreError(f"the cluster at {self.address} has no workers; start some, then run the same command")
        for worker, (theirs, threads) in found.items():
            if theirs != ours:
                raise StoreError(f"the worker {worker} has {theirs}, this process {ours}; install the same versions")
            if threads > 1 and not needs_no_process(store):
                raise StoreError(f"the worker {worker} has {threads} threads; OpenGL needs --nthreads 1")


def _import_distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        raise StoreError(f"--dask needs {error.name}: pip install 'dcign[cluster]'") from error


def _describe_worker(dask_worker: Any) -> tuple[dict[str, str], int]:
    """Versions that decide bytes, and the number of threads; Dask passes the worker to a parameter of this name."""
    return {name: version(name) for name in DECISIVE}, dask_worker.state.nthreads


@dataclass(frozen=True)
class Runner:
    """What a user says of the workers; chooses the executor for a store."""

    workers: int
    memory: float
    """GB that the shards being drawn may take together."""
    dask: str | None = None
    """Address of a scheduler."""

    def executor(self, store: Store, subject: FaceSubject, tasks: Sequence[Task]) -> Executor:
        """Dask where there is an address; else threads, or processes for OpenGL, as many as memory allows."""
        if self.dask is not None:
            return Dask(self.dask)
        largest = max((bytes_while_drawn(store, subject, group) for _, group, _ in tasks), default=1)
        at_once = max(1, min(self.workers, int(self.memory * 1e9 / largest)))
        if at_once < min(self.workers, len(tasks)):
            click.echo(
                f"{at_once} of {self.workers} workers at once: a shard takes {largest / 1e6:,.0f} MB, "
                f"--memory allows {self.memory:g} GB",
                err=True,
            )
        return Threads(at_once) if needs_no_process(store) else Processes(at_once)
