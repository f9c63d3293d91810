"""Executors of tasks: threads, processes, or a Dask cluster. A new one is a class here and a line in `Runner`."""

import importlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import click

from dataset.errors import StoreError
from dataset.shards import images_in
from dataset.store import Store
from pipelines.rendering.backends import needs_no_process, store_renderer
from pipelines.rendering.run_log import Record, Task
from pipelines.rendering.shard_task import Job, ShardRenderer, bytes_while_rendered, decisive_versions, render_elsewhere
from pipelines.rendering.subjects import Subject
from pipelines.rendering.workers import CancelCheck, SpawnedPool, as_done, in_threads
from render.models.assemble import one_line

CONNECT_SECONDS = 10
POLL_SECONDS, ALONE_SECONDS = 5, 120
"""Seconds between checks for workers while no task ends, and seconds to wait where there are none."""


@dataclass(frozen=True)
class Work:
    """Shards to render, and the functions that are called as they are done."""

    store: Store
    subject: Subject
    tasks: Sequence[Task]
    on_images: Callable[[int], None]
    """Called with a number of images as they are rendered."""
    on_shard: Callable[[Record], None]
    """Called for each shard that is written; not when its worker was lost after writing it."""

    def finished(self, task: Task, record: Record | None, counted: bool) -> None:
        """Report that a task is done; `counted` where its images were reported already."""
        if not counted:
            self.on_images(images_in(self.store, *task))
        if record is not None:
            self.on_shard(record)


class Executor(Protocol):
    """Runs tasks in any order, each at least once; rendering a shard twice gives the same bytes."""

    def run(self, work: Work) -> None:
        """Return when all are done; the first error ends the run."""


@dataclass(frozen=True)
class Threads:
    """Kernels, compression and hashing release the interpreter lock: threads run in parallel and share one model."""

    workers: int

    def run(self, work: Work) -> None:
        """Render all; an interrupt takes effect between two batches, and the shards in work are left missing."""
        shards = ShardRenderer(work.store, work.subject, store_renderer(work.store))

        def render(task: Task, check_cancelled: CancelCheck) -> None:
            work.finished(task, shards.render(task, work.on_images, check_cancelled), counted=True)

        in_threads(self.workers, work.tasks, render)


@dataclass(frozen=True)
class Processes:
    """Spawned processes for OpenGL, one context each; a fork after a context hangs."""

    workers: int

    def run(self, work: Work) -> None:
        """Render all; a worker that dies ends the run, its shard missing. An interrupt waits for shards in work."""
        with SpawnedPool(self.workers) as pool:
            job = Job(work.store.url, work.subject.source, decisive_versions(work.store), work.subject.mesh_bytes)
            try:
                futures = {pool.submit(render_elsewhere, job, task): task for task in work.tasks}
                for future in as_done(futures):
                    work.finished(futures[future], future.result(), counted=False)
            except BrokenExecutor as error:
                raise StoreError("a worker process died; run the same command to finish what is missing") from error
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


