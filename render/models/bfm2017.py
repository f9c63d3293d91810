"""Reader of the Basel Face Model 2017 and 2019 (`.h5`, statismo's "gravis" layout) and of files like them.

General statismo files (one shape model at the root) have the same groups and are read here too.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from render.models import hdf5
from render.models.assemble import (
    MOST_COMPONENTS,
    MOST_VERTICES,
    NO_LANDMARKS,
    assembled,
    linear_block,
    one_line,
    reading,
)
from render.morphable import Block, ModelError, MorphableModel

BLOCKS = {"shape": "shape", "color": "albedo", "expression": "expression"}
"""Name of the block for each group of the file."""
LENGTHS = {1e-6: "um", 1e-3: "mm", 1e-2: "cm", 1e-1: "dm", 1.0: "m"}
"""Name of the unit for each length in metres."""
MOST_LANDMARKS = 1000


def recognises(path: Path) -> bool:
    """Return True for an HDF5 file that contains `shape/model`."""
    return _has(path, "shape/model")


def recognises_statismo(path: Path) -> bool:
    """Return True for an HDF5 file with one model at its root."""
    return _has(path, "model/pcaBasis")


def _has(path: Path, name: str) -> bool:
    if not hdf5.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return hdf5.child(file, name) is not None
    except (OSError, RuntimeError, KeyError, ValueError):
        return True  # damaged after the HDF5 signature: `read` raises an error with the reason


def read(path: Path) -> MorphableModel:
    """Read the model in the file.

    Raises
    ------
    ModelError
        When the file is truncated, or its arrays do not fit one another.
    """
    with reading(path, "a BFM 2017 file"), h5py.File(path, "r") as file:
        groups = {name: group for name in BLOCKS if (group := hdf5.child(file, name)) is not None}
        blocks = {BLOCKS[name]: _block(group, name) for name, group in groups.items()}
        return _model(path.stem, file, groups["shape"], blocks)


def read_statismo(path: Path) -> MorphableModel:
    """Read the shape model at the root of the file; errors as in `read`."""
    with reading(path, "a statismo file"), h5py.File(path, "r") as file:
        return _model(path.stem, file, file, {"shape": _block(file, "shape")})


def _model(name: str, file: Any, group: Any, blocks: dict[str, Block]) -> MorphableModel:
    notes: list[str] = []
    points, cells = _reference(group, len(blocks["shape"].mean))
    unit = _unit(group, notes)
    return assembled(name, blocks, cells, notes, _landmarks(file, points, notes), unit)


def _block(group: Any, name: str) -> Block:
    """Mean, unit basis and standard deviations of one group."""
    size, components = (int(np.prod(hdf5.shape(group, f"model/{part}"))) for part in ("mean", "pcaVariance"))
    if size % 3 or not 0 < size <= 3 * MOST_VERTICES or not 0 < components <= MOST_COMPONENTS:
        raise ModelError(f"{name} declares {size} coordinates and {components} components")
    if hdf5.shape(group, "model/pcaBasis") != (size, components):
        raise ModelError(
            f"{name}/model/pcaBasis is {hdf5.shape(group, 'model/pcaBasis')}; "
            f"expected {(size, components)} from mean and variance"
        )
    variances = hdf5.numbers(group, "model/pcaVariance").astype(np.float64).reshape(-1)
    if not (variances >= 0).all():
        raise ModelError(f"{name}/model/pcaVariance holds negative or undefined values")
    mean = hdf5.numbers(group, "model/mean").reshape(-1)
    rows, sigma = hdf5.numbers(group, "model/pcaBasis").T, np.sqrt(variances)
    if _scaled_by_sigma(group):
        # Version 0.8 stores U sqrt(variance): the columns' lengths are the sigmas once more, so they are left out.
        block = linear_block(name, mean, rows)
        block = Block(block.mean, block.basis, np.where(block.sigma > 0, sigma, 0).astype(np.float32))
    else:
        block = linear_block(name, mean, rows, sigma)
    if name == "color" and block.mean.max() > 2:
        return Block(block.mean / np.float32(255), block.basis, block.sigma / np.float32(255))
    return block


def _scaled_by_sigma(group: Any) -> bool:
    """Return True when the basis is multiplied by the standard deviations: version 0.8, or no version at all."""
    for holder in (group, group.file):
        if hdf5.child(holder, "version/majorVersion") is not None:
            major, minor = (hdf5.scalar(holder, f"version/{part}Version") for part in ("major", "minor"))
            return (major, minor) < (0, 9)
    return True


def _reference(group: Any, vertices: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Reference points (V, 3) and triangles (T, 3), planar or, in legacy files, row by row."""
    legacy = hdf5.child(group, "representer/reference-mesh") is not None
    names = ("reference-mesh/vertex-coordinates", "reference-mesh/triangle-list") if legacy else ("points", "cells")
    points, cells = (_rows(hdf5.numbers(group, f"representer/{name}"), legacy) for name in names)
    if len(points) != vertices:
        raise ModelError(f"the reference mesh has {len(points)} points, the mean {vertices}")
    return points.astype(np.float32), cells


def _rows(array: NDArray[Any], legacy: bool) -> NDArray[Any]:
    """(n, 3) from (3, n) or (n, 3); a 3 x 3 array is read as its layout's own orientation."""
    if array.ndim != 2 or 3 not in array.shape:
        raise ModelError(f"the reference mesh has an array of shape {array.shape}; expected (3, n)")
    planar = array.shape[0] == 3 and not (legacy and array.shape[1] == 3)
    return np.ascontiguousarray(array.T if planar else array)


def _unit(group: Any, notes: list[str]) -> str | None:
    """Name of the file's length unit; None where it has none, or with a note where its length has no name."""
    if hdf5.child(group, "representer/length-unit") is None:
        return None
    metres = hdf5.scalar(group, "representer/length-unit")
    unit = next((unit for length, unit in LENGTHS.items() if abs(metres - length) < 0.01 * length), None)
    if unit is None:
        notes.append(f"the file's length unit of {metres:g} m is unknown")
    return unit


def _landmarks(file: Any, points: NDArray[np.float32], notes: list[str]) -> dict[str, int]:
    """Vertex indices of the landmarks by name: the vertices of the reference mesh nearest to their coordinates."""
    try:
        named = _landmark_points(file)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        notes.append(f"the file's landmarks cannot be read ({one_line(str(error), 80)}); the whole mean is framed")
        return {}
    if not named:
        notes.append(NO_LANDMARKS)
    return {name: int(np.square(points - at).sum(axis=1).argmin()) for name, at in named.items()}


def _landmark_points(file: Any) -> dict[str, NDArray[np.float32]]:
    """Coordinates (3,) by name, from the JSON list or from the older lines `name visible x y z`."""
    if hdf5.child(file, "metadata/landmarks/json") is not None:
        entries = json.loads(hdf5.text(file, "metadata/landmarks/json"))
        named = {str(e["id"]): e["coordinates"] for e in entries if isinstance(e, Mapping)}
    elif hdf5.child(file, "metadata/landmarks/text") is not None:
        lines = [line.split() for line in hdf5.text(file, "metadata/landmarks/text").splitlines()]
        named = {words[0]: words[2:5] for words in lines if len(words) >= 5}
    else:
        return {}
    if len(named) > MOST_LANDMARKS:
        raise ValueError(f"there are {len(named)} of them; the most are {MOST_LANDMARKS}")
    found = {name: np.array([float(x) for x in at], np.float32) for name, at in named.items()}
    if not all(at.shape == (3,) and np.isfinite(at).all() for at in found.values()):
        raise ValueError("a point does not have three finite coordinates")
    return found
