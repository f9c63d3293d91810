"""Collections of chairs: the built-in generator, or a folder of meshes whose list a store froze when it was made."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import click

from dataset.errors import StoreError
from dataset.keys import SPLIT_KEYS, SPLITS
from dataset.store import Store
from dataset.subjects import (
    SubjectEntry,
    counts,
    list_hash,
    read_subjects,
    split_by_geometry,
)
from pipelines.console.limits import worker_count
from pipelines.console.progress import progress_bar
from pipelines.rendering.settings import Given, RenderSettings, Splits
from pipelines.rendering.workers import SpawnedPool
from render import Mesh
from render.cachedir import directory
from render.content.chairs import GENERATOR_VERSION, make_chair
from render.errors import MeshError
from render.meshes import cache
from render.meshes.conversion import CONVERSION, Converted, convert, converted
from render.meshes.drawable import drawable
from render.meshes.layouts import MeshFile, find_meshes
from render.meshes.prepare import prepare

PROCEDURAL = "procedural"
PROCEDURAL_POOL = 1000
"""Default number of built-in chairs in each split."""
TEST_FRACTION = 0.1
SHOWN = 5
"""Refused or guessed meshes that are listed one by one."""


class Collection(Protocol):
    """Chairs by split and number."""

    @property
    def source(self) -> str:
        """`procedural`, or the folder's full path."""

    @property
    def identity(self) -> dict[str, str]:
        """The `model` attribute of a store: a name for readers, and the hash that identifies it."""

    @property
    def has_regions(self) -> bool:
        """True where its meshes label their parts, such as the seat."""

    @property
    def listing(self) -> Mapping[str, Any]:
        """The `collection` attribute of a store; empty for the built-in chairs."""

    @property
    def entries(self) -> tuple[SubjectEntry, ...]:
        """The meshes that a new store lists; none where a number identifies a chair."""

    def pool(self, settings: RenderSettings) -> int | None:
        """Number of chairs that batches share, as the spec has it; `StoreError` where it cannot be chosen."""

    def mesh(self, split: str, number: int) -> Mesh:
        """One chair, ready to render."""


@dataclass(frozen=True)
class ProceduralChairs:
    """The built-in chairs: any number of different ones in every split; each is made once and cached on disk."""

    seed: int
    source: str = PROCEDURAL
    has_regions: bool = True
    entries: tuple[SubjectEntry, ...] = ()

    @property
    def identity(self) -> dict[str, str]:
        """The `model` attribute of a store."""
        text = f"dcign chairs {GENERATOR_VERSION}, conversion {CONVERSION}"
        return {"name": "procedural chairs", "sha256": hashlib.sha256(text.encode()).hexdigest()}

    @property
    def listing(self) -> Mapping[str, Any]:
        """Nothing: a number identifies a chair."""
        return {}

    def pool(self, settings: RenderSettings) -> int:
        """Number of chairs in each split."""
        return settings.pool if isinstance(settings.pool, int) else PROCEDURAL_POOL

    def mesh(self, split: str, number: int) -> Mesh:
        """One chair, from the cache where it is there."""
        place = (
            directory() / "meshes" / f"chairs-{GENERATOR_VERSION}-{CONVERSION}-{self.seed}" / split / f"{number}.mesh"
        )
        mesh = cache.load(place)
        if mesh is None:
            # The splits take turns in one endless row of chairs.
            mesh = drawable(prepare(make_chair(self.seed, number * len(SPLITS) + SPLIT_KEYS[split]), "+y", "+z"))
            cache.save(mesh, place)
        return mesh


@dataclass(frozen=True)
class FolderChairs:
    """The meshes of a folder, as listed."""

    folder: Path
    entries: tuple[SubjectEntry, ...]
    options: Mapping[str, Any]
    """The options by which they were listed."""
    has_regions: bool = False

    @cached_property
    def _by_split(self) -> dict[str, list[SubjectEntry]]:
        return {split: [entry for entry in self.entries if entry.split == split] for split in SPLITS}

    @property
    def source(self) -> str:
        """The folder's full path."""
        return str(self.folder)

    @property
    def identity(self) -> dict[str, str]:
        """The `model` attribute of a store."""
        return {"name": self.folder.name, "sha256": list_hash(self.entries), "conversion": str(CONVERSION)}

    @property
    def listing(self) -> Mapping[str, Any]:
        """Number of meshes in each split, and the options of the listing."""
        return {"counts": counts(self.entries), **self.options}

    def pool(self, settings: RenderSettings) -> None:
        """Refuse a number: the folder decides."""
        if settings.pool is not None:
            raise StoreError("a folder of meshes is a pool of its own: leave --pool out")

    def mesh(self, split: str, number: int) -> Mesh:
        """One chair; `StoreError` naming the file where it has changed."""
        entry = self._by_split[split][number]
        try:
            return converted(self.folder, entry.path, entry.files, entry.up, entry.front)
        except MeshError as error:
            raise StoreError(str(error)) from error


def open_collection(given: Given) -> Collection:
    """Open the collection that a new store asks for."""
    source, settings = given.sources.meshes or PROCEDURAL, given.settings
    if source != PROCEDURAL:
        return list_folder(Path(source), settings)
    strange = [name for name in ("up", "front", "test_fraction", "split_file") if name in given.names]
    if strange:
        raise StoreError(f"--{strange[0].replace('_', '-')} is for a folder of meshes; built-in chairs need none")
    return ProceduralChairs(settings.seed)


