"""Readers of the face models in MATLAB files: the Basel Face Model 2009 and the Large Scale Facial Model (LSFM).

BFM 2009 (`01_MorphableModel.mat`) has lengths in micrometres and colours 0..255. Its arrays called EV are standard
deviations, not eigenvalues. LSFM (`.mat` as menpo3d reads it) has a shape only.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from render.models import matfile
from render.models.assemble import assembled, linear_block, reading
from render.morphable import Block, ModelError, MorphableModel

BFM2009 = ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV", "tl")
"""Variables of a BFM 2009 file that are read."""
LSFM = ("mean", "components", "eigenvalues", "trilist")
"""Variables of an LSFM file that are read."""


def recognises_bfm2009(path: Path) -> bool:
    """Return True for a MATLAB file that contains the mean shape of BFM 2009."""
    return matfile.is_matlab(path) and "shapeMU" in matfile.variables(path)


def read_bfm2009(path: Path) -> MorphableModel:
    """Read a BFM 2009 file.

    Raises
    ------
    ModelError
        When variables are missing or do not fit one another.
    """
    with reading(path, "a BFM 2009 file"):
        arrays = matfile.load(path, BFM2009)
        shape = linear_block("shape", arrays["shapeMU"].reshape(-1), arrays["shapePC"].T, arrays["shapeEV"])
        colour = linear_block("tex", arrays["texMU"].reshape(-1), arrays["texPC"].T, arrays["texEV"])
        # Only mean and sigma have the scale 0..255; the columns are unit directions.
        albedo = Block(colour.mean / np.float32(255), colour.basis, colour.sigma / np.float32(255))
        cells = arrays["tl"]
        if cells.ndim != 2 or cells.shape[1] != 3:
            raise ModelError(f"tl has shape {cells.shape}; expected (T, 3)")
        # 1-based, of any number type, and counter-clockwise from inside the head.
        faces = cells.astype(np.float64)[:, [1, 0, 2]] - 1
        return assembled(path.stem, {"shape": shape, "albedo": albedo}, faces, [])


def recognises_lsfm(path: Path) -> bool:
    """Return True for a MATLAB file that contains components and their eigenvalues."""
    return matfile.is_matlab(path) and {"components", "eigenvalues"} <= matfile.variables(path).keys()


def read_lsfm(path: Path) -> MorphableModel:
    """Read an LSFM file.

    Raises
    ------
    ModelError
        When variables are missing or do not fit one another.
    """
    with reading(path, "an LSFM file"):
        arrays = matfile.load(path, LSFM)
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
