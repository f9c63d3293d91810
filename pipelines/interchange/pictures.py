"""Batches of picture files, one file an image: shared by the layout of the chairs and that of a folder with a table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.interchange.images import check_image, read_image
from pipelines.interchange.source import Contents, ImageFormat, SourceError, keyed

AT_ONCE = 200
"""Pictures that are checked between two interrupts."""


class View(NamedTuple):
    """One picture file and its labels."""

    file: str
    """Name of the file under the source's folder."""
    factors: tuple[float, ...] = ()
    """Value of each factor; empty where none is known."""
    identity: int = -1
    """Number of the identity; -1 where it is unknown."""


Batches = Mapping[tuple[str, str], Sequence[Sequence[View]]]
"""(split, factor that varies) to the views of each batch."""


@dataclass(frozen=True)
class PictureBatches:
    """A `Source` whose images are picture files."""

    contents: Contents
    root: Path
    batches: Batches
    crop: float = 1.0
    """Share of the shorter side that is cropped from the middle of each picture, 0..1."""

    def read(self, split: str, group: str, index: int, image_format: ImageFormat) -> dict[str, NDArray[Any]]:
        """Read the pictures of one batch, with the labels that are known."""
        views = self.batches[split, group][index]
        image_format = replace(image_format, crop=self.crop)
        arrays: dict[str, NDArray[Any]] = {
            "image": np.stack([read_image(self.root / view.file, image_format) for view in views]),
            "factors": np.array([view.factors for view in views], np.float32),
            "identity": np.array([view.identity for view in views], np.int64),
        }
        return {name: values for name, values in arrays.items() if name in ("image", *self.contents.labels)}

    def remarks(self, _store: Store) -> list[str]:
        """List no remarks: all notes are in `contents`."""
        return []


def listing(root: Path, batches: Batches) -> Iterator[list[object]]:
    """List every view of every batch: its place, its file and the file's size in bytes, and its labels."""
    sizes = {view.file: -1 for views in batches.values() for batch in views for view in batch}
    for file in sizes:
        sizes[file] = (root / file).stat().st_size
    for (split, group), views in batches.items():
        for index, batch in enumerate(views):
            for view in batch:
                yield [split, group, index, view.file, sizes[view.file], view.factors, view.identity]


def shuffled_batches(views: Iterable[View], size: int, seed: int, *address: object) -> list[list[View]]:
    """Form batches of `size` views, each view once, in an order given by the seed; the remainder is in no batch."""
    order = sorted(views, key=lambda view: keyed(seed, *address, view.file))
    return [order[k : k + size] for k in range(0, len(order) - size + 1, size)]


def unreadable(root: Path, files: Sequence[str], workers: int) -> dict[str, str]:
    """Check picture files with so many threads: those that cannot be read, each with the reason."""

    def check(file: str) -> str | None:
        try:
            check_image(root / file)
        except (SourceError, OSError) as error:
            return str(error)
        return None

    found: dict[str, str] = {}
    with progress_bar("pictures") as progress, ThreadPoolExecutor(workers) as pool:
        bar = progress.add_task("checking", total=len(files), note="")
        for start in range(0, len(files), AT_ONCE):
            block = files[start : start + AT_ONCE]
            found |= {file: wrong for file, wrong in zip(block, pool.map(check, block), strict=True) if wrong}
            progress.advance(bar, len(block))
    return found
