"""A CSV file that says what pictures show -> checked rows.

Columns: `file`, under the folder of the table; one for each factor; and where they are known `identity`, `split`,
`batch` and `active`.
"""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset.errors import StoreError
from dataset.factors import INTRINSIC, Factor, factors_of
from dataset.keys import SPLITS
from pipelines.interchange.errors import SourceError
from pipelines.interchange.pictures import View

RESERVED = ("file", "identity", "split", "batch", "active")
MOST_NAMES = 10_000
"""Identities that have names: those stand in the store's attributes, which every opening reads."""
LARGEST = float(np.finfo(np.float32).max)
UNITS = {factor.name: factor.unit for factor in factors_of("face")}
"""Of columns whose name says what they are."""


class Row(NamedTuple):
    """One line of the table, checked."""

    line: int
    view: View
    split: str
    batch: str
    active: str
    person: str
    """As it stands in the identity column; the view has its number."""


@dataclass(frozen=True)
class Table:
    """The rows, and what the columns are."""

    path: Path
    factors: tuple[str, ...]
    columns: frozenset[str]
    """Reserved ones that are there."""
    rows: Sequence[Row]
    names: Sequence[str]
    """What identities are called, where they are not numbers."""


def read_table(path: Path) -> Table:
    """Every row, checked but for its picture's contents."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, strict=True)
            header = _header(path, next(lines, []))
            rows = [row for cells in lines if cells for row in [_row(path, lines.line_num, header, cells)]]
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 ({error.reason} at byte {error.start})") from error
    except csv.Error as error:
        raise SourceError(f"{path} is no CSV file that can be read: {error}") from error
    if not rows:
        raise SourceError(f"{path} has a header and no rows")
    columns = frozenset(RESERVED) & set(header)
    factors = tuple(name for name in header if name not in RESERVED)
    if not {row.active for row in rows} <= {"", INTRINSIC, *(factors or UNITS)}:
        wrong = next(row for row in rows if row.active not in ("", INTRINSIC, *(factors or UNITS)))
        raise SourceError(f"{path} line {wrong.line}: {wrong.active!r} is active, but there is no such column")
    names, rows = _numbered(path, rows)
    return Table(path, factors, columns, rows, names)


def _header(path: Path, cells: Sequence[str]) -> list[str]:
    header = [cell.strip() for cell in cells]
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise SourceError(f"{path} has two columns {repeated[0]!r}")
    if "file" not in header:
        raise SourceError(f"{path} has no column file; expected a header such as file,azimuth,identity")
    if ("batch" in header) != ("active" in header):
        raise SourceError(f"{path} needs both of the columns batch and active, or neither")
    for name in header:
        if name == INTRINSIC:
            raise SourceError(f"{path} has a column {INTRINSIC}, which is no factor with a value; rename it")
        if name not in RESERVED:
            try:
                Factor(name, "", 0, 1)
            except StoreError as error:
                raise SourceError(f"{path}, column {name!r}: {error}") from error
    return header


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> Row:
    where = f"{path} line {line}"
    if len(cells) != len(header):
        raise SourceError(f"{where} has {len(cells)} cells; the header has {len(header)}")
    row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    values = tuple(_number(where, name, text) for name, text in row.items() if name not in RESERVED)
    split = row.get("split") or SPLITS[0]
    if split not in SPLITS:
        raise SourceError(f"{where}: the split {split!r} is none of {', '.join(SPLITS)}")
    if ("identity" in row and not row["identity"].isprintable()) or row.get("identity") == "":
        raise SourceError(f"{where}: the identity {row['identity']!r} is no number and no name")
    view = View(_inside(path, where, row["file"]), values)
    return Row(line, view, split, row.get("batch", ""), row.get("active", ""), row.get("identity", ""))


def _number(where: str, name: str, text: str) -> float:
    """A value of a factor, as it will be stored."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST:
        raise SourceError(f"{where}: {name} is {text!r}, not a number")
    return float(np.float32(value))


def _inside(path: Path, where: str, name: str) -> str:
    """The name of a picture, if it is a file under the table's folder."""
    try:
        full = (path.parent / name).resolve()
        inside = bool(name) and full.is_relative_to(path.parent.resolve())
        there = inside and full.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # names with a zero byte, loops of links
        raise SourceError(f"{where}: {name!r} is no file name ({error})") from error
    if not inside:
        raise SourceError(f"{where}: {name!r} lies outside {path.parent}; the pictures belong under the table's folder")
    if not there:
        raise SourceError(f"{where}: there is no picture {path.parent / name}")
    return name


def _numbered(path: Path, rows: list[Row]) -> tuple[list[str], list[Row]]:
    """Rows whose views have the number of their identity: its own where all are numbers, else that of its name."""
    if all(re.fullmatch(r"\d{1,18}|", row.person) for row in rows):
        return [], [row._replace(view=row.view._replace(identity=int(row.person or -1))) for row in rows]
    splits: dict[str, str] = {}
    for row in rows:
        if splits.setdefault(row.person, row.split) != row.split:
            raise SourceError(
                f"{path} line {row.line}: {row.person!r} is in {row.split} and in {splits[row.person]}; "
                "an identity belongs to one split"
            )
    if len(splits) > MOST_NAMES:
        raise SourceError(f"{path} names {len(splits):,} identities; at most {MOST_NAMES:,} fit a store: number them")
    numbers = {name: k for k, name in enumerate(sorted(splits))}
    return list(numbers), [row._replace(view=row.view._replace(identity=numbers[row.person])) for row in rows]
