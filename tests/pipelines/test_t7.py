"""The reader of Torch7 files, on files written here byte by byte, whole, cut and mutated."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.interchange.source import SourceError
from pipelines.interchange.t7 import TYPES, read_header, read_tensor


def text(word):
    return struct.pack("<i", len(word)) + word.encode()


def t7(storage, shape, strides, offset=1, kind="Float", long="q", version=True):
    """A file as torch.save writes it: storage is a flat array; strides in elements, the offset from 1."""

    def opened(index, name):
        return struct.pack("<ii", 4, index) + (text("V 1") if version else b"") + text(name)

    def longs(*numbers):
        return struct.pack(f"<{len(numbers)}{long}", *numbers)

    tensor = opened(1, f"torch.{kind}Tensor") + struct.pack("<i", len(shape)) + longs(*shape, *strides, offset)
    return tensor + opened(2, f"torch.{kind}Storage") + longs(len(storage)) + storage.astype(TYPES[kind]).tobytes()


def contiguous(array, **more):
    strides = [int(np.prod(array.shape[k + 1 :])) for k in range(array.ndim)]
    return t7(array.ravel(), array.shape, strides, **more)


NUMBERS = np.arange(24, dtype=np.float32)
SMALL = contiguous(NUMBERS.reshape(2, 3, 4))


def test_a_batch_of_the_authors_has_the_size_that_theirs_have():
    data = contiguous(np.zeros((20, 1, 150, 150), np.float32))
    assert len(data) == 1_800_157
    assert read_header(data).start == 157
    assert read_tensor(data).shape == (20, 1, 150, 150)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("long", ["q", "i"])
@pytest.mark.parametrize("version", [True, False])
def test_every_type_and_either_long(kind, long, version):
    data = contiguous(NUMBERS.reshape(2, 3, 4), kind=kind, long=long, version=version)
    read = read_tensor(data)
    np.testing.assert_array_equal(read, NUMBERS.reshape(2, 3, 4))
    assert read.dtype == TYPES[kind]
    assert read.flags.writeable


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "expected"),
    [
        ((4, 6), (1, 4), 1, NUMBERS.reshape(6, 4).T),
        ((3, 2), (8, 2), 2, NUMBERS.reshape(3, 8)[:, 1:5:2]),
        ((1, 5), (999, 1), 20, NUMBERS[None, 19:]),
        ((3, 4), (0, 1), 1, np.tile(NUMBERS[:4], (3, 1))),
        ((24,), (1,), 1, NUMBERS),
    ],
)
def test_strides_and_offsets(shape, strides, offset, expected):
    np.testing.assert_array_equal(read_tensor(t7(NUMBERS, shape, strides, offset)), expected)


def test_files_paths_bytes_and_members_of_archives(tmp_path):
    (tmp_path / "batch1").write_bytes(SMALL)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("batch1", SMALL)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive, archive.open("batch1") as member:
        sources = (SMALL, tmp_path / "batch1", str(tmp_path / "batch1"), io.BytesIO(SMALL), member)
        for source in sources:
            np.testing.assert_array_equal(read_tensor(source).ravel(), NUMBERS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it ends inside its header"),
        (SMALL[:100], "no torch.FloatStorage follows"),
        (SMALL[:-1], "cut short: 95 bytes remain for numbers that take 96"),
        (SMALL + b"\0", "1 bytes follow its tensor"),
        (b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n", "in text form"),
        (struct.pack("<ii", 3, 1), "it holds a table"),
        (struct.pack("<ii", 77, 1), "something with the tag 77"),
        (struct.pack("<iii", 4, 1, 2**31 - 1), "claims to have 2147483647 bytes"),
        (t7(NUMBERS, (), ()), "0 dimensions"),
        (t7(NUMBERS, (5, 0), (1, 1)), "is empty: 5 x 0"),
        (t7(NUMBERS, (25,), (1,)), "a tensor of 25 does not fit into 24 numbers"),
        (t7(NUMBERS, (24,), (1,), 2), "does not fit"),
        (t7(NUMBERS, (2**40, 2**40), (0, 0)), "does not fit"),
        (t7(NUMBERS, (2,), (2**62,)), "does not fit"),
        (t7(NUMBERS, (2,), (-1,), 3), "impossible"),
        (t7(NUMBERS, (2,), (1,), 0), "impossible"),
        (SMALL.replace(b"Float", b"Cudas"), "it holds 'torch.CudasTensor'"),
        (SMALL.replace(b"torch.FloatStorage", b"torch.FloatStorape"), "no torch.FloatStorage follows"),
    ],
)
def test_what_is_no_tensor_is_one_line(data, message):
    with pytest.raises(SourceError, match=message) as caught:
        read_tensor(data)
    assert "\n" not in str(caught.value)


def test_a_long_that_cannot_be_told_is_refused():
    """Made by hand: with eight dimensions, a storage fits between where 17 longs of 4 and of 8 bytes end."""
    lead = struct.pack("<ii", 4, 1) + text("torch.ByteTensor") + struct.pack("<i", 8)
    storage = struct.pack("<ii", 4, 2) + text("torch.ByteStorage")
    short = lead + struct.pack("<17i", *[1] * 17) + storage
    both = short + b"\0" * (17 * 4 - len(storage)) + storage + struct.pack("<q", 1) + b"x"
    with pytest.raises(SourceError, match="4 bytes or 8"):
        read_tensor(both)
    assert read_tensor(short + struct.pack("<i", 1) + b"x").shape == (1,) * 8


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    kind = draw(st.sampled_from(sorted(TYPES)))
    array = np.arange(np.prod(shape)).reshape(shape) % 100
    return contiguous(array, kind=kind, long=draw(st.sampled_from("qi"))), array


@given(tensors(), st.data())
def test_every_cut_is_an_error(tensor, data):
    whole, array = tensor
    np.testing.assert_array_equal(read_tensor(whole), array)
    with pytest.raises(SourceError):
        read_tensor(whole[: data.draw(st.integers(0, len(whole) - 1))])


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(tensors(), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
def test_mutated_files_are_read_or_refused(tensor, changes, in_header):
    data = bytearray(tensor[0])
    limit = min(len(data), 160) if in_header else len(data)
    for at, value in changes:
        data[at % limit] = value
    said, read = "", None
    tracemalloc.start()
    try:
        read = read_tensor(bytes(data))
    except SourceError as error:
        said = str(error)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 + 4 * len(data)
    assert "\n" not in said
    if read is not None:
        header = read_header(bytes(data))
        assert (read.shape, read.dtype) == (header.shape, header.dtype)
        assert read.nbytes <= len(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    with pytest.raises(SourceError):
        read_tensor(data)


@given(st.lists(st.tuples(st.integers(-3, 2**62), st.integers(-3, 2**62)), min_size=1, max_size=3), st.integers(-3, 40))
def test_any_geometry_is_numpys_or_refused(axes, offset):
    shape, strides = zip(*axes, strict=True)
    try:
        read = read_tensor(t7(NUMBERS, shape, strides, offset))
    except SourceError:
        return
    index = sum(np.arange(n).reshape(-1, *(1,) * (len(shape) - k - 1)) * s for k, (n, s) in enumerate(axes))
    np.testing.assert_array_equal(read, NUMBERS[offset - 1 + index])
