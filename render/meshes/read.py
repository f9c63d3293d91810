"""Meshes from files. A new format is one module here and one line in `READERS`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from render.errors import MeshError
from render.meshes import gltf, obj, off, ply, stl
from render.meshes.parts import RawMesh
from render.meshes.sources import Source, reading

READERS: dict[str, tuple[str, Callable[[Source], RawMesh]]] = {
    ".obj": ("an OBJ file", obj.read),
    ".gltf": ("a glTF file", gltf.read),
    ".glb": ("a GLB file", gltf.read),
    ".ply": ("a PLY file", ply.read),
    ".stl": ("an STL file", stl.read),
    ".off": ("an OFF file", off.read),
}
"""Readers by the suffix of the file's name, in any case: an OBJ file has no signature."""


def read_mesh(path: Path, root: Path | None = None) -> RawMesh:
    """The mesh in a file, in the file's own axes and units, with its materials.

    trimesh reads most of these formats too, and is what the tests compare with. It is not used here: it loads
    damaged files in silence (an OBJ cut in half, an OFF whose faces it takes for vertices), asks for as much memory
    as a file declares, follows references anywhere, and places glTF nodes by BLAS, whose last bits differ from one
    machine to the next.

    Parameters
    ----------
    path : Path
        Its name's end says what it is; see `READERS`.
    root : Path, optional
        The folder of the collection. Textures, buffers and material libraries are read from it and below, never from
        elsewhere; without it, from the file's own folder and below.

    Returns
    -------
    RawMesh
        With a warning for everything that was left out or replaced.

    Raises
    ------
    MeshError
        When there is no such file, it is no mesh, or it cannot be read right.
    """
    if path.suffix.lower() not in READERS:
        raise MeshError(f"{path}: no mesh is known by the end of this name; known are {', '.join(READERS)}")
    layout, read = READERS[path.suffix.lower()]
    if not path.exists():
        raise MeshError(f"there is no mesh at {path}")
    with reading(path, layout):
        source = Source(path, (root or path.parent).resolve())
        return replace(read(source), files=tuple(source.files))
