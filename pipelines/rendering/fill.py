"""A run: which shards are missing, who draws them, what is shown and what is logged meanwhile."""

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
"""How long lines of the log wait on an object store, where each addition writes the whole log."""


def all_tasks(store: Store, split: str, groups: Sequence[str], part: tuple[int, int] = (0, 1)) -> list[Task]:
    """Every shard; `part` = (i, n) keeps those whose number leaves i when divided by n."""
    return [(split, g, s) for g in groups for s in range(shard_count(store, split, g)) if s % part[1] == part[0]]


def missing_tasks(store: Store, split: str, groups: Sequence[str], part: tuple[int, int] = (0, 1)) -> list[Task]:
    """Shards to draw, of those that `all_tasks` gives."""
    return [(split, g, s) for g in groups for s in missing_shards(store, split, g) if s % part[1] == part[0]]


def run_tasks(
    store: Store, subject: Subject, tasks: Sequence[Task], runner: Runner, there: int = 0
) -> dict[str, float]:
    """Draw shards with a progress bar, which begins at the images that are `there`; returns images and seconds."""
    started = time.perf_counter()
    log, images = _Log(store), sum(images_in(store, *task) for task in tasks)
    with progress_bar("images") as progress:
        bar = progress.add_task("rendering", total=there + images, completed=there, note="")
        if tasks:
            work = Work(store, subject, tasks, lambda drawn: progress.advance(bar, drawn), log.add)
            try:
                with store.files.writing():
                    runner.executor(store, subject, tasks).run(work)
            finally:
                log.flush()
            store.sweep_partials({(split, group) for split, group, _ in tasks})
    return {"images": images, "seconds": time.perf_counter() - started}


@dataclass
class _Log:
    """`runs.jsonl`, a line a shard. Written by this process alone, whoever draws."""

    store: Store
    _lines: list[Record] = field(default_factory=list)
    _flushed: float = field(default_factory=time.monotonic)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, record: Record) -> None:
        """Keep a line, and write those that have waited long enough."""
        with self._lock:
            self._lines.append(record)
            if self.store.files.local or time.monotonic() - self._flushed > FLUSH_SECONDS:
                self.flush()

    def flush(self) -> None:
        """Write what was kept."""
        with self._lock:
            lines, self._lines = self._lines, []
            if lines:
                self.store.files.append_lines(FILE, lines)
            self._flushed = time.monotonic()


def draw_missing(
    store: Store,
    subject: Subject,
    split: str,
    groups: tuple[str, ...],
    runner: Runner,
    part: tuple[int, int] = (0, 1),
) -> dict[str, float]:
    """Draw what a split still lacks; returns images and seconds."""
    missing = missing_tasks(store, split, groups, part)
    there = sum(images_in(store, *task) for task in all_tasks(store, split, groups, part))
    there -= sum(images_in(store, *task) for task in missing)
    return run_tasks(store, subject, missing, runner, there)


def report(store: Store, split: str, groups: tuple[str, ...], summary: dict[str, float], as_json: bool) -> None:
    """Say what the store now holds."""
    missing = {g: len(missing_shards(store, split, g)) for g in groups}
    digest = None if any(missing.values()) else store_digest(store, [split])
    rate = summary["images"] / summary["seconds"] if summary["seconds"] else 0.0
    if as_json:
        held = {g: store.batches(split, g) for g in groups}
        record = {"store": store.url, "split": split, "batches": held, "missing_shards": missing, "digest": digest}
        click.echo(json.dumps(record | {"images_drawn": summary["images"], "seconds": round(summary["seconds"], 2)}))
        return
    drawn = f"{summary['images']:,} images in {summary['seconds']:.1f} s ({rate:,.0f}/s)"
    click.echo(f"drew {drawn}" if summary["images"] else "nothing to draw: every shard is there")
    for g in groups:
        views = store.spec.views(g)
        state = f"{missing[g]} shards missing" if missing[g] else "complete"
        click.echo(f"{store.url} {split}/{g}: {store.batches(split, g):,} batches of {views} images, {state}")
    if digest:
        click.echo(f"digest of {split}: {digest}")
