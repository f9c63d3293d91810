"""Pickles that run code, ask for memory or time, or hold something else: refused by name, and never run."""

import builtins
import collections
import io
import os
import pickle
import re
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from render import ModelError, open_model
from render.models.unpickle import STAND_INS

TOP = np.array([[0, 60, 0], [60, 0, 60], [60, 0, -60], [-60, 0, -60], [-60, 0, 60], [0, -60, 0]], float)
CELLS = np.array([[0, 4, 1], [0, 1, 2], [0, 2, 3], [0, 3, 4], [5, 1, 4], [5, 2, 1], [5, 3, 2], [5, 4, 3]])
BASIS = np.linalg.qr(np.cos(np.arange(18 * 3)).reshape(18, 3))[0]


def flame(**changes):
    return {"v_template": TOP, "f": CELLS.astype("u4"), "shapedirs": BASIS.reshape(6, 3, 3)} | changes


def refusal(path):
    """The one line with which the model at `path` is refused."""
    with pytest.raises(ModelError) as caught:
        open_model(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_blow_up():
    """Every test here stays far below a gigabyte more than was in use before it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20 < 0.5


class Runs:
    """Pickles as a call of `function`."""

    def __init__(self, function, *given):
        self.call = (function, given)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "given", "named"),
    [
        (os.system, ("touch {ran}",), r"(posix|nt)\.system"),
        (eval, ("open({ran!r}, 'w')",), r"builtin(s|__)\.eval"),
        (builtins.exec, ("open({ran!r}, 'w')",), r"builtin(s|__)\.exec"),
        (subprocess.Popen, (["touch", "{ran}"],), r"(subprocess|commands)\.Popen"),
        (getattr, (os, "system"), r"builtin(s|__)\.getattr"),
        (np.load, ("{ran}",), r"numpy.*load"),
        (io.open, ("{ran}", "w"), r"_?io\.open"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_pickle_that_runs_code(tmp_path, protocol, function, given, named):
    ran = str(tmp_path / "ran")
    given = tuple(
        word.replace("{ran!r}", repr(ran)).replace("{ran}", ran) if isinstance(word, str) else word for word in given
    )
    given = tuple("os" if word is os else word for word in given)
    for content in (
        Runs(function, *given),
        flame(extra=Runs(function, *given)),
        [[Runs(list, [Runs(function, *given)])]],
    ):
        (tmp_path / "p").write_bytes(pickle.dumps(content, protocol))
        message = refusal(tmp_path / "p")
        if not isinstance(content, list):
            assert re.search(named, message)
    assert not (tmp_path / "ran").exists()


def global_(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"cos\nsystem\n(S'touch ran'\ntR.", "os.system"),
        (b"(S'touch ran'\nios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.", "builtins.eval"),
        # A dotted name would climb from an allowed one.
        (b"\x80\x04\x8c\x05numpy\x8c\x14ndarray.__init__.__x\x93.", "numpy.ndarray"),
        (b"\x80\x02" + global_("copy_reg", "_reconstructor") + global_("os", "system") + b"N\x86R.", "os.system"),
        (b"\x80\x02" + global_("numpy.core.multiarray", "_reconstruct") + b"}(X\x01\x00\x00\x00aK\x01ub.", ""),
        # Setting attributes of what stands behind a name.
        (b"\x80\x02" + global_("numpy", "ndarray") + b"N}X\x04\x00\x00\x00fillK\x01s\x86b.", ""),
        (b"\x80\x02\x82\x01.", "extension"),
        (b"\x80\x02Pname\n.", ""),
        # One opcode that asks for memory: a high memo slot, a long byte array, text, a number.
        (b"\x80\x02]r\xff\xff\xff\x7f.", ""),
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b"x.", ""),
        (b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.", ""),
        (b"\x80\x02\x8b" + struct.pack("<I", 0x7FFFFFFF) + b"x.", ""),
        (b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b".", ""),
        # A key whose hash takes 2**60 steps, as a key, in a set and in an ordered dictionary.
        (b"\x80\x02K\x01" + b"2\x86" * 60 + b"}N0q\x00.", ""),
        (b"\x80\x02}K\x01" + b"2\x86" * 60 + b"Ns.", "keys"),
        (b"\x80\x02}(K\x01" + b"2\x86" * 60 + b"Nu.", "keys"),
        (b"\x80\x02(K\x01" + b"2\x86" * 60 + b"Nd.", "keys"),
        (b"\x80\x04\x8f(K\x01" + b"2\x86" * 60 + b"\x90.", "keys"),
        (b"\x80\x04(K\x01" + b"2\x86" * 60 + b"\x91.", "keys"),
        (b"\x80\x02" + global_("collections", "OrderedDict") + b"]]K\x01" + b"2\x86" * 60 + b"aNaa\x85R.", "keys"),
        (b"\x80\x02" + b"(" * 100000 + b".", ""),
        (b"\x80\x02" + b"]" * 100000 + b"a" * 99999 + b".", "dictionary"),
    ],
)
def test_pickles_by_hand(tmp_path, data, says, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").write_bytes(data)
    before = {name: dict(vars(stand_in)) for name, stand_in in STAND_INS.items()}
    assert says in refusal(tmp_path / "p")
    assert not (tmp_path / "ran").exists()
    assert {name: dict(vars(stand_in)) for name, stand_in in STAND_INS.items()} == before


def test_nothing_behind_the_names_of_a_pickle_is_a_library():
    assert all(stand_in.__module__ == "render.models.unpickle" for stand_in in STAND_INS.values())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shapedirs": np.array([None, 1], object)}, "no array shapedirs"),
        ({"shapedirs": TOP}, "expected"),
        ({"f": CELLS + 1}, "outside 0 to 5"),
        ({"f": CELLS.astype("u4") - np.uint32(1)}, "outside 0 to 5"),
        ({"v_template": TOP * np.nan}, "not finite"),
        ({"shapedirs": np.full((6, 3, 3), np.inf)}, "not finite"),
        ({"v_template": TOP * 0}, "not the size of a head"),
        ({"v_template": TOP * 1e30}, "not the size of a head"),
        ({"shapedirs": np.zeros((6, 3, 0))}, "0 components"),
        ({"v_template": b"text"}, "no array v_template"),
    ],
)
def test_wrong_arrays_in_a_pickle(tmp_path, changes, says):
    (tmp_path / "p").write_bytes(pickle.dumps(flame(**changes), 4))
    assert says in refusal(tmp_path / "p")


def test_an_ordered_dictionary_and_big_endian_arrays(tmp_path):
    arrays = {key: value.astype(value.dtype.newbyteorder(">")) for key, value in flame().items()}
    (tmp_path / "a").write_bytes(pickle.dumps(collections.OrderedDict(arrays), 2))
    (tmp_path / "b").write_bytes(pickle.dumps({key: np.asfortranarray(v) for key, v in flame().items()}, 4))
    (tmp_path / "c").write_bytes(pickle.dumps(flame()))
    first, *others = (open_model(str(tmp_path / name)) for name in "abc")
    for other in others:
        assert_array_equal(other.blocks["shape"].basis, first.blocks["shape"].basis)


def test_reading_a_model_leaves_modules_unloaded(tmp_path):
    """A name in a pickle is not even imported."""
    (tmp_path / "p").write_bytes(b"cantigravity\nfly\n.")
    assert "antigravity.fly" in refusal(tmp_path / "p")
    assert "antigravity" not in sys.modules
