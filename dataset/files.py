"""The files under a store, wherever they are: a folder or an fsspec URL.

zarr reads and writes the arrays; this reaches past it for what zarr does not offer: sizes, hashes, removal, a lock,
and the certainty that bytes are on the disk.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from dataset.errors import StoreError

STALE_AFTER = 86_400.0
"""Seconds after which a temporary file is nobody's."""


class StoreFiles:
    """Files by their name under the store's root."""

    def __init__(self, url: str) -> None:
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreError(f"{url} is no place that can be opened: {error}") from error
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

    def read(self, name: str) -> bytes:
        """All bytes of a file."""
        return self._fs.cat_file(self.path(name))

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(self.path(name))

    def make_durable(self, name: str) -> None:
        """Return once the file and its name are on the disk (an object store's put already is)."""
        if self.local:
            for path in (Path(self.path(name)), Path(self.path(name)).parent):
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def append_line(self, name: str, record: dict[str, Any]) -> None:
        """Add one JSON line to a log. On an object store, where nothing can be appended, rewrite it."""
        line = json.dumps(record, sort_keys=True) + "\n"
        if self.local:
            with Path(self.path(name)).open("a", encoding="utf-8") as file:
                file.write(line)
            return
        before = self.read(name) if self.size(name) >= 0 else b""
        self._fs.pipe_file(self.path(name), before + line.encode())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes on this machine from creating or growing arrays at the same time.

        The lock is on the root folder itself: nothing is left behind, and the kernel drops it with the process.
        """
        if not self.local:
            yield
            return
        try:
            import fcntl  # Windows has none, and goes without the lock
        except ImportError:
            yield
            return
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def sweep_partials(self, folder: str) -> int:
        """Remove temporary files that a killed run left under `folder`; those younger than a day may be in use.

        Returns the number removed. Call it under the lock.
        """
        if not self.local:
            return 0
        now, removed = time.time(), 0
        for partial in Path(self.path(folder)).rglob("*.partial"):
            with suppress(FileNotFoundError):
                if now - partial.stat().st_mtime > STALE_AFTER:
                    partial.unlink()
                    removed += 1
        return removed
