"""A source's batches -> the shards of a store that are still missing."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dataset.shards import empty_shard, images_in, is_complete, missing_shards, shard_range, write_shard
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.interchange.images import ImageFormat
from pipelines.interchange.source import Source
from pipelines.rendering.run_log import FILE, Task, shard_record
from pipelines.rendering.workers import CancelCheck, in_threads

RECORDED = ("dcign", "numpy", "Pillow", "numcodecs", "zarr")
"""Libraries whose versions go into the log."""


@dataclass(frozen=True)
class Filler:
    """Imports shards of one store. Reading, scaling and packing release the interpreter lock: threads share it."""

    store: Store
    source: Source
    origin: Path
    """Where the source is, for the log."""
    image_format: ImageFormat
    _logging: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, workers: int) -> dict[str, float]:
        """Import every shard that is missing, with a progress bar; returns images and seconds.

        An interrupt is noticed between two batches; the shards that were being read are left missing.
        """
        started = time.perf_counter()
        addresses = list(self.source.contents.counts)
        tasks = [Task(*address, shard) for address in addresses for shard in missing_shards(self.store, *address)]
        images = sum(images_in(self.store, *task) for task in tasks)
        total = sum(self.store.batches(*address) * self.store.spec.views(address[1]) for address in addresses)
        with progress_bar("images") as progress:
            bar = progress.add_task("importing", total=total, completed=total - images, note="")
            with self.store.files.writing():
                in_threads(workers, tasks, partial(self._import, lambda count: progress.advance(bar, count)))
            self.store.sweep_partials({(split, group) for split, group, _ in tasks})
        return {"images": images, "seconds": time.perf_counter() - started}

    def _import(self, told: Callable[[int], None], task: Task, check_cancelled: CancelCheck) -> None:
        """Read every batch of a shard and write it, unless another process was faster."""
        started = time.perf_counter()
        split, group, shard = task
        if is_complete(self.store, *task):
            told(images_in(self.store, *task))
            return
        arrays = empty_shard(self.store, *task)
        for k, index in enumerate(range(*shard_range(self.store, *task))):
            check_cancelled()
            for name, values in self.source.read(split, group, index, self.image_format).items():
                arrays[name][k] = values
            told(self.store.spec.views(group))
        write_shard(self.store, split, group, shard, arrays, check_cancelled)
        seconds = time.perf_counter() - started
        record = shard_record(self.store, task, seconds, RECORDED, source=str(self.origin.resolve()))
        with self._logging:
            self.store.files.append_lines(FILE, [record.to_json()])
