"""Checks of a store against its digests, its keys and its renderer. Each returns problems and their shards."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr.errors
from numpy.typing import NDArray

from dataset.errors import StoreError
from dataset.factors import INTRINSIC
from dataset.keys import SPLITS, generator
from dataset.layout import array_specs
from dataset.plan import batch_values
from dataset.shards import content_hash, is_complete, shard_count, shard_file, shard_range
from dataset.store import Store
from dataset.subjects import SubjectEntry, read_subjects

Rerender = Callable[[str, str, int, int], Mapping[str, NDArray[Any]]]
"""(split, factor, batch, view) to the image and every other channel that the stored values give, by name."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a store."""

    split: str
    factor: str
    shard: int
    """Number of the shard; -1 where no single one is concerned."""
    what: str

    def __str__(self) -> str:
        where = f"{self.split}/{self.factor}" + (f" shard {self.shard}" if self.shard >= 0 else "")
        return f"{where}: {self.what}"


def all_shards(store: Store) -> list[tuple[str, str, int]]:
    """Each (split, factor, shard) that the store should hold."""
    return [
        (split, factor, shard)
        for split in SPLITS
        for factor in store.factors(split)
        for shard in range(shard_count(store, split, factor))
    ]


def check_shard(store: Store, split: str, factor: str, shard: int) -> list[Problem]:
    """Check completeness, the hash of every file and of its decoded values, and the values that its keys give."""
    try:
        if not is_complete(store, split, factor, shard):
            return [Problem(split, factor, shard, "missing or incomplete")]
    except StoreError as error:
        return [Problem(split, factor, shard, str(error))]
    start, stop = shard_range(store, split, factor, shard)
    problems: list[Problem] = []
    arrays: dict[str, NDArray[np.generic]] = {}
    for spec, digest in zip(array_specs(store.spec, factor), store.digests(split, factor, shard), strict=True):
        file = store.files.read(shard_file(store, split, factor, spec.name, shard))
        if hashlib.sha256(file).digest() != digest.file:
            problems.append(Problem(split, factor, shard, f"the file of {spec.name} has changed since it was written"))
            continue
        try:
            arrays[spec.name] = np.asarray(store.array(split, factor, spec.name)[start:stop])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError) as error:
            problems.append(Problem(split, factor, shard, f"{spec.name} cannot be decoded: {error}"))
            continue
        if content_hash(arrays[spec.name]) != digest.content:
            problems.append(Problem(split, factor, shard, f"{spec.name} decodes to other values than were written"))
    return problems or [
        Problem(split, factor, shard, what) for what in _values(store, split, factor, start, stop, arrays)
    ]


def _values(
    store: Store, split: str, factor: str, start: int, stop: int, arrays: dict[str, NDArray[np.generic]]
) -> Iterator[str]:
    """Problems of the stored factors, identities and coefficients of batches [start, stop)."""
    names = [f.name for f in store.spec.factors]
    sweeps = store.spec.content == "sweeps"
    for k, name in enumerate(names if "factors" in arrays else ()):
        column = arrays["factors"][:, :, k]
        free = name == factor or ((sweeps or factor == INTRINSIC) and name not in store.spec.batch_factors)
        if not free and (column != column[:, :1]).any():
            yield f"{name} varies inside a batch, where only {factor} should"
    if factor in names and "identity" in arrays and (arrays["identity"] != arrays["identity"][:, :1]).any():
        yield f"the identity varies inside a batch, where only {factor} should"
    if store.spec.source is not None:
        return  # imported values have no plan to be compared with
    planned = batch_values(store.spec, split, factor, start, stop)
    expected: dict[str, NDArray[Any]] = {"factors": planned.factors, "identity": planned.identity}
    expected |= {f"coefficients/{block}": values for block, values in planned.coefficients.items()}
    for name, values in expected.items():
        if not np.array_equal(arrays[name], values):
            yield f"{name} is not what seed {store.spec.seed} gives with numpy {np.__version__}"


def check_splits_disjoint(store: Store) -> list[Problem]:
    """Find identities that are in two splits, compared by coefficients, by name, or by shape; not by number."""
    if store.spec.collection:
        return _shapes_shared(store)
    named = store.spec.source is not None and bool(store.spec.source["names"])
    if not (named or _identities_differ(store)):
        return []
    arrays = ["identity"] if named else [f"coefficients/{block}" for block in store.spec.coefficients]
    seen: dict[bytes, str] = {}
    problems = []
    for split in SPLITS:
        identities: set[bytes] = set()
        for factor in store.factors(split):
            blocks = [np.asarray(store.array(split, factor, name)[:]) for name in arrays]
            rows = [b.reshape(-1, 1 if named else b.shape[-1]) for b in blocks]
            everything = np.concatenate(rows, axis=1) + rows[0].dtype.type(0)  # minus zero becomes zero
            identities |= {row.tobytes() for row in np.unique(everything, axis=0)}
        shared = [seen[one] for one in identities if one in seen]
        if shared:
            problems.append(Problem(split, "identities", -1, f"{len(shared)} also appear in {shared[0]}"))
        seen |= dict.fromkeys(identities, split)
    return problems


def _shapes_shared(store: Store) -> list[Problem]:
    """Find meshes of one shape in two splits; a split file may put them there on purpose."""
    entries = read_subjects(store.files, store.spec.model["sha256"])
    if store.spec.collection.get("split_file"):
        return []
    seen: dict[str, SubjectEntry] = {}
    problems = []
    for entry in entries:
        first = seen.setdefault(entry.geometry, entry)
        if first.split != entry.split:
            problems.append(
                Problem(entry.split, "meshes", -1, f"{entry.id} has the shape of {first.id} of {first.split}")
            )
    return problems


def _identities_differ(store: Store) -> bool:
    """True where any coefficient is sampled: where all are fixed, every identity is the same by intent."""
    spec = store.spec
    if spec.identities:
        return True
    if spec.around and not spec.around["distance"]:
        return False
    fixed = {block: sum(v is not None for v in spec.fixed.get(block, ())) for block in spec.coefficients}
    return any(spec.scales[block] and count > fixed[block] for block, count in spec.coefficients.items())


def check_frames(
    store: Store, count: int, rerender: Rerender, skip: frozenset[tuple[str, str, int]] = frozenset()
) -> list[Problem]:
    """Render `count` images again from the stored values, chosen by the store's seed, and compare every channel.

    Shards in `skip` are known to be bad already.
    """
    pairs = [(split, factor) for split in SPLITS for factor in store.factors(split)]
    if not pairs:
        return []
    rng = generator(store.spec.seed, "test", "pool", "none", count)
    problems = []
    for _ in range(count):
        split, factor = pairs[rng.integers(len(pairs))]
        batch = int(rng.integers(store.batches(split, factor)))
        view = int(rng.integers(store.spec.views(factor)))
        shard = batch // store.spec.shard_batches
        if (split, factor, shard) in skip:
            continue
        for name, rendered in rerender(split, factor, batch, view).items():
            if not np.array_equal(
                store.values(split, factor, name, batch)[view], rendered, equal_nan=rendered.dtype.kind == "f"
            ):
                what = f"{name} {view} of batch {batch} is not what its values render"
                problems.append(Problem(split, factor, shard, what))
    return problems
