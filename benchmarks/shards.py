"""Measure how fast shards are read and written, by `dataset.chunks` and by zarr, in one process.

    python benchmarks/shards.py [--batches 400] [--threads 1,2,4]

The batches have 20 grey images of 150 px, half of each white and half smooth with some noise; Zstandard compresses them
to 45% (renders to 30 to 45%). Both sides write the same files, which are compared, and read the same batches in the
same random order. The table has milliseconds a batch; writing includes the last fsync. One thread that writes through
zarr uses several cores, since zarr compresses on threads of its own.
"""

import argparse
import math
import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from scipy import ndimage

from dataset.chunks import encode_shard, read_batch
from dataset.files import StoreFiles
from dataset.layout import ArraySpec

SHARD, SHAPE = 50, (20, 150, 150)


def images(batches: int) -> NDArray[np.uint8]:
    """Images (batches, 20, 150, 150) uint8, the same at every call."""
    rng = np.random.Generator(np.random.Philox(1))
    smooth = ndimage.gaussian_filter(rng.standard_normal((SHARD, *SHAPE)), (0, 0, 6, 6))
    grey = np.where(smooth > 0, 255, 128 + 1500 * smooth + rng.integers(0, 4, (SHARD, *SHAPE)))
    return np.resize(np.clip(grey, 0, 255).astype(np.uint8), (batches, *SHAPE))


def seconds(do: Callable[[int], Any], tasks: Iterable[int], threads: int) -> float:
    """Seconds in which `do` is called for all tasks by a number of threads."""
    with ThreadPoolExecutor(threads) as pool:
        started = perf_counter()
        list(pool.map(do, tasks))
        return perf_counter() - started


def writers(values: NDArray[np.uint8], folder: Path) -> dict[str, Callable[[int], None]]:
    """Functions by name that write the shard of a number to the disk."""
    files, spec = StoreFiles(str(folder)), ArraySpec("x", "uint8", SHAPE, 0)
    arguments = spec.create_arguments(len(values), SHARD)
    whole = {"write_empty_chunks": True}
    arrays = {name: zarr.create_array(folder / name, config=whole, **arguments) for name in ("zarr", "ours")}

    def file_of(name: str, shard: int) -> str:
        return f"{name}/{arrays[name].metadata.encode_chunk_key((shard, 0, 0, 0))}"

    def by_zarr(shard: int) -> None:
        part = slice(shard * SHARD, (shard + 1) * SHARD)
        arrays["zarr"][part] = values[part]
        files.make_durable(file_of("zarr", shard))

    def by_us(shard: int) -> None:
        part = slice(shard * SHARD, (shard + 1) * SHARD)
        files.write(file_of("ours", shard), encode_shard(values[part], SHARD))

    return {"zarr": by_zarr, "ours": by_us}


def show(what: str, threads: int, took: dict[str, float], batches: int) -> None:
    """Print one row."""
    each = {name: 1e3 * spent / batches for name, spent in took.items()}
    print(f"{what:6} {threads:7} {each['zarr']:8.2f} {each['ours']:8.2f} {each['zarr'] / each['ours']:7.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=400, help="batches to write and read (default 400)")
    parser.add_argument("--threads", default="1,2,4", help="numbers of threads (default 1,2,4)")
    args = parser.parse_args()
    values = images(args.batches)
    order = np.random.Generator(np.random.Philox(2)).permutation(args.batches).tolist()
    print(f"{args.batches} batches of 20 x 150 x 150, {os.cpu_count()} cores; ms a batch")
    print("       threads     zarr     ours   ratio")
    for threads in map(int, args.threads.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            by = writers(values, root)
            shards = range(math.ceil(args.batches / SHARD))
            show("write", threads, {name: seconds(do, shards, threads) for name, do in by.items()}, args.batches)
            made = [sorted(p.read_bytes() for p in (root / name / "c").rglob("*") if p.is_file()) for name in by]
            if made[0] != made[1]:
                raise SystemExit("the files that zarr and dataset.chunks wrote differ")
            array = zarr.open_array(root / "ours", mode="r")
            readers = {"zarr": array.__getitem__, "ours": lambda k, a=array, r=root: read_batch(a, r / "ours", k)}
            show("read", threads, {name: seconds(do, order, threads) for name, do in readers.items()}, args.batches)
    share = sum(map(len, made[0])) / values.nbytes
    print(f"files are {share:.0%} of the pixels, and equal byte for byte")


if __name__ == "__main__":
    main()
