"""A store on disk: made, opened, grown, and read back batch by batch."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.errors
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.files import StoreFiles
from dataset.layout import DIGEST, DIGEST_BYTES, DIGEST_FIELDS, ArrayDigest, array_specs, codecs
from dataset.spec import StoreSpec

# Not stored with an array, and by default zarr skips writing a chunk that equals the fill value: an all-black batch
# would look missing for ever.
zarr.config.set({"array.write_empty_chunks": True})


@dataclass(frozen=True)
class Batch:
    """Images in which one factor varies."""

    images: NDArray[np.uint8]
    """(B, H, W) or (B, H, W, 3)."""
    active: str
    """The factor that varies: `azimuth`, `elevation`, `light` or `intrinsic`."""
    factors: NDArray[np.float32] | None
    """(B, F) in the store's order, or None where the store has none (imports)."""
    identity: NDArray[np.int64] | None
    """(B,) or None."""


class Store:
    """One store of batches or sweeps. Make it with `create_store` or `open_store`."""

    def __init__(self, url: str, spec: StoreSpec, root: zarr.Group, files: StoreFiles) -> None:
        self.url = url
        self.spec = spec
        self.root = root
        self.files = files
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def groups(self, split: str) -> tuple[str, ...]:
        """Factors that have batches in a split, in the store's order."""
        return tuple(g for g in self.spec.groups if self.batches(split, g))

    def batches(self, split: str, group: str) -> int:
        """Batches asked for so far; some may still be missing (`dataset.shards.is_complete`)."""
        try:
            return int(str(self.array(split, group, DIGEST).attrs["batches"]))
        except (StoreError, KeyError):
            return 0

    def array(self, split: str, group: str, name: str) -> "zarr.Array[Any]":
        """One array of a factor group.

        Raises
        ------
        StoreError
            When the store has no such array.
        """
        path = f"{split}/{group}/{name}"
        if path not in self._arrays:
            try:
                found = self.root[path]
            except KeyError:
                raise StoreError(f"{self.url} has no {path}") from None
            except (ValueError, OSError, zarr.errors.BaseZarrError) as error:
                raise StoreError(f"{self.url}/{path} is damaged: {error}") from error
            if not isinstance(found, zarr.Array):
                raise StoreError(f"{self.url}/{path} is not an array")
            self._arrays[path] = found
        return self._arrays[path]

    def read(self, split: str, group: str, index: int) -> Batch:
        """Batch `index` of a factor.

        Raises
        ------
        StoreError
            When there is no such batch or its bytes are damaged.
        """
        count = self.batches(split, group)
        if not 0 <= index < count:
            raise StoreError(f"{self.url} has {group} batches 0 to {count - 1} in {split}; {index} was asked for")
        factors, identity = self._table(split, group)
        try:
            images = np.asarray(self.array(split, group, "image")[index])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError) as error:
            raise StoreError(
                f"{group} batch {index} of {split} in {self.url} is damaged ({error}); try: verify-store {self.url}"
            ) from error
        return Batch(images, group, factors[index], identity[index])

    def _table(self, split: str, group: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Factors and identities of a whole group: small, and a read each would cost more than the images."""
        key = (split, group, self.batches(split, group))
        if key not in self._tables:
            loaded = (np.asarray(self.array(split, group, name)[:]) for name in ("factors", "identity"))
            self._tables[key] = tuple(loaded)  # type: ignore[assignment]
        return self._tables[key]

    @cached_property
    def _tables(self) -> dict[tuple[str, str, int], tuple[NDArray[np.float32], NDArray[np.int64]]]:
        return {}

    def ensure(self, split: str, group: str, batches: int) -> None:
        """Make the arrays of a factor group, or grow them to `batches`; never shrinks them."""
        if group not in self.spec.groups:
            raise StoreError(f"{self.url} has no factor {group}; it has {', '.join(self.spec.groups)}")
        with self.files.lock():
            self.files.sweep_partials(f"{split}/{group}")
            self._arrays.clear()
            batches = max(batches, self.batches(split, group))
            shard = self.spec.shard_batches
            home = self.root.require_group(f"{split}/{group}")
            specs = array_specs(self.spec, group)
            for array in specs:
                self._create_or_grow(home, array.name, batches, array.create_arguments(batches, shard))
            shards = -(-batches // shard)
            row = (len(specs), DIGEST_BYTES)
            digest = {
                "shape": (shards, *row),
                "chunks": (1, *row),
                "dtype": "uint8",
                "fill_value": 0,
                "compressors": codecs(),
            }
            self._create_or_grow(home, DIGEST, shards, digest)
            self._arrays.clear()  # what was cached above has the old shape
            # Last of all: until this number is there, the arrays around it do not count.
            self.array(split, group, DIGEST).update_attributes(
                {"arrays": [a.name for a in specs], "fields": DIGEST_FIELDS, "batches": batches}
            )
            self._arrays.clear()

    def _create_or_grow(self, home: zarr.Group, name: str, length: int, arguments: dict[str, Any]) -> None:
        """An array of at least `length` along its first axis."""
        if name not in home:
            home.create_array(name, **arguments)
            return
        array = home[name]
        if not isinstance(array, zarr.Array) or array.shape[1:] != arguments["shape"][1:]:
            raise StoreError(f"{self.url}/{home.path}/{name} is not an array of shape (N, {arguments['shape'][1:]})")
        if array.shape[0] < length:
            array.resize((length, *array.shape[1:]))

    def digests(self, split: str, group: str, shard: int) -> list[ArrayDigest]:
        """What the digest of a shard says of each array; `batches` is 0 where there is none, or a broken one."""
        array = self.array(split, group, DIGEST)
        try:
            rows = np.asarray(array[shard])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError):
            rows = np.zeros(array.shape[1:], np.uint8)
        return [ArrayDigest.unpack(row) for row in rows]


def create_store(url: str, spec: StoreSpec) -> Store:
    """A new store with these attributes and no batches yet; an existing one must have the same attributes.

    Raises
    ------
    StoreError
        When something else is in the way, or the place cannot be written.
    """
    if store_exists(url):
        store = open_store(url)
        if store.spec.to_attributes() != spec.to_attributes():
            raise StoreError(f"{url} exists and was made with other settings")
        return store
    files = StoreFiles(url)
    if files.local and Path(files.root).exists() and any(Path(files.root).iterdir()):
        raise StoreError(f"{url} exists and is not a store; choose another --store")
    try:
        root = zarr.create_group(files.root if files.local else url, attributes=spec.to_attributes())
    except (OSError, zarr.errors.BaseZarrError) as error:
        raise StoreError(f"{url} cannot be written: {error}") from error
    return Store(url, spec, root, files)


def store_exists(url: str) -> bool:
    """Whether there is a zarr group at the place."""
    return StoreFiles(url).size("zarr.json") >= 0


def open_store(url: str | Path, *, write: bool = False) -> Store:
    """The store at a path or fsspec URL.

    Raises
    ------
    StoreError
        When there is none, or it is not one of ours.
    """
    url = str(url)
    files = StoreFiles(url)
    if files.size("zarr.json") < 0:
        raise StoreError(f"there is no store at {url}; render-batches --store {url} makes one")
    try:
        root = zarr.open_group(files.root if files.local else url, mode="r+" if write else "r")
    except (OSError, ValueError, TypeError, KeyError, zarr.errors.BaseZarrError) as error:
        raise StoreError(f"{url} cannot be opened as a zarr group: {error}") from error
    return Store(url, StoreSpec.from_attributes(dict(root.attrs), url), root, files)
