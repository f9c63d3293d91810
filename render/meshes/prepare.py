"""Preparation of a raw mesh for rendering: change of axes, unit size, cleaning, smooth normals."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes.axes import USUAL_FRONT, parse_axis, turned
from render.meshes.creases import corner_normals, face_vectors
from render.meshes.parts import RawMesh
from render.meshes.weld import distinct

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CELL = 2.0**-17
"""Cell size, relative to the radius; vertices in one cell are at one position. Far below a pixel, above rounding."""
LEAST_AREA = 1e-10
"""Least area of a triangle, relative to the squared radius."""
OPAQUE = -1
"""Texture number of triangles without a texture."""


class Texture(NamedTuple):
    """A texture image with its wrap modes and alpha cut; see `Material`."""

    rgba: NDArray[np.uint8]
    wrap: tuple[str, str]
    cut_below: float | None


@dataclass(frozen=True)
class PreparedMesh:
    """One mesh in right-handed axes: +x the viewer's right, +y up, +z the front, toward the viewer.

    Its bounding box is centred on the origin, and its farthest vertex is at distance 1 from there.
    """

    positions: NDArray[np.float32]
    """(V, 3), at most 1 from the origin."""
    normals: NDArray[np.float32]
    """(V, 3) unit vectors, on the side from which the triangles are counter-clockwise."""
    albedo: NDArray[np.float32]
    """(V, 3) RGB, 0..1, display-referred: the material's colour times the part's own. A texture multiplies it."""
    uv: NDArray[np.float32] | None
    """(V, 2), v = 0 at the bottom; None when nothing is textured."""
    triangles: NDArray[np.int32]
    """(T, 3) vertex indices. Windings of neighbours agree; closed surfaces are counter-clockwise from outside."""
    texture: NDArray[np.int16]
    """(T,) index into `textures`, or -1."""
    textures: tuple[Texture, ...]
    label: NDArray[np.uint8]
    """(V,) value in the region channel, 0..255."""
    warnings: tuple[str, ...] = ()
    """Warnings of the reader, and of the preparation."""


@dataclass
class _Soup:
    """All parts in one: vertices with their attributes, triangles with their texture numbers."""

    positions: Floats
    albedo: NDArray[np.float32]
    uv: NDArray[np.float32]
    label: NDArray[np.uint8]
    triangles: Ints
    texture: NDArray[np.int16]

    def kept(self, triangles: NDArray[np.bool_] | Ints) -> "_Soup":
        """Return a copy with the selected triangles only (a mask or indices)."""
        return _Soup(
            self.positions, self.albedo, self.uv, self.label, self.triangles[triangles], self.texture[triangles]
        )


def prepare(raw: RawMesh, up: str, front: str | None = None) -> PreparedMesh:
    """Convert a raw mesh to one that can be rendered.

    Triangles without area are left out, and so are copies of a triangle, with either winding: of copies, the first
    with a texture remains, or else the first. Normals are smooth within the crease angle of `creases`; they do not
    depend on the file's windings, which are made to agree.

    Parameters
    ----------
    raw : RawMesh
    up, front : str
        Axes of the file, such as `+z`. The default front depends on up: -y for ±z, else +z.

    Raises
    ------
    MeshError
        When the names of the axes are wrong or both lie along one axis, or no triangle has an area.
    """
    up = parse_axis(up)
    front = USUAL_FRONT[up] if front is None else parse_axis(front)
    notes = list(raw.warnings)
    textures: list[Texture] = []
    soup = _joined(raw, textures, notes)
    soup.positions = turned(soup.positions, up, front)
    soup.positions = _unit_size(soup.positions, soup.triangles)
    soup = _cleaned(soup, notes)
    # The triangles that were left out may have extended farther than the rest.
    soup.positions = _unit_size(soup.positions, soup.triangles)
    return _finished(soup, tuple(textures), tuple(notes))


def _joined(raw: RawMesh, textures: list[Texture], notes: list[str]) -> _Soup:
    """Concatenate the parts; their textures are added to `textures`, each once."""
    numbers: dict[tuple[int, tuple[str, str], float | None], int] = {}
    soups, vertices = [], 0
    for part in raw.parts:
        count, shape = len(part.positions), (len(part.positions), 3)
        color = np.array(part.material.color, np.float32)
        number, uv = OPAQUE, np.zeros((count, 2), np.float32)
        if part.material.texture is not None and part.uv is None:
            notes.append("a part has a texture and no texture coordinates; the mean colour of the texture is used")
            color = color * _mean_color(part.material.texture)
        elif part.material.texture is not None and part.uv is not None:
            found = Texture(part.material.texture, part.material.wrap, part.material.cut_below)
            number = numbers.setdefault((id(found.rgba), found.wrap, found.cut_below), len(numbers))
            if number == len(textures):
                textures.append(found)
            uv = part.uv
        albedo = np.broadcast_to(color, shape) if part.colors is None else color * part.colors
        label = np.full(count, part.label, np.uint8)
        triangles = part.triangles.astype(np.int64) + vertices
        texture = np.full(len(triangles), number, np.int16)
        soups.append(_Soup(part.positions, albedo, uv, label, triangles, texture))
        vertices += count
    names = ("positions", "albedo", "uv", "label", "triangles", "texture")
    return _Soup(*(np.concatenate([getattr(soup, name) for soup in soups]) for name in names))


def _mean_color(rgba: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = rgba.reshape(-1, 4)[:, :3]
    return (pixels.sum(axis=0, dtype=np.int64) / (255 * len(pixels))).astype(np.float32)


def _unit_size(positions: Floats, triangles: Ints) -> Floats:
    """Centre the bounding box of the triangles on the origin and scale their farthest vertex to distance 1.

    The box is scaled to about 1 before anything is squared, so that a chair in micrometres far from the origin and
    one of 1e20 units give the same result.
    """
    used = np.zeros(len(positions), bool)
    used[triangles.reshape(-1)] = True
    low, high = positions[used].min(axis=0), positions[used].max(axis=0)
    half = float((high / 2 - low / 2).max())
    if not half > 0 or not np.isfinite(1 / half):
        raise MeshError("all its vertices are at one place; expected a mesh with an extent")
    centred = (positions - (low / 2 + high / 2)) / half
    x, y, z = centred[used].T
    radius = float(np.sqrt(x * x + y * y + z * z).max())
    # Unused vertices are not rendered; they are set to 0.
    return np.where(used[:, None], centred / radius, 0.0)


def _places(positions: Floats) -> Ints:
    """Numbers (V,) of positions: equal for vertices in one cell."""
    cells = np.floor(positions / CELL + 0.5).astype(np.int64)
    return distinct(*cells.T)[1]


def _cleaned(soup: _Soup, notes: list[str]) -> _Soup:
    """Leave out triangles without area, and all but one of each set of copies, with a note."""
    places = _places(soup.positions)[soup.triangles]
    a, b, c = places.T
    x, y, z = face_vectors(soup.positions, soup.triangles).T
    flat = (a == b) | (b == c) | (c == a) | (x * x + y * y + z * z <= (2 * LEAST_AREA) ** 2)
    if flat.all():
        raise MeshError("none of its triangles has an area")
    if flat.any():
        notes.append(f"{int(flat.sum())} triangles without area are left out")
    soup, places = soup.kept(~flat), places[~flat]
    # Textured triangles first, so that of copies the first one remains.
    order = np.argsort(soup.texture == OPAQUE, kind="stable")
    first, _ = distinct(*np.sort(places[order], axis=1).T)
    kept = np.sort(order[first])
    if len(kept) < len(places):
        notes.append(f"{len(places) - len(kept)} copies of triangles are left out")
    return soup.kept(kept)


def _finished(soup: _Soup, textures: tuple[Texture, ...], notes: tuple[str, ...]) -> PreparedMesh:
    """Add normals, and split vertices so that each has one position, normal, colour and texture coordinate."""
    places = _places(soup.positions)
    triangles, normals, group = corner_normals(soup.positions, soup.triangles, places)
    corners = triangles.reshape(-1)
    uv = np.ascontiguousarray(soup.uv + np.float32(0)).view(np.int64)[:, 0]
    albedo = np.ascontiguousarray(soup.albedo + np.float32(0))
    looks = distinct(places, uv, *albedo.T, soup.label)[1]
    first, index = distinct(looks[corners], group.reshape(-1))
    chosen = corners[first]
    return PreparedMesh(
        positions=soup.positions[chosen].astype(np.float32),
        normals=normals.reshape(-1, 3)[first].astype(np.float32),
        albedo=albedo[chosen],
        uv=soup.uv[chosen] if textures else None,
        triangles=index.reshape(-1, 3).astype(np.int32),
        texture=soup.texture,
        textures=textures,
        label=soup.label[chosen],
        warnings=notes,
    )
