"""Face models by name or file. A new layout needs one module here and one line in `READERS`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from render.content.head import procedural
from render.models import bfm2017, flame, ict, matlab
from render.models.assemble import reading
from render.models.content import describe
from render.models.save import save_bfm2017 as save_bfm2017
from render.morphable import ModelError, MorphableModel


@dataclass(frozen=True)
class Reader:
    """One layout of face models. Layouts are identified by content, never by file name."""

    name: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path], MorphableModel]
    licence: str
    """Hint on the terms of use, for display; the files themselves do not contain them."""


BASEL = "Basel Face Model: research use under a signed licence; do not redistribute the model"
FLAME = "FLAME: research use only, no redistribution; FLAME 2023 Open is CC-BY-4.0"
OTHERS = "the terms of the publisher of the file"

READERS = {
    reader.name: reader
    for reader in (
        Reader("BFM 2017/2019 (HDF5)", bfm2017.recognises, bfm2017.read, f"{BASEL}; other files: {OTHERS}"),
        Reader("statismo (HDF5)", bfm2017.recognises_statismo, bfm2017.read_statismo, OTHERS),
        Reader("BFM 2009 (MATLAB)", matlab.recognises_bfm2009, matlab.read_bfm2009, BASEL),
        Reader(
            "LSFM (MATLAB)",
            matlab.recognises_lsfm,
            matlab.read_lsfm,
            "LSFM: non-commercial research on request; no redistribution",
        ),
        Reader("FLAME (pickle)", flame.recognises, flame.read, FLAME),
        Reader("FLAME (npz)", flame.recognises_npz, flame.read_npz, FLAME),
        Reader("ICT FaceXModel (folder)", ict.recognises, ict.read, "ICT-FaceKit light model: MIT"),
    )
}
"""Every layout by name, in the order in which they are tried."""


def identify(path: Path) -> Reader:
    """Return the reader of the file or folder at `path`.

    Raises
    ------
    ModelError
        When no reader recognises it; the message describes the file and lists the known layouts.
    """
    if not path.exists():
        raise ModelError(f"no face model at {path}; give a file or folder, or `procedural` for the built-in head")
    with reading(path, "a face model"):
        for reader in READERS.values():
            if reader.recognises(path):
                return reader
        raise ModelError(f"this is {describe(path)}; the supported face models are {', '.join(READERS)}")


def open_model(source: str) -> MorphableModel:
    """Return the built-in head for `procedural`, else read the model in the file or folder `source`.

    Raises
    ------
    ModelError
        When the file does not exist, no reader recognises it, or its reader refuses it.
    """
    if source == "procedural":
        return procedural()
    path = Path(source)
    return identify(path).read(path)
