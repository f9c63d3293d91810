"""Reading of mesh files. A new format needs one module here and one line in `READERS`."""

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
"""Name and reader of each format by suffix, in lower case; the content of an OBJ file does not identify it."""


def read_mesh(path: Path, root: Path | None = None) -> RawMesh:
    """Read the mesh in a file, in the file's own axes and units, with its materials.

    trimesh reads most of these formats too, and the tests compare with it. It is not used here: it loads damaged
    files without an error (an OBJ cut in half, an OFF whose faces it takes for vertices), allocates as much memory as
    a file declares, follows references to any folder, and places glTF nodes by BLAS, whose last bits differ from one
    machine to the next.

    Parameters
    ----------
    path : Path
        The mesh file; its suffix determines the format, see `READERS`.
    root : Path, optional
        The folder of the collection; default: the folder of the file. Textures, buffers and material libraries are
        read only from there and below.

    Returns
    -------
    RawMesh
        The parts, with a warning for everything that was left out or replaced.

    Raises
    ------
    MeshError
        When the file does not exist, is not a mesh, or cannot be read correctly.
    """
    if path.suffix.lower() not in READERS:
        raise MeshError(f"{path}: unknown suffix of a mesh file; known are {', '.join(READERS)}")
    layout, read = READERS[path.suffix.lower()]
    if not path.exists():
        raise MeshError(f"there is no mesh at {path}")
    with reading(path, layout):
        source = Source(path, (root or path.parent).resolve())
        return replace(read(source), files=tuple(source.files))
