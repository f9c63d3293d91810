"""A restricted pickle reader that can build only arrays and plain containers.

Unpickling runs any function that the file names. Here every name is looked up in `STAND_INS`, an unknown name is
refused, and the known ones stand for small classes defined here: no function of numpy, scipy or the standard library
is ever called with arguments from the file.
"""

import io
import math
import pickle
import re
import struct
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from render.models.assemble import one_line
from render.morphable import ModelError

NUMBERS = re.compile(r"[<>=|]?[biuf][1248]|[biuf][1248]?")
"""Codes of the number types that an array may have; Python objects are excluded."""
MOST_SIDES = 8


class _StandIn:
    """Base of the stand-ins; it ignores a pickled state, so that a file cannot set attributes."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _Type(_StandIn):
    """Stand-in for `numpy.dtype`: the code from the arguments, the byte order from the state."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code = code if isinstance(code, str) else ""
        self.order = "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]

    def resolved(self) -> np.dtype[Any]:
        """Return the numpy type; raise ModelError if it is not one of plain numbers."""
        if not NUMBERS.fullmatch(self.code) or self.order not in ("<", ">", "=", "|"):
            raise ModelError(f"an array of type {one_line(self.code, 40)!r} is not an array of plain numbers")
        return np.dtype(self.order + self.code.lstrip("<>=|") if self.order in "<>" else self.code)


class Array(_StandIn):
    """Stand-in for `numpy.ndarray`: empty at first, filled from its pickled state."""

    values: NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        shape, kind, fortran, data = state[-4:]
        if isinstance(data, list):
            return  # an array of Python objects: it stays empty, and `array` returns None for it
        self.fill(data, kind, shape, "F" if fortran else "C")

    def fill(self, data: Any, kind: Any, shape: Any, order: str) -> "Array":
        """Set the values, of shape `shape` and type `kind`, from bytes or from text that encodes bytes (Python 2)."""
        raw = data.encode("latin-1") if isinstance(data, str) else data
        if not isinstance(raw, bytes) or not isinstance(kind, _Type) or len(shape) > MOST_SIDES:
            raise ModelError("the pickle holds an array that is not made of bytes")
        dtype, sides = kind.resolved(), tuple(int(side) for side in shape)
        if min(sides, default=1) < 0 or math.prod(sides) * dtype.itemsize != len(raw):
            raise ModelError(f"an array of shape {sides} and type {dtype} has {len(raw)} bytes")
        self.values = np.frombuffer(raw, dtype).reshape(sides, order="F" if order == "F" else "C")
        return self


class Chumpy(_StandIn):
    """Stand-in for `chumpy.ch.Ch`: its state is a dict whose `x` is the array."""

    x: Any = None

    def __setstate__(self, state: Any) -> None:
        self.x = state["x"]


class _Sparse(_StandIn):
    """Stand-in for `scipy.sparse.csc_matrix`: the joint regressor, which a neutral pose does not need."""


class _Call(_StandIn):
    """Base of the stand-ins for functions that a pickle may call; `__new__` returns the result."""


class _Reconstruct(_Call):
    def __new__(cls, *_: Any) -> Any:
        return Array()


class _FromBuffer(_Call):
    def __new__(cls, data: Any, kind: Any, shape: Any, order: Any) -> Any:
        return Array().fill(data, kind, shape, order)


class _Reconstructor(_Call):
    """Stand-in for `copy_reg._reconstructor`, which Python 2 writes for every object."""

    def __new__(cls, wanted: Any, *_: Any) -> Any:
        if not (isinstance(wanted, type) and issubclass(wanted, _StandIn)):
            raise ModelError("the pickle rebuilds an object of a kind that no face model needs")
        return wanted()


class _Encode(_Call):
    """Stand-in for `_codecs.encode`, by which Python 3 writes bytes into a pickle for Python 2."""

    def __new__(cls, text: Any, codec: Any = "latin1") -> Any:
        if codec not in ("latin1", "latin-1") or not isinstance(text, str):
            raise ModelError("the pickle encodes something other than bytes")
        return text.encode("latin-1")


