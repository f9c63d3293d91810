"""Bounded cache of meshes by name: made on first use, the least recently used ones dropped first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from render.meshes.cache import nbytes
from render.scene import Mesh

Name = TypeVar("Name", bound=Hashable)


class MeshLibrary(Generic[Name]):
    """Cache of meshes, limited in bytes, that threads may share.

    Parameters
    ----------
    make : function
        Returns the mesh of a name. Called once at a time for each name; other names do not wait.
    most_bytes : int
        Most bytes of the stored meshes. The mesh used last is stored in any case.
    """

    def __init__(self, make: Callable[[Name], Mesh], most_bytes: int) -> None:
        self._make, self._most = make, most_bytes
        self._kept: OrderedDict[Name, Mesh] = OrderedDict()
        self._making: dict[Name, threading.Lock] = {}
        self._lock = threading.Lock()
        self.held_bytes = 0
        """Bytes of the meshes stored now."""

    def __call__(self, name: Name) -> Mesh:
        """Return the mesh of a name, made if necessary; after an error of `make` the name may be tried again."""
        with self._lock:
            if (mesh := self._take(name)) is not None:
                return mesh
            making = self._making.setdefault(name, threading.Lock())
        with making:
            with self._lock:
                if (mesh := self._take(name)) is not None:  # another thread made it meanwhile
                    return mesh
            try:
                mesh = self._make(name)
                with self._lock:
                    self._keep(name, mesh)
            finally:
                with self._lock:
                    self._making.pop(name, None)
        return mesh

    def _take(self, name: Name) -> Mesh | None:
        mesh = self._kept.get(name)
        if mesh is not None:
            self._kept.move_to_end(name)
        return mesh

    def _keep(self, name: Name, mesh: Mesh) -> None:
        if (old := self._kept.pop(name, None)) is not None:  # made twice, after a first failure
            self.held_bytes -= nbytes(old)
        self._kept[name] = mesh
        self.held_bytes += nbytes(mesh)
        while self.held_bytes > self._most and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self.held_bytes -= nbytes(old)
