"""Rendering as independent tasks: one task draws one whole shard and writes it."""

import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from dataset.errors import StoreError
from dataset.plan import BatchValues, batch_values
from dataset.shards import missing_shards, shard_range, write_shard
from dataset.store import Store
from pipelines.faces import FaceSubject
from pipelines.progress import progress_bar
from render import CpuRenderer, Renderer

Task = tuple[str, str, int]
"""Split, factor and shard."""
RECORDED = ("dcign", "numpy", "numba", "zarr")


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
        begin, end = shard_range(self.store, split, group, shard)
        values = batch_values(self.store.spec, split, group, begin, end)
        images, masks = [], []
        for k in range(end - begin):
            if stop.is_set():
                raise Stopped
            frames = self.renderer.render(self.subject.scenes(*_batch(values, k)))
            images.append(frames.image)
            masks.append(frames.mask)
            on_images(len(frames.image))
        arrays: dict[str, Any] = {"image": np.stack(images), "mask": np.stack(masks)}
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


def store_renderer(store: Store) -> Renderer:
    """The renderer that a store was made with.

    Raises
    ------
    StoreError
        When this program's would draw other pixels.
    """
    image = store.spec.image
    renderer = CpuRenderer(image["color"], image["samples"])
    if renderer.describe() != dict(store.spec.renderer):
        raise StoreError(
            f"{store.url} was drawn by {dict(store.spec.renderer)}, this is {renderer.describe()}; "
            "a store has one renderer: choose another --store"
        )
    return renderer


def missing_tasks(store: Store, split: str, groups: Sequence[str], part: tuple[int, int] = (0, 1)) -> list[Task]:
    """Shards to draw; `part` = (i, n) keeps those whose number leaves i when divided by n."""
    return [(split, g, s) for g in groups for s in missing_shards(store, split, g) if s % part[1] == part[0]]


def run_tasks(shards: ShardRenderer, tasks: Sequence[Task], workers: int) -> dict[str, float]:
    """Draw shards on threads with a progress bar; returns images and seconds.

    Kernels, compression and hashing release the interpreter lock, so threads run in parallel and share one model. An
    interrupt is noticed between two batches; the shards that were being drawn are left missing.
    """
    spec, store = shards.store.spec, shards.store
    total = sum((shard_range(store, *t)[1] - shard_range(store, *t)[0]) * spec.views(t[1]) for t in tasks)
    started, stop = time.perf_counter(), threading.Event()
    with progress_bar("images") as progress, ThreadPoolExecutor(workers) as pool:
        bar = progress.add_task("rendering", total=total, note="")
        futures = [pool.submit(shards.draw, task, lambda n: progress.advance(bar, n), stop) for task in tasks]
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
    return {"images": total, "seconds": time.perf_counter() - started}
