"""Reader of the material libraries (`.mtl`) of OBJ files."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from render.errors import MeshError
from render.meshes.assemble import PLAIN
from render.meshes.limits import LARGEST_LIBRARY, LARGEST_PICTURE, MOST_MATERIALS
from render.meshes.parts import Material
from render.meshes.pictures import HALF, Picture, Pictures, texture
from render.meshes.sources import Source, as_text, lines

OPTIONS = {"-blendu": 1, "-blendv": 1, "-cc": 1, "-clamp": 1, "-texres": 1, "-imfchan": 1, "-type": 1, "-bm": 1}
"""Options of a map that take a fixed number of words, with that number."""
VECTORS = {"-s": 3, "-o": 3, "-t": 3, "-mm": 2, "-boost": 1}
"""Options of a map that take numbers, with their greatest number."""


@dataclass
class Map:
    """The file name and the options of one `map_` line."""

    name: str
    clamp: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass
class Entry:
    """One material of a library, with the values of its statements."""

    folder: Path
    """Folder that the names of its maps are relative to."""
    color: tuple[float, float, float] | None = None
    opacity: float = 1.0
    color_map: Map | None = None
    opacity_map: Map | None = None


@dataclass
class Library:
    """The materials of all libraries of one OBJ file, and the pictures they share."""

    source: Source
    entries: dict[str, Entry] = field(default_factory=dict)
    pictures: Pictures = field(default_factory=Pictures)
    opened: dict[Path, Picture | str] = field(default_factory=dict)
    """For each file: the decoded picture, or the reason why it cannot be used."""

    def add(self, name: str) -> bool:
        """Read the library `name`; return False, with a warning, when it cannot be read."""
        folder = self.source.path.parent
        try:
            path = self.source.find(name, folder)
            self._parse(self.source.read(path, LARGEST_LIBRARY), path.parent)
        except MeshError as error:
            self.source.warn(f"the material library is left out: {error}")
            return False
        return True

    def _parse(self, data: bytes, folder: Path) -> None:
        entry = Entry(folder)
        for _, line in lines(data.removeprefix(b"\xef\xbb\xbf")):
            key, _, rest = line.replace("\t", " ").strip().partition(" ")
            key, rest = key.lower(), as_text(rest.strip())
            if key == "newmtl":
                entry = self.entries.setdefault(rest, Entry(folder))
                if len(self.entries) > MOST_MATERIALS:
                    raise MeshError(f"it has more than {MOST_MATERIALS} materials")
            else:
                _set(entry, key, rest)

    def material(self, name: str) -> tuple[Material, Map | None]:
        """Return the material `name`, and the map whose scale and offset apply to its texture coordinates, or None.

        Missing or damaged items are replaced, with a warning: an unknown material by the default one, a picture by
        the material's colour.
        """
        if name not in self.entries:
            self.source.warn(f"the material {name!r} is in no library; the default one is used")
            return PLAIN, None
        entry = self.entries[name]
        plain = PLAIN if entry.color is None else Material(entry.color)
        if entry.color_map is None and entry.opacity_map is None:
            if entry.opacity < 1:
                self.source.warn(f"the material {name!r} is transparent; it is rendered opaque")
            return plain, None
        image = self._image(entry, name)
        if image is None:
            return plain, None
        surface = texture(image, HALF)
        if entry.opacity < 1 or surface.invisible:
            self.source.warn(f"the material {name!r} is transparent; it is rendered opaque")
        used = entry.color_map or entry.opacity_map
        assert used is not None
        wrap = ("clamp", "clamp") if used.clamp else ("repeat", "repeat")
        return Material(self._under(entry, name), surface.rgba, wrap, surface.cut_below), used

    def _under(self, entry: Entry, name: str) -> tuple[float, float, float]:
        """Colour (RGB, 0..1) that multiplies the texture: Kd, or white where a black Kd would hide the texture."""
        if entry.color_map is None:
            return entry.color or PLAIN.color
        if entry.color is None:
            return 1.0, 1.0, 1.0
        if not any(entry.color):
            self.source.warn(f"the material {name!r} has a texture under a black colour, which is ignored")
            return 1.0, 1.0, 1.0
        return entry.color

    def _image(self, entry: Entry, name: str) -> Picture | None:
        color = None if entry.color_map is None else self._open(entry.color_map, entry.folder, name)
        mask = None if entry.opacity_map is None else self._open(entry.opacity_map, entry.folder, name)
        if mask is None or (color is None and entry.color_map is not None):
            return color
        color = color or Picture(np.full_like(mask.whole, 255), None, 1.0, 1.0)
        try:
            return self.pictures.masked(color, mask)
        except MeshError as error:
            self.source.warn(f"the transparency of material {name!r} is left out: {error}")
            return color

    def _open(self, wanted: Map, folder: Path, material: str) -> Picture | None:
        image = self._found(wanted, folder)
        if isinstance(image, str):
            self.source.warn(f"the texture of material {material!r} is left out, its colour is used: {image}")
            return None
        return image

    def _found(self, wanted: Map, folder: Path) -> Picture | str:
        try:
            path = self.source.find(wanted.name, folder)
        except MeshError as error:
            return str(error)
        if path not in self.opened:
            try:
                self.opened[path] = self.pictures.open(self.source.read(path, LARGEST_PICTURE))
            except MeshError as error:
                self.opened[path] = f"{path.name!r}: {error}"
        return self.opened[path]


def _set(entry: Entry, key: str, rest: str) -> None:
    """Set the attribute of the material that one statement defines; statements without effect on colour are ignored."""
    words = rest.split()
    if key == "kd":
        entry.color = _color(words)
    elif key in ("d", "tr") and words:
        value = _number(words[-1])  # `d -halo 0.5`
        if value is not None:
            opacity = value if key == "d" else 1 - value
            entry.opacity = min(entry.opacity, min(1.0, max(0.0, opacity)))
    elif key == "map_kd":
        entry.color_map = parse_map(rest)
    elif key == "map_d":
        entry.opacity_map = parse_map(rest)


def _number(word: str) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if abs(value) < 1e6 else None


def _color(words: list[str]) -> tuple[float, float, float] | None:
    """Colour from one grey or three RGB values; None (the default colour) for spectra, XYZ, and invalid numbers."""
    values = [value for word in words[:3] if (value := _number(word)) is not None]
    if len(values) == 1:
        values *= 3
    if len(values) != 3:
        return None
    r, g, b = (min(1.0, max(0.0, value)) for value in values)
    return r, g, b


def parse_map(rest: str) -> Map | None:
    """Parse the options and the file name of a `map_` line; the name may hold blanks. Return None without a name.

    >>> parse_map("-clamp on -s 2 2 1 dark oak.png")
    Map(name='dark oak.png', clamp=True, scale=(2.0, 2.0), offset=(0.0, 0.0))
    """
    found = Map("")
    while rest.startswith("-"):
        option, _, after = rest.partition(" ")
        option = option.lower()
        if option not in OPTIONS and option not in VECTORS:
            break
        values, rest = _take(after.strip(), OPTIONS.get(option, 0), VECTORS.get(option, 0))
        if option == "-clamp":
            found.clamp = values[:1] == ["on"]
        elif option in ("-s", "-o") and values:
            u, v = float(values[0]), float(values[1]) if len(values) > 1 else (1.0 if option == "-s" else 0.0)
            if option == "-s":
                found.scale = u, v
            else:
                found.offset = u, v
    found.name = rest.strip().strip('"')
    return found if found.name else None


def _take(rest: str, words: int, numbers: int) -> tuple[list[str], str]:
    """Values of an option, and the rest of the line."""
    values: list[str] = []
    while rest and (len(values) < words or (len(values) < numbers and _number(rest.split(None, 1)[0]) is not None)):
        value, _, rest = rest.partition(" ")
        values.append(value)
        rest = rest.strip()
    return values, rest
