"""Materials of glTF files: base colour, its texture, and the handling of transparency."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from render.errors import MeshError
from render.meshes.assemble import PLAIN, WHITE
from render.meshes.gltfdocument import Document
from render.meshes.parts import Material
from render.meshes.pictures import HALF, Picture, Pictures, texture

Floats = NDArray[np.float64]
WRAPS = {10497: "repeat", 33071: "clamp", 33648: "mirror"}
WHITE_RGBA = (*WHITE.color, 1.0)
SPECULAR, TRANSFORM = "KHR_materials_pbrSpecularGlossiness", "KHR_texture_transform"


@dataclass(frozen=True)
class Surface:
    """A material, the set of texture coordinates that its texture uses, and their transform."""

    material: Material
    places: int = 0
    """Number n of the attribute `TEXCOORD_n`."""
    offset: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    turn: tuple[float, float] = (1.0, 0.0)
    """Cosine and sine of the rotation."""

    def moved(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Scale, rotate and shift texture coordinates (V,), v down, as KHR_texture_transform defines."""
        (c, s), (su, sv) = self.turn, self.scale
        u, v = u * su, v * sv
        return c * u + s * v + self.offset[0], c * v - s * u + self.offset[1]


@dataclass
class Surfaces:
    """The materials of one document, each made once, when a primitive first uses it."""

    document: Document
    made: dict[int, Surface] = field(default_factory=dict)
    opened: dict[Any, Picture | str] = field(default_factory=dict)
    """For each image number: the decoded picture, or the reason why it cannot be used."""
    pictures: Pictures = field(default_factory=Pictures)

    def of(self, index: Any) -> Surface:
        """Return the surface of material `index`, or the default one for None."""
        if index is None:
            # The default of glTF is white; here all formats have the same default material.
            return Surface(PLAIN)
        entry = self.document.item("materials", index)
        if index not in self.made:
            self.made[index] = self._make(entry, f"material {entry.get('name', index)!r}")
        return self.made[index]

    def _make(self, entry: dict[str, Any], name: str) -> Surface:
        factor, info = _base(entry)
        r, g, b = (float(value) for value in display_referred(np.array(factor[:3])))
        mode = entry.get("alphaMode", "OPAQUE")
        image = None if info is None else self._image(info, name)
        threshold = _threshold(entry, mode, factor[3])
        surface = None if image is None else texture(image, threshold)
        see_through = (mode == "MASK" and threshold is None) or (mode == "BLEND" and factor[3] < 1)
        if see_through or (surface is not None and surface.invisible):
            self.document.source.warn(f"{name} is transparent; it is rendered opaque")
        if surface is None or info is None:
            return Surface(Material((r, g, b)))
        return _placed(Material((r, g, b), surface.rgba, self._wrap(info), surface.cut_below), info)

    def _image(self, info: dict[str, Any], name: str) -> Picture | None:
        """Picture of a texture; None, with a warning, when it is missing or damaged."""
        chosen = self.document.item("textures", info.get("index"))
        index = chosen.get("extensions", {}).get("EXT_texture_webp", {}).get("source", chosen.get("source"))
        try:
            if index is None:
                self.opened[index] = "its format needs an unsupported extension"
            elif index not in self.opened:
                entry = self.document.item("images", index)
                self.opened[index] = self.pictures.open(self.document.picture(entry))
        except MeshError as error:
            self.opened[index] = str(error)
        image = self.opened[index]
        if isinstance(image, str):
            self.document.source.warn(f"the texture of {name} is left out, its colour is used: {image}")
            return None
        return image

    def _wrap(self, info: dict[str, Any]) -> tuple[str, str]:
        sampler = self.document.item("textures", info.get("index")).get("sampler")
        entry = {} if sampler is None else self.document.item("samplers", sampler)
        return WRAPS.get(entry.get("wrapS", 0), "repeat"), WRAPS.get(entry.get("wrapT", 0), "repeat")


def _base(entry: dict[str, Any]) -> tuple[list[float], dict[str, Any] | None]:
    """Linear RGBA factor of a material, and the JSON entry of the texture that it multiplies."""
    old = entry.get("extensions", {}).get(SPECULAR)
    if old is not None:
        return _vector(old, "diffuseFactor", WHITE_RGBA), old.get("diffuseTexture")
    model = entry.get("pbrMetallicRoughness", {})
    return _vector(model, "baseColorFactor", WHITE_RGBA), model.get("baseColorTexture")


def _vector(entry: dict[str, Any], key: str, default: tuple[float, ...]) -> list[float]:
    values = entry.get(key, default)
    if len(values) != len(default):
        raise MeshError(f"a {key} has {len(values)} values; expected {len(default)}")
    numbers = [float(value) for value in values]
    if not all(abs(value) < 1e6 for value in numbers):
        raise MeshError(f"a {key} holds a number that is not finite")
    return numbers


def _threshold(entry: dict[str, Any], mode: str, alpha: float) -> float | None:
    """Alpha (0..1) of the texture below which there is no surface; None for an opaque surface."""
    if mode == "BLEND":
        return HALF
    if mode != "MASK":
        return None
    cutoff = float(entry.get("alphaCutoff", HALF))
    # The factor multiplies the texture's alpha; a factor below the cutoff would leave no surface at all.
    return cutoff / alpha if 0 < cutoff <= alpha else None


def _placed(material: Material, info: dict[str, Any]) -> Surface:
    """Surface of a material with the texture coordinates and the transform of its texture's JSON entry."""
    moved = info.get("extensions", {}).get(TRANSFORM, {})
    offset, scale = _vector(moved, "offset", (0.0, 0.0)), _vector(moved, "scale", (1.0, 1.0))
    turn = float(moved.get("rotation", 0.0))
    places = moved.get("texCoord", info.get("texCoord", 0))
    if not abs(turn) < 1e6 or not isinstance(places, int):
        raise MeshError("a texture has a rotation that is not a number, or a texCoord that is not a whole number")
    # The rounded cosine and sine are the same with every mathematics library.
    cosine, sine = round(math.cos(turn), 12), round(math.sin(turn), 12)
    return Surface(material, places, (offset[0], offset[1]), (scale[0], scale[1]), (cosine, sine))


def display_referred(linear: Floats) -> Floats:
    """Convert linear values (float64, any shape), clipped to 0..1, to sRGB values in 0..1.

    Textures are sRGB and the shading works on display-referred values, so factors and vertex colours, which glTF
    stores linear, are converted too. The power 1/2.4 is the fifth power of a twelfth root, computed by two square
    roots and Newton's method: unlike `pow`, these give the same bits on every machine.
    """
    x = np.clip(linear, 0.0, 1.0)
    fourth = np.sqrt(np.sqrt(np.maximum(x, 0.0031308)))
    root = np.full_like(x, 0.85)
    for _ in range(8):
        root = (2 * root + fourth / (root * root)) / 3
    curve = np.round(1.055 * (root * root * root * root * root) - 0.055, 12)  # so that 1 stays 1
    return np.where(x <= 0.0031308, 12.92 * x, curve)
