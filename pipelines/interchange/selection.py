"""Part of a store, as exports write it: images one after another, and a table of what they show."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.digest import store_digest
from dataset.errors import StoreError
from dataset.keys import SPLITS
from dataset.store import Store

NO_GRID = (
    "the images are batches in which one factor varies, with values that were drawn: not every combination of values "
    "is there, and where an image is cannot be computed from its classes. active says what varies in the batch of an "
    "image, by its number in the list active here; identities count within a split"
)
Address = tuple[str, str, int]
"""Split, what varies, and number of a batch."""


@dataclass(frozen=True)
class Table:
    """What every image shows, one row each."""

    factors: NDArray[np.float32] | None
    """(N, F), where known."""
    identity: NDArray[np.int64] | None
    """(N,), where known."""
    split: NDArray[np.int64]
    """(N,) number in `SPLITS`."""
    active: NDArray[np.int64]
    """(N,) number in the store's groups."""
    batch: NDArray[np.int64]
    """(N,) number within its split and group."""


class Selection:
    """Some splits and groups of a store.

    Raises
    ------
    StoreError
        When they are not there, or not complete.
    """

    def __init__(self, store: Store, splits: Sequence[str], groups: Sequence[str]) -> None:
        splits = splits or next(([s] for s in SPLITS if store.factors(s)), [])
        if strange := [g for g in groups if g not in store.spec.batch_factors]:
            raise StoreError(f"{store.url} has no factor {strange[0]}; it has {', '.join(store.spec.batch_factors)}")
        self.store = store
        self.splits = [s for s in SPLITS if s in splits]
        self.addresses = [
            (split, group) for split in self.splits for group in store.factors(split) if group in groups or not groups
        ]
        if not self.addresses:
            where = ", ".join(splits) or "any split"
            raise StoreError(f"{store.url} holds no batches of {', '.join(groups) or 'anything'} in {where}")
        self.digest = store_digest(store, self.splits)
        self.count = sum(store.batches(*address) * store.spec.views(address[1]) for address in self.addresses)

    def batches(self) -> Iterator[Address]:
        """Every batch, in order."""
        for split, group in self.addresses:
            for index in range(self.store.batches(split, group)):
                yield split, group, index

    def images(self) -> Iterator[NDArray[np.uint8]]:
        """The images of every batch, in order: (B, H, W) or (B, H, W, 3)."""
        for split, group, index in self.batches():
            images = self.store.values(split, group, "image", index)
            expected = (self.store.spec.views(group), *self.store.spec.frame_shape)
            if images.shape != expected or images.dtype != np.uint8:
                raise StoreError(
                    f"{group} batch {index} of {split} in {self.store.url} should be uint8 {expected}, "
                    f"not {images.dtype} {images.shape}"
                )
            yield images

    def table(self) -> Table:
        """What every image shows."""
        spec, where = self.store.spec, []
        for split, group, index in self.batches():
            row = (SPLITS.index(split), spec.batch_factors.index(group), index)
            where.append(np.tile(np.array(row, np.int64), (spec.views(group), 1)))
        rows = np.concatenate(where)
        known = {name: self._label(name) for name in spec.labels}
        return Table(known.get("factors"), known.get("identity"), rows[:, 0], rows[:, 1], rows[:, 2])

    def _label(self, name: str) -> NDArray[Any]:
        """One array of labels, of all images: (N, ...)."""
        parts = []
        for split, group in self.addresses:
            count, step = self.store.batches(split, group), self.store.spec.shard_batches
            for start in range(0, count, step):
                part = self.store.values(split, group, name, start, slice(start, min(start + step, count)))
                parts.append(part.reshape(-1, *part.shape[2:]))
        return np.concatenate(parts)

    def metadata(self) -> str:
        """What the images are, as JSON."""
        attributes = self.store.spec.to_attributes()
        kept = ("content", "subject", "conventions", "model", "image", "camera", "light", "factors", "source")
        described = {name: attributes[name] for name in kept if name in attributes}
        described |= {"digest": self.digest, "splits": list(SPLITS), "active": list(self.store.spec.batch_factors)}
        return json.dumps({"full_grid": False, "note": NO_GRID} | described, indent=1)


def named_columns(selection: Selection, table: Table) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values of what is known of every image: the factors, then the identity."""
    names: list[str] = []
    columns: list[NDArray[Any]] = []
    if table.factors is not None:
        names += [factor.name for factor in selection.store.spec.factors]
        columns += list(table.factors.T)
    if table.identity is not None:
        names.append("identity")
        columns.append(table.identity)
    values = np.stack(columns, axis=1).astype(np.float64) if columns else np.zeros((selection.count, 0))
    return names, values
