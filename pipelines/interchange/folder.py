"""A folder of pictures with a table of what they show -> batches.

Where the table has the columns `batch` and `active`, its rows say themselves which images are a batch and what varies
in it; that is what `export-batches --format png` writes. Else batches are formed of images that differ in one thing.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dataset.factors import INTRINSIC, Factor, factors_of
from dataset.keys import SPLITS
from pipelines.interchange.errors import SourceError
from pipelines.interchange.pictures import Batches, PictureBatches, View, dealt, listing, unreadable
from pipelines.interchange.source import Choices, Contents, factor_over, list_hash
from pipelines.interchange.table import UNITS, Row, Table, read_table

CONVENTIONS = "values as the table gives them; azimuth, elevation and light are in degrees where columns are called so"


def find(source: Path) -> Path | None:
    """The table: the file itself, or the only `.csv` of a folder."""
    entries = [source] if source.is_file() else source.iterdir() if source.is_dir() else ()
    tables = [e for e in entries if e.suffix.lower() == ".csv" and not e.name.startswith(".") and e.is_file()]
    return tables[0] if len(tables) == 1 else None


def open_table(path: Path, choices: Choices, workers: int) -> PictureBatches:
    """The batches of a table.

    Raises
    ------
    SourceError
        A row that cannot be used, a picture that cannot be read, or no batch at all.
    """
    table = read_table(path)
    grouped = {"batch", "active"} <= table.columns
    batches, notes = _given(table) if grouped else _formed(table, choices)
    notes += _shared_numbers(table)
    files = dict.fromkeys(view.file for found in batches.values() for batch in found for view in batch)
    for file, wrong in unreadable(path.parent, list(files), workers).items():
        line = next(row.line for row in table.rows if row.view.file == file)
        raise SourceError(f"{path} line {line}: {wrong}")
    return PictureBatches(_contents(table, batches, choices, grouped, notes), path.parent, batches)


def _shared_numbers(table: Table) -> list[str]:
    """A line where splits have numbers of identities in common: those count within a split, as ours do."""
    splits: dict[int, set[str]] = {}
    for row in table.rows if not table.names else ():
        splits.setdefault(row.view.identity, set()).add(row.split)
    shared = sum(len(found) > 1 for number, found in splits.items() if number >= 0)
    note = f"{shared:,} numbers of identities are in several splits, and are taken for other people in each"
    return [note] if shared else []


def _contents(table: Table, batches: Batches, choices: Choices, grouped: bool, notes: list[str]) -> Contents:
    present = {group for _, group in batches}
    factors = _factors(table, present)
    varied = tuple(name for name in (*(f.name for f in factors), INTRINSIC) if name in present)
    return Contents(
        format="csv",
        subject="picture",
        factors=factors,
        varied=varied,
        labels=(*(("factors",) if table.factors else ()), *(table.columns & {"identity"})),
        conventions=CONVENTIONS,
        views={group: len(found[0]) for (_, group), found in batches.items()},
        counts={address: len(found) for address, found in batches.items()},
        sha256=list_hash(listing(table.path.parent, batches)),
        options={} if grouped else {"batch_size": choices.batch_size, "seed": choices.seed},
        names=table.names,
        notes=notes,
    )


def _factors(table: Table, present: set[str]) -> tuple[Factor, ...]:
    """The columns' factors; in a table that has none, those that its batches vary, if their ranges are known."""
    if table.factors:
        columns = np.array([row.view.factors for row in table.rows])
        return tuple(
            factor_over(name, UNITS.get(name, "as given"), columns[:, k]) for k, name in enumerate(table.factors)
        )
    return tuple(factor for factor in factors_of("face") if factor.name in present) or factors_of("face")


