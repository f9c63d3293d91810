"""Batches whose images are picture files, one each: what the chairs and a folder with a table have in common."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dataset.store import Store
from pipelines.console.progress import progress_bar
from pipelines.interchange.errors import SourceError
from pipelines.interchange.images import ImageFormat, check_image, read_image
from pipelines.interchange.source import Contents, keyed

AT_ONCE = 200
"""Pictures that are checked before an interrupt is heard."""


class View(NamedTuple):
    """One picture, and what it shows."""

    file: str
    """Its name under the source's folder."""
    factors: tuple[float, ...] = ()
    identity: int = -1


Batches = Mapping[tuple[str, str], Sequence[Sequence[View]]]
"""(split, what is varied) to the views of each batch."""


@dataclass(frozen=True)
class PictureBatches:
    """A `Source` of picture files."""

    contents: Contents
    root: Path
    batches: Batches
    kept: float = 1.0
    """Share of the shorter side that is cut out of the middle of each picture."""

    def read(self, split: str, group: str, index: int, image_format: ImageFormat) -> dict[str, NDArray[Any]]:
        """The pictures of one batch, and what is known of them."""
        views = self.batches[split, group][index]
        image_format = replace(image_format, kept=self.kept)
        arrays: dict[str, NDArray[Any]] = {
            "image": np.stack([read_image(self.root / view.file, image_format) for view in views]),
            "factors": np.array([view.factors for view in views], np.float32),
            "identity": np.array([view.identity for view in views], np.int64),
        }
        return {name: values for name, values in arrays.items() if name in ("image", *self.contents.labels)}

    def remarks(self, _store: Store) -> list[str]:
        """Nothing that was not known before."""
        return []


def listing(root: Path, batches: Batches) -> Iterator[list[object]]:
    """A line for each view of each batch: where it goes, its file with the bytes it has, and what it shows."""
    sizes = {view.file: -1 for views in batches.values() for batch in views for view in batch}
    for file in sizes:
        sizes[file] = (root / file).stat().st_size
    for (split, group), views in batches.items():
        for index, batch in enumerate(views):
            for view in batch:
                yield [split, group, index, view.file, sizes[view.file], view.factors, view.identity]


def dealt(views: Iterable[View], size: int, seed: int, *address: object) -> list[list[View]]:
    """Batches of `size` views, each view once, in an order that the seed decides; what is left is in none."""
    order = sorted(views, key=lambda view: keyed(seed, *address, view.file))
    return [order[k : k + size] for k in range(0, len(order) - size + 1, size)]


def unreadable(root: Path, files: Sequence[str], workers: int) -> dict[str, str]:
    """File to what is wrong with it, for the pictures that cannot be read."""

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
