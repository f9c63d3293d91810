"""Reader of Wavefront OBJ files: polygons, texture coordinates, vertex colours and materials.

Normals in the file are not read: many files have wrong ones. They are computed from the surface instead.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from render.errors import MeshError
from render.meshes.assemble import PLAIN, Floats, Polygons, clean_colors, clean_uv, nothing_left, raw_mesh
from render.meshes.limits import (
    LONGEST_LINE,
    MOST_CORNERS,
    MOST_LIBRARIES,
    MOST_MATERIALS,
    MOST_TRIANGLES,
    MOST_VERTICES,
)
from render.meshes.mtl import Library, Map
from render.meshes.parts import Material, RawMesh
from render.meshes.sources import Source, as_text, check_text, lines
from render.models.assemble import one_line

UNTEXTURED = -(1 << 62)
"""Row of the texture coordinate of a corner that has none."""


@dataclass
class _Statements:
    """Contents of a file, collected statement by statement."""

    coordinates: "array[float]" = field(default_factory=lambda: array("d"))
    """x, y, z of each vertex."""
    colors: "array[float]" = field(default_factory=lambda: array("d"))
    """RGB of each vertex up to the last that has a colour."""
    uv: "array[float]" = field(default_factory=lambda: array("d"))
    counts: "array[int]" = field(default_factory=lambda: array("q"))
    """Corners of each face."""
    corners: "array[int]" = field(default_factory=lambda: array("q"))
    """Vertex of each corner, from 0."""
    uv_corners: "array[int]" = field(default_factory=lambda: array("q"))
    materials: "array[int]" = field(default_factory=lambda: array("q"))
    """Number of the material of each face; see `names`."""
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    """Number of each material by its name."""
    libraries: dict[str, None] = field(default_factory=dict)
    material: int = 0
    triangles: int = 0
    left_out: int = 0
    """Number of points, lines, curves and free-form surfaces, which are left out."""

    def vertex(self, words: list[str], _: str) -> None:
        """Add the vertex of `v x y z`, with an optional w or RGB colour after it."""
        values = [float(word) for word in words[1:]]
        if len(values) < 3:
            raise ValueError
        if len(values) >= 6:
            self.colors.extend([1.0] * (len(self.coordinates) - len(self.colors)))
            self.colors.extend(values[3:6])
        self.coordinates.extend(values[:3])
        if len(self.coordinates) > 3 * MOST_VERTICES:
            raise MeshError(f"it has more than {MOST_VERTICES} vertices (simplify it first)")

    def coordinate(self, words: list[str], _: str) -> None:
        """Add the texture coordinate of `vt u v`; v is optional."""
        self.uv.append(float(words[1]))
        self.uv.append(float(words[2]) if len(words) > 2 else 0.0)
        if len(self.uv) > 6 * MOST_TRIANGLES:
            raise MeshError(f"it has more than {3 * MOST_TRIANGLES} texture coordinates (simplify it first)")

    def face(self, words: list[str], _: str) -> None:
        """Add the face of `f`, whose corners are `vertex/texture/normal`, the last two optional."""
        count = len(words) - 1
        if count > MOST_CORNERS:
            raise MeshError(f"a face has {count} corners; the most are {MOST_CORNERS}")
        vertices, uvs = len(self.coordinates) // 3, len(self.uv) // 2
        for word in words[1:]:
            parts = word.split("/")
            self.corners.append(_place(parts[0], vertices))
            self.uv_corners.append(_place(parts[1], uvs) if len(parts) > 1 and parts[1] else UNTEXTURED)
        self.counts.append(count)
        self.materials.append(self.material)
        self.triangles += max(1, count - 2)
        if self.triangles > MOST_TRIANGLES:
            raise MeshError(f"it has more than {MOST_TRIANGLES} triangles (simplify it first)")

    def use(self, _: list[str], line: str) -> None:
        """Set the material of the following faces (`usemtl`)."""
        self.material = self.names.setdefault(_rest(line), len(self.names))
        if len(self.names) > MOST_MATERIALS:
            raise MeshError(f"it uses more than {MOST_MATERIALS} materials (simplify it first)")

    def library(self, _: list[str], line: str) -> None:
        """Add a material library (`mtllib`), up to `limits.MOST_LIBRARIES`."""
        if len(self.libraries) < MOST_LIBRARIES:
            self.libraries[_rest(line)] = None

    def other(self, *_: object) -> None:
        """Count a statement that is not part of a polygon surface, and leave it out."""
        self.left_out += 1


def _place(word: str, count: int) -> int:
    """Convert an index of a face, from 1 or, when negative, from the end so far, to one from 0."""
    place = int(word)
    if place > 0:
        return min(place, 1 << 60) - 1
    if place == 0:
        raise MeshError("a face refers to vertex 0; the first is 1")
    if place < -count:
        raise MeshError(f"a face refers to the vertex {-max(place, -(1 << 60))} before it, and there are {count}")
    return count + place


def _rest(line: str) -> str:
    _, _, rest = line.strip().replace("\t", " ").partition(" ")
    return as_text(rest.strip())


def read(source: Source) -> RawMesh:
    """Read the mesh in the file.

    Raises
    ------
    MeshError
        When a line is damaged, an index of a face is out of range, or there is no face.
    """
    data = check_text(source.content(), "OBJ")
    found = _parse(source, data)
    positions = np.asarray(found.coordinates).reshape(-1, 3)
    if not found.counts:
        raise MeshError(nothing_left(len(positions), "points or lines, and no faces" if found.left_out else "no faces"))
    if found.left_out:
        source.warn(f"{found.left_out} points, lines or curves are left out")
    polygons = Polygons(positions, np.asarray(found.counts), np.asarray(found.corners), _colors(source, found))
    polygons.materials = np.asarray(found.materials)
    _texture_places(source, found, polygons)
    return raw_mesh(source, polygons, _materials(source, found, polygons))


def _parse(source: Source, data: bytes) -> _Statements:
    found = _Statements()
    actions: dict[str, Callable[[list[str], str], None]] = {
        "v": found.vertex,
        "vt": found.coordinate,
        "f": found.face,
        "fo": found.face,  # an old name of f
        "usemtl": found.use,
        "mtllib": found.library,
    }
    actions |= dict.fromkeys(("p", "l", "curv", "curv2", "surf"), found.other)
    ends = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
    unended = 0 if data.endswith((b"\n", b"\r")) else ends + 1
    for number, line in _joined(data):
        words = line.split()
        action = actions.get(words[0]) if words else None
        if action is None:
            continue
        if "#" in line and words[0] in ("v", "vt", "f"):
            words = line.partition("#")[0].split()
        if words[0] == "f" and number == unended:
            if _cut_short(words):
                source.warn(f"the file ends inside a face in line {number}, which is left out; it may be cut short")
                continue
            source.warn("its last line has no end; if the file was cut short there, the last face is wrong")
        try:
            action(words, line)
        except MeshError as error:
            raise MeshError(f"line {number}: {error}") from error
        except (ValueError, IndexError) as error:
            raise MeshError(f"line {number} cannot be read: {one_line(line, 60)!r}") from error
    return found


def _joined(data: bytes) -> Iterator[tuple[int, str]]:
    """Numbered lines of a file; a line that ends in a backslash is joined with the next."""
    held = ""
    for number, line in lines(data):
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            held += line[:-1] + " "
            if len(held) > LONGEST_LINE:
                raise MeshError(f"line {number}, with those it continues, has more than {LONGEST_LINE} characters")
            continue
        yield number, held + line if held else line
        held = ""
    if held:
        yield number, held


def _cut_short(words: list[str]) -> bool:
    """Test if the last line stops inside a face: under 3 corners, or a last one with other slashes than the first."""
    return (
        len(words) < 4
        or words[-1].endswith("/") != words[1].endswith("/")
        or words[-1].count("/") != words[1].count("/")
    )


def _colors(source: Source, found: _Statements) -> Floats | None:
    if not found.colors:
        return None
    rest = np.ones(len(found.coordinates) - len(found.colors))
    return clean_colors(source, np.concatenate([np.asarray(found.colors), rest]).reshape(-1, 3))


def _texture_places(source: Source, found: _Statements, polygons: Polygons) -> None:
    """Set the texture coordinates of the polygons; raise MeshError when an index is out of range."""
    rows, count = np.asarray(found.uv_corners), len(found.uv) // 2
    named = rows != UNTEXTURED
    if not named.any():
        return
    if not count:
        source.warn("its faces refer to texture coordinates, and the file has none")
        return
    if rows.max() >= count:
        raise MeshError(f"a face refers to texture coordinate {rows.max() + 1}, and there are {count}")
    polygons.uv, polygons.uv_corners = clean_uv(source, np.asarray(found.uv).reshape(-1, 2)), np.where(named, rows, -1)


def _materials(source: Source, found: _Statements, polygons: Polygons) -> list[Material]:
    """Material of each name, loaded only where a face uses it."""
    library = Library(source)
    for name in found.libraries:
        _open_library(library, name)
    of_faces = set(found.materials)
    used = {name: k for name, k in found.names.items() if name and k in of_faces}
    materials = [PLAIN] * len(found.names)
    if not library.entries:
        if used and not found.libraries:
            source.warn(f"it has no library for its {len(used)} materials; they have the default colour")
        return materials
    for name, k in used.items():
        materials[k], used_map = library.material(name)
        if used_map is not None and (used_map.scale, used_map.offset) != ((1.0, 1.0), (0.0, 0.0)):
            _move(polygons, k, used_map)
    return materials


def _open_library(library: Library, name: str) -> None:
    """Add the libraries of one `mtllib` line: one whose name has blanks, or several."""
    source, words = library.source, name.split()
    if len(words) > 1:
        try:
            source.find(name, source.path.parent)
        except MeshError:
            for word in words[:MOST_LIBRARIES]:
                library.add(word)
            return
    library.add(name.strip('"'))


def _move(polygons: Polygons, material: int, used_map: Map) -> None:
    """Give the corners of one material their own texture coordinates, scaled and shifted as its map requires."""
    if polygons.uv is None or polygons.uv_corners is None or polygons.materials is None:
        return
    own = np.repeat(polygons.materials == material, polygons.counts) & (polygons.uv_corners >= 0)
    rows, place = np.unique(polygons.uv_corners[own], return_inverse=True)
    moved = polygons.uv[rows] * used_map.scale + used_map.offset
    polygons.uv_corners[own] = len(polygons.uv) + place.reshape(-1)
    polygons.uv = np.concatenate([polygons.uv, moved])
