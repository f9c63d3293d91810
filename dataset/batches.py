"""The batches of one factor in one split of a store, as a sequence that reads a batch when it is indexed."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from dataset.batch import Batch
from dataset.errors import BatchIndexError

if TYPE_CHECKING:
    from dataset.store import Store


class Batches(Sequence[Batch]):
    """Batches of one (split, factor) of a store; get it with ``store["train", "azimuth"]``.

    Indexing reads one batch: ``[7]``, ``[-1]``. A slice, such as ``[10:20]``, is another such sequence and reads
    nothing. Its length is the number of batches that the store was asked for; one that is not rendered yet is refused
    when it is read.

    Parameters
    ----------
    store : Store
    split, factor : str
        Names that the store has.
    channels : sequence of str
        Arrays to read beside `image`, `factors` and `identity`, such as `mask`.
    indices : range, optional
        Numbers of the batches; all by default.
    """

    def __init__(
        self, store: "Store", split: str, factor: str, channels: Sequence[str] = (), indices: range | None = None
    ) -> None:
        self.store, self.split, self.factor = store, split, factor
        self.channels = tuple(channels)
        self._indices = range(store.batches(split, factor)) if indices is None else indices

    def with_channels(self, *channels: str) -> "Batches":
        """The same batches, read with these arrays beside `image`, `factors` and `identity`."""
        return Batches(self.store, self.split, self.factor, channels, self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> "Batches": ...
    def __getitem__(self, index: int | slice) -> "Batch | Batches":
        """One batch, counted from the end where the index is negative; or a sequence of a slice's batches.

        Raises
        ------
        BatchIndexError
            When there is no batch of this number.
        StoreError
            When the batch is not rendered yet, or its bytes are damaged.
        """
        if isinstance(index, slice):
            return Batches(self.store, self.split, self.factor, self.channels, self._indices[index])
        try:
            number = self._indices[index]
        except IndexError:
            raise BatchIndexError(
                f"{self.store.url} has {len(self)} batches of {self.split}/{self.factor} here, numbered from 0; "
                f"{index} was asked for"
            ) from None
        except TypeError:
            raise TypeError(f"expected the number of a batch or a slice, not {index!r}") from None
        return self.store.read(self.split, self.factor, number, self.channels)

    def __iter__(self) -> Iterator[Batch]:
        """Read the batches one after the other."""
        return (self.store.read(self.split, self.factor, number, self.channels) for number in self._indices)

    def __repr__(self) -> str:
        """Number of batches, and the shape of their images."""
        shape = " x ".join(map(str, self.store.spec.frame_shape))
        images = self.store.spec.views(self.factor)
        return f"<{len(self)} batches of {self.split}/{self.factor}: {images} images, {shape}>"
