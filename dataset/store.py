"""A store on disk: made, opened, grown, and read back batch by batch."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.errors
from numpy.typing import NDArray

from dataset.batch import Batch
from dataset.chunks import is_ours, read_batch
from dataset.errors import StoreError
from dataset.files import StoreFiles
from dataset.layout import DIGEST, DIGEST_BYTES, DIGEST_FIELDS, ArrayDigest, array_specs, codecs
from dataset.spec import StoreSpec
from dataset.subjects import FILE as SUBJECTS
from dataset.subjects import SubjectEntry, write_subjects


class Store:
    """One store of batches or sweeps. Make it with `create_store` or `open_store`."""

    def __init__(self, url: str, spec: StoreSpec, root: zarr.Group, files: StoreFiles) -> None:
        self.url = url
        self.spec = spec
        self.root = root
        self.files = files
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._complete: set[tuple[str, str, int, int]] = set()
        self._tables: dict[tuple[str, str, int, int], dict[str, NDArray[Any]]] = {}

    def groups(self, split: str) -> tuple[str, ...]:
        """Factors that have batches in a split, in the store's order."""
        return tuple(g for g in self.spec.groups if self.batches(split, g))

    def batches(self, split: str, group: str) -> int:
        """Batches asked for so far; some may still be missing (`dataset.shards.is_complete`)."""
        if self.files.size(f"{split}/{group}/{DIGEST}/zarr.json") < 0:
            return 0
        # Arrays without this number are still being made, and do not count.
        count = self.array(split, group, DIGEST).attrs.get("batches", 0)
        if not isinstance(count, int) or count < 0:
            raise StoreError(f"{self.url}/{split}/{group}/{DIGEST} is damaged: it says {count!r} batches")
        return count

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
            except (ValueError, TypeError, OSError, zarr.errors.BaseZarrError) as error:
                raise StoreError(f"{self.url}/{path} is damaged: {error}") from error
            if not isinstance(found, zarr.Array):
                raise StoreError(f"{self.url}/{path} is not an array")
            self._arrays[path] = found
        return self._arrays[path]

    def read(self, split: str, group: str, index: int, channels: Sequence[str] = ()) -> Batch:
        """Batch `index` of a factor: `image`, `factors` and `identity` where the store has them, and `channels`.

        Raises
        ------
        StoreError
            When there is no such split, factor, batch or channel, or the bytes are damaged.
        """
        count = self.batches(split, group)
        if not 0 <= index < count:
            raise StoreError(f"{self.url} has {group} batches 0 to {count - 1} in {split}; {index} was asked for")
        image = self.values(split, group, "image", index)
        extra = {name: self.values(split, group, name, index) for name in channels}
        return Batch({"image": image, **self._labels(split, group, index), **extra})

    def _labels(self, split: str, group: str, index: int) -> dict[str, NDArray[Any]]:
        """Factors and identities of one batch."""
        if self._is_at_hand(self.array(split, group, "image")):
            return {name: self.values(split, group, name, index) for name in self.spec.labels}
        # Elsewhere a request each would cost more than the images: a whole shard of them is fetched at once, and kept.
        length = self.spec.shard_batches
        key = (split, group, index // length, self.batches(split, group))
        if key not in self._tables:
            part = slice(key[2] * length, min((key[2] + 1) * length, key[3]))
            self._tables[key] = {n: self.values(split, group, n, index, part) for n in self.spec.labels}
        return {name: table[index % length] for name, table in self._tables[key].items()}

    def values(self, split: str, group: str, name: str, index: int, part: slice | None = None) -> NDArray[Any]:
        """One array of one batch, or of a `part` of the batches in its shard.

        Raises
        ------
        StoreError
            When its shard is not there yet, or its bytes are damaged.
        """
        shard = index // self.spec.shard_batches
        where = f"{group} batch {index} of {split} in {self.url}"
        if not self._is_there(split, group, shard):
            raise StoreError(f"{where} is not there yet; run the command that makes the store again to finish it")
        array = self.array(split, group, name)
        try:
            if part is None and self._is_at_hand(array):
                return read_batch(array, Path(self.files.path(f"{split}/{group}/{name}")), index)
            return np.asarray(array[index if part is None else part])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError) as error:
            raise StoreError(f"{where} is damaged ({name}: {error}); try: verify-store {self.url}") from error

    def _is_at_hand(self, array: "zarr.Array[Any]") -> bool:
        """Whether batches of an array are read from the disk without zarr in between."""
        return self.files.local and is_ours(array)

    def _is_there(self, split: str, group: str, shard: int) -> bool:
        """Whether the digest of a shard is there: without it, zarr would give fill values and no error."""
        key = (split, group, shard, self.batches(split, group))
        if key not in self._complete:
            held = min((shard + 1) * self.spec.shard_batches, key[3]) - shard * self.spec.shard_batches
            if any(digest.batches != held for digest in self.digests(split, group, shard)):
                return False
            self._complete.add(key)
        return True

    def ensure(self, split: str, group: str, batches: int) -> None:
        """Make the arrays of a factor group, or grow them to `batches`; never shrinks them."""
        if group not in self.spec.groups:
            raise StoreError(f"{self.url} has no factor {group}; it has {', '.join(self.spec.groups)}")
        self.spec.check_pool(split, group)
        try:
            with self.files.lock():
                self._ensure(split, group, batches)
        except OSError as error:
            raise StoreError(f"{self.url} cannot be written: {error}; run the same command to resume") from error

    def sweep_partials(self, groups: Iterable[tuple[str, str]]) -> None:
        """Remove what workers that were killed while writing left in these (split, group)s."""
        with self.files.lock():
            for split, group in groups:
                self.files.sweep_partials(f"{split}/{group}")

    def _ensure(self, split: str, group: str, batches: int) -> None:
        self.files.sweep_partials(f"{split}/{group}")
        self._arrays.clear()
        held = self.batches(split, group)
        batches = max(batches, held)
        shard = self.spec.shard_batches
        home = self.root.require_group(f"{split}/{group}")
        specs = array_specs(self.spec, group)
        for array in specs:
            self._create_or_grow(home, array.name, batches, array.create_arguments(batches, shard), held == 0)
        shards = -(-batches // shard)
        row = (len(specs), DIGEST_BYTES)
        digest = {
            "shape": (shards, *row),
            "chunks": (1, *row),
            "dtype": "uint8",
            "fill_value": 0,
            "compressors": codecs(),
        }
        self._create_or_grow(home, DIGEST, shards, digest, held == 0)
        self._arrays.clear()  # what was cached above has the old shape
        # Last of all: until this number is there, the arrays around it do not count.
        self.array(split, group, DIGEST).update_attributes(
            {"arrays": [a.name for a in specs], "fields": DIGEST_FIELDS, "batches": batches}
        )
        self._arrays.clear()

    def _create_or_grow(
        self, home: zarr.Group, name: str, length: int, arguments: dict[str, Any], unfinished: bool
    ) -> None:
        """An array of `length` along its first axis, or more; exactly that where the making was interrupted."""
        try:
            if name not in home:
                home.create_array(name, **arguments)
                return
            array = home[name]
        except (ValueError, TypeError, KeyError, zarr.errors.BaseZarrError) as error:
            raise StoreError(f"{self.url}/{home.path}/{name} is damaged: {error}") from error
        if not isinstance(array, zarr.Array) or array.shape[1:] != arguments["shape"][1:]:
            raise StoreError(f"{self.url}/{home.path}/{name} is not an array of shape (N, {arguments['shape'][1:]})")
        if array.shape[0] < length or (unfinished and array.shape[0] != length):
            array.resize((length, *array.shape[1:]))

    def digests(self, split: str, group: str, shard: int) -> list[ArrayDigest]:
        """What the digest of a shard says of each array; `batches` is 0 where there is none, or a broken one."""
        array = self.array(split, group, DIGEST)
        try:
            rows = np.asarray(array[shard])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError):
            rows = np.zeros(array.shape[1:], np.uint8)
        return [ArrayDigest.unpack(row) for row in rows]

    def all_digests(self, split: str, group: str) -> list[list[ArrayDigest]]:
        """`digests` of every shard, in few requests where none is broken."""
        array = self.array(split, group, DIGEST)
        try:
            table = np.asarray(array[:])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError):
            return [self.digests(split, group, shard) for shard in range(array.shape[0])]
        return [[ArrayDigest.unpack(row) for row in rows] for rows in table]


