"""Shards as bytes: encode a whole shard, or read one batch of one, without zarr and to the same bytes.

zarr plans, schedules and gathers every access for arrays of any kind, on one thread. Here the kind is known: a shard is
its batches one after the other, each Zstandard and then a crc32c, and last the index of where they are, with a crc32c
of its own. So reading takes a third of the time (`benchmarks/shards.py`), and the bytes of a store do not move with
zarr's version (`tests/dataset/test_chunks.py` holds both to what zarr does).
"""

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zarr
from numcodecs import CRC32C
from numcodecs.zstd import compress, decompress
from numpy.typing import NDArray
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec, ZstdCodec

from dataset.errors import StoreError

CHECKSUM_BYTES = 4
ENTRY = np.dtype([("offset", "<u8"), ("bytes", "<u8")])
"""Type of one entry of the index: the offset of a batch in the file, and its length."""
_checked = CRC32C(location="end")
ABSENT = np.uint64(2**64 - 1)
"""Value of both fields of the entry of a batch that the shard does not hold."""
LEVEL = 3
"""Compression level of Zstandard."""


def encode_shard(batches: NDArray[Any], length: int) -> bytes:
    """Encode the file of a shard of `length` batches that holds these first ones, (n, B, ...)."""
    index = np.full(length, ABSENT, np.dtype("<u8")).repeat(2).view(ENTRY)
    parts, offset = [], 0
    for k, batch in enumerate(np.ascontiguousarray(batches, batches.dtype.newbyteorder("<"))):
        coded = _checked.encode(compress(batch.reshape(-1).view(np.uint8), LEVEL, False)).tobytes()
        index[k] = offset, len(coded)
        parts.append(coded)
        offset += len(coded)
    return b"".join((*parts, _checked.encode(index.view(np.uint8)).tobytes()))


def is_ours(array: "zarr.Array[Any]") -> bool:
    """True where an array has the layout of `dataset.layout`: batches are chunks, with its codecs."""
    codecs: tuple[Any, ...] = getattr(array.metadata, "codecs", ())  # version 2 of the format has none
    sharding = codecs[0] if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec) else None
    if sharding is None or array.chunks != (1, *array.shape[1:]):
        return False
    inner = [type(codec) for codec in sharding.codecs]
    # The byte order of the file is the first codec's, None for single bytes; an array's type has the machine's.
    endian = getattr(next(iter(sharding.codecs), None), "endian", None)
    little = endian is None or endian.value == "little"
    index = [type(codec) for codec in sharding.index_codecs]
    placed = sharding.index_location.value == "end" and index == [BytesCodec, Crc32cCodec]
    return little and placed and inner == [BytesCodec, ZstdCodec, Crc32cCodec] and _shards(array)[1:] == array.shape[1:]


def read_batch(array: "zarr.Array[Any]", folder: Path, index: int) -> NDArray[Any]:
    """Read batch `index` of an array that `is_ours`.

    Parameters
    ----------
    array : gives layout and type
    folder : the folder of the array

    Returns
    -------
    One batch: the array's type, and its shape without the first axis.

    Raises
    ------
    StoreError
        When the shard's file is short, the batch is not in it, a checksum does not fit, or it has another size.
    OSError
        When the file cannot be read.
    """
    length = _shards(array)[0]
    shard, place = divmod(index, length)
    tail = length * ENTRY.itemsize + CHECKSUM_BYTES
    path = folder / array.metadata.encode_chunk_key((shard, *(0 for _ in array.shape[1:])))
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size - tail
        entry = np.frombuffer(_part(file, end, tail), ENTRY)[place]
        offset, size = int(entry["offset"]), int(entry["bytes"])
        if offset + size > end:
            raise StoreError(f"batch {place} is not in its shard")
        coded = _part(file, offset, size)
    batch = np.empty(array.shape[1:], array.dtype.newbyteorder("<"))
    try:
        values = decompress(coded)
    except RuntimeError as error:
        raise StoreError(f"batch {place} of its shard is no Zstandard: {error}") from error
    if len(values) != batch.nbytes:
        raise StoreError(f"batch {place} of its shard has {len(values)} bytes, not {batch.nbytes}")
    batch.reshape(-1).view(np.uint8)[:] = np.frombuffer(values, np.uint8)
    return batch


def _shards(array: "zarr.Array[Any]") -> tuple[int, ...]:
    return array.shards or array.chunks


def _part(file: BinaryIO, start: int, length: int) -> NDArray[np.uint8]:
    """Read `length` bytes of a file from `start`; return them without the checksum at their end, which must fit."""
    file.seek(max(0, start))
    part = file.read(length) if start >= 0 else b""
    if len(part) != length or length <= CHECKSUM_BYTES:
        raise StoreError(f"it ends before {length} bytes from byte {start} on")
    try:
        intact: NDArray[np.uint8] = _checked.decode(part)
    except RuntimeError as error:
        raise StoreError(f"bytes {start} to {start + length} are damaged: {error}") from error
    return intact
