"""Rendering as independent tasks: one task draws one whole shard and writes it."""

import multiprocessing
import platform
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from dataset.plan import BatchValues, batch_values
from dataset.shards import is_complete, missing_shards, shard_range, write_shard
from dataset.store import Store, open_store
from pipelines.backends import needs_no_process, store_renderer
from pipelines.faces import FaceSubject, open_face
from pipelines.progress import progress_bar
from render import Renderer

Task = tuple[str, str, int]
"""Split, factor and shard."""
RECORDED = ("dcign", "numpy", "numba", "zarr")
"""Libraries whose versions go into the log."""


class Stopped(Exception):  # noqa: N818 -- an event, not an error
    """The run was interrupted while this shard was being drawn; nothing of it was written."""


@dataclass(frozen=True)
class ShardRenderer:
    """Draws shards of one store. Threads may share it."""

    store: Store
    subject: FaceSubject
    renderer: Renderer

    def draw(self, task: Task, on_images: Callable[[int], None], stop: threading.Event) -> None:
        """Render every batch of a shard, write it, and log it.

        Raises
        ------
        Stopped
            When `stop` was set; the shard is left as it was.
        """
        started = time.perf_counter()
        split, group, shard = task
        if is_complete(self.store, split, group, shard):  # another process was here since the list was made
            on_images(_images(self.store, task))
            return
        begin, end = shard_range(self.store, split, group, shard)
        values = batch_values(self.store.spec, split, group, begin, end)
        drawn: list[dict[str, Any]] = []
        for k in range(end - begin):
            if stop.is_set():
                raise Stopped
            frames = self.renderer.render(self.subject.scenes(*_batch(values, k)))
            drawn.append({"image": frames.image} | {name: frames.channel(name) for name in self.store.spec.channels})
            on_images(len(frames.image))
        arrays: dict[str, Any] = {name: np.stack([batch[name] for batch in drawn]) for name in drawn[0]}
        arrays |= {"factors": values.factors, "identity": values.identity}
        arrays |= {f"coefficients/{block}": c for block, c in values.coefficients.items()}
        write_shard(self.store, split, group, shard, arrays)
        self._log(task, values.identity.size, time.perf_counter() - started)

    def _log(self, task: Task, images: int, seconds: float) -> None:
        split, group, shard = task
        record = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "split": split,
            "factor": group,
            "shard": shard,
            "images": images,
            "seconds": round(seconds, 3),
            "command": sys.argv,
            "model": self.subject.source,
            "renderer": self.renderer.describe(),
            "machine": platform.platform(),
            "versions": {"python": platform.python_version()} | {name: version(name) for name in RECORDED},
        }
        self.store.files.append_line("runs.jsonl", record)


def _batch(values: BatchValues, k: int) -> tuple[Any, Any, dict[str, Any]]:
    """Factors, identity and coefficients of batch k."""
    return values.factors[k], values.identity[k], {b: c[k] for b, c in values.coefficients.items()}


def missing_tasks(store: Store, split: str, groups: Sequence[str], part: tuple[int, int] = (0, 1)) -> list[Task]:
    """Shards to draw; `part` = (i, n) keeps those whose number leaves i when divided by n."""
    return [(split, g, s) for g in groups for s in missing_shards(store, split, g) if s % part[1] == part[0]]


def run_tasks(store: Store, subject: FaceSubject, tasks: Sequence[Task], workers: int) -> dict[str, float]:
    """Draw shards with a progress bar, on threads or, for OpenGL, in processes; returns images and seconds."""
    started = time.perf_counter()
    run = _on_threads if needs_no_process(store) else _in_processes
    with progress_bar("images") as progress:
        bar = progress.add_task("rendering", total=sum(_images(store, t) for t in tasks), note="")
        if tasks:
            run(store, subject, tasks, workers, lambda images: progress.advance(bar, images))
    return {"images": sum(_images(store, t) for t in tasks), "seconds": time.perf_counter() - started}


def _images(store: Store, task: Task) -> int:
    """Images in a shard."""
    start, stop = shard_range(store, *task)
    return (stop - start) * store.spec.views(task[1])


def _on_threads(
    store: Store, subject: FaceSubject, tasks: Sequence[Task], workers: int, on_images: Callable[[int], None]
) -> None:
    """Kernels, compression and hashing release the interpreter lock: threads run in parallel and share one model.

    An interrupt is noticed between two batches; the shards that were being drawn are left missing.
    """
    shards, stop = ShardRenderer(store, subject, store_renderer(store)), threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(shards.draw, task, on_images, stop) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            # After an interrupt or a failed shard: let go of what has not begun, and leave the rest at its next batch.
            if not all(f.done() for f in futures):
                stop.set()
                pool.shutdown(cancel_futures=True)
    failed = [f.exception() for f in futures if f.done() and not f.cancelled() and f.exception()]
    for error in failed:
        if error is not None and not isinstance(error, Stopped):
            raise error


def _in_processes(
    store: Store, subject: FaceSubject, tasks: Sequence[Task], workers: int, on_images: Callable[[int], None]
) -> None:
    """A process for each worker, each with one OpenGL context; spawned, since a fork after a context hangs."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_leave_interrupts_to_the_parent) as pool:
        futures = {pool.submit(_draw_in_process, store.url, subject.source, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                future.result()
                on_images(_images(store, futures[future]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent should speak."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw_in_process(url: str, source: str, task: Task) -> None:
    """One task of a worker process."""
    _process_shards(url, source).draw(task, lambda _: None, threading.Event())


@lru_cache(maxsize=1)
def _process_shards(url: str, source: str) -> ShardRenderer:
    """Store, model and renderer of a worker process, made once."""
    store = open_store(url, write=True)
    return ShardRenderer(store, open_face(store, source), store_renderer(store))
