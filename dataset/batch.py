"""A batch: a set of named arrays. This one type goes from the store to the loss."""

from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from dataset.errors import UnknownNameError


class MissingArray(UnknownNameError):  # noqa: N818 -- the name is the condition
    """A batch was asked for an array that it does not hold."""


class Batch(dict[str, NDArray[Any]]):
    """Named arrays of the images of one batch; the first axis counts images.

    Names are those of the store: `image` (B, H, W) or (B, H, W, 3) uint8; where known, `factors` (B, F) float32 in the
    store's order and units, and `identity` (B,) int64; and any stored channel, such as `mask` (B, H, W) uint8.

    Raises
    ------
    MissingArray
        When an array is asked for that the batch does not hold; the message lists the ones it holds.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]] | Iterable[tuple[str, NDArray[Any]]] = (), /) -> None:
        super().__init__(arrays)

    def __missing__(self, name: str) -> NDArray[Any]:
        """Raise `MissingArray`."""
        raise MissingArray(
            f"the batch has no array {name!r}; it has {', '.join(self)}. Channels of a store are read on request: "
            "store[split, factor].with_channels(name)"
        )

    def __repr__(self) -> str:
        """Names, shapes and types instead of values."""
        return f"Batch({', '.join(f'{name} {array.shape} {array.dtype}' for name, array in self.items())})"

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self["image"])
