"""A store on disk: created, opened, grown, and read back batch by batch."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
import zarr.errors
from numpy.typing import NDArray

from dataset.batch import Batch
from dataset.batches import Batches
from dataset.chunks import is_ours, read_batch
from dataset.errors import BatchIndexError, StoreError, UnknownNameError
from dataset.files import StoreFiles
from dataset.keys import SPLITS
from dataset.layout import DIGEST, DIGEST_BYTES, DIGEST_FIELDS, ArrayDigest, array_specs, codecs
from dataset.spec import StoreSpec
from dataset.subjects import FILE as SUBJECTS
from dataset.subjects import SubjectEntry, write_subjects


class Store:
    """One store of batches or sweeps. Make it with `create_store` or `open_store`.

    A store maps each (split, factor) that has batches to a sequence of them: ``store["train", "azimuth"][7]`` is one
    `Batch`, ``for split, factor in store`` lists the pairs, and ``len(store)`` is their number.

    Attributes
    ----------
    url : str
        Path or fsspec URL.
    spec : StoreSpec
        The settings that decide what it holds.
    """

    def __init__(self, url: str, spec: StoreSpec, root: zarr.Group, files: StoreFiles) -> None:
        self.url = url
        self.spec = spec
        self.root = root
        self.files = files
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self._complete: set[tuple[str, str, int, int]] = set()
        self._tables: dict[tuple[str, str, int, int], dict[str, NDArray[Any]]] = {}

    def __getitem__(self, key: tuple[str, str]) -> Batches:
        """The batches of one (split, factor), as a sequence; `UnknownNameError` where there is no such pair."""
        if not isinstance(key, tuple) or len(key) != 2:
            raise UnknownNameError(f'expected a split and a factor, as in store["train", "azimuth"], not {key!r}')
        self._check(*key)
        return Batches(self, *key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each (split, factor) that has batches, in the store's order."""
        return iter([(split, factor) for split in SPLITS for factor in self.factors(split)])

    def __len__(self) -> int:
        """Number of (split, factor) pairs that have batches. The batches of one are counted by its own `len`."""
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        """True, also for a store that has no batches yet."""
        return True

    def __contains__(self, key: object) -> bool:
        """True for a (split, factor) that has batches."""
        return key in list(self)

    def __repr__(self) -> str:
        """Subject, image size, bytes on disk, and the number of batches by split and factor."""
        image, lines = self.spec.image, []
        for split in SPLITS:
            counts = [f"{factor} {self.batches(split, factor):,}" for factor in self.factors(split)]
            if counts:
                lines.append(f"\n  {split}: {', '.join(counts)}")
        shape = f"{image['height']} x {image['width']} {image['color']}"
        size = f"{sum(self.bytes(*key) for key in self) / 1e6:,.1f} MB"
        return f"<Store {self.url}: {self.spec.content} of {self.spec.subject}s, {shape}, {size}{''.join(lines)}>"

    def bytes(self, split: str, factor: str) -> int:
        """Bytes on disk of the complete shards of one factor, as their digests record them."""
        return sum(array.size for arrays in self.all_digests(split, factor) for array in arrays)

    def factors(self, split: str) -> tuple[str, ...]:
        """Names of the factors that have batches in a split, in the store's order.

        Raises
        ------
        UnknownNameError
            When there is no such split.
        """
        self._check(split)
        return tuple(factor for factor in self.spec.batch_factors if self.batches(split, factor))

    def batches(self, split: str, factor: str) -> int:
        """Number of batches asked for so far; some may still be missing (`dataset.shards.is_complete`).

        Raises
        ------
        UnknownNameError
            When there is no such split or factor.
        """
        self._check(split, factor)
        if self.files.size(f"{split}/{factor}/{DIGEST}/zarr.json") < 0:
            return 0
        # Arrays without this number are still being made, and do not count.
        count = self.array(split, factor, DIGEST).attrs.get("batches", 0)
        if not isinstance(count, int) or count < 0:
            raise StoreError(f"{self.url}/{split}/{factor}/{DIGEST} is damaged: it counts {count!r} batches")
        return count

    def _check(self, split: str, factor: str | None = None) -> None:
        """Refuse a split or a factor that the store does not have, by name."""
        if split not in SPLITS:
            raise UnknownNameError(f"{self.url} has no split {split}; it has {', '.join(SPLITS)}")
        if factor is not None and factor not in self.spec.batch_factors:
            raise UnknownNameError(f"{self.url} has no factor {factor}; it has {', '.join(self.spec.batch_factors)}")

    def array(self, split: str, factor: str, name: str) -> "zarr.Array[Any]":
        """One array of the batches of one factor.

        Raises
        ------
        StoreError
            When the store has no such array.
        """
        path = f"{split}/{factor}/{name}"
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

    def read(self, split: str, factor: str, index: int, channels: Sequence[str] = ()) -> Batch:
        """Read one batch: `image`, `factors` and `identity` where the store has them, and the arrays in `channels`.

        Parameters
        ----------
        split : str
            `train`, `val` or `test`.
        factor : str
            Name of the factor that varies in the batch, or `intrinsic`.
        index : int
            Number of the batch, from 0.
        channels : sequence of str
            Names of further arrays, such as `mask`.

        Returns
        -------
        Batch
            `image` (B, H, W) or (B, H, W, 3) uint8, `factors` (B, F) float32 in the spec's order and units, `identity`
            (B,) int64.

        Raises
        ------
        UnknownNameError
            When there is no such split, factor or array; the message lists the ones there are.
        BatchIndexError
            When there is no batch of this number.
        StoreError
            When the batch is not rendered yet, or its bytes are damaged.
        """
        image = self.values(split, factor, "image", index)
        extra = {name: self.values(split, factor, name, index) for name in channels}
        return Batch({"image": image, **self._labels(split, factor, index), **extra})

    def _labels(self, split: str, factor: str, index: int) -> dict[str, NDArray[Any]]:
        """Factors and identities of one batch."""
        if self._is_at_hand(self.array(split, factor, "image")):
            return {name: self.values(split, factor, name, index) for name in self.spec.labels}
        # Elsewhere a request each would cost more than the images: a whole shard is fetched at once, and cached.
        length = self.spec.shard_batches
        key = (split, factor, index // length, self.batches(split, factor))
        if key not in self._tables:
            part = slice(key[2] * length, min((key[2] + 1) * length, key[3]))
            self._tables[key] = {n: self.values(split, factor, n, index, part) for n in self.spec.labels}
        return {name: table[index % length].copy() for name, table in self._tables[key].items()}

    def values(self, split: str, factor: str, name: str, index: int, part: slice | None = None) -> NDArray[Any]:
        """Values of one array of one batch, or of a `part` (a slice) of the batches in its shard.

        Raises
        ------
        UnknownNameError
            When there is no such split, factor or array.
        BatchIndexError
            When there is no batch of this number.
        StoreError
            When its shard is not there yet, or its bytes are damaged.
        """
        self._check(split, factor)
        count = self.batches(split, factor)
        if not 0 <= index < count:
            raise BatchIndexError(
                f"{self.url} has {factor} batches 0 to {count - 1} in {split}; {index} was asked for"
                if count
                else f"{self.url} has no {factor} batches in {split}; {index} was asked for"
            )
        names = [spec.name for spec in array_specs(self.spec, factor)]
        if name not in names:
            raise UnknownNameError(f"{self.url} does not store {name}; it has {', '.join(names)}")
        shard = index // self.spec.shard_batches
        where = f"{factor} batch {index} of {split} in {self.url}"
        if not self._is_there(split, factor, shard):
            raise StoreError(f"{where} is not there yet; run the command that makes the store again to finish it")
        array = self.array(split, factor, name)
        try:
            if part is None and self._is_at_hand(array):
                return read_batch(array, Path(self.files.path(f"{split}/{factor}/{name}")), index)
            return np.asarray(array[index if part is None else part])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError) as error:
            raise StoreError(f"{where} is damaged ({name}: {error}); try: verify-store {self.url}") from error

    def _is_at_hand(self, array: "zarr.Array[Any]") -> bool:
        """True where batches of an array are read from the disk without zarr in between."""
        return self.files.local and is_ours(array)

    def _is_there(self, split: str, factor: str, shard: int) -> bool:
        """True where the digest of a shard is there: without it, zarr would give fill values and no error."""
        key = (split, factor, shard, self.batches(split, factor))
        if key not in self._complete:
            held = min((shard + 1) * self.spec.shard_batches, key[3]) - shard * self.spec.shard_batches
            if any(digest.batches != held for digest in self.digests(split, factor, shard)):
                return False
            self._complete.add(key)
        return True

    def ensure(self, split: str, factor: str, batches: int) -> None:
        """Create the arrays for the batches of one factor, or grow them to `batches`; never shrinks them."""
        self._check(split, factor)
        self.spec.check_pool(split, factor)
        try:
            with self.files.lock():
                self._ensure(split, factor, batches)
        except OSError as error:
            raise StoreError(f"{self.url} cannot be written: {error}; run the same command to resume") from error

    def sweep_partials(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Remove temporary files that killed workers left in these (split, factor) pairs."""
        with self.files.lock():
            for split, factor in pairs:
                self.files.sweep_partials(f"{split}/{factor}")

    def _ensure(self, split: str, factor: str, batches: int) -> None:
        self.files.sweep_partials(f"{split}/{factor}")
        self._arrays.clear()
        held = self.batches(split, factor)
        batches = max(batches, held)
        shard = self.spec.shard_batches
        home = self.root.require_group(f"{split}/{factor}")
        specs = array_specs(self.spec, factor)
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
        self.array(split, factor, DIGEST).update_attributes(
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

    def digests(self, split: str, factor: str, shard: int) -> list[ArrayDigest]:
        """The digest of a shard, one record for each array; `batches` is 0 where there is none, or a broken one."""
        array = self.array(split, factor, DIGEST)
        try:
            rows = np.asarray(array[shard])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError):
            rows = np.zeros(array.shape[1:], np.uint8)
        return [ArrayDigest.unpack(row) for row in rows]

    def all_digests(self, split: str, factor: str) -> list[list[ArrayDigest]]:
        """The digests of every shard, in few requests where none is broken."""
        array = self.array(split, factor, DIGEST)
        try:
            table = np.asarray(array[:])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError):
            return [self.digests(split, factor, shard) for shard in range(array.shape[0])]
        return [[ArrayDigest.unpack(row) for row in rows] for rows in table]


def create_store(url: str, spec: StoreSpec, subjects: Sequence[SubjectEntry] = ()) -> Store:
    """Create a store with these attributes and no batches yet; an existing one must have the same attributes.

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
"""Beginnings of the names of files that an interrupted start of our own may have left."""


def _refuse_foreign_folder(files: StoreFiles, url: str) -> None:
    """Leave a folder alone that holds anything but what an interrupted start of our own may have left."""
    if files.local and any(not entry.name.startswith(LEFTOVERS) for entry in Path(files.root).iterdir()):
        raise StoreError(f"{url} exists and is not a store; choose another --store")


def store_exists(url: str) -> bool:
    """True where there is a zarr group at the URL."""
    return StoreFiles(url).size("zarr.json") >= 0


def open_store(url: str | Path, *, write: bool = False) -> Store:
    """Open the store at a path or fsspec URL; `write` allows it to be extended.

    Raises
    ------
    StoreError
        When there is none, or it is not one of ours.
    """
    if not isinstance(url, str | os.PathLike):
        raise StoreError(f"expected the path or URL of a store, not {url!r}")
    url = str(url)
    files = StoreFiles(url)
    if files.size("zarr.json") < 0:
        if files.local and Path(files.root).exists():
            raise StoreError(f"{url} exists and is not a store; give the path of another one")
        raise StoreError(
            f"there is no store at {url}; make one with render-batches --store {url}, or, of sweeps, with "
            f"render-sweeps --like STORE --store {url}"
        )
    try:
        root = zarr.open_group(files.root if files.local else url, mode="r+" if write else "r")
    except (OSError, ValueError, TypeError, KeyError, zarr.errors.BaseZarrError) as error:
        raise StoreError(f"{url} cannot be opened as a zarr group: {error}") from error
    return Store(url, StoreSpec.from_attributes(dict(root.attrs), url), root, files)
