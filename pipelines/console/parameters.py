"""Types of command line parameters: each turns the text of one option into a value, or refuses it by name."""

import csv
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from dataset.keys import SPLITS
from dataset.spec import CHANNELS, MOST_SIGMAS
from pipelines.rendering.settings import Splits

LARGEST_POOL = 1_000_000
"""Most identities in a pool: intrinsic batches sample from a permutation of them."""
MOST_NAMED = 1000
"""Most named identities: they are stored in the attributes, which every opening reads."""


class CoefficientsFile(click.ParamType[dict[str, list[float | None]]]):
    """A JSON file: block name to a list of numbers; null, where it is allowed, for one that is sampled."""

    name = "FILE"

    def __init__(self, example: str, nulls: bool) -> None:
        self._example, self._nulls = example, nulls

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, list[float | None]]:
        """Read the file; anything but lists of numbers is refused."""
        if isinstance(value, dict):
            return value
        read = _read(self, value, param, ctx)
        if not isinstance(read, dict) or not all(_are_numbers(values, self._nulls) for values in read.values()):
            self.fail(f"{value} should be like {self._example}", param, ctx)
        return _floats(read)


class Pool(click.ParamType["int | dict[str, list[dict[str, Any]]]"]):
    """A number of identities, or a JSON file that names them: name to coefficients by block, and `split`."""

    name = "P|FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | dict[str, list[dict[str, Any]]]:
        """A positive number; or by split the identities of the file, in its order."""
        if isinstance(value, int | dict):
            return value
        if re.fullmatch(r"[-+]?[0-9]{1,12}", str(value)):
            if not 1 <= int(value) <= LARGEST_POOL:
                self.fail(f"a pool has 1 to {LARGEST_POOL:,} identities, not {value}", param, ctx)
            return int(value)
        read = _read(self, value, param, ctx)
        if not isinstance(read, dict) or not read or not all(_is_identity(one) for one in read.values()):
            example = '{"ada": {"shape": [1.5, -0.2], "albedo": [0.3]}, "bob": {"shape": [-2], "split": "test"}}'
            self.fail(f"{value} should be like {example}", param, ctx)
        if len(read) > MOST_NAMED:
            self.fail(f"{value} names {len(read)} identities; at most {MOST_NAMED} fit a store", param, ctx)
        self._refuse_twins(read, param, ctx)
        by_split: dict[str, list[dict[str, Any]]] = {}
        for name, one in read.items():
            split = one.get("split", SPLITS[0])
            blocks = _floats({block: values for block, values in one.items() if block != "split"})
            by_split.setdefault(split, []).append({"name": name} | blocks)
        return by_split

    def _refuse_twins(
        self, read: dict[str, dict[str, Any]], param: click.Parameter | None, ctx: click.Context | None
    ) -> None:
        """Refuse two names for one identity: in two splits, the splits would share it."""
        seen: dict[str, str] = {}
        for name, one in read.items():
            trimmed = {block: _as_rendered(values) for block, values in one.items() if block != "split"}
            key = json.dumps({block: values for block, values in trimmed.items() if values}, sort_keys=True)
            if key in seen:
                self.fail(f"{seen[key]} and {name} have the same coefficients", param, ctx)
            seen[key] = name


def _as_rendered(values: list[float]) -> list[float]:
    """The values rounded to float32, as they will be, without the zeros at the end, which change nothing."""
    rounded = [float(np.float32(value)) + 0.0 for value in values]
    length = max((k + 1 for k, value in enumerate(rounded) if value), default=0)
    return rounded[:length]


def _read(kind: click.ParamType[Any], path: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
    """The content of a JSON file."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
    except (OSError, ValueError, RecursionError) as error:
        kind.fail(f"{path} cannot be read as JSON: {error}", param, ctx)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; where a key is given twice, JSON itself would silently use the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _floats(blocks: Mapping[str, list[Any]]) -> dict[str, list[float | None]]:
    return {block: [None if v is None else float(v) for v in values] for block, values in blocks.items()}


def _is_identity(one: Any) -> bool:
    """True for a mapping of lists of numbers, with a split or without."""
    if not isinstance(one, dict) or one.get("split", SPLITS[0]) not in SPLITS or "name" in one:
        return False
    return all(_are_numbers(values, nulls=False) for block, values in one.items() if block != "split")


def _are_numbers(values: Any, nulls: bool) -> bool:
    """True for a list of finite numbers, or of those and nulls."""
    return isinstance(values, list) and all(
        (v is None and nulls) or (isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= MOST_SIGMAS)
        for v in values
    )


class SplitFile(click.ParamType[Splits]):
    """A CSV file of id and split."""

    name = "FILE.csv"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Splits:
        """Two columns, with or without a heading; each id once."""
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
        return Splits(hashlib.sha256(json.dumps(sorted(found.items())).encode()).hexdigest(), found)


class Part(click.ParamType[tuple[int, int]]):
    """`i/n`: the share of the shards whose number leaves i when divided by n."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Two integers, 0 <= i < n."""
        if isinstance(value, tuple):
            return value
        try:
            i, n = (int(x) for x in str(value).split("/"))
        except ValueError:
            self.fail(f"expected i/n such as 0/4, not {value!r}", param, ctx)
        if n < 1 or not 0 <= i < n:
            self.fail(f"expected 0 <= i < n, not {i}/{n}", param, ctx)
        return i, n


class Axis(click.ParamType[str]):
    """An axis of a file: `+y`, or `y` for short."""

    name = "AXIS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The axis with its sign."""
        full = str(value).strip().lower()
        full = full if full.startswith(("+", "-")) else f"+{full}"
        if full not in ("+x", "-x", "+y", "-y", "+z", "-z"):
            self.fail(f"expected x, y or z with + or - before it, not {value!r}", param, ctx)
        return full


class Channels(click.ParamType[tuple[str, ...]]):
    """Names of channels with commas between them, in any order; they come back in the store's."""

    name = "NAME,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Known names, each once."""
        if isinstance(value, tuple):
            return value
        names = {name.strip() for name in str(value).split(",") if name.strip()}
        if unknown := names - set(CHANNELS):
            self.fail(f"no channel {', '.join(sorted(unknown))}; there are {', '.join(CHANNELS)}", param, ctx)
        return tuple(name for name in CHANNELS if name in names)
