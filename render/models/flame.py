"""Reader of FLAME 2017, 2020 and 2023 (`.pkl`) and of conversions to `.npz` with the same keys.

The first 300 shape directions are identity, the rest expression. Pose, joints and skinning are left out: a face in
the neutral pose needs none of them.
"""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.models import content, unpickle
from render.models.assemble import assembled, check_size, linear_block, one_line, reading
from render.morphable import ModelError, MorphableModel

KEYS = ("v_template", "f", "shapedirs")
IDENTITY = 300
"""Number of shape directions before the first of expression."""
LARGEST_FILE = 1 << 30
TEXT_PICKLE = re.compile(rb"\(d[p.]|\(lp|\(i|\(S['\"]|\([cI][\w.]+\n|[}\]](q|\.)|c[\w.]+\n[\w.]+\n")
"""First bytes of pickles of protocols 0 and 1: a container, or a name on two lines."""


def is_pickle(path: Path) -> bool:
    """Return True when the file begins with a protocol number, a container or a name of a pickle."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(200).replace(b"\r\n", b"\n")
    if head[:1] == b"\x80":
        return head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return TEXT_PICKLE.match(head) is not None


def recognises(path: Path) -> bool:
    """Return True for a pickle; no other supported face model is one."""
    return is_pickle(path)


def recognises_npz(path: Path) -> bool:
    """Return True for a zip archive that contains FLAME's arrays."""
    return {"v_template.npy", "shapedirs.npy"} <= set(content.zip_names(path))


def read(path: Path) -> MorphableModel:
    """Read the model in a pickle.

    Raises
    ------
    ModelError
        When the pickle refers to anything that a face model does not need (none of it is run), lacks the arrays, or
        is damaged in other ways than changed line ends.
    """
    with reading(path, "a FLAME pickle"):
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ModelError(f"the pickle has {size:.3g} bytes; the most are {LARGEST_FILE:.3g}")
        notes: list[str] = []
        held = _unpickled(path.read_bytes(), notes)
        if not isinstance(held, Mapping):
            raise ModelError("the pickle is not a dictionary of arrays")
        found = {key: unpickle.array(held[key]) for key in KEYS if key in held}
        arrays = {key: value for key, value in found.items() if value is not None}
        missing = [key for key in KEYS if key not in arrays]
        if missing:
            keys = one_line(", ".join(str(key) for key in held))
            raise ModelError(f"the pickle has no array {' or '.join(missing)}; it has {keys or 'nothing'}")
        return _model(path.stem, arrays, notes)


def _unpickled(data: bytes, notes: list[str]) -> Any:
    """Load a pickle; if that fails, load it with CR LF line ends changed back to LF, with a note."""
    try:
        return unpickle.loads(data)
    except Exception:
        if b"\r\n" not in data:
            raise
        fixed = unpickle.loads(data.replace(b"\r\n", b"\n"))
        notes.append("line ends in the file had been changed to CR LF; this was undone")
        return fixed


def read_npz(path: Path) -> MorphableModel:
    """Read the model in an `.npz`; errors as in `read`."""
    with reading(path, "a FLAME archive"), zipfile.ZipFile(path) as archive:
        return _model(path.stem, {key: _member(archive, key, path.stat().st_size) for key in KEYS}, [])


def _member(archive: zipfile.ZipFile, key: str, size: int) -> NDArray[Any]:
    """One array of an `.npz`; its header is checked before it is read."""
    if f"{key}.npy" not in archive.namelist():
        raise ModelError(f"the archive has no array {key}")
    with archive.open(f"{key}.npy") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(file)
        if dtype.kind not in "iuf":
            raise ModelError(
                f"{key} is stored as {dtype}, not as numbers; objects are not opened, as that would run code: "
                f"save it again as a plain array, np.asarray({key}, float), or give the .pkl"
            )
        check_size(key, shape, dtype.itemsize, size)
        count = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        data = file.read(count + 1)  # one more, so that the end is reached and the checksum is verified
    if len(data) != count:
        raise ModelError(f"{key} holds {min(len(data), count)} of the {count} bytes that its header declares")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")


def _model(name: str, arrays: Mapping[str, NDArray[Any]], notes: list[str]) -> MorphableModel:
    template, directions = arrays["v_template"], arrays["shapedirs"]
    if template.ndim != 2 or template.shape[1] != 3 or directions.shape[:2] != template.shape or directions.ndim != 3:
        raise ModelError(f"v_template is {template.shape} and shapedirs {directions.shape}; expected (V, 3), (V, 3, K)")
    rows = directions.reshape(template.size, -1).T
    # The standard deviations are folded into the directions.
    blocks = {"shape": linear_block("shapedirs", template, rows[:IDENTITY])}
    if len(rows) > IDENTITY:
        blocks["expression"] = linear_block("shapedirs", np.zeros_like(template), rows[IDENTITY:])
    notes.append("pose, joints and skinning are left out")
    return assembled(name, blocks, arrays["f"], notes)
