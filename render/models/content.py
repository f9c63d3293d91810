"""Description of unknown files and folders by their first bytes and inner names, for error messages."""

import zipfile
from pathlib import Path

import h5py

from render.models import hdf5, matfile
from render.models.assemble import one_line

MAGIC = {
    b"version https://git-lfs": "a git-LFS pointer instead of the file itself (fetch it with `git lfs pull`)",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
    b"\xfd7zXZ": "an xz archive (unpack it first)",
    b"BZh": "a bzip2 archive (unpack it first)",
    b"7z\xbc\xaf": "a 7z archive (unpack it first)",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "a single numpy array",
    b"\x80": "a Python pickle",
}
LFS = b"version https://git-lfs"


def describe(path: Path) -> str:
    """Describe the file or folder at `path` in a few words on one line; no content of a file raises an error."""
    if path.is_dir():
        return f"a folder with {_listed(sorted(entry.name for entry in path.iterdir())) or 'nothing in it'}"
    if not path.is_file():
        return "neither a file nor a folder"
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return "an empty file"
    if hdf5.is_hdf5(path):
        return f"an HDF5 file{' (MATLAB 7.3: save it with -v7)' if head[:6] == b'MATLAB' else ''}{_groups(path)}"
    if matfile.is_matlab(path):
        names = _listed(sorted(matfile.variables(path)))
        return f"a MATLAB file with {f'the variables {names}' if names else 'no variables that can be listed'}"
    if head[:2] == b"PK":
        return f"a zip archive with {_listed(zip_names(path)) or 'nothing that can be listed (cut short?)'}"
    if head[257:262] == b"ustar":
        return "a tar archive (unpack it first)"
    return next((words for magic, words in MAGIC.items() if head.startswith(magic)), None) or _first_bytes(head)


def zip_names(path: Path) -> list[str]:
    """Return the names in a zip archive; an empty list for other or damaged files."""
    if not path.is_file():
        return []
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return []
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
        return []


def _groups(path: Path) -> str:
    try:
        with h5py.File(path, "r") as file:
            return f" with {_listed(sorted(file)) or 'nothing in it'}"
    except (OSError, RuntimeError, KeyError, ValueError):
        return " that cannot be listed (cut short?)"


def _first_bytes(head: bytes) -> str:
    text = head[:60].decode("utf-8", "replace")
    if text.isprintable() or (
        text.isascii() and text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
    ):
        return f"a text file that begins {one_line(text, 40)!r}"
    return f"a file that begins with the bytes {head[:8].hex(' ')}"


def _listed(names: list[str], most: int = 6) -> str:
    shown = ", ".join(one_line(name, 40) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
