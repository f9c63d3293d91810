"""From the files of a collection to prepared meshes, each converted once and stored in the user's cache directory.

A converted mesh is known by the content of every file that it was read from, by its axes and by what converted it,
never by its path.
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
"""Raised whenever a change moves a vertex, a normal or a texel; it goes into every store of meshes."""


@dataclass(frozen=True)
class Converted:
    """Properties of a converted mesh."""

    files: Mapping[str, str]
    """SHA-256 of every file that it was read from, by its path in the folder."""
    geometry: str
    """Hash of the shape alone."""
    up: str
    front: str | None
    axes_from: str
    """`option`, `layout`, `format` or `guess`: how the less certain of both axes is known."""
    warnings: tuple[str, ...]


def convert(folder: Path, file: MeshFile) -> Converted:
    """Read a mesh of a collection, prepare it for rendering, and store the result.

    Raises
    ------
    MeshError
        It is no mesh, or not one that can be drawn right.
    """
    raw = read_mesh(folder / file.path, folder)
    up, front = file.up, file.front
    if up is None or front is None:
        guessed = guess_axes(raw, up)
        up, front = up or guessed.up, front or guessed.front
    prepared = prepare(raw, up, front)
    files = {path.relative_to(folder.resolve()).as_posix(): _sha256(path) for path in raw.files}
    cache.save(drawable(prepared), kept_at(files, up, front))
    known = "guess" if "guess" in (file.up_by, file.front_by) else file.front_by
    return Converted(files, geometry_hash(prepared), up, front, known, prepared.warnings)


def converted(folder: Path, path: str, files: Mapping[str, str], up: str, front: str | None) -> Mesh:
    """A mesh that was converted before: from the cache, or again from its files, which must still be the same.

    Parameters
    ----------
    folder : Path
    path : str
        Of the mesh's file in the folder.
    files, up, front
        What `convert` said.

    Raises
    ------
    MeshError
        When a file is missing or has changed; it is named.
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
    place = kept_at(files, up, front)
    mesh = cache.load(place)
    if mesh is None:
        mesh = drawable(prepare(read_mesh(folder / path, folder), up, front))
        cache.save(mesh, place)
    return mesh


def kept_at(files: Mapping[str, str], up: str, front: str | None) -> Path:
    """The file of a converted mesh; its name depends on Pillow, whose versions reduce textures differently."""
    decisive = {"conversion": CONVERSION, "files": sorted(files.values()), "up": up, "front": front}
    decisive["Pillow"] = PIL.__version__
    number = hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
    return directory() / "meshes" / number[:2] / f"{number[:32]}.mesh"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
