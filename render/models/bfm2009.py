"""Reader of the Basel Face Model 2009 (`01_MorphableModel.mat`).

Lengths are micrometres, colours 0..255. The arrays called EV are standard deviations, not eigenvalues.
"""

from pathlib import Path

import numpy as np

from render.models import matfile
from render.models.assemble import assembled, linear_block, reading
from render.morphable import Block, ModelError, MorphableModel

NAMES = ("shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV", "tl")


def recognises(path: Path) -> bool:
    """Return True for a MATLAB file that contains the model's mean shape."""
    return matfile.is_matlab(path) and "shapeMU" in matfile.variables(path)


def read(path: Path) -> MorphableModel:
    """Read the model in the file.

    Raises
    ------
    ModelError
        When variables are missing or do not fit one another.
    """
    with reading(path, "a BFM 2009 file"):
        arrays = matfile.load(path, NAMES)
        shape = linear_block("shape", arrays["shapeMU"].reshape(-1), arrays["shapePC"].T, arrays["shapeEV"])
        colour = linear_block("tex", arrays["texMU"].reshape(-1), arrays["texPC"].T, arrays["texEV"])
        # Only mean and sigma have the scale 0..255; the columns are unit directions.
        albedo = Block(colour.mean / np.float32(255), colour.basis, colour.sigma / np.float32(255))
        cells = arrays["tl"]
        if cells.ndim != 2 or cells.shape[1] != 3:
            raise ModelError(f"tl has shape {cells.shape}; expected (T, 3)")
        # 1-based, of any number type, and seen from inside the head.
        faces = cells.astype(np.float64)[:, [1, 0, 2]] - 1
        return assembled(path.stem, {"shape": shape, "albedo": albedo}, faces, [])
