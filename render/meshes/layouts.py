"""Listing of the meshes of a collection, with the axes, category, split and licence that its folder layout implies.

Files are recognised by their path, without being opened. Known layouts, at any depth: ShapeNetCore v1 and v2,
ModelNet10 and 40, 3D-FUTURE. Every other mesh file is listed too. Axes that neither layout nor format defines are
None, for `guess.guess_axes`.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from render.errors import MeshError
from render.meshes.axes import parse_axis
from render.meshes.limits import LARGEST_LIBRARY
from render.meshes.read import READERS
from render.meshes.sources import limited

Known = Literal["option", "layout", "format", "guess"]
SYNSETS = {
    "02818832": "bed",
    "02828884": "bench",
    "03001627": "chair",
    "03636649": "lamp",
    "04256520": "sofa",
    "04379243": "table",
}
"""Names of some of ShapeNet's categories; the others have their number as name."""
FUTURE_INDEX, FUTURE_MESHES = "model_info.json", ("normalized_model.obj", "raw_model.obj")
SEATS = re.compile(r"chair|stool|sofa|bench|seat", re.IGNORECASE)
"""Categories of 3D-FUTURE that are listed; its other furniture is in the same folder."""
LICENCE = re.compile(r"(licen[cs]e|copying|unlicense)", re.IGNORECASE)
README_START = 1 << 16


@dataclass(frozen=True)
class MeshFile:
    """One mesh of a collection."""

    id: str
    """The collection's own name of the object, or the path without its suffix."""
    path: PurePosixPath
    """Path relative to the folder that was searched."""
    layout: str
    up: str | None
    """Axis of the file, such as `+y`; None if it has to be guessed."""
    front: str | None
    up_by: Known
    """Origin of the up axis."""
    front_by: Known
    """Origin of the front axis."""
    category: str | None = None
    split: str | None = None
    """`train` or `test`, if the collection defines a split."""
    licence: PurePosixPath | None = None
    """The nearest licence or readme file, relative to the folder that was searched."""


class _Found(NamedTuple):
    """Facts that follow from the path of a file."""

    layout: str
    id: str
    up: str | None = None
    front: str | None = None
    category: str | None = None
    split: str | None = None


def find_meshes(folder: Path, up: str | None = None, front: str | None = None) -> list[MeshFile]:
    """List the meshes in a folder and below it, sorted by path.

    Hidden files and folders, those of macOS archives, and unreadable ones are skipped; links to folders are not
    followed, so that no mesh is listed twice.

    Parameters
    ----------
    folder : Path
        A collection, a part of one, or a folder of collections.
    up, front : str, optional
        Axes of every file here; they override those of layout and format.

    Raises
    ------
    MeshError
        When the folder does not exist or is a file, or the name of an axis is unknown.
    """
    if _is_file(folder):
        raise MeshError(f"{folder} is a file; expected a folder of meshes, such as the one it is in: {folder.parent}")
    if not folder.is_dir():
        raise MeshError(f"there is no folder {folder}")
    up, front = (None if name is None else parse_axis(name) for name in (up, front))
    indices: dict[Path, dict[str, str]] = {}
    licences: dict[Path, Path | None] = {}
    found = []
    for path in sorted(_mesh_paths(folder), key=lambda path: path.parts):
        place = _place(folder.absolute() / path, indices)
        if place is None:
            continue
        licence = _licence(folder, path.parent, licences)
        found.append(_entry(path, place, up, front, licence))
    return found


def _entry(path: Path, place: _Found, up: str | None, front: str | None, licence: Path | None) -> MeshFile:
    by: Known = "format" if place.layout == "glTF" else "layout"
    if up and not front and place.front and place.front[1] == up[1]:
        place = place._replace(front=None)  # it would lie along the given up axis
    return MeshFile(
        id=place.id or path.with_suffix("").as_posix(),
        path=PurePosixPath(path.as_posix()),
        layout=place.layout,
        up=up or place.up,
        front=front or place.front,
        up_by="option" if up else by if place.up else "guess",
        front_by="option" if front else by if place.front else "guess",
        category=place.category,
        split=place.split,
        licence=None if licence is None else PurePosixPath(licence.as_posix()),
    )