def reopen_collection(store: Store, source: str) -> Collection:
    """Open the collection that a store was made of, at its present location."""
    spec = store.spec
    if not spec.collection:
        return ProceduralChairs(spec.seed)
    folder = Path(source)
    if not folder.is_dir():
        raise StoreError(
            f"{store.url} shows meshes of a folder {spec.model['name']}: give its present location with --meshes"
        )
    entries = read_subjects(store.files, spec.model["sha256"])
    return FolderChairs(folder.resolve(), entries, {k: v for k, v in spec.collection.items() if k != "counts"})


def list_folder(folder: Path, settings: RenderSettings) -> FolderChairs:
    """List and convert every mesh of a folder that can be rendered, with its split; the others are reported.

    Raises
    ------
    StoreError
        When none can be rendered, or a split file names others.
    """
    try:
        files = find_meshes(folder, settings.up, settings.front)
    except MeshError as error:
        raise StoreError(str(error)) from error
    done = _convert_all(folder, _named_once(files))
    if not done:
        raise StoreError(f"{folder} holds no mesh that can be rendered; expected OBJ, glTF, GLB, PLY, STL or OFF files")
    fraction = TEST_FRACTION if settings.test_fraction is None else settings.test_fraction
    splits = settings.split_file
    entries = tuple(_entry(file, found, fraction, splits) for file, found in done)
    _check_names(entries, splits)
    options = {
        "up": settings.up,
        "front": settings.front,
        "test_fraction": fraction,
        "split_file": None if splits is None else splits.sha256,
    }
    return FolderChairs(folder.resolve(), entries, options)


def _entry(file: MeshFile, found: Converted, fraction: float, splits: Splits | None) -> SubjectEntry:
    own = None if splits is None else splits.by_id.get(file.id)
    return SubjectEntry(
        id=file.id,
        path=file.path.as_posix(),
        files=dict(found.files),
        geometry=found.geometry,
        up=found.up,
        front=found.front,
        axes_from=found.axes_from,
        licence=None if file.licence is None else file.licence.as_posix(),
        split=own or split_by_geometry(found.geometry, fraction),
    )


def _check_names(entries: Sequence[SubjectEntry], splits: Splits | None) -> None:
    """Refuse a split file that names meshes that are not in the folder."""
    names = {entry.id for entry in entries}
    strange = sorted(set(splits.by_id) - names) if splits is not None else []
    if strange:
        raise StoreError(
            f"the split file names {strange[0]!r}{f' and {len(strange) - 1} more' if strange[1:] else ''}, which the "
            f"folder has not; its meshes are called {', '.join(sorted(names)[:3])} ..."
        )


def _named_once(files: Sequence[MeshFile]) -> list[MeshFile]:
    """Replace a name that two meshes have (as OBJ and as glTF, or in two layouts) by their paths."""
    times = Counter(file.id for file in files)
    return [replace(file, id=file.path.as_posix()) if times[file.id] > 1 else file for file in files]


def _sort_out(
    files: Sequence[MeshFile],
    outcomes: Iterable[Converted | str],
    done: list[tuple[MeshFile, Converted]],
    refused: list[str],
    advance: Callable[[], None],
) -> None:
    """Append each outcome to the meshes that are converted, or to the reasons of those that are refused."""
    for file, outcome in zip(files, outcomes, strict=True):
        if isinstance(outcome, str):
            refused.append(outcome)
        else:
            done.append((file, outcome))
        advance()


def _report(what: str, lines: Sequence[str]) -> None:
    """Print the number of lines on standard error, and the first few of them."""
    if lines:
        click.echo(f"{len(lines)} meshes: {what}", err=True)
    for line in lines[:SHOWN]:
        click.echo(f"  {line}", err=True)
    if len(lines) > SHOWN:
        click.echo(f"  and {len(lines) - SHOWN} more", err=True)


def _convert_all(folder: Path, files: Sequence[MeshFile]) -> list[tuple[MeshFile, Converted]]:
    """Convert all meshes that can be, in their order; report what was refused and what was guessed."""
    workers = min(worker_count(), max(1, len(files) // 8))
    done: list[tuple[MeshFile, Converted]] = []
    refused: list[str] = []
    with progress_bar("meshes") as progress:
        bar = progress.add_task("reading meshes", total=len(files), note="")
        with _outcomes(folder, files, workers) as outcomes:
            _sort_out(files, outcomes, done, refused, lambda: progress.advance(bar))
    _report("left out", refused)
    guessed = [(file, found) for file, found in done if found.axes_from == "guess"]
    axes = [f"{file.path}: up {found.up}, front {found.front or 'unknown'}" for file, found in guessed]
    _report("axes were guessed (give --up and --front to be sure)", axes)
    return done


@contextmanager
def _outcomes(folder: Path, files: Sequence[MeshFile], workers: int) -> Iterator[Iterable[Converted | str]]:
    """The outcome of each file, in their order, as it arrives; an interrupt ends the workers at once."""
    if workers == 1:
        yield map(_convert_one, [folder] * len(files), files)
        return
    with SpawnedPool(workers) as pool:
        try:
            futures = [pool.submit(_convert_one, folder, file) for file in files]
            yield (future.result() for future in futures)
        except BrokenExecutor as error:
            raise StoreError(
                f"a process that was reading the meshes of {folder} died (killed, or out of memory); "
                "run the same command again"
            ) from error
        except BaseException:
            pool.end()
            raise


def _convert_one(folder: Path, file: MeshFile) -> Converted | str:
    """Convert one mesh, in a worker; the reason where it cannot be."""
    try:
        return convert(folder, file)
    except MeshError as error:
        return str(error)
