"""What every foreign layout gives: batches, known in full before the first image is decoded.

`Contents` says what a store of them will hold, as a function of the files and the options alone, so that an import
that was interrupted finds the same batches when it runs again. A new layout is a module that gives a `Source`, and a
line in `pipelines.interchange.layouts`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dataset.factors import Factor
from dataset.spec import NOT_RENDERED, StoreSpec, shard_batches
from dataset.store import Store
from pipelines.interchange.images import ImageFormat


@dataclass(frozen=True)
class Contents:
    """The batches of a source."""

    format: str
    subject: str
    """What the images show: `face`, `chair` or `picture`."""
    factors: tuple[Factor, ...]
    varied: tuple[str, ...]
    """What batches vary, in the order of the factors; the last may be `intrinsic`."""
    labels: tuple[str, ...]
    """Which of `factors` and `identity` are known."""
    conventions: str
    """What the numbers of the factors mean, and who says so."""
    views: Mapping[str, int]
    """Images in a batch of what is varied."""
    counts: Mapping[tuple[str, str], int]
    """Batches of each (split, what is varied)."""
    sha256: str
    """Of the list of what goes where."""
    options: Mapping[str, Any]
    """Those that decide the batches, beside size and colour."""
    names: Sequence[str] = ()
    """What the numbers of identities stand for, where they are the same in every split."""
    notes: Sequence[str] = field(default=())
    """What was left out, and why, a line each."""


@dataclass(frozen=True)
class Choices:
    """What a user may say about how batches are formed, where a layout leaves it open."""

    batch_size: int = 20
    test_fraction: float = 0.11
    """Share of the subjects that is kept for the test split: the paper's 150 of 1357 chairs."""
    seed: int = 0


class Source(Protocol):
    """Images in somebody else's layout. `read` is called from several threads."""

    @property
    def contents(self) -> Contents:
        """What there is."""
        ...

    def read(self, split: str, group: str, index: int, image_format: ImageFormat) -> dict[str, NDArray[Any]]:
        """Array name to the values of one batch: `image` (B, H, W[, 3]) uint8, and the labels.

        Raises
        ------
        SourceError
            When a file is not what it was found to be.
        """
        ...

    def remarks(self, store: Store) -> list[str]:
        """What is worth saying of the images once they are all there, a line each."""
        ...


def store_spec(contents: Contents, image_format: ImageFormat) -> StoreSpec:
    """Spec of the store that holds a source's batches."""
    frame = (image_format.size, image_format.size, *((3,) if image_format.color == "rgb" else ()))
    source = {
        "format": contents.format,
        "conventions": contents.conventions,
        "labels": list(contents.labels),
        "options": dict(contents.options),
        "sha256": contents.sha256,
        "names": list(contents.names),
    }
    return StoreSpec(
        content="batches",
        subject=contents.subject,
        image={"height": image_format.size, "width": image_format.size, "color": image_format.color},
        factors=contents.factors,
        only_factors=contents.varied,
        batch_size=dict(contents.views),
        shard_batches=shard_batches(max(contents.views.values()), frame),
        channels=(),
        source=source,
        **NOT_RENDERED,
    )


def list_hash(lines: Iterable[Sequence[object]]) -> str:
    """SHA-256 of lines of words, numbers and paths."""
    digest = hashlib.sha256()
    for words in lines:
        digest.update(json.dumps(words).encode() + b"\n")
    return digest.hexdigest()


def keyed(seed: int, *address: object) -> bytes:
    """A number at an address, to sort or to choose by: it moves with nothing but the seed and its own address."""
    return hashlib.sha256(json.dumps([seed, *address]).encode()).digest()


def factor_over(name: str, unit: str, values: Iterable[float]) -> Factor:
    """A factor over the range of its values; one that never changes gets a range of 1, as a range must rise."""
    numbers = np.fromiter(values, np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    return Factor(name, unit, low, high if high > low else low + 1)
