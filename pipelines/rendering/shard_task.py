"""One task: render one whole shard and write it. Every executor runs this, wherever its workers are."""

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
from pipelines.rendering.settings import Sources
from pipelines.rendering.subjects import Subject, open_subject
from pipelines.rendering.workers import CancelCheck
from render import Renderer, SceneBatch
from render.cpu.raster import FULL, LEAN

DECISIVE = ("dcign", "numpy", "numba")
"""Libraries that may move a byte of any store."""
DECODER = "Pillow"
"""The library that decodes and reduces the textures of mesh files."""
RECORDED = (*DECISIVE, DECODER, "numcodecs", "zarr")
"""Libraries whose versions go into the log."""
MESHES_AT_ONCE = 20
"""Identities whose meshes are made in one pass over the model's basis."""
TRUTH_BYTES_A_PIXEL = 400
"""Memory of the channels beside the mask while one image is rendered: a grid of its own, and float64 intermediates."""
BYTES_A_VERTEX = 60
"""Memory of one identity while it is rendered: positions twice, normals, albedo, and the renderer's own arrays."""


@dataclass(frozen=True)
class ShardRenderer:
    """Renders shards of one store. Threads may share it."""

    store: Store
    subject: Subject
    renderer: Renderer

    def render(self, task: Task, on_images: Callable[[int], None], check_cancelled: CancelCheck) -> Record | None:
        """Render every batch of a shard and write it; None where another process has written it meanwhile.

        What `check_cancelled` raises between two batches leaves the shard missing.
        """
        started = time.perf_counter()
        if is_complete(self.store, *task):  # another process was here since the list was made
            on_images(images_in(self.store, *task))
            return None
        values = batch_values(self.store.spec, task.split, task.factor, *shard_range(self.store, *task))
        arrays = empty_shard(self.store, *task)
        for k, scenes in enumerate(self._scenes(task, values)):
            check_cancelled()
            frames = self.renderer.render(scenes)
            arrays["image"][k] = frames.image
            for name in self.store.spec.channels:
                arrays[name][k] = frames.channel(name)
            on_images(len(frames.image))
        arrays |= {"factors": values.factors, "identity": values.identity}
        arrays |= {f"coefficients/{block}": c for block, c in values.coefficients.items()}
        if is_complete(self.store, *task):  # a worker that was thought lost has written it meanwhile
            return None
        write_shard(self.store, *task, arrays, check_cancelled)
        seconds, described = time.perf_counter() - started, self.renderer.describe()
        return shard_record(self.store, task, seconds, RECORDED, model=self.subject.source, renderer=described)

    def _scenes(self, task: Task, values: BatchValues) -> Iterator[SceneBatch]:
        """The scenes of each batch, made for a few batches at once."""
        step = max(1, MESHES_AT_ONCE // _identities_in_batch(self.store, task.factor))
        for k in range(0, len(values.factors), step):
            part = slice(k, k + step)
            coefficients = {block: rows[part] for block, rows in values.coefficients.items()}
            yield from self.subject.batches(task.split, values.factors[part], values.identity[part], coefficients)


def _identities_in_batch(store: Store, factor: str) -> int:
    """Number of identities in one batch."""
    return store.spec.views(factor) if factor == INTRINSIC else 1


def bytes_while_rendered(store: Store, subject: Subject, factor: str) -> int:
    """Memory, in bytes, that one shard takes while it is rendered.

    Its arrays, one of them compressed; some meshes; the renderer's grid of samples; and the frames of one batch.
    """
    meshes = max(MESHES_AT_ONCE, _identities_in_batch(store, factor)) * subject.vertices * BYTES_A_VERTEX
    image = store.spec.image
    pixels, channels = image["height"] * image["width"], 3 if image["color"] == "rgb" else 1
    grid = pixels * image["samples"] * 4 * (FULL if channels == 3 else LEAN)
    truth = pixels * TRUTH_BYTES_A_PIXEL if set(store.spec.channels) - {"mask"} else 0
    frames = 2 * shard_bytes(store, factor) // store.spec.shard_batches
    return round(1.5 * shard_bytes(store, factor)) + meshes + grid + truth + frames


@dataclass(frozen=True)
class Job:
    """Everything that a worker in another process needs to know about a run."""

    url: str
    source: str
    """Name or location of the model, or of the meshes."""
    versions: tuple[tuple[str, str], ...]
    """Name and version of the libraries that decide bytes, where the run was started."""
    mesh_bytes: int
    """Bytes of meshes that the worker may hold in memory."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    """A new one for each run: a store that a worker opened in an older run may have been grown or replaced since."""


def decisive_versions(store: Store) -> tuple[tuple[str, str], ...]:
    """Name and version of the libraries that may move a byte of a store."""
    return _versions((*DECISIVE, DECODER) if store.spec.collection else DECISIVE)


def _versions(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, version(name)) for name in names)


_opened: dict[Job, ShardRenderer] = {}
_opening = threading.Lock()


def render_elsewhere(job: Job, task: Task) -> Record | None:
    """Run one task in a worker process, which opens store, model and renderer once a run.

    Raises
    ------
    StoreError
        When the worker has other versions and might render other bytes.
    """
    ours = _versions(name for name, _ in job.versions)
    if ours != job.versions:
        raise StoreError(
            f"the worker on {platform.node()} has {dict(ours)}, the run {dict(job.versions)}; install the same"
        )
    with _opening:
        if job not in _opened:
            _opened.clear()  # one model at a time: they are large
            store = open_store(job.url, write=True)
            sources = Sources(job.source, job.source, job.mesh_bytes)
            _opened[job] = ShardRenderer(store, open_subject(store, sources), store_renderer(store))
        shards = _opened[job]
    return shards.render(task, lambda _: None, lambda: None)
