"""Conversion of the files of a collection to drawable meshes, each once, stored in the user's cache directory.

The key of a converted mesh is the content of every file that it was read from, its axes, and the version of the
conversion, never its path.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import PIL

from render.cachedir import directory
from render.errors import MeshError
from render.meshes import cache
from render.meshes.drawable import drawable
from render.meshes.fingerprint import geometry_hash
from render.meshes.guess import guess_axes
from render.meshes.layouts import MeshFile
from render.meshes.prepare import prepare
from render.meshes.read import read_mesh
from render.scene import Mesh

CONVERSION = 1
"""Version of the conversion, raised whenever a change moves a vertex, a normal or a texel; part of every mesh store."""


@dataclass(frozen=True)
class Converted:
    """Record of one converted mesh: its files, shape and axes, and the warnings of its conversion."""

    files: Mapping[str, str]
    """SHA-256 of every file that it was read from, by its path in the folder."""
    geometry: str
    """Hash of the shape alone; see `fingerprint.geometry_hash`."""
    up: str
    front: str | None
    axes_from: str
    """Origin of the less certain of both axes: `option`, `layout`, `format` or `guess`."""
    warnings: tuple[str, ...]


def convert(folder: Path, file: MeshFile) -> Converted:
    """Read a mesh of a collection, make it drawable, and store the result in the cache.

    Parameters
    ----------
    folder : Path
        The folder of the collection.
    file : MeshFile
        The mesh, as `layouts.find_meshes` lists it.

    Raises
    ------
    MeshError
        When the file is not a mesh, or cannot be rendered correctly.
    """
    raw = read_mesh(folder / file.path, folder)
    up, front = file.up, file.front
    if up is None or front is None:
        guessed = guess_axes(raw, up)
        up, front = up or guessed.up, front or guessed.front
    prepared = prepare(raw, up, front)
    files = {path.relative_to(folder.resolve()).as_posix(): _sha256(path) for path in raw.files}
    cache.save(drawable(prepared), cache_path(files, up, front))
    known = "guess" if "guess" in (file.up_by, file.front_by) else file.front_by
    return Converted(files, geometry_hash(prepared), up, front, known, prepared.warnings)


def converted(folder: Path, path: str, files: Mapping[str, str], up: str, front: str | None) -> Mesh:
    """Load a mesh that was converted before from the cache, or convert it again from its unchanged files.

    Parameters
    ----------
    folder : Path
        The folder of the collection.
    path : str
        Path of the mesh file in the folder.
    files, up, front
        The fields of `Converted` that `convert` returned.

    Raises
    ------
    MeshError
        When a file is missing or has changed; the message names it.
    """
    for name, wanted in files.items():
        try:
            found = _sha256(folder / name)
        except OSError as error:
            raise MeshError(f"{folder / name} cannot be read ({error.strerror}); the store was made with it") from error
        if found != wanted:
            raise MeshError(
                f"{folder / name} has changed since the store was made (sha256 {found[:12]}, not {wanted[:12]}): "
                "put the old file back, or make a new store"
            )
    place = cache_path(files, up, front)
    mesh = cache.load(place)
    if mesh is None:
        mesh = drawable(prepare(read_mesh(folder / path, folder), up, front))
        cache.save(mesh, place)
    return mesh


def cache_path(files: Mapping[str, str], up: str, front: str | None) -> Path:
    """Cache path of a converted mesh; its key includes the version of Pillow, which changes reduced textures."""
    decisive = {"conversion": CONVERSION, "files": sorted(files.values()), "up": up, "front": front}
    decisive["Pillow"] = PIL.__version__
    number = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
    return directory() / "meshes" / number[:2] / f"{number[:32]}.mesh"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
