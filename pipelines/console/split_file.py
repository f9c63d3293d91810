"""The file with which a user says which mesh is in which split."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dataset.keys import SPLITS


@dataclass(frozen=True)
class Splits:
    """Split of every mesh that was named."""

    by_id: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """What a store keeps of it."""
        return hashlib.sha256(json.dumps(sorted(self.by_id.items())).encode()).hexdigest()


class SplitFile(click.ParamType[Splits]):
    """A CSV file of id and split."""

    name = "FILE.csv"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Splits:
        """Two columns, with or without a heading; an id once."""
        if isinstance(value, Splits):
            return value
        try:
            with Path(value).open(newline="", encoding="utf-8") as file:
                rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self.fail(f"{value} cannot be read as CSV: {error}", param, ctx)
        if rows and [cell.strip() for cell in rows[0][1]] == ["id", "split"]:
            rows = rows[1:]
        found: dict[str, str] = {}
        for number, row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) != 2 or cells[1] not in SPLITS or not cells[0]:
                self.fail(f"{value} line {number}: expected id,split with a split of {', '.join(SPLITS)}", param, ctx)
            if cells[0] in found:
                self.fail(f"{value} line {number}: {cells[0]} is there twice", param, ctx)
            found[cells[0]] = cells[1]
        if not found:
            self.fail(f"{value} names no mesh", param, ctx)
        return Splits(found)
