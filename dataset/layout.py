"""The arrays of a store: names, shapes, types, codecs, and the layout of a shard's digest."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from zarr.abc.codec import BytesBytesCodec
from zarr.codecs import Crc32cCodec, ZstdCodec

from dataset.chunks import LEVEL
from dataset.spec import StoreSpec

DIGEST = "digest"
DIGEST_FIELDS = "sha256 of the decoded bytes [32], sha256 of the file [32], bytes of the file [u64], batches held [u64]"
DIGEST_BYTES = 80


@dataclass(frozen=True)
class ArraySpec:
    """One array of the batches of one factor: its first axis counts batches."""

    name: str
    dtype: str
    batch_shape: tuple[int, ...]
    """Shape of one batch: the chunk."""
    fill: float | int

    @property
    def batch_bytes(self) -> int:
        """Bytes of one batch."""
        return math.prod(self.batch_shape) * np.dtype(self.dtype).itemsize

    def create_arguments(self, batches: int, shard: int) -> dict[str, Any]:
        """Keyword arguments of `zarr.Group.create_array`."""
        return {
            "shape": (batches, *self.batch_shape),
            "chunks": (1, *self.batch_shape),
            "shards": (shard, *self.batch_shape),
            "dtype": self.dtype,
            "fill_value": self.fill,
            "compressors": codecs(),
        }


def codecs() -> list[BytesBytesCodec]:
    """Zstandard for size; crc32c because Zstandard alone lets most flipped bits through."""
    return [ZstdCodec(level=LEVEL), Crc32cCodec()]


def array_specs(spec: StoreSpec, factor: str) -> tuple[ArraySpec, ...]:
    """Arrays of the batches of one factor, in the order of the digest."""
    views, frame = spec.views(factor), spec.frame_shape
    nan = float("nan")
    labels = {
        "factors": ArraySpec("factors", "float32", (views, len(spec.factors)), nan),
        "identity": ArraySpec("identity", "int64", (views,), -1),
    }
    return (
        ArraySpec("image", "uint8", (views, *frame), 0),
        *(_channel(name, views, frame) for name in spec.channels),
        *(labels[name] for name in spec.labels),
        *(ArraySpec(f"coefficients/{b}", "float32", (views, k), nan) for b, k in spec.coefficients.items()),
    )


def _channel(name: str, views: int, frame: tuple[int, ...]) -> ArraySpec:
    """The array of a channel; for what its values mean see the store format."""
    height, width = frame[:2]
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "mask": ("uint8", (height, width)),
        "depth": ("float32", (height, width)),
        "normal": ("int8", (height, width, 3)),
        "albedo": ("uint8", frame),
        "shading": ("uint8", (height, width)),
        "region": ("uint8", (height, width)),
        "landmarks": ("float32", (68, 3)),
    }
    dtype, shape = shapes[name]
    return ArraySpec(name, dtype, (views, *shape), float("nan") if dtype == "float32" else 0)


@dataclass(frozen=True)
class ArrayDigest:
    """The record of one array in a shard's digest."""

    content: bytes
    """SHA-256 of the decoded bytes, C order, little-endian."""
    file: bytes
    """SHA-256 of the shard file."""
    size: int
    """Bytes of the shard file."""
    batches: int
    """Batches the shard holds; 0 when there is no digest."""

    def pack(self) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        """(80,) uint8."""
        tail = np.array([self.size, self.batches], "<u8").tobytes()
        return np.frombuffer(self.content + self.file + tail, np.uint8)

    @classmethod
    def unpack(cls, row: np.ndarray[Any, np.dtype[np.uint8]]) -> "ArrayDigest":
        """The digest in one row."""
        data = row.tobytes()
        size, batches = np.frombuffer(data[64:], "<u8")
        return cls(data[:32], data[32:64], int(size), int(batches))
