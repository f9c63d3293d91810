"""Assembly of a checked `MorphableModel` from the arrays of a file, shared by all readers.

Files differ in units, winding, scaling of the bases and colour; these are unified here, and every guess is added to
the notes.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.morphable import Block, ModelError, MorphableModel

MOST_VERTICES, MOST_COMPONENTS = 2_000_000, 2_000
"""Limits that are checked before anything is read: a file can declare more than any machine can store."""
SMALL, GROWTH = 64 << 20, 16
"""Limit of an array in bytes: SMALL, or GROWTH times the size of its file if that is more."""
UNITS = ((2e4, "um"), (60.0, "mm"), (6.0, "cm"), (0.8, "dm"), (0.05, "m"))
"""Smallest plausible bounding box of a head, largest side first, in each unit."""
SKIN = (0.72, 0.58, 0.49)
"""Albedo of a model that has no colour of its own."""
NO_LANDMARKS = "no landmarks in the file; the whole mean is framed as the head"


@contextmanager
def reading(path: Path, layout: str) -> Iterator[None]:
    """Convert every exception inside to a `ModelError` of one line that names the file.

    Libraries raise exceptions of any type for damaged files, and warn about values that the checks of `Block` refuse
    anyway.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}")
        raise ModelError(f"{path} cannot be read as {layout}; it may be cut short or damaged ({why})") from error