def _given(table: Table) -> tuple[Batches, list[str]]:
    """The batches that the rows name themselves, in the order in which they come."""
    found: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in table.rows:
        if not row.active:
            raise SourceError(f"{table.path} line {row.line}: active is empty; say what varies in batch {row.batch!r}")
        found.setdefault((row.split, row.active), {}).setdefault(row.batch, []).append(row)
    varied = {group for _, group in found}
    for (split, group), batches in found.items():
        for name, rows in batches.items():
            where = f"{table.path} line {rows[0].line}: batch {name!r} of {group} in {split}"
            _check_batch(where, table, group, varied, rows)
    for group in varied:
        sizes = {len(rows) for (_, g), batches in found.items() if g == group for rows in batches.values()}
        if len(sizes) > 1 or sizes == {1}:
            raise SourceError(
                f"{table.path}: batches of {group} have {', '.join(map(str, sorted(sizes)))} images; "
                "expected 2 or more, and as many in each"
            )
    ordered = {(s, g): found[s, g] for s in SPLITS for g in (*table.factors, *UNITS, INTRINSIC) if (s, g) in found}
    return {
        address: [[row.view for row in rows] for rows in batches.values()] for address, batches in ordered.items()
    }, []


def _check_batch(where: str, table: Table, group: str, varied: set[str], rows: list[Row]) -> None:
    """Nothing may vary in a batch but what is active; where that is everything intrinsic, no factor of its own."""
    for k, name in enumerate(table.factors):
        free = name == group or (group == INTRINSIC and name not in varied)
        values = {row.view.factors[k] for row in rows}
        if not free and len(values) > 1:
            raise SourceError(f"{where}: {name} varies too, from {min(values):g} to {max(values):g}")
    if group != INTRINSIC and len({row.view.identity for row in rows}) > 1:
        raise SourceError(f"{where}: the identity varies too")


def _formed(table: Table, choices: Choices) -> tuple[Batches, list[str]]:
    """Batches of images that differ in one thing only, dealt by key; and a line for images that are in none."""
    known = "identity" in table.columns
    if table.factors and not known:
        _refuse_doubles(table)
    found: dict[tuple[str, str], list[list[View]]] = {}
    largest = 0
    for split in SPLITS:
        views = [row.view for row in table.rows if row.split == split]
        for group in (*table.factors, *([INTRINSIC] if known or not table.factors else [])):
            alike = _alike(table, views, group)
            largest = max(largest, *map(len, alike), 0)
            dealt_out = [batch for like in alike for batch in dealt(like, choices.batch_size, choices.seed, group)]
            if dealt_out:
                found[split, group] = dealt_out
    if not found:
        raise SourceError(
            f"{table.path}: no {choices.batch_size} images differ in one thing only; the most that do are {largest}. "
            "Give a smaller --batch-size, or say which images are a batch in the columns batch and active"
        )
    used = {view.file for batches in found.values() for batch in batches for view in batch}
    spare = len({row.view.file for row in table.rows} - used)
    note = f"{spare:,} pictures are in no batch: too few others differ from them in one thing only"
    return found, [note] if spare else []


def _alike(table: Table, views: Sequence[View], group: str) -> list[list[View]]:
    """Views that share everything but what `group` names, and do not all share that."""

    def rest(view: View) -> tuple[object, ...]:
        others = tuple(v for name, v in zip(table.factors, view.factors, strict=True) if name != group)
        return others if group == INTRINSIC else (view.identity, *others)

    def shown(view: View) -> object:
        if group != INTRINSIC:
            return view.factors[table.factors.index(group)]
        return view.file if view.identity < 0 else view.identity

    alike: dict[tuple[object, ...], list[View]] = {}
    for view in views:
        alike.setdefault(rest(view), []).append(view)
    return [like for like in alike.values() if len({shown(view) for view in like}) > 1]


def _refuse_doubles(table: Table) -> None:
    """Without identities, two images with the same values may show two people: then nobody knows what is alike."""
    seen: dict[tuple[object, ...], Row] = {}
    for row in table.rows:
        first = seen.setdefault((row.split, *row.view.factors), row)
        if first is not row:
            raise SourceError(
                f"{table.path}: lines {first.line} and {row.line} have the same values. Say who is shown in a column "
                "identity, or which images are a batch in the columns batch and active"
            )
