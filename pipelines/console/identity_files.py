"""The files with which a user says who is in a store: fixed coefficients, a reference, a pool of named people."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from dataset.keys import SPLITS
from dataset.spec import MOST_SIGMAS

LARGEST_POOL = 1_000_000
"""Intrinsic batches draw from a permutation of it."""
MOST_PEOPLE = 1000
"""They stand in the store's attributes, which every opening reads."""


class CoefficientsFile(click.ParamType[dict[str, list[float | None]]]):
    """A JSON file: block name to a list of numbers; null, where it is allowed, for one that is drawn."""

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
    """A number of people, or a JSON file that names them: name to coefficients by block, and `split`."""

    name = "P|FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | dict[str, list[dict[str, Any]]]:
        """A positive number; or by split the people of the file, in its order."""
        if isinstance(value, int | dict):
            return value
        if re.fullmatch(r"[-+]?[0-9]{1,12}", str(value)):
            if not 1 <= int(value) <= LARGEST_POOL:
                self.fail(f"a pool has 1 to {LARGEST_POOL:,} people, not {value}", param, ctx)
            return int(value)
        read = _read(self, value, param, ctx)
        if not isinstance(read, dict) or not read or not all(_is_person(person) for person in read.values()):
            example = '{"ada": {"shape": [1.5, -0.2], "albedo": [0.3]}, "bob": {"shape": [-2], "split": "test"}}'
            self.fail(f"{value} should be like {example}", param, ctx)
        if len(read) > MOST_PEOPLE:
            self.fail(f"{value} names {len(read)} people; at most {MOST_PEOPLE} fit a store", param, ctx)
        self._refuse_twins(read, param, ctx)
        people: dict[str, list[dict[str, Any]]] = {}
        for name, person in read.items():
            split = person.get("split", SPLITS[0])
            blocks = _floats({block: values for block, values in person.items() if block != "split"})
            people.setdefault(split, []).append({"name": name} | blocks)
        return people

    def _refuse_twins(
        self, read: dict[str, dict[str, Any]], param: click.Parameter | None, ctx: click.Context | None
    ) -> None:
        """Nobody may have two names: were they in two splits, the splits would share a person."""
        seen: dict[str, str] = {}
        for name, person in read.items():
            trimmed = {block: _as_drawn(values) for block, values in person.items() if block != "split"}
            key = json.dumps({block: values for block, values in trimmed.items() if values}, sort_keys=True)
            if key in seen:
                self.fail(f"{seen[key]} and {name} have the same coefficients", param, ctx)
            seen[key] = name


def _as_drawn(values: list[float]) -> list[float]:
    """Rounded as they will be, and without the zeros at the end, which are as good as nothing."""
    rounded = [float(np.float32(value)) + 0.0 for value in values]
    length = max((k + 1 for k, value in enumerate(rounded) if value), default=0)
    return rounded[:length]


def _read(kind: click.ParamType[Any], path: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
    """What a JSON file holds."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
    except (OSError, ValueError, RecursionError) as error:
        kind.fail(f"{path} cannot be read as JSON: {error}", param, ctx)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; of a key that is given twice, JSON itself would silently keep the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _floats(blocks: Mapping[str, list[Any]]) -> dict[str, list[float | None]]:
    return {block: [None if v is None else float(v) for v in values] for block, values in blocks.items()}


def _is_person(person: Any) -> bool:
    """Whether it is a mapping of lists of numbers, perhaps with a split."""
    if not isinstance(person, dict) or person.get("split", SPLITS[0]) not in SPLITS or "name" in person:
        return False
    return all(_are_numbers(values, nulls=False) for block, values in person.items() if block != "split")


def _are_numbers(values: Any, nulls: bool) -> bool:
    """Whether it is a list of finite numbers, or of those and nulls."""
    return isinstance(values, list) and all(
        (v is None and nulls) or (isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= MOST_SIGMAS)
        for v in values
    )
