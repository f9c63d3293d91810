"""The files under a store, in a folder or at an fsspec URL.

zarr handles groups, arrays and attributes; this module adds what zarr does not offer: sizes, hashes, removal, locks,
and the certainty that bytes are on the disk.
"""

import errno
import itertools
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from dataset.errors import StoreError

STALE_AFTER = 86_400.0
"""Seconds after which a temporary file belongs to no running process."""


NO_LOCKS = {errno.EWOULDBLOCK, errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
"""Errors of a file system that has no such locks, or whose lock another process holds."""


class StoreFiles:
    """Files by their name under the store's root."""

    def __init__(self, url: str) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreError(f"{url} cannot be opened as a folder or an fsspec URL: {error}") from error
        self.root = root.rstrip("/")
        self.local = isinstance(self._fs, LocalFileSystem)

    def path(self, name: str) -> str:
        """Full path of a file under the root."""
        return f"{self.root}/{name}"

    def size(self, name: str) -> int:
        """Bytes of a file, or -1 where there is none."""
        if self.local:
            try:
                return Path(self.path(name)).stat().st_size
            except OSError:
                return -1
        try:
            self._fs.invalidate_cache(self.path(name))
            return int(self._fs.info(self.path(name))["size"])
        except FileNotFoundError:
            return -1

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every file under a folder, by name, from one listing; one request a file would take minutes."""
        top = self.path(folder)
        self._fs.invalidate_cache()
        try:
            found = self._fs.find(top, detail=True)
        except FileNotFoundError:
            return {}
        return {name[len(self.root) + 1 :]: int(entry["size"]) for name, entry in found.items()}

    def read(self, name: str) -> bytes:
        """All bytes of a file."""
        return self._fs.cat_file(self.path(name))

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file durably; on a disk, under a temporary name first."""
        if not self.local:
            self._fs.pipe_file(self.path(name), data)
            return
        target = Path(self.path(name))
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            _sync(temporary)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)  # a full disk wants its space back
            raise
        _sync(target.parent)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(self.path(name))

    def make_durable(self, name: str) -> None:
        """Return once the file and its name are on the disk (an object store's put already is)."""
        if self.local:
            _sync(Path(self.path(name)))
            _sync(Path(self.path(name)).parent)

    def append_lines(self, name: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Add JSON lines to a log; on an object store, where nothing can be appended, the log is rewritten."""
        lines = "".join(json.dumps(record, sort_keys=True) + "\n" for record in records)
        if self.local:
            with Path(self.path(name)).open("a", encoding="utf-8") as file:
                file.write(lines)
            return
        before = self.read(name) if self.size(name) >= 0 else b""
        self._fs.pipe_file(self.path(name), before + lines.encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Prevent other processes on this machine from creating or growing arrays at the same time.

        The lock is on the root folder itself: nothing is left behind, and the kernel drops it with the process.
        """
        with _flocked(self.root if self.local else None, shared=False):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold a shared lock while shards are written: as long as any process does, temporary files may be in use.

        The lock is on the root group's metadata, which is written once.
        """
        with _flocked(self.path("zarr.json") if self.local else None, shared=True):
            yield

    def sweep_partials(self, folder: str) -> int:
        """Remove temporary files that a killed run left under `folder`, or in one of those that it lies in.

        While other runs are writing, those of the last day stay: they may be in use.

        Returns the number removed. Call it under the lock, and not while writing.
        """
        if not self.local:
            return 0
        with _flocked(self.path("zarr.json"), shared=False, wait=False) as alone:
            before = time.time() - (0 if alone else STALE_AFTER)
            removed, lowest, root = 0, Path(self.path(folder)), Path(self.path(""))
            above = [parent for parent in lowest.parents if parent.is_relative_to(root)]
            for partial in itertools.chain(lowest.rglob("*.partial"), *(parent.glob("*.partial") for parent in above)):
                with suppress(FileNotFoundError):
                    if alone or partial.stat().st_mtime < before:
                        partial.unlink()
                        removed += 1
        return removed


def _sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _flocked(path: str | None, *, shared: bool, wait: bool = True) -> Iterator[bool]:
    """Hold a lock on a file or folder that exists; yields True where it is held, False where there are no locks."""
    try:
        import fcntl  # Windows has none, and goes without
    except ImportError:
        path = None
    if path is None:
        yield False
        return
    try:
        handle = os.open(path, os.O_RDWR)  # network file systems want it open for writing
    except OSError:
        handle = os.open(path, os.O_RDONLY)  # a folder cannot be
    try:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            yield False
        else:
            yield True
    finally:
        os.close(handle)
