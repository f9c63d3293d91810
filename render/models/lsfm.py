"""Reader of the Large Scale Facial Model (LSFM, `.mat` as menpo3d reads it): shape only."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.models import matfile
from render.models.assemble import assembled, linear_block, reading
from render.morphable import ModelError, MorphableModel

NAMES = ("mean", "components", "eigenvalues", "trilist")


def recognises(path: Path) -> bool:
    """Return True for a MATLAB file that contains components and their eigenvalues."""
    return matfile.is_matlab(path) and {"components", "eigenvalues"} <= matfile.variables(path).keys()


def read(path: Path) -> MorphableModel:
    """Read the model in the file.

    Raises
    ------
    ModelError
        When variables are missing or do not fit one another.
    """
    with reading(path, "an LSFM file"):
        arrays = matfile.load(path, NAMES)
        notes: list[str] = []
        # The mean is an interleaved vector; files with the shape (V, 3) have the same row order.
        mean = arrays["mean"].reshape(-1)
        variances = arrays["eigenvalues"].astype(np.float64).reshape(-1)
        shape = linear_block("shape", mean, _rows(arrays["components"], mean.size), np.sqrt(variances))
        return assembled(path.stem, {"shape": shape}, _cells(arrays["trilist"], len(shape.mean), notes), notes)


def _rows(components: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """(K, 3V) from (3V, K), the published orientation, or from (K, 3V)."""
    if components.ndim != 2 or size not in components.shape:
        raise ModelError(f"components has shape {components.shape}; expected ({size}, K)")
    return components.T if components.shape[0] == size else components


def _cells(cells: NDArray[np.generic], vertices: int, notes: list[str]) -> NDArray[np.float64]:
    """Convert triangles to 0-based ones; a list that runs from 1 to V counts from 1, as MATLAB does."""
    exact = cells.astype(np.float64)
    if exact.size and exact.min() == 1 and exact.max() == vertices:
        notes.append("trilist counts from 1; it is shifted to count from 0")
        exact = exact - 1
    return exact
