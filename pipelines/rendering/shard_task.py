"""One task: draw one whole shard and write it. Every executor runs this, wherever its workers are."""

import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

from dataset.errors import StoreError
from dataset.factors import INTRINSIC
from dataset.plan import BatchValues, batch_values
from dataset.shards import empty_shard, images_in, is_complete, shard_bytes, shard_range, write_shard
from dataset.store import Store, open_store
from pipelines.rendering.backends import store_renderer
from pipelines.rendering.run_log import Record, Task, shard_record
from pipelines.rendering.subjects import Subject, open_subject
from pipelines.rendering.threads import CancelCheck
from render import Renderer, SceneBatch
from render.cpu.raster import FULL, LEAN

DECISIVE = ("dcign", "numpy", "numba")
"""Libraries that may move a byte of any store."""
DECODER = "Pillow"
"""The library that decodes and reduces the textures of mesh files."""
RECORDED = (*DECISIVE, DECODER, "numcodecs", "zarr")
"""Libraries whose versions go into the log."""
PEOPLE_AT_ONCE = 20
"""Identities that are made in one pass over the model's basis."""
TRUTH_BYTES_A_PIXEL = 400
"""Of the channels beside the mask while one image is drawn: a grid of its own, and float64 on the way to bytes."""
BYTES_A_VERTEX = 60
"""Of one person in memory while drawn: positions twice, normals, albedo, and what the renderer keeps."""


@dataclass(frozen=True)
class ShardRenderer:
    """Draws shards of one store. Threads may share it."""

    store: Store
    subject: Subject
    renderer: Renderer

    def draw(self, task: Task, on_images: Callable[[int], None], check_cancelled: CancelCheck) -> Record | None:
        """Render every batch of a shard and write it; None where another process was faster.

        What `check_cancelled` raises between two batches leaves the shard missing.
        """
        started = time.perf_counter()
        split, group, shard = task
        if is_complete(self.store, split, group, shard):  # another process was here since the list was made
            on_images(images_in(self.store, *task))
            return None
        begin, end = shard_range(self.store, split, group, shard)
        values = batch_values(self.store.spec, split, group, begin, end)
        arrays = empty_shard(self.store, split, group, shard)
        for k, scenes in enumerate(self._scenes(split, values, PEOPLE_AT_ONCE // people_in_batch(self.store, group))):
            check_cancelled()
            frames = self.renderer.render(scenes)
            arrays["image"][k] = frames.image
            for name in self.store.spec.channels:
                arrays[name][k] = frames.channel(name)
            on_images(len(frames.image))
        arrays |= {"factors": values.factors, "identity": values.identity}
        arrays |= {f"coefficients/{block}": c for block, c in values.coefficients.items()}
        if is_complete(self.store, split, group, shard):  # a worker that was thought lost has written it meanwhile
            return None
        write_shard(self.store, split, group, shard, arrays, check_cancelled)
        record = shard_record(self.store, task, time.perf_counter() - started, RECORDED)
        return record | {"model": self.subject.source, "renderer": self.renderer.describe()}

    def _scenes(self, split: str, values: BatchValues, at_once: int) -> Iterator[SceneBatch]:
        """The scenes of each batch, made for a few batches at once."""
        step = max(1, at_once)
        for k in range(0, len(values.factors), step):
            part = slice(k, k + step)
            coefficients = {block: rows[part] for block, rows in values.coefficients.items()}
            yield from self.subject.batches(split, values.factors[part], values.identity[part], coefficients)


def people_in_batch(store: Store, group: str) -> int:
    """Identities in one batch."""
    return store.spec.views(group) if group == INTRINSIC else 1


def bytes_while_drawn(store: Store, subject: Subject, group: str) -> int:
    """Memory that one shard takes while it is drawn.

    Its arrays, one of them compressed; some people; the renderer's grid of samples; and the frames of one batch.
    """
    people = max(PEOPLE_AT_ONCE, people_in_batch(store, group)) * subject.vertices * BYTES_A_VERTEX
    image = store.spec.image
    pixels, channels = image["height"] * image["width"], 3 if image["color"] == "rgb" else 1
    grid = pixels * image["samples"] * 4 * (FULL if channels == 3 else LEAN)
    truth = pixels * TRUTH_BYTES_A_PIXEL if set(store.spec.channels) - {"mask"} else 0
    frames = 2 * shard_bytes(store, group) // store.spec.shard_batches
    return round(1.5 * shard_bytes(store, group)) + people + grid + truth + frames


@dataclass(frozen=True)
class Job:
    """What a worker elsewhere needs to know of a run."""

    url: str
    source: str
    """The model."""
    versions: tuple[tuple[str, str], ...]
    """Of the libraries that decide bytes, where the run was started."""
    mesh_bytes: int
    """Of what the worker may keep of its meshes."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    """A new one for each run: what a worker keeps of an older one may be a store that was grown or replaced since."""


def decisive_versions(store: Store) -> tuple[tuple[str, str], ...]:
    """Name and version of the libraries that may move a byte of a store."""
    return _versions((*DECISIVE, DECODER) if store.spec.collection else DECISIVE)


def _versions(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, version(name)) for name in names)


_kept: dict[Job, ShardRenderer] = {}
_keeping = threading.Lock()


def draw_elsewhere(job: Job, task: Task) -> Record | None:
    """One task in a worker process, which opens store, model and renderer once a run.

    Raises
    ------
    StoreError
        When the worker has other versions and might draw other bytes.
    """
    ours = _versions(name for name, _ in job.versions)
    if ours != job.versions:
        raise StoreError(
            f"the worker on {platform.node()} has {dict(ours)}, the run {dict(job.versions)}; install the same"
        )
    with _keeping:
        if job not in _kept:
            _kept.clear()  # one model at a time: they are large
            store = open_store(job.url, write=True)
            _kept[job] = ShardRenderer(store, open_subject(store, job.source, job.mesh_bytes), store_renderer(store))
        shards = _kept[job]
    return shards.draw(task, lambda _: None, lambda: None)