def one_line(text: str, most: int = 200) -> str:
    """Return `text` on one line of printable characters, cut off after `most` characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split())
    return words if len(words) <= most else words[: most - 3] + "..."


def check_size(name: str, shape: tuple[int, ...], itemsize: int, file_size: int) -> None:
    """Raise ModelError, before memory is allocated, for an array that declares far more than its file could contain."""
    declared = math.prod(shape) * itemsize
    if declared < 0 or declared > max(SMALL, GROWTH * file_size):
        raise ModelError(f"{name} declares shape {shape}, {declared:.3g} bytes, in a file of {file_size} bytes")


def linear_block(name: str, mean: NDArray[Any], rows: NDArray[Any], sigma: NDArray[Any] | None = None) -> Block:
    """Make a block from a basis whose rows may have any length; the lengths are moved into sigma.

    Parameters
    ----------
    name : str
        Name of the block in error messages.
    mean : (3V,) or (V, 3)
        Coordinates in the order x0, y0, z0, x1 and so on.
    rows : (K, 3V)
        Basis vectors. A row may be zero; its sigma is then zero.
    sigma : (K,), optional
        Standard deviations of the stored rows; default 1, for a file that contains them in the basis.

    Returns
    -------
    Block
        float32, with unit basis vectors.

    Raises
    ------
    ModelError
        When the sizes do not match or exceed the limits, or a standard deviation is negative or NaN.
    """
    size, components = mean.size, len(rows)
    if size % 3 or not 0 < size <= 3 * MOST_VERTICES or not 0 < components <= MOST_COMPONENTS:
        raise ModelError(f"{name} has {size} coordinates and {components} components")
    spread = np.ones(components) if sigma is None else np.asarray(sigma, np.float64).reshape(-1)
    if rows.shape != (components, size) or spread.shape != (components,):
        raise ModelError(f"{name} does not fit together: mean {size}, basis {rows.shape}, spread {spread.shape}")
    if not (spread >= 0).all():
        raise ModelError(f"{name} holds negative or undefined standard deviations")
    basis = np.empty((components, size), np.float32)
    lengths = np.array([_unit(row, basis[k]) for k, row in enumerate(rows)])
    return Block(
        np.ascontiguousarray(mean, np.float32).reshape(-1, 3),
        basis.reshape(components, -1, 3),
        (spread * lengths).astype(np.float32),
    )


def _unit(row: NDArray[Any], out: NDArray[np.float32]) -> float:
    """Write `row` (n,), normalised to unit length, into `out` (n,); return its length before."""
    exact = np.asarray(row, np.float64)
    length = math.sqrt(float(np.square(exact).sum()))
    if abs(length - 1) < 1e-4 or not length:
        # Unit columns that were rounded when written are not normalised again, so that their bits stay the same.
        out[:] = exact
        return 1.0 if length else 0.0
    out[:] = exact / length
    return length


def plain_albedo(colours: NDArray[np.float32]) -> Block:
    """Make an albedo block from colours (V, 3), 0..1, that is the same for every identity.

    It has one component with a standard deviation of zero: stores have one column for each coefficient, and an axis
    of length 0 would be a special case in all code that reads them.
    """
    size = colours.size
    basis = np.full((1, *colours.shape), 1 / math.sqrt(size), np.float32)
    return Block(np.ascontiguousarray(colours, np.float32), basis, np.zeros(1, np.float32))


def skin_albedo(vertices: int, notes: list[str]) -> Block:
    """Make the uniform albedo of a model without colour, and add a note about it."""
    notes.append("no colour in the file; every identity has the same plain, skin-like albedo")
    return plain_albedo(np.tile(np.array(SKIN, np.float32), (vertices, 1)))


def checked_triangles(cells: NDArray[Any], vertices: int) -> NDArray[np.int32]:
    """Convert 0-based indices (T, 3) of any number type to int32; raise ModelError when one is out of range."""
    if cells.ndim != 2 or cells.shape[1] != 3 or not len(cells) or len(cells) > 6 * MOST_VERTICES:
        raise ModelError(f"the triangles have shape {cells.shape}; expected (T, 3)")
    triangles = cells.astype(np.int64)
    if triangles.min() < 0 or triangles.max() >= vertices or not (triangles == cells).all():
        raise ModelError(f"the triangles refer to vertices outside 0 to {vertices - 1}")
    return triangles.astype(np.int32)


def guess_unit(mean: NDArray[np.float32], notes: list[str]) -> str:
    """Guess the length unit in which the mean (V, 3) has the size of a head, and add a note."""
    largest = float(np.ptp(mean, axis=0).max())
    if not 1e-3 < largest < 1e7:
        raise ModelError(f"the mean's largest side is {largest:g}, which is not the size of a head in any unit")
    unit = next((unit for least, unit in UNITS if largest > least), None)
    notes.append(
        f"no length unit in the file; {unit} guessed from a largest side of {largest:g}"
        if unit
        else f"no length unit in the file, and a largest side of {largest:g} fits none; mm assumed"
    )
    return unit or "mm"


def outward(mean: NDArray[np.float32], triangles: NDArray[np.int32], notes: list[str]) -> NDArray[np.int32]:
    """Return triangles (T, 3) whose normals point outward: reversed if most of them point to the centroid.

    A face need not be a closed surface, so its signed volume is measured from the centroid and divided by the sum of
    absolute volumes: 0.95 for a face mask, 0.67 for a head with its neck. Between -0.1 and 0.1 the direction is
    undetermined, and the triangles are not changed.
    """
    area, height = _areas(mean, triangles)
    volumes = (area * height).sum(axis=1)
    agreement = float(volumes.sum() / max(float(np.abs(volumes).sum()), 1e-30))
    if agreement >= -0.1:
        return triangles
    notes.append("the triangles were inside out (most normals pointed inward); they are reversed")
    return np.ascontiguousarray(triangles[:, [0, 2, 1]])


def check_axes(
    mean: NDArray[np.float32], triangles: NDArray[np.int32], landmarks: Mapping[str, int], notes: list[str]
) -> None:
    """Add a note for each sign that the axes are not +x subject's left, +y up, +z out of the face; change nothing.

    Landmarks are checked if there are any. The open side of the surface is checked too: the area vectors of an open
    surface add up to the missing area of its hole, so their sum points forward for a face mask and up for a head that
    is open at the neck.
    """
    at = {name: mean[index] for name, index in landmarks.items()}
    left = [p[0] for name, p in at.items() if name.startswith("left.")]
    right = [p[0] for name, p in at.items() if name.startswith("right.")]
    if left and right and np.mean(left) <= np.mean(right):
        notes.append("the left landmarks lie at smaller x than the right ones: the model may be mirrored")
    nose, chin = at.get("center.nose.tip"), at.get("center.chin.tip")
    if nose is not None and chin is not None and chin[1] >= nose[1]:
        notes.append("the chin lies above the nose: the model may not be +y up")
    area, _ = _areas(mean, triangles)
    total = np.linalg.norm(area, axis=1).sum()
    direction = area.sum(axis=0) / max(float(total), 1e-30)
    if min(direction[1], direction[2]) < -0.35 or abs(direction[0]) > 0.35:
        x, y, z = direction
        notes.append(f"the surface faces toward ({x:.2f}, {y:.2f}, {z:.2f}): the model may not be +y up and +z forward")


def assembled(
    name: str,
    blocks: Mapping[str, Block],
    cells: NDArray[Any],
    notes: list[str],
    landmarks: Mapping[str, int] | None = None,
    unit: str | None = None,
) -> MorphableModel:
    """Make the model: triangles outward, the unit guessed where the file has none, and the axes checked.

    Parameters
    ----------
    name : str
        Name of the model.
    blocks : mapping of name to Block
        Without an albedo, every identity has the same skin colour.
    cells : (T, 3)
        0-based vertex indices of any number type.
    notes : list of str
        Notes of the reader; those found here are added.
    landmarks : mapping of name to vertex index, optional
        None where the layout has no landmarks.
    unit : str, optional
        Length unit of the file: `um`, `mm`, `cm`, `dm` or `m`.

    Raises
    ------
    ModelError
        When an index is out of range or the mean does not have the size of a head in any unit.
    """
    mean = blocks["shape"].mean
    if "albedo" not in blocks:
        blocks = {**blocks, "albedo": skin_albedo(len(mean), notes)}
    unit = unit or guess_unit(mean, notes)
    triangles = outward(mean, checked_triangles(cells, len(mean)), notes)
    if landmarks is None:
        notes.append(NO_LANDMARKS)
    check_axes(mean, triangles, landmarks or {}, notes)
    return MorphableModel(name, blocks, triangles, unit, landmarks or {}, notes=tuple(notes))


def _areas(mean: NDArray[np.float32], triangles: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Area vectors and centres of the triangles, both (T, 3); centres are relative to the centroid of all vertices."""
    exact = mean.astype(np.float64)
    a, b, c = (exact[triangles[:, k]] - exact.mean(axis=0) for k in range(3))
    return np.cross(b - a, c - a) / 2, (a + b + c) / 3
