"""Whole shards: the ones that are missing, writing one, and the digest that marks it as complete.

One task writes one whole shard of every array and then its digest. Two writers in one shard would lose data without an
error, and a digest before its files would call a torn shard complete.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataset.chunks import encode_shard, is_ours
from dataset.errors import StoreError
from dataset.layout import DIGEST, ArrayDigest, array_specs
from dataset.store import Store


def shard_range(store: Store, split: str, factor: str, shard: int) -> tuple[int, int]:
    """Batches [start, stop) that a shard should hold."""
    length = store.spec.shard_batches
    return shard * length, min((shard + 1) * length, store.batches(split, factor))


def images_in(store: Store, split: str, factor: str, shard: int) -> int:
    """Number of images that a shard should hold."""
    start, stop = shard_range(store, split, factor, shard)
    return (stop - start) * store.spec.views(factor)


def shard_count(store: Store, split: str, factor: str) -> int:
    """Number of shards that the batches of one factor should have."""
    return -(-store.batches(split, factor) // store.spec.shard_batches)


def shard_bytes(store: Store, factor: str) -> int:
    """Bytes of all arrays of one whole shard, before compression."""
    length = store.spec.shard_batches
    return sum(length * spec.batch_bytes for spec in array_specs(store.spec, factor))


def shard_file(store: Store, split: str, factor: str, name: str, shard: int) -> str:
    """Name of a shard's file under the store's root."""
    array = store.array(split, factor, name)
    chunk = array.metadata.encode_chunk_key((shard, *(0 for _ in array.shape[1:])))
    return f"{split}/{factor}/{name}/{chunk}"


def is_complete(store: Store, split: str, factor: str, shard: int) -> bool:
    """True where the digest is there, counts as many batches as it now should, and every file has its recorded size."""
    return _fits(store, split, factor, shard, store.digests(split, factor, shard), store.files.size)


def missing_shards(store: Store, split: str, factor: str) -> list[int]:
    """Numbers of the shards that are still to be written, in order."""
    digests = store.all_digests(split, factor)
    sizes = store.files.sizes(f"{split}/{factor}")
    return [
        shard
        for shard, rows in enumerate(digests)
        if not _fits(store, split, factor, shard, rows, lambda name: sizes.get(name, -1))
    ]


def _fits(
    store: Store, split: str, factor: str, shard: int, digests: list[ArrayDigest], size: Callable[[str], int]
) -> bool:
    """True where a shard's digest is that of all its batches, and its files have their sizes."""
    start, stop = shard_range(store, split, factor, shard)
    names = [a.name for a in array_specs(store.spec, factor)]
    return all(
        digest.batches == stop - start and size(shard_file(store, split, factor, name, shard)) == digest.size
        for name, digest in zip(names, digests, strict=True)
    )


def remove_shard(store: Store, split: str, factor: str, shard: int) -> None:
    """Remove a shard's files, its digest first: files without their digest do not count."""
    names = [DIGEST, *(a.name for a in array_specs(store.spec, factor))]
    for name in names:
        store.files.remove(shard_file(store, split, factor, name, shard))


def empty_shard(store: Store, split: str, factor: str, shard: int) -> dict[str, NDArray[Any]]:
    """Arrays for `write_shard`, to be filled: name to (n, B, ...)."""
    start, stop = shard_range(store, split, factor, shard)
    return {a.name: np.empty((stop - start, *a.batch_shape), a.dtype) for a in array_specs(store.spec, factor)}


def write_shard(
    store: Store,
    split: str,
    factor: str,
    shard: int,
    values: Mapping[str, NDArray[Any]],
    before_each: Callable[[], None] = lambda: None,
) -> None:
    """Write one whole shard of every array, then its digest.

    Parameters
    ----------
    values : mapping of array name to (n, B, ...) array
        All batches of the shard.
    before_each : function, optional
        Called before each array; what it raises leaves the shard incomplete.

    Raises
    ------
    ValueError
        When an array is missing or has another shape or type than the store's.
    StoreError
        When an array is not laid out as the format prescribes; or nothing can be written there, and then the shard is
        incomplete.
    """
    start, stop = shard_range(store, split, factor, shard)
    specs = array_specs(store.spec, factor)
    for spec in specs:
        got = values.get(spec.name)
        wanted = (stop - start, *spec.batch_shape)
        if got is None or got.shape != wanted or got.dtype != spec.dtype:
            found = "nothing" if got is None else f"{got.shape} {got.dtype}"
            raise ValueError(f"shard {shard} needs {spec.name} as {wanted} {spec.dtype}, not {found}")
        if not is_ours(store.array(split, factor, spec.name)):
            where = f"{store.url}/{split}/{factor}/{spec.name}"
            raise StoreError(f"{where} is not laid out as the format prescribes; it can be read, not written")
    try:
        remove_shard(store, split, factor, shard)
        rows = []
        for spec in specs:
            before_each()
            rows.append(_write_array(store, split, factor, spec.name, shard, values[spec.name]))
        store.array(split, factor, DIGEST)[shard] = np.stack(rows)
        store.files.make_durable(shard_file(store, split, factor, DIGEST, shard))
    except OSError as error:
        raise StoreError(
            f"{store.url} cannot be written: {error}; complete shards remain: run the same command to resume"
        ) from error


def _write_array(
    store: Store, split: str, factor: str, name: str, shard: int, values: NDArray[Any]
) -> NDArray[np.uint8]:
    """Write one array's shard, and return its row of the digest."""
    file = encode_shard(values, store.spec.shard_batches)
    store.files.write(shard_file(store, split, factor, name, shard), file)
    return ArrayDigest(content_hash(values), hashlib.sha256(file).digest(), len(file), len(values)).pack()


def content_hash(data: NDArray[Any]) -> bytes:
    """SHA-256 of the decoded bytes, C order, little-endian."""
    return hashlib.sha256(np.ascontiguousarray(data, data.dtype.newbyteorder("<")).data).digest()
