"""The interface of a foreign layout: its batches, known in full before the first image is decoded.

`Contents` describes the batches as a function of the files and the options alone, so that an interrupted import finds
the same batches when it runs again. A new layout is a module that gives a `Source`, and a line in `LAYOUTS` of
`pipelines.interchange.importing`.
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


class SourceError(ValueError):
    """A file or folder that cannot be imported, or a place that cannot be exported to; one line for the user."""


@dataclass(frozen=True)
class ImageFormat:
    """Format of the imported images."""

    size: int
    """Pixels a side."""
    color: str
    """`grey` or `rgb`."""
    crop: float = 1.0
    """Share of the shorter side that is cropped from the middle of a picture, 0..1."""


@dataclass(frozen=True)
class Contents:
    """Description of the batches of a source."""

    format: str
    """Name of the layout."""
    subject: str
    """Kind of subject: `face`, `chair` or `picture`."""
    factors: tuple[Factor, ...]
    varied: tuple[str, ...]
    """Factors that vary in batches, in the order of `factors`; the last may be `intrinsic`."""
    labels: tuple[str, ...]
    """Known labels, of `factors` and `identity`."""
    conventions: str
    """Meaning of the factors' numbers, and where it is documented."""
    views: Mapping[str, int]
    """Factor that varies to the number of images in a batch."""
    counts: Mapping[tuple[str, str], int]
    """(split, factor that varies) to the number of batches."""
    sha256: str
    """Hash of the list of all files and their places."""
    options: Mapping[str, Any]
    """Options that decide the batches, beside size and colour."""
    names: Sequence[str] = ()
    """Names of the identities by number, where numbers are the same in every split."""
    notes: Sequence[str] = field(default=())
    """One line for each thing that was left out, with the reason."""


@dataclass(frozen=True)
class Choices:
    """Options about how batches are formed, for layouts that leave it open."""

    batch_size: int = 20
    """Images in a batch."""
    test_fraction: float = 0.11
    """Share of the subjects in the test split: the paper's 150 of 1357 chairs."""
    seed: int = 0
    """Seed of the split and of what shares a batch."""


class Source(Protocol):
    """Images in a foreign layout. `read` is called from several threads."""

    @property
    def contents(self) -> Contents:
        """Description of all batches."""
        ...

    def read(self, split: str, group: str, index: int, image_format: ImageFormat) -> dict[str, NDArray[Any]]:
        """Read one batch: array name to values, `image` (B, H, W[, 3]) uint8 and the labels.

        Raises
        ------
        SourceError
            A file has changed since the import began.
        """
        ...

    def remarks(self, store: Store) -> list[str]:
        """List remarks about the images, one line each, once the store holds all of them."""
        ...


def store_spec(contents: Contents, image_format: ImageFormat) -> StoreSpec:
    """Specify the store that holds a source's batches."""
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
    """SHA-256 of lines of words, numbers and paths, in hexadecimal."""
    digest = hashlib.sha256()
    for words in lines:
        digest.update(json.dumps(words).encode() + b"\n")
    return digest.hexdigest()


def keyed(seed: int, *address: object) -> bytes:
    """Hash of a seed and an address, to sort or to choose by; it depends on nothing else."""
    return hashlib.sha256(json.dumps([seed, *address]).encode()).digest()


def factor_over(name: str, unit: str, values: Iterable[float]) -> Factor:
    """Make a factor whose range is that of its values; a constant one gets a range of length 1."""
    numbers = np.fromiter(values, np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    return Factor(name, unit, low, high if high > low else low + 1)
