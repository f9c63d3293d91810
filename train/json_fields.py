"""Frozen dataclasses of options from and to JSON, strictly: each key once, each value of its field's type."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Literal, Protocol, get_args, get_origin, get_type_hints

from train.errors import ConfigError


class Options(Protocol):
    """Any dataclass instance."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@dataclass(frozen=True)
class OptionHelp:
    """Help text and possible values of a field on the command line."""

    text: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def option(
    text: str,
    *,
    default: Any = MISSING,
    choices: tuple[str, ...] = (),
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field that is an option of the command line; without it a field is none.

    Parameters
    ----------
    text : help text, without the default
    choices, low, high : values that it can have
    """
    return field(default=default, metadata={"option": OptionHelp(text, choices, low, high)})


def field_names(kind: type[Options]) -> frozenset[str]:
    """The names of a dataclass's fields."""
    return frozenset(kind.__dataclass_fields__)


def to_plain(options: Options) -> dict[str, Any]:
    """The fields as JSON-able values, in their order; tuples become lists, other objects what their `to_json` gives."""
    return {one.name: _plain(getattr(options, one.name)) for one in fields(options)}


def read_fields(kind: type[Options], plain: Mapping[str, object]) -> dict[str, Any]:
    """The values of the fields of `kind` among `plain`, checked for their type.

    Raises
    ------
    ConfigError
        A value has another type than its field; the field, the type and the value are named.
    """
    hints = get_type_hints(kind)
    return {name: read_value(name, hints[name], plain[name]) for name in kind.__dataclass_fields__ if name in plain}


def read_value(name: str, kind: Any, value: object) -> Any:
    """One value of an annotated type: int, float, str, Literal texts, a tuple of floats, or a type with `from_json`.

    Raises
    ------
    ConfigError
        The value has another type.
    """
    read: Callable[[object], Any] | None = getattr(kind, "from_json", None)
    if read is not None:
        return read(value)
    if get_origin(kind) is tuple:
        return _read_numbers(name, len(get_args(kind)), value)
    plain: type = str if get_origin(kind) is Literal else kind
    accepted = (int, float) if plain is float else (plain,)
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise ConfigError(f"{name} must be of type {plain.__name__}; got {value!r}")
    return read_float(name, value) if plain is float else value


def check_types(options: Options) -> None:
    """Check that every field has a value of its type, for `__post_init__`: JSON then gives back what is written.

    Fields of the types of `read_value` are checked (a tuple of numbers is a tuple here), and those that hold a
    dataclass, in the same way; a class checks its other fields itself.

    Raises
    ------
    ConfigError
        A value has another type than its field; an int is a float, a bool is no int, and neither is a number of numpy.
    """
    hints = get_type_hints(type(options))
    for one in fields(options):
        name, kind, value = one.name, hints[one.name], getattr(options, one.name)
        if kind in (int, float, str) or get_origin(kind) is Literal:
            read_value(name, kind, value)
        elif hasattr(kind, "from_json"):
            check(name, repr(value), isinstance(value, kind), f"of type {kind.__name__}")
        elif get_origin(kind) is tuple and set(get_args(kind)) == {float}:
            count = len(get_args(kind))
            numbers = isinstance(value, tuple) and len(value) == count and all(map(is_number, value))
            check(name, repr(value), numbers, f"a tuple of {count} numbers")
        elif is_dataclass(value) and not isinstance(value, type):
            check_types(value)


def read_float(name: str, value: Any) -> float:
    """A finite or infinite float from a JSON number; raises ConfigError where it has too many digits for one."""
    try:
        return float(value)
    except OverflowError as error:
        digits = len(str(value))
        raise ConfigError(f"{name} must be a number that a float can hold; got one of {digits} digits") from error


def is_number(value: object) -> bool:
    """True for a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check(name: str, value: object, holds: bool, wanted: str) -> None:
    """Raise ConfigError, with what was expected and what came, unless `holds`."""
    if not holds:
        raise ConfigError(f"{name} must be {wanted}; got {value}")


def _plain(value: Any) -> Any:
    if hasattr(value, "to_json"):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value


def _read_numbers(name: str, count: int, value: object) -> tuple[float, ...]:
    if isinstance(value, list) and len(value) == count and all(map(is_number, value)):
        return tuple(read_float(name, one) for one in value)
    words = {2: "two"}
    raise ConfigError(f"{name} must be a list of {words.get(count, count)} numbers; got {value!r}")
