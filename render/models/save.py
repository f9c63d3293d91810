"""Writer of the HDF5 layout of the Basel Face Model 2017, for other tools and for `bfm2017.read`."""

import json
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from render.morphable import Block, MorphableModel

GROUPS = {"shape": "shape", "albedo": "color", "expression": "expression"}
"""Group in the file for each name of a block."""
METRES = {"um": 1e-6, "mm": 1e-3, "cm": 1e-2, "dm": 1e-1, "m": 1.0}


def save_bfm2017(model: MorphableModel, path: str | os.PathLike[str]) -> None:
    """Write the model to `path`, under a temporary name first.

    Means are (3V,), bases (3V, K) with unit columns, as in version 0.9 of the layout; variances are float64, so that
    their roots are the sigmas to the last bit. Landmarks are vertices of the reference mesh, which is the mean.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.partial")
    try:
        with h5py.File(temporary, "w") as file:
            for name, group in GROUPS.items():
                if name in model.blocks:
                    _write_block(file.create_group(group), model.blocks[name], model)
            file["version/majorVersion"], file["version/minorVersion"] = np.int32(0), np.int32(9)
            file["metadata/landmarks/json"] = json.dumps(_landmarks(model))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _write_block(group: Any, block: Block, model: MorphableModel) -> None:
    """Write one of shape, color, expression: its linear model and its reference mesh."""
    group["model/mean"] = block.mean.reshape(-1)
    group["model/pcaBasis"] = np.ascontiguousarray(block.basis.reshape(block.components, -1).T)
    group["model/pcaVariance"] = np.square(block.sigma.astype(np.float64))
    group["model/noiseVariance"] = np.float32(0)
    group["version/majorVersion"], group["version/minorVersion"] = np.int32(0), np.int32(9)
    group["representer/points"] = np.ascontiguousarray(model.mean.T)
    group["representer/cells"] = np.ascontiguousarray(model.triangles.T)
    if model.unit in METRES:
        group["representer/length-unit"] = METRES[model.unit]
    group["representer"].attrs["datasetType"] = "POLYGON_MESH"


def _landmarks(model: MorphableModel) -> list[dict[str, Any]]:
    """List of landmark ids with coordinates on the reference mesh, as the layout requires."""
    return [
        {"id": name, "coordinates": [float(x) for x in model.mean[index]]} for name, index in model.landmarks.items()
    ]