def create_store(url: str, spec: StoreSpec, subjects: Sequence[SubjectEntry] = ()) -> Store:
    """A new store with these attributes and no batches yet; an existing one must have the same attributes.

    `subjects` is the list of a collection's meshes, whose hash the spec has.

    Raises
    ------
    StoreError
        When something else is in the way, or the place cannot be written.
    """
    files = StoreFiles(url)
    try:
        if files.local:
            Path(files.root).mkdir(parents=True, exist_ok=True)
        with files.lock():
            if not store_exists(url):
                _refuse_foreign_folder(files, url)
                if subjects:
                    write_subjects(files, subjects)  # first: attributes without their list would be no store
                zarr.create_group(files.root if files.local else url, attributes=spec.to_attributes())
    except (OSError, zarr.errors.BaseZarrError) as error:
        raise StoreError(f"{url} cannot be written: {error}") from error
    store = open_store(url, write=True)
    if store.spec.to_attributes() != spec.to_attributes():
        raise StoreError(f"{url} exists and was made with other settings")
    return store


LEFTOVERS = ("zarr.json", SUBJECTS, f".{SUBJECTS}")
"""How the names begin that an interrupted start of our own may have left."""


def _refuse_foreign_folder(files: StoreFiles, url: str) -> None:
    """Leave a folder alone that holds anything but what an interrupted start of our own may have left."""
    if files.local and any(not entry.name.startswith(LEFTOVERS) for entry in Path(files.root).iterdir()):
        raise StoreError(f"{url} exists and is not a store; choose another --store")


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
