"""The visible surface of one mesh at a pose, in cells of all planes: covered, cut out, textured. One call per frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.cpu.raster import FULL, clear, cover, make_cells, project
from render.cpu.texturing import cut, paint
from render.scene import Mesh
from render.texture import Skin


class VisibleSurface:
    """The cells and the projected vertices of one mesh, reused from frame to frame.

    Parameters
    ----------
    mesh : Mesh
    shape : (rows, columns)
        Samples.
    grey : bool
        Whether the first plane of the albedo holds its luminance.
    """

    def __init__(self, mesh: Mesh, shape: tuple[int, int], *, grey: bool) -> None:
        self.mesh, self._grey = mesh, grey
        self.cells, self.columns = make_cells(*shape, FULL), shape[1]
        self.touched = (0, 0, 0, 0)
        """Rows [first, last) and tiles [low, high) that are not background."""
        vertices = len(mesh.positions)
        self.x, self.y = np.empty(vertices, np.int32), np.empty(vertices, np.int32)
        self.w = np.empty(vertices, np.float32)
        self._attributes = np.concatenate([mesh.normals, mesh.albedo], axis=1)
        self._positions = np.ascontiguousarray(mesh.positions.T)
        # Unsigned indices spare the kernels the check for negative ones.
        self.triangles: NDArray[Any] = mesh.triangles.view(np.uint32)

    def draw(self, matrix: NDArray[np.float32], offset: NDArray[np.float32], centre: NDArray[np.float32]) -> None:
        """Fill the cells at one pose; the arguments are those of `render.cpu.raster.project`."""
        mesh, x, y, w = self.mesh, self.x, self.y, self.w
        clear(self.cells, self.touched)
        project(self._positions, matrix, offset, centre, x, y, w)
        whole = self.triangles if mesh.skin is None else self.triangles[: mesh.skin.whole]
        self.touched = cover(whole, x, y, w, self._attributes, mesh.two_sided, self.columns, self.cells)
        if mesh.skin is not None:
            self._dress(mesh.skin)

    def _dress(self, skin: Skin) -> None:
        """Rasterise the triangles with holes, and apply all textures."""
        triangles, x, y, w, textures = self.triangles, self.x, self.y, self.w, skin.textures
        known = skin.uv, skin.index, textures.texels, textures.levels, textures.wrap
        if skin.whole < len(triangles):
            first, seen, two_sided = skin.whole, self.touched, self.mesh.two_sided
            self.touched = cut(
                first, triangles, x, y, w, self._attributes, *known, two_sided, self.columns, self.cells, seen
            )
        paint(triangles, x, y, w, *known, self._grey, self.cells, self.touched)