def _mesh_paths(folder: Path) -> Iterator[Path]:
    """Paths, relative to the folder, of the files whose suffix is that of a mesh."""
    for name, folders, files in os.walk(folder):
        folders[:] = [sub for sub in folders if not _ignored(sub)]
        here = Path(name)
        for file in files:
            if not _ignored(file) and Path(file).suffix.lower() in READERS and _is_file(here / file):
                yield (here / file).relative_to(folder)


def _ignored(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _place(path: Path, indices: dict[Path, dict[str, str]]) -> _Found | None:
    """Facts about a file from its absolute path; None for files of a known layout that are not meshes to list."""
    parts = path.parts
    for known in (_shapenet(parts), _modelnet(parts), _future(path, indices)):
        if known is not None:
            return known if known.layout else None
    if path.suffix.lower() in (".gltf", ".glb"):
        return _Found("glTF", "", "+y", "+z")
    return _Found("folder", "")


def _shapenet(parts: tuple[str, ...]) -> _Found | None:
    """Recognise `<synset>/<id>/model.obj` and `<synset>/<id>/models/model_normalized.obj`."""
    if len(parts) >= 3 and parts[-1] == "model.obj" and re.fullmatch(r"[0-9]{8}", parts[-3]):
        return _Found("ShapeNetCore v1", parts[-2], "+y", "+x", SYNSETS.get(parts[-3], parts[-3]))
    if len(parts) >= 4 and parts[-2:] == ("models", "model_normalized.obj") and re.fullmatch(r"[0-9]{8}", parts[-4]):
        return _Found("ShapeNetCore v2", parts[-3], "+y", "-z", SYNSETS.get(parts[-4], parts[-4]))
    return None


def _modelnet(parts: tuple[str, ...]) -> _Found | None:
    """Recognise `<class>/<train or test>/<class>_<number>.off`; up is +z, and fronts are not aligned."""
    if len(parts) >= 3 and parts[-2] in ("train", "test"):
        name, number, end = parts[-1].rpartition("_")
        if name == parts[-3] and number and re.fullmatch(r"[0-9]+\.off", end):
            return _Found("ModelNet", parts[-1][: -len(".off")], "+z", None, parts[-3], parts[-2])
    return None


def _future(path: Path, indices: dict[Path, dict[str, str]]) -> _Found | None:
    """Recognise `<id>/normalized_model.obj` (or `raw_model.obj`) below a folder with `model_info.json`."""
    if path.name not in FUTURE_MESHES:
        return None
    root = path.parent.parent
    if root not in indices:
        indices[root] = _future_index(root)
    if not indices[root]:
        return None
    category = indices[root].get(path.parent.name, "")
    second = path.name != FUTURE_MESHES[0] and _is_file(path.with_name(FUTURE_MESHES[0]))
    if second or not SEATS.search(category):
        return _Found("", "")
    return _Found("3D-FUTURE", path.parent.name, "+y", None, category)


def _future_index(root: Path) -> dict[str, str]:
    """Category of each object id; empty where there is no readable index."""
    path = root / FUTURE_INDEX
    try:
        entries = json.loads(limited(path, 8 * LARGEST_LIBRARY)) if path.is_file() else []
        return {
            str(entry["model_id"]): " / ".join(str(entry.get(key) or "") for key in ("super-category", "category"))
            for entry in entries
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _licence(folder: Path, below: Path, known: dict[Path, Path | None]) -> Path | None:
    """Licence file of a folder, or of the nearest one above it, up to the folder that is searched."""
    if below not in known:
        own = _licence_in(folder, below)
        known[below] = own or (_licence(folder, below.parent, known) if below != below.parent else None)
    return known[below]


def _licence_in(folder: Path, below: Path) -> Path | None:
    """File with the name of a licence, or else a readme that contains such a word."""
    try:
        names = sorted(entry.name for entry in (folder / below).iterdir() if not _ignored(entry.name))
        for name in names:
            if LICENCE.match(name) and _is_file(folder / below / name):
                return below / name
        for name in names:
            if name.lower().startswith("readme") and _is_file(folder / below / name):
                with (folder / below / name).open("rb") as file:
                    if LICENCE.search(file.read(README_START).decode("latin-1")):
                        return below / name
    except OSError:
        return None
    return None