class _Ordered(_Call):
    def __new__(cls, pairs: Iterable[Any] = ()) -> Any:
        pairs = [tuple(pair) for pair in pairs]
        return dict(zip(_plain([k for k, _ in pairs]), [v for _, v in pairs], strict=True))


STAND_INS: dict[str, type[_StandIn]] = {
    "numpy.dtype": _Type,
    "numpy.ndarray": Array,
    "chumpy.ch.Ch": Chumpy,
    "copy_reg._reconstructor": _Reconstructor,
    "copyreg._reconstructor": _Reconstructor,
    "collections.OrderedDict": _Ordered,
    "_codecs.encode": _Encode,
    **{f"{builtins}.{name}": _StandIn for builtins in ("builtins", "__builtin__") for name in ("object", "set")},
    **{f"numpy.{core}.multiarray.{name}": _Reconstruct for core in ("core", "_core") for name in ("_reconstruct",)},
    **{f"numpy.{core}.multiarray.scalar": _StandIn for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": _FromBuffer for core in ("core", "_core")},
    **{f"scipy.sparse.{module}csc_matrix": _Sparse for module in ("", "csc.", "_csc.")},
}
"""Stand-in class of every name that a pickle may use."""


def _plain(keys: list[Any]) -> list[Any]:
    """Return the keys if they are cheap to hash, else raise ModelError: nested shared tuples would take forever."""
    if not all(isinstance(key, str | bytes | int | float | None) for key in keys):
        raise ModelError("the pickle has keys that are neither text nor numbers")
    return keys


# The Python unpickler is used, not the C one: in the C one a single opcode with a high memo index allocates memory for
# all lower indices (a flipped bit is enough). It is private, and so unknown to type checkers.
_Unpickler: Any = pickle._Unpickler  # type: ignore[attr-defined,unused-ignore]


class _Restricted(_Unpickler):  # type: ignore[misc]
    dispatch: ClassVar = dict(_Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> type[_StandIn]:
        found = STAND_INS.get(f"{module}.{name}")
        if found is None:
            raise ModelError(
                f"the pickle names {one_line(f'{module}.{name}', 80)!r}, which no face model needs; "
                "it was refused, and nothing in it was run"
            )
        return found

    def get_extension(self, code: int) -> None:
        raise ModelError(f"the pickle uses extension {code}, which no face model needs; it was refused")

    def _byte_array(self) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(size))

    def _set_item(self) -> None:
        _plain(self.stack[-2:-1])
        super().load_setitem()

    def _set_items(self) -> None:
        _plain(self.stack[::2])
        super().load_setitems()

    def _dict(self) -> None:
        _plain(self.stack[::2])
        super().load_dict()

    def _add_items(self) -> None:
        _plain(self.pop_mark())

    def _frozen_set(self) -> None:
        self.append(frozenset(_plain(self.pop_mark())))


_Restricted.dispatch |= {
    pickle.BYTEARRAY8[0]: _Restricted._byte_array,
    pickle.SETITEM[0]: _Restricted._set_item,
    pickle.SETITEMS[0]: _Restricted._set_items,
    pickle.DICT[0]: _Restricted._dict,
    pickle.ADDITEMS[0]: _Restricted._add_items,
    pickle.FROZENSET[0]: _Restricted._frozen_set,
}


def loads(data: bytes) -> Any:
    """Load a pickle of containers, numbers, text, and arrays, which become `Array` or `Chumpy`.

    Raises
    ------
    ModelError
        When it refers to a name that is not in `STAND_INS`.
    Exception
        Any type, when the bytes are not a pickle.
    """
    return _Restricted(io.BytesIO(data), encoding="latin1").load()


def array(value: Any) -> NDArray[Any] | None:
    """Return the array in a value from `loads`, without any chumpy wrappers, or None."""
    for _ in range(8):
        if not isinstance(value, Chumpy):
            break
        value = value.x
    return value.values if isinstance(value, Array) else None
