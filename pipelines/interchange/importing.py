"""The layouts that can be imported, and the import of a source's batches into the missing shards of a store."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from dataset.shards import empty_shard, images_in, is_complete, missing_shards, shard_range, write_shard
from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.interchange import aubry, folder, torch_faces
from pipelines.interchange.source import Choices, ImageFormat, Source, SourceError
from pipelines.rendering.run_log import FILE, Task, shard_record
from pipelines.rendering.workers import CancelCheck, in_threads

ARCHIVES = (".tar", ".tgz", ".gz", ".zip", ".7z", ".rar")
RECORDED = ("dcign", "numpy", "Pillow", "numcodecs", "zarr")
"""Libraries whose versions are recorded in the store's log."""


@dataclass(frozen=True)
class Layout:
    """One layout of images and their labels on disk."""

    looks_like: str
    """Short description of its files, for messages."""
    find: Callable[[Path], Path | None]
    """Find where the layout begins, at or under a path; None where it is absent."""
    open: Callable[[Path, Choices, int], Source]
    """Open the layout there, with that many threads."""


LAYOUTS: dict[str, Layout] = {
    "aubry": Layout("rendered_chairs/ID/renders/image_*_p*_t*_r*.png", aubry.find, aubry.open_chairs),
    "torch7": Layout("th_AZ_VARIED/FT_training/batch1 and so on", torch_faces.find, torch_faces.open_faces),
    "csv": Layout("pictures and one .csv file with a column file", folder.find, folder.open_table),
}
"""Name of a layout to its reader, in the order in which `recognise` tries them."""


@dataclass(frozen=True)
class ImportSummary:
    """The work of one import."""

    images: int
    """Images that were imported; those of complete shards are not counted."""
    seconds: float


def recognise(source: Path, wanted: str) -> tuple[str, Path]:
    """Find the layout of a file or folder.

    Parameters
    ----------
    source : file or folder to import
    wanted : name of a layout, or `auto` for the first that is found

    Returns
    -------
    name of the layout, and the path where it begins

    Raises
    ------
    SourceError
        The source does not exist, or has none of the layouts.
    """
    if not source.exists():
        raise SourceError(f"there is no {source}")
    for name in LAYOUTS if wanted == "auto" else (wanted,):
        found = LAYOUTS[name].find(source)
        if found is not None:
            return name, found
    if source.is_file() and source.suffix.lower() in ARCHIVES:
        raise SourceError(f"{source} is an archive; unpack it, and give the folder")
    expected = LAYOUTS if wanted == "auto" else {wanted: LAYOUTS[wanted]}
    known = "; ".join(f"{name}: {layout.looks_like}" for name, layout in expected.items())
    raise SourceError(f"{source} has no known layout. Expected one of {known}")


@dataclass(frozen=True)
class Importer:
    """The import of one source into one store. Threads share it: reading and scaling release the interpreter lock."""

    store: Store
    source: Source
    origin: Path
    """Path of the source, for the store's log."""
    image_format: ImageFormat
    _logging: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, workers: int) -> ImportSummary:
        """Import every missing shard with `workers` threads and a progress bar.

        An interrupt takes effect between two batches; shards that were being read stay missing.
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
        return ImportSummary(images, time.perf_counter() - started)

    def _import(self, on_images: Callable[[int], None], task: Task, check_cancelled: CancelCheck) -> None:
        """Read every batch of a shard and write the shard, unless another process has written it already."""
        started = time.perf_counter()
        split, group, shard = task
        if is_complete(self.store, *task):
            on_images(images_in(self.store, *task))
            return
        arrays = empty_shard(self.store, *task)
        for k, index in enumerate(range(*shard_range(self.store, *task))):
            check_cancelled()
            for name, values in self.source.read(split, group, index, self.image_format).items():
                arrays[name][k] = values
            on_images(self.store.spec.views(group))
        write_shard(self.store, split, group, shard, arrays, check_cancelled)
        seconds = time.perf_counter() - started
        record = shard_record(self.store, task, seconds, RECORDED, source=str(self.origin.resolve()))
        with self._logging:
            self.store.files.append_lines(FILE, [record.to_json()])