@dataclass(frozen=True)
class Dask:
    """A dask.distributed cluster whose workers have this package installed and reach the store and the model."""

    address: str

    def run(self, work: Work) -> None:
        """Render all; tasks of lost workers go to others, and a task that loses four workers ends the run.

        Raises
        ------
        StoreError
            When the scheduler or all workers are gone, or cannot render; complete shards remain.
        """
        distributed, files = _import_distributed(), work.store.files
        if work.store.url.startswith("memory:"):
            raise StoreError(f"the workers cannot reach {work.store.url}: it lives in this process")
        # The full path: workers may have started in another folder.
        url = files.root if files.local else work.store.url
        job = Job(url, work.subject.source, decisive_versions(work.store), work.subject.mesh_bytes)
        for name in [*logging.root.manager.loggerDict]:
            if name.split(".")[0] in ("distributed", "asyncio", "tornado"):
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # their long messages become one line below
        try:
            with self._connect(distributed) as client:
                self._gather(client, work, job)
        except distributed.KilledWorker as error:
            raise StoreError(
                f"{self.address} lost four workers over one shard (out of memory?); "
                "run the same command to finish what is missing"
            ) from error
        except ModuleNotFoundError as error:
            raise StoreError(
                f"a worker of {self.address} has no {error.name}: pip install 'dcign[render,cluster]' there, "
                "the same version as here"
            ) from error
        except (distributed.client.FutureCancelledError, distributed.comm.CommClosedError) as error:
            raise StoreError(
                f"the Dask scheduler at {self.address} is gone ({one_line(str(error))}); "
                "run the same command to finish what is missing"
            ) from error

    def _connect(self, distributed: Any) -> Any:
        try:
            return distributed.Client(self.address, timeout=f"{CONNECT_SECONDS}s")
        except (OSError, ValueError, TimeoutError) as error:
            raise StoreError(f"no Dask scheduler answers at {self.address} ({one_line(str(error))})") from error

    def _gather(self, client: Any, work: Work, job: Job) -> None:
        """Submit every task, and report each that is done."""
        alone = not needs_no_process(work.store)
        done: SimpleQueue[Any] = SimpleQueue()
        futures = {client.submit(_render_on_worker, job, task, alone, pure=False): task for task in work.tasks}
        for future in futures:
            future.add_done_callback(done.put)
        try:
            for _ in work.tasks:
                future = self._next(client, done)
                work.finished(futures[future], future.result(), counted=False)
        finally:
            client.cancel(list(futures))

    def _next(self, client: Any, done: "SimpleQueue[Any]") -> Any:
        """Wait for the next future that is done; `StoreError` where the scheduler or all workers are gone."""
        alone = 0
        while True:
            try:
                return done.get(timeout=POLL_SECONDS)
            except Empty:
                if client.status != "running":
                    raise StoreError(
                        f"the Dask scheduler at {self.address} is gone; run the same command to finish what is missing"
                    ) from None
                alone = 0 if client.scheduler_info()["workers"] else alone + 1
                if alone == 1:
                    click.echo(f"waiting for workers at {self.address}", err=True)
                if alone * POLL_SECONDS >= ALONE_SECONDS:
                    raise StoreError(
                        f"{self.address} has had no workers for {ALONE_SECONDS} seconds; "
                        "start some, then run the same command"
                    ) from None


def _render_on_worker(job: Job, task: Task, alone: bool) -> Record | None:
    """Run one task on a Dask worker; `alone` for OpenGL, whose context belongs to one thread: there may be no other."""
    threads = _import_distributed().get_worker().state.nthreads
    if alone and threads > 1:
        raise StoreError(f"a worker has {threads} threads; OpenGL needs `dask worker --nthreads 1`")
    return render_elsewhere(job, task)


def _import_distributed() -> Any:
    try:
        return importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        raise StoreError(f"--dask needs {error.name}: pip install 'dcign[cluster]'") from error


@dataclass(frozen=True)
class Runner:
    """The workers that a user asks for; chooses the executor for a store."""

    workers: int
    memory: float
    """Most GB that the shards in work may take together."""
    dask: str | None = None
    """Address of a scheduler."""

    def executor(self, store: Store, subject: Subject, tasks: Sequence[Task]) -> Executor:
        """Choose Dask where there is an address; else threads, or processes for OpenGL, as many as memory allows."""
        if self.dask is not None:
            return Dask(self.dask)
        largest = max((bytes_while_rendered(store, subject, task.factor) for task in tasks), default=1)
        at_once = max(1, min(self.workers, int(self.memory * 1e9 / largest)))
        if at_once < min(self.workers, len(tasks)) or (tasks and largest > self.memory * 1e9):
            click.echo(
                f"{at_once} of {self.workers} workers at once: rendering a shard takes {largest / 1e6:,.0f} MB, "
                f"--memory allows {self.memory:g} GB",
                err=True,
            )
        return Threads(at_once) if needs_no_process(store) else Processes(at_once)
