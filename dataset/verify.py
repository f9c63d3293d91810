"""Is a store what it says it is? Each check yields problems, in words, with the shard they are in."""

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

Redraw = Callable[[str, str, int, int], Mapping[str, NDArray[Any]]]
"""(split, group, batch, view) to the image and every other channel that the stored values give, by name."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    split: str
    group: str
    shard: int
    """-1 where no single shard is to blame."""
    what: str

    def __str__(self) -> str:
        where = f"{self.split}/{self.group}" + (f" shard {self.shard}" if self.shard >= 0 else "")
        return f"{where}: {self.what}"


def all_shards(store: Store) -> list[tuple[str, str, int]]:
    """(split, group, shard) of everything the store should hold."""
    return [
        (split, group, shard)
        for split in SPLITS
        for group in store.groups(split)
        for shard in range(shard_count(store, split, group))
    ]


def check_shard(store: Store, split: str, group: str, shard: int) -> list[Problem]:
    """Completeness, the hash of every file, the hash of what it decodes to, and the values its keys give."""
    try:
        if not is_complete(store, split, group, shard):
            return [Problem(split, group, shard, "missing or incomplete")]
    except StoreError as error:
        return [Problem(split, group, shard, str(error))]
    start, stop = shard_range(store, split, group, shard)
    problems: list[Problem] = []
    arrays: dict[str, NDArray[np.generic]] = {}
    for spec, digest in zip(array_specs(store.spec, group), store.digests(split, group, shard), strict=True):
        file = store.files.read(shard_file(store, split, group, spec.name, shard))
        if hashlib.sha256(file).digest() != digest.file:
            problems.append(Problem(split, group, shard, f"the file of {spec.name} has changed since it was written"))
            continue
        try:
            arrays[spec.name] = np.asarray(store.array(split, group, spec.name)[start:stop])
        except (ValueError, RuntimeError, OSError, zarr.errors.BaseZarrError) as error:
            problems.append(Problem(split, group, shard, f"{spec.name} cannot be decoded: {error}"))
            continue
        if content_hash(arrays[spec.name]) != digest.content:
            problems.append(Problem(split, group, shard, f"{spec.name} decodes to other values than were written"))
    return problems or [
        Problem(split, group, shard, what) for what in _values(store, split, group, start, stop, arrays)
    ]


def _values(
    store: Store, split: str, group: str, start: int, stop: int, arrays: dict[str, NDArray[np.generic]]
) -> Iterator[str]:
    """What is wrong with the stored factors, identities and coefficients of batches [start, stop)."""
    names = [f.name for f in store.spec.factors]
    sweeps = store.spec.content == "sweeps"
    for k, name in enumerate(names if "factors" in arrays else ()):
        column = arrays["factors"][:, :, k]
        free = name == group or ((sweeps or group == INTRINSIC) and name not in store.spec.groups)
        if not free and (column != column[:, :1]).any():
            yield f"{name} varies inside a batch, where only {group} should"
    if group in names and "identity" in arrays and (arrays["identity"] != arrays["identity"][:, :1]).any():
        yield f"the identity varies inside a batch, where only {group} should"
    if store.spec.source is not None:
        return  # what came from elsewhere has no plan to be compared with
    drawn = batch_values(store.spec, split, group, start, stop)
    redrawn: dict[str, NDArray[Any]] = {"factors": drawn.factors, "identity": drawn.identity}
    redrawn |= {f"coefficients/{block}": values for block, values in drawn.coefficients.items()}
    for name, values in redrawn.items():
        if not np.array_equal(arrays[name], values):
            yield f"{name} is not what seed {store.spec.seed} gives with numpy {np.__version__}"


def check_splits_disjoint(store: Store) -> list[Problem]:
    """No person of one split may be in another: compared by coefficients, not by number, by name, or by shape."""
    if store.spec.collection:
        return _shapes_shared(store)
    named = store.spec.source is not None and bool(store.spec.source["names"])
    if not (named or _people_differ(store)):
        return []
    arrays = ["identity"] if named else [f"coefficients/{block}" for block in store.spec.coefficients]
    seen: dict[bytes, str] = {}
    problems = []
    for split in SPLITS:
        people: set[bytes] = set()
        for group in store.groups(split):
            blocks = [np.asarray(store.array(split, group, name)[:]) for name in arrays]
            rows = [b.reshape(-1, 1 if named else b.shape[-1]) for b in blocks]
            everything = np.concatenate(rows, axis=1) + rows[0].dtype.type(0)  # minus zero becomes zero
            people |= {row.tobytes() for row in np.unique(everything, axis=0)}
        shared = [seen[p] for p in people if p in seen]
        if shared:
            problems.append(Problem(split, "identities", -1, f"{len(shared)} also appear in {shared[0]}"))
        seen |= dict.fromkeys(people, split)
    return problems


def _shapes_shared(store: Store) -> list[Problem]:
    """Meshes of one shape in two splits; who was put there by hand is there on purpose."""
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


def _people_differ(store: Store) -> bool:
    """Whether any coefficient is drawn at all: where all are fixed, everybody is the same person by intent."""
    spec = store.spec
    if spec.people:
        return True
    if spec.around and not spec.around["distance"]:
        return False
    fixed = {block: sum(v is not None for v in spec.fixed.get(block, ())) for block in spec.coefficients}
    return any(spec.scales[block] and count > fixed[block] for block, count in spec.coefficients.items())


def check_frames(
    store: Store, count: int, redraw: Redraw, skip: frozenset[tuple[str, str, int]] = frozenset()
) -> list[Problem]:
    """Draw `count` images again from the stored values, chosen by the store's seed, and compare every channel.

    Shards in `skip` are known to be bad already.
    """
    groups = [(split, group) for split in SPLITS for group in store.groups(split)]
    if not groups:
        return []
    rng = generator(store.spec.seed, "test", "pool", "none", count)
    problems = []
    for _ in range(count):
        split, group = groups[rng.integers(len(groups))]
        batch = int(rng.integers(store.batches(split, group)))
        view = int(rng.integers(store.spec.views(group)))
        shard = batch // store.spec.shard_batches
        if (split, group, shard) in skip:
            continue
        for name, drawn in redraw(split, group, batch, view).items():
            if not np.array_equal(
                store.values(split, group, name, batch)[view], drawn, equal_nan=drawn.dtype.kind == "f"
            ):
                what = f"{name} {view} of batch {batch} is not what its values draw"
                problems.append(Problem(split, group, shard, what))
    return problems
