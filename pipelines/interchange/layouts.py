"""The layouts that can be imported, and which of them a folder has."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.interchange import aubry, folder, torch_faces
from pipelines.interchange.errors import SourceError
from pipelines.interchange.source import Choices, Source

ARCHIVES = (".tar", ".tgz", ".gz", ".zip", ".7z", ".rar")


@dataclass(frozen=True)
class Layout:
    """One way in which images and what they show are kept."""

    looks_like: str
    """For people."""
    find: Callable[[Path], Path | None]
    """Where it begins, at or under a place; None where it is not there."""
    open: Callable[[Path, Choices, int], Source]
    """Its batches, found with so many threads."""


LAYOUTS: dict[str, Layout] = {
    "aubry": Layout("rendered_chairs/ID/renders/image_*_p*_t*_r*.png", aubry.find, aubry.open_chairs),
    "torch7": Layout("th_AZ_VARIED/FT_training/batch1 and so on", torch_faces.find, torch_faces.open_faces),
    "csv": Layout("pictures and one .csv file with a column file", folder.find, folder.open_table),
}


def recognise(source: Path, wanted: str) -> tuple[str, Path]:
    """Name of the layout and where it begins; `wanted` is a name, or `auto` for the first that is there.

    Raises
    ------
    SourceError
        When nothing is there, or none of the layouts.
    """
    if not source.exists():
        raise SourceError(f"there is no {source}")
    for name in LAYOUTS if wanted == "auto" else (wanted,):
        found = LAYOUTS[name].find(source)
        if found is not None:
            return name, found
    if source.is_file() and source.suffix.lower() in ARCHIVES:
        raise SourceError(f"{source} is an archive; unpack it, and give the folder")
    expected = LAYOUTS if wanted == "auto" else {wanted: LAYOUTS[wanted]}
    known = "; ".join(f"{name}: {layout.looks_like}" for name, layout in expected.items())
    raise SourceError(f"{source} has no layout that is known here. Expected one of {known}")
