"""A store as a torch data set: map-style, for any number of workers and any start method."""

import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from dataset import Batch, Store, StoreError, open_store

Item = dict[str, Tensor]
_HELD = 8
"""Batches in memory while single images are read: neighbours need no second decoding."""


class TorchDataset(torch.utils.data.Dataset[Any]):
    """Images or batches of a store as dictionaries of tensors; see `torch_dataset`."""

    def __init__(
        self,
        store: Store,
        split: str,
        factors: Sequence[str],
        items: Literal["images", "batches"],
        channels: Sequence[str],
        transform: Callable[[Item], Any] | None,
    ) -> None:
        self.url, self.split, self.items, self.transform = store.url, split, items, transform
        self.factors = tuple(factor.name for factor in store.spec.factors)
        """Names of the columns of `factors`."""
        self.varied = tuple(factors)
        """Names that an item's `factor` is an index of."""
        self.channels = tuple(channels)
        self._views = [store.spec.views(factor) if items == "images" else 1 for factor in self.varied]
        counts = [store.batches(split, factor) for factor in self.varied]
        self._ends = list(accumulate(count * views for count, views in zip(counts, self._views, strict=True)))
        self._store: Store | None = store
        self._process = os.getpid()
        self._held: dict[tuple[int, int], Batch] = {}

    def __repr__(self) -> str:
        varied = ", ".join(self.varied)
        return f"TorchDataset({self.url!r}, {self.split}: {len(self):,} {self.items} that vary {varied})"

    def __len__(self) -> int:
        """Number of items."""
        return self._ends[-1]

    def __getitem__(self, index: int) -> Any:
        """Item `index`, after the transform.

        Raises
        ------
        IndexError
            There is no such item.
        StoreError
            A batch is not rendered yet, or its bytes are damaged.
        """
        place = range(len(self))[index]  # negative ones count from the end
        factor = bisect_right(self._ends, place)
        place -= self._ends[factor - 1] if factor else 0
        number, view = divmod(place, self._views[factor])
        batch = self._batch(factor, number)
        if self.items == "images":  # copied: a transform may write into its item
            item = {name: torch.tensor(array[view]) for name, array in batch.items()}
        else:
            item = {name: torch.from_numpy(array) for name, array in batch.items()}
        item["factor"] = torch.tensor(factor)
        return item if self.transform is None else self.transform(item)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open store and what was read from it."""
        return self.__dict__ | {"_store": None, "_held": {}}

    def _batch(self, factor: int, number: int) -> Batch:
        if self.items == "batches":
            return self._read(factor, number)
        key = factor, number
        if key not in self._held:
            while len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            self._held[key] = self._read(factor, number)
        return self._held[key]

    def _read(self, factor: int, number: int) -> Batch:
        if self._store is None or self._process != os.getpid():  # unpickled, or in a forked worker
            self._store, self._process = open_store(self.url), os.getpid()
        return self._store.read(self.split, self.varied[factor], number, self.channels)


def torch_dataset(
    store: "Store | str | Path",
    split: str = "train",
    factor: str | None = None,
    *,
    items: Literal["images", "batches"] = "images",
    channels: Sequence[str] = (),
    transform: Callable[[Item], Any] | None = None,
) -> TorchDataset:
    """A split of a store as a map-style torch data set, which a `DataLoader` takes with any number of workers.

    Workers may be forked or spawned; each opens the store itself. Single images in shuffled order cost one decoded
    batch each: where speed matters, take whole batches (`items="batches"`, and `batch_size=None` in the `DataLoader`).

    Parameters
    ----------
    store : Store, str or Path
        Of batches or sweeps.
    split : str
        "train", "val" or "test".
    factor : str, optional
        Only batches in which this factor varies. Default: those of every factor, one factor after the other.
    items : "images" or "batches"
        An item is one image, or the B images of a batch (of a sweep).
    channels : sequence of str
        Stored channels to read beside the image, such as "mask" or "coefficients/shape".
    transform : callable, optional
        Called with each item; its result is what `dataset[i]` gives. Scaling to floats belongs here. With spawned
        workers it must be picklable, so a function of a module.

    Returns
    -------
    TorchDataset
        Each item is a dictionary of tensors (with a first axis B for batches):
        ``image`` (H, W) or (H, W, 3) uint8; ``factors`` (F,) float32 in the store's order and units and ``identity`` ()
        int64, where the store has them; each of `channels` in its stored shape and type; and ``factor`` () int64, the
        index in `TorchDataset.varied` of the factor that varies.

    Raises
    ------
    StoreError
        No store, no such factor or channel, or no batches in that split.

    Examples
    --------
    >>> faces = dcign.torch_dataset("faces.zarr", factor="azimuth", channels=["mask"])  # doctest: +SKIP
    >>> loader = torch.utils.data.DataLoader(faces, batch_size=32, shuffle=True, num_workers=2)  # doctest: +SKIP
    """
    opened = store if isinstance(store, Store) else open_store(store)
    if items not in ("images", "batches"):
        raise ValueError(f"items must be 'images' or 'batches'; got {items!r}")
    names = opened.spec.batch_factors if factor is None else (factor,)
    held = [name for name in names if opened.batches(split, name)]
    if not held:
        raise StoreError(f"{opened.url} has no {split} batches of {', '.join(names)}; render-batches adds them")
    for channel in channels:
        for name in held:
            opened.array(split, name, channel)
    return TorchDataset(opened, split, held, items, channels, transform)
