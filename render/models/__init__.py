"""Face models by name or file. A new format is one module here and one line in `READERS`."""

from pathlib import Path

from render.models import bfm2017
from render.models.procedural import procedural
from render.morphable import ModelError, MorphableModel

READERS = {
    "BFM 2017/2019 (HDF5)": (bfm2017.recognises, bfm2017.read),
}
"""Format name to (recognises(path) -> bool, read(path) -> MorphableModel). Told apart by content."""


def open_model(source: str) -> MorphableModel:
    """The built-in head for `procedural`, else the model in the file or folder `source`.

    Raises
    ------
    ModelError
        When there is no such file, no reader knows it, or its reader refuses it.
    """
    if source == "procedural":
        return procedural()
    path = Path(source)
    if not path.exists():
        raise ModelError(f"no face model at {source}; give a file, or `procedural` for the built-in head")
    for recognises, read in READERS.values():
        if recognises(path):
            return read(path)
    raise ModelError(f"{source} is none of the face models known here: {', '.join(READERS)}")
