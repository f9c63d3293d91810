"""A source's batches -> the shards of a store that are still missing."""

import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from dataset.shards import empty_shard, is_complete, missing_shards, shard_range, write_shard
from dataset.store import Store
from pipelines.interchange.images import Look
from pipelines.interchange.source import Source
from pipelines.progress import progress_bar

Task = tuple[str, str, int]
"""Split, what varies, and shard."""
RECORDED = ("dcign", "numpy", "Pillow", "zarr")
"""Libraries whose versions go into the log."""


class Stopped(Exception):  # noqa: N818 -- an event, not an error
    """The import was interrupted while this shard was being read."""


@dataclass(frozen=True)
class Filler:
    """Imports shards of one store. Reading, scaling and packing release the interpreter lock: threads share it."""

    store: Store
    source: Source
    origin: Path
    """Where the source is, for the log."""
    look: Look
    _stop: threading.Event = field(default_factory=threading.Event)
    _logging: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, workers: int) -> dict[str, float]:
        """Import every shard that is missing, with a progress bar; returns images and seconds.

        An interrupt is noticed between two batches; the shards that were being read are left missing.
        """
        started = time.perf_counter()
        addresses = list(self.source.contents.counts)
        tasks = [(*address, shard) for address in addresses for shard in missing_shards(self.store, *address)]
        images = sum(self._images(task) for task in tasks)
        total = sum(self.store.batches(*address) * self.store.spec.views(address[1]) for address in addresses)
        with progress_bar("images") as progress:
            bar = progress.add_task("importing", total=total, completed=total - images, note="")
            with self.store.files.writing():
                self._run(tasks, workers, lambda count: progress.advance(bar, count))
            self.store.sweep_partials({(split, group) for split, group, _ in tasks})
        return {"images": images, "seconds": time.perf_counter() - started}

    def _images(self, task: Task) -> int:
        start, stop = shard_range(self.store, *task)
        return (stop - start) * self.store.spec.views(task[1])

    def _run(self, tasks: Sequence[Task], workers: int, told: Callable[[int], None]) -> None:
        futures: list[Future[None]] = []
        with ThreadPoolExecutor(workers) as pool:
            try:
                futures += [pool.submit(self._import, task, told) for task in tasks]
                wait(futures, return_when=FIRST_EXCEPTION)
            finally:
                if not all(future.done() for future in futures) or len(futures) < len(tasks):
                    self._stop.set()
                    pool.shutdown(cancel_futures=True)
        for future in futures:
            error = None if future.cancelled() else future.exception()
            if error is not None and not isinstance(error, Stopped):
                raise error

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _import(self, task: Task, told: Callable[[int], None]) -> None:
        """Read every batch of a shard and write it, unless another process was faster."""
        started = time.perf_counter()
        split, group, shard = task
        if is_complete(self.store, *task):
            told(self._images(task))
            return
        arrays = empty_shard(self.store, *task)
        for k, index in enumerate(range(*shard_range(self.store, *task))):
            self._go_on()
            for name, values in self.source.read(split, group, index, self.look).items():
                arrays[name][k] = values
            told(self.store.spec.views(group))
        write_shard(self.store, split, group, shard, arrays, self._go_on)
        record = {
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "split": split,
            "factor": group,
            "shard": shard,
            "images": self._images(task),
            "seconds": round(time.perf_counter() - started, 3),
            "command": sys.argv,
            "source": str(self.origin.resolve()),
            "machine": f"{platform.node()}, {platform.platform()}",
            "versions": {"python": platform.python_version()} | {name: version(name) for name in RECORDED},
        }
        with self._logging:
            self.store.files.append_lines("runs.jsonl", [record])
