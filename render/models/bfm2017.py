"""Reader of the Basel Face Model 2017 and 2019 (`.h5`, statismo's "gravis" layout) and of files like them.

Two writers exist, a C++ and a Scala one, and they disagree on how scalars, strings and orientations are stored;
`_first`, `_text` and `_rows` take every flavour.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from render.morphable import Block, ModelError, MorphableModel

MOST_VERTICES, MOST_COMPONENTS = 2_000_000, 2_000
"""Sizes beyond these are refused before anything is read: a file can declare what no machine can hold."""
BLOCKS = {"shape": "shape", "color": "albedo", "expression": "expression"}
"""Group in the file to the name of the block."""
UNITS = ((2e4, "um"), (60.0, "mm"), (6.0, "cm"), (0.8, "dm"), (0.05, "m"))
"""Smallest plausible bounding box of a head, largest side first, in each unit."""


def recognises(path: Path) -> bool:
    """Whether the file is HDF5 with a statismo model in it."""
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return "shape/model" in file
    except OSError:
        return True  # HDF5 by its first bytes, then broken: `read` says so in words


def read(path: Path) -> MorphableModel:
    """The model in the file.

    Raises
    ------
    ModelError
        When the file is truncated, or its arrays do not fit one another.
    """
    try:
        with h5py.File(path, "r") as file:
            return _read(file, path)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise ModelError(
            f"{path} cannot be read as a BFM 2017 file; it may be cut short ({error})"
        ) from error


def _read(file: Any, path: Path) -> MorphableModel:
    blocks = {ours: _block(file[theirs], theirs) for theirs, ours in BLOCKS.items() if theirs in file}
    if "albedo" not in blocks:
        raise ModelError("there is no color group; this reader needs shape and color")
    points, triangles = _reference(file["shape/representer"], len(blocks["shape"].mean))
    notes: list[str] = []
    unit = _unit(file, blocks["shape"].mean, notes)
    return MorphableModel(
        name=path.stem,
        blocks=blocks,
        triangles=triangles,
        unit=unit,
        landmarks=_landmarks(file, points, notes),
        notes=tuple(notes),
    )


def _block(group: Any, name: str) -> Block:
    """Mean, unit basis and standard deviations of one group."""
    model = group["model"]
    mean, basis, variance = model["mean"], model["pcaBasis"], model["pcaVariance"]
    size, components = int(np.prod(mean.shape)), int(np.prod(variance.shape))
    if size % 3 or not 0 < size <= 3 * MOST_VERTICES or not 0 < components <= MOST_COMPONENTS:
        raise ModelError(f"{name} declares {size} coordinates and {components} components")
    if basis.shape != (size, components):
        raise ModelError(
            f"{name}/model/pcaBasis is {basis.shape}; mean and variance ask for {(size, components)}"
        )
    variances = np.asarray(variance[()], np.float64).reshape(-1)
    if not (variances >= 0).all():
        raise ModelError(f"{name}/model/pcaVariance holds negative or undefined values")
    columns = np.ascontiguousarray(np.asarray(basis[()], np.float32).T)
    means = np.asarray(mean[()], np.float32).reshape(-1, 3)
    sigma = np.sqrt(variances)
    if _scaled_by_sigma(group):
        # Version 0.8 stores U sqrt(variance): bring the columns back to unit length.
        lengths = np.sqrt(np.square(columns, dtype=np.float64).sum(axis=1))
        columns /= np.where(lengths > 0, lengths, 1)[:, None].astype(np.float32)
    if name == "color" and means.max() > 2:
        means, sigma = means / np.float32(255), sigma / 255
    return Block(means, columns.reshape(components, -1, 3), sigma.astype(np.float32))


def _scaled_by_sigma(group: Any) -> bool:
    """Whether the basis has the standard deviations in it: version 0.8, or none at all."""
    version = group.get("version") or group.file.get("version")
    if version is None or "majorVersion" not in version:
        return True
    major, minor = (int(_first(version[key])) for key in ("majorVersion", "minorVersion"))
    return (major, minor) < (0, 9)


def _reference(group: Any, vertices: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Reference points (V, 3) and triangles (T, 3), planar or, in legacy files, row by row."""
    legacy = "reference-mesh" in group
    points = group["reference-mesh/vertex-coordinates" if legacy else "points"]
    cells = group["reference-mesh/triangle-list" if legacy else "cells"]
    if max(*points.shape, *cells.shape) > 6 * MOST_VERTICES:
        raise ModelError(f"the reference mesh declares points {points.shape} and cells {cells.shape}")
    xyz, triangles = _rows(points[()], legacy), _rows(cells[()], legacy).astype(np.int64)
    if len(xyz) != vertices:
        raise ModelError(f"the reference mesh has {len(xyz)} points, the mean {vertices}")
    if not len(triangles) or triangles.min() < 0 or triangles.max() >= vertices:
        raise ModelError(f"the triangles name vertices outside 0 to {vertices - 1}")
    return xyz.astype(np.float32), triangles.astype(np.int32)


def _rows(array: NDArray[Any], legacy: bool) -> NDArray[Any]:
    """(n, 3) from (3, n) or (n, 3); a 3 x 3 array is read as its layout's own orientation."""
    if array.ndim != 2 or 3 not in array.shape:
        raise ModelError(f"the reference mesh has an array of shape {array.shape}; expected (3, n)")
    planar = array.shape[0] == 3 and not (legacy and array.shape[1] == 3)
    return np.ascontiguousarray(array.T if planar else array)


def _unit(file: Any, mean: NDArray[np.float32], notes: list[str]) -> str:
    """The unit the file names, else the one in which the mean would be the size of a head."""
    length = file.get("shape/representer/length-unit")
    if length is not None:
        return {0.001: "mm", 0.01: "cm", 1.0: "m"}.get(round(float(_first(length)), 6), "mm")
    largest = float(np.ptp(mean, axis=0).max())
    unit = next((unit for least, unit in UNITS if largest > least), "mm")
    notes.append(f"no length unit in the file; {unit} guessed from a largest side of {largest:g}")
    return unit


def _landmarks(file: Any, points: NDArray[np.float32], notes: list[str]) -> dict[str, int]:
    """Vertex ids of the named landmarks: they lie on the reference mesh, not on the mean."""
    if "metadata/landmarks/json" in file:
        entries = json.loads(_text(file["metadata/landmarks/json"]))
        named = {str(e["id"]): e["coordinates"] for e in entries if isinstance(e, Mapping)}
    elif "metadata/landmarks/text" in file:
        lines = [line.split() for line in _text(file["metadata/landmarks/text"]).splitlines()]
        named = {w[0]: [float(x) for x in w[2:5]] for w in lines if len(w) >= 5}
    else:
        notes.append("no landmarks in the file; the whole mean is framed as the head")
        return {}
    return {
        name: int(np.square(points - np.asarray(at, np.float32)).sum(axis=1).argmin())
        for name, at in named.items()
    }


def _first(dataset: Any) -> Any:
    """The scalar in a dataset of shape () or (1,)."""
    return np.ravel(dataset[()])[0]


def _text(dataset: Any) -> str:
    """The string in a dataset of bytes, str or int8, up to its first NUL."""
    value = dataset[()]
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu":
        value = value.tobytes()
    value = value if isinstance(value, bytes | str) else np.ravel(value)[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.split("\0", 1)[0]
