"""Command line options from the fields of option dataclasses (`train.json_fields.option`)."""

from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, TypeVar, get_type_hints

import click

from train.json_fields import OptionHelp

F = TypeVar("F", bound=Callable[..., Any])


def field_options(*kinds: type[Any], notes: dict[str, str] | None = None) -> Callable[[F], F]:
    """A decorator that adds one option for each field made by `option`; a field that two dataclasses share is one.

    No option has a default: None means that it was not given.

    Parameters
    ----------
    kinds : dataclasses
    notes : text that replaces "[default: ...]" of a field, by its name
    """
    found = {one.name: (kind, one) for kind in kinds for one in fields(kind) if "option" in one.metadata}

    def decorate(function: F) -> F:
        for kind, one in reversed(found.values()):
            function = _option(kind, one, (notes or {}).get(one.name))(function)
        return function

    return decorate


def _option(kind: type[Any], one: "Field[Any]", note: str | None) -> Callable[[F], F]:
    help_: OptionHelp = one.metadata["option"]
    default = f"[default: {one.default:g}]" if isinstance(one.default, float) else f"[default: {one.default}]"
    return click.option(
        f"--{one.name.replace('_', '-')}",
        type=_type(get_type_hints(kind)[one.name], help_),
        help=f"{help_.text} {note or default}",
    )


def _type(hint: Any, help_: OptionHelp) -> Any:
    if help_.choices:
        return click.Choice(help_.choices)
    if hint is int:
        return int if help_.low is None else click.IntRange(int(help_.low))
    if hint is float:
        return click.FloatRange(help_.low, help_.high)
    return hint
