"""A run: the shards that are missing, their rendering with progress and log, and the report at the end."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import click

from dataset.digest import store_digest
from dataset.shards import images_in, missing_shards, shard_count
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.rendering.executors import Runner, Work
from pipelines.rendering.run_log import FILE, Record, Task
from pipelines.rendering.subjects import Subject

FLUSH_SECONDS = 10.0
"""Seconds that lines of the log wait on an object store, where each addition writes the whole log."""


@dataclass(frozen=True)
class Summary:
    """Work done by one run."""

    images: int
    seconds: float


def missing_tasks(store: Store, split: str, factors: Sequence[str], part: tuple[int, int] = (0, 1)) -> list[Task]:
    """Shards to render; `part` = (i, n) selects those whose number leaves i when divided by n."""
    shards = (Task(split, f, shard) for f in factors for shard in missing_shards(store, split, f))
    return [task for task in shards if task.shard % part[1] == part[0]]


def render_missing(
    store: Store,
    subject: Subject,
    split: str,
    factors: Sequence[str],
    runner: Runner,
    part: tuple[int, int] = (0, 1),
) -> Summary:
    """Render the shards of a split that are missing."""
    missing = missing_tasks(store, split, factors, part)
    shards = (Task(split, f, shard) for f in factors for shard in range(shard_count(store, split, f)))
    there = sum(images_in(store, *task) for task in shards if task.shard % part[1] == part[0])
    there -= sum(images_in(store, *task) for task in missing)
    return run_tasks(store, subject, missing, runner, there)


def run_tasks(store: Store, subject: Subject, tasks: Sequence[Task], runner: Runner, there: int = 0) -> Summary:
    """Render shards with a progress bar, which begins at the number of images that are `there`."""
    started = time.perf_counter()
    log, images = _Log(store), sum(images_in(store, *task) for task in tasks)
    with progress_bar("images") as progress:
        bar = progress.add_task("rendering", total=there + images, completed=there, note="")
        if tasks:
            work = Work(store, subject, tasks, lambda count: progress.advance(bar, count), log.add)
            try:
                with store.files.writing():
                    runner.executor(store, subject, tasks).run(work)
            finally:
                log.flush()
            store.sweep_partials({(task.split, task.factor) for task in tasks})
    return Summary(images, time.perf_counter() - started)


@dataclass
class _Log:
    """`runs.jsonl`, one line a shard; written by this process alone, wherever the workers are."""

    store: Store
    _lines: list[Record] = field(default_factory=list)
    _flushed: float = field(default_factory=time.monotonic)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, record: Record) -> None:
        """Add a line, and write the waiting ones when it is time."""
        with self._lock:
            self._lines.append(record)
            if self.store.files.local or time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()

    def flush(self) -> None:
        """Write the waiting lines."""
        with self._lock:
            lines, self._lines = self._lines, []
            if lines:
                self.store.files.append_lines(FILE, [line.to_json() for line in lines])
            self._flushed = time.monotonic()


def report(store: Store, split: str, factors: Sequence[str], summary: Summary, as_json: bool) -> None:
    """Print the batches that the store now holds, and its digest where it is complete."""
    missing = {factor: len(missing_shards(store, split, factor)) for factor in factors}
    digest = None if any(missing.values()) else store_digest(store, [split])
    if as_json:
        held = {factor: store.batches(split, factor) for factor in factors}
        record = {"store": store.url, "split": split, "batches": held, "missing_shards": missing, "digest": digest}
        click.echo(json.dumps(record | {"images_drawn": summary.images, "seconds": round(summary.seconds, 2)}))
        return
    rate = summary.images / summary.seconds if summary.seconds else 0.0
    done = f"rendered {summary.images:,} images in {summary.seconds:.1f} s ({rate:,.0f}/s)"
    click.echo(done if summary.images else "nothing to render: every shard is there")
    for factor in factors:
        views = store.spec.views(factor)
        state = f"{missing[factor]} shards missing" if missing[factor] else "complete"
        click.echo(f"{store.url} {split}/{factor}: {store.batches(split, factor):,} batches of {views} images, {state}")
    if digest:
        click.echo(f"digest of {split}: {digest}")
