"""Reading of untrusted files: sizes are checked first, and no reference in a file leads out of its collection."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from render.errors import MeshError
from render.meshes.limits import LARGEST_FILE, LONGEST_LINE, MOST_LINES, MOST_WARNINGS
from render.models.assemble import one_line
from render.models.content import MAGIC, describe

OTHER_KINDS = (*(magic for magic in MAGIC if len(magic) > 1), b"PK\x03\x04", b"\x89HDF", b"Rar!")
"""First bytes of other kinds of files that occur under the name of a mesh."""


@contextmanager
def reading(path: Path, layout: str) -> Iterator[None]:
    """Convert every exception inside to a `MeshError` of one line that names the file.

    The readers check for all defects they expect; this covers the others.
    """
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MeshError as error:
        raise MeshError(f"{path}: {one_line(str(error), 400)}") from error
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}")
        raise MeshError(f"{path} cannot be read as {layout}; it may be cut short or damaged ({why})") from error


@dataclass
class Source:
    """A mesh file being read: its folder limits, the files read so far, and the warnings so far."""

    path: Path
    root: Path
    """Folder, resolved, that no reference may leave."""
    warnings: list[str] = field(default_factory=list)
    unlisted: int = 0
    """Number of warnings beyond `MOST_WARNINGS`."""
    files: list[Path] = field(default_factory=list)
    """Files read so far, resolved."""

    def warn(self, what: str) -> None:
        """Add a warning, as one line that names the file, unless it is already there."""
        line = one_line(f"{self.path.name}: {what}", 400)
        if line in self.warnings:
            return
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(line)
        else:
            self.unlisted += 1

    def all_warnings(self) -> tuple[str, ...]:
        """Return all warnings, followed by a count of those beyond `MOST_WARNINGS`."""
        more = (f"{self.path.name}: {self.unlisted} more warnings are not shown",) if self.unlisted else ()
        return (*self.warnings, *more)

    def content(self) -> bytes:
        """Return the bytes of the mesh file itself.

        Raises
        ------
        MeshError
            When it is empty, too large, or has the first bytes of another kind of file.
        """
        data = self.read(self.path.resolve(), LARGEST_FILE)
        if not data:
            raise MeshError("this is an empty file; expected a mesh (was it downloaded whole?)")
        if data.startswith(OTHER_KINDS) or data[257:262] == b"ustar":
            raise MeshError(f"this is {describe(self.path)}; expected a {self.path.suffix[1:].upper()} file")
        return data

    def beside(self, name: str, folder: Path, most: int) -> bytes:
        """Return the bytes of the file with the path `name` relative to `folder`.

        A file whose name differs only in upper and lower case is accepted, with a warning: some file systems do not
        distinguish them.

        Raises
        ------
        MeshError
            When the path leads out of the collection, does not exist, or is a file of more than `most` bytes.
        """
        return self.read(self.find(name, folder), most)

    def read(self, path: Path, most: int) -> bytes:
        """Return the bytes of a file that `find` returned; errors as in `beside`."""
        if path not in self.files:
            self.files.append(path)
        return limited(path, most)

    def find(self, name: str, folder: Path) -> Path:
        """Return the resolved path of the file `name` relative to `folder`; errors as in `beside`."""
        try:
            found = self._walk(_relative(name), folder)
        except (OSError, RuntimeError, ValueError) as error:
            if isinstance(error, MeshError):
                raise
            raise MeshError(f"{one_line(name, 120)!r} is not the name of a file") from error
        if found is None or not found.is_file():
            raise MeshError(f"{one_line(name, 120)!r} is not there")
        return found

    def _walk(self, parts: tuple[str, ...], folder: Path) -> Path | None:
        at = self._inside(folder, parts)
        for part in parts:
            following = self._inside(at / part, parts)
            if not following.exists():
                close = sorted(entry.name for entry in at.iterdir() if entry.name.casefold() == part.casefold())
                if len(close) != 1:
                    return None
                self.warn(f"{part!r} is not there, {close[0]!r} is used instead")
                following = self._inside(at / close[0], parts)
            at = following
        return at

    def _inside(self, path: Path, parts: tuple[str, ...]) -> Path:
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root):
            raise MeshError(f"{one_line('/'.join(parts), 120)!r} leads out of {self.root}; copy the file into it")
        return resolved


def _relative(name: str) -> tuple[str, ...]:
    """Parts of a relative path with slashes of either kind; raise MeshError for an absolute path."""
    if PureWindowsPath(name).drive or name.startswith(("/", "\\")):
        raise MeshError(f"{one_line(name, 120)!r} is an absolute path; expected a file beside the mesh")
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts:
        raise MeshError("the name of a file is empty")
    return parts


def limited(path: Path, most: int) -> bytes:
    """Return the bytes of a file; raise MeshError, before anything is read, when it has more than `most`."""
    if not path.is_file():
        raise MeshError(f"{path.name!r} is {describe(path)}; expected a file")
    size = path.stat().st_size
    if size > most:
        raise MeshError(f"{path.name!r} has {size} bytes; the most are {most}")
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise MeshError(f"{path.name!r} cannot be read ({one_line(error.strerror or str(error))})") from error


def lines(data: bytes, start: int = 0) -> Iterator[tuple[int, str]]:
    """Iterate over the lines of a text, from byte `start` on, with their numbers from 1 and without line ends.

    Lines are decoded as Latin-1, which accepts every byte: only numbers and keywords matter, and `as_text` decodes
    names again.

    Raises
    ------
    MeshError
        When there are more or longer lines than `limits` allows.
    """
    stream = io.BytesIO(data)
    stream.seek(start)
    text = io.TextIOWrapper(stream, "latin-1", newline=None)
    number, rest = 0, ""
    while block := text.read(LONGEST_LINE):
        *whole, rest = (rest + block).split("\n")
        if number + len(whole) > MOST_LINES:
            raise MeshError(f"there are more than {MOST_LINES} lines")
        if len(rest) > LONGEST_LINE:
            raise MeshError(f"line {number + len(whole) + 1} has more than {LONGEST_LINE} characters")
        for line in whole:
            number += 1
            yield number, line
    if rest:
        yield number + 1, rest


def as_text(latin: str) -> str:
    """Decode a name from `lines` as UTF-8 where possible."""
    try:
        return latin.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return latin


def check_text(data: bytes, layout: str) -> bytes:
    """Return a text without its byte order mark; raise MeshError for UTF-16 and for binary data."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MeshError(f"this is UTF-16 text; save the {layout} file as UTF-8")
    if b"\0" in data[:4096]:
        raise MeshError(f"this is binary data; expected the text of an {layout} file")
    return data.removeprefix(b"\xef\xbb\xbf")
