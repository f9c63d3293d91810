"""Finishes: recipes of textures with their sizes in metres, and samplers of wood, metal, cloth and so on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from render.content.chairs.finishes import palettes, patterns
from render.content.chairs.finishes.noise import Noise
from render.content.chairs.finishes.palettes import Color, Pair
from render.content.chairs.finishes.patterns import Pattern, Texture
from render.content.chairs.sampler import Sampler
from render.meshes.parts import Material

VARIANTS = 4
"""Number of different patterns of one recipe."""

KEPT = 128
"""Number of textures that stay in memory, a quarter of a megabyte each."""


@dataclass(frozen=True)
class Recipe:
    """The pattern and the size of one kind of surface."""

    pattern: Callable[[Noise], Pattern]
    tile: tuple[float, float]
    """Size of the texture along u and v, metres."""
    cut_below: float | None = None
    """Alpha below which there is a hole."""


RECIPES = {
    "wood": Recipe(patterns.wood, (0.26, 0.78)),
    "plain wood": Recipe(patterns.plain_wood, (0.26, 0.78)),
    "paint": Recipe(patterns.paint, (0.4, 0.8)),
    "metal": Recipe(patterns.metal, (0.12, 0.5)),
    "plastic": Recipe(patterns.plastic, (0.4, 0.4)),
    "leather": Recipe(patterns.leather, (0.4, 0.4)),
    "plain": Recipe(patterns.plain, (0.16, 0.16)),
    "tweed": Recipe(patterns.tweed, (0.2, 0.2)),
    "herringbone": Recipe(patterns.herringbone, (0.4, 0.4)),
    "stripes": Recipe(patterns.stripes, (0.24, 0.24)),
    "check": Recipe(patterns.check, (0.24, 0.24)),
    "plaid": Recipe(patterns.plaid, (0.3, 0.3)),
    "dots": Recipe(patterns.dots, (0.36, 0.36)),
    "diamonds": Recipe(patterns.diamonds, (0.3, 0.3)),
    "velvet": Recipe(patterns.velvet, (0.5, 0.5)),
    "boucle": Recipe(patterns.boucle, (0.3, 0.3)),
    "ribbed": Recipe(patterns.ribbed, (0.24, 0.24)),
    "cane": Recipe(patterns.cane, (0.1, 0.1), 0.5),
    "net": Recipe(patterns.net, (0.14, 0.14), 0.5),
    "wicker": Recipe(patterns.wicker, (0.2, 0.2)),
    "cord": Recipe(patterns.cord, (0.18, 0.18)),
}
"""Recipes by name. A new one is a function that makes its pattern, and a line here. Lines are only added at the end:
the place in the table is the key of the noise."""


@lru_cache(maxsize=len(RECIPES) * VARIANTS)
def pattern(recipe: str, variant: int) -> Pattern:
    """The pattern of one variant of a recipe; variants differ in their noise."""
    return RECIPES[recipe].pattern(Noise(list(RECIPES).index(recipe) * VARIANTS + variant))


@lru_cache(maxsize=KEPT)
def texture(recipe: str, colors: Pair, variant: int) -> Texture:
    """Texture (SIZE, SIZE, 4) uint8, read-only; one array for all parts with the same three arguments."""
    return pattern(recipe, variant).colored(*colors)


@dataclass(frozen=True)
class Finish:
    """The surface of some parts of one chair."""

    recipe: str
    name: str
    """Name of the pair of colours."""
    colors: Pair
    variant: int
    tint: Color
    """Factor (R, G, B) on the texture, which makes chairs of one recipe differ a little."""

    def material(self) -> Material:
        """The finish as a mesh's material, its texture painted."""
        cut = RECIPES[self.recipe].cut_below
        return Material(self.tint, texture(self.recipe, self.colors, self.variant), cut_below=cut)

    def __str__(self) -> str:
        return f"{self.name} {self.recipe}"


def _finish(rng: Sampler, recipe: str, palette: dict[str, Pair], names: tuple[str, ...] = ()) -> Finish:
    name = rng.pick(names or tuple(palette))
    light = rng.between(0.90, 1.0)
    r, g, b = (light * rng.between(0.975, 1.0) for _ in range(3))
    return Finish(recipe, name, palette[name], rng.whole(0, VARIANTS - 1), (r, g, b))


def wood(rng: Sampler) -> Finish:
    """Any wood, oiled or stained."""
    # A name that stands here twice comes twice as often.
    if rng.chance(0.6):
        names = (*palettes.WOODS, "oak", "oak", "white oak", "walnut", "teak", "pine")
        return _finish(rng, "wood", palettes.WOODS, names)
    return _finish(rng, "plain wood", palettes.PLAIN_WOODS, (*palettes.PLAIN_WOODS, "beech", "birch", "ash", "maple"))


def paint(rng: Sampler) -> Finish:
    """Painted wood."""
    return _finish(rng, "paint", palettes.PAINTS)


def timber(rng: Sampler) -> Finish:
    """Wood, sometimes painted."""
    return paint(rng) if rng.chance(0.24) else wood(rng)


def metal(rng: Sampler) -> Finish:
    """Any metal, plated or powder-coated."""
    return _finish(rng, "metal", palettes.METALS)


def steel(rng: Sampler) -> Finish:
    """Metal of offices and bent tubes."""
    return _finish(rng, "metal", palettes.METALS, palettes.SHINY)


def plastic(rng: Sampler) -> Finish:
    """Moulded plastic of any colour."""
    return _finish(rng, "plastic", palettes.PLASTICS)


def dark_plastic(rng: Sampler) -> Finish:
    """Plastic of casters and armrests."""
    return _finish(rng, "plastic", palettes.PLASTICS, ("black", "graphite", "black", "light grey"))


def leather(rng: Sampler) -> Finish:
    """Any leather."""
    return _finish(rng, "leather", palettes.LEATHERS)


PLAIN_CLOTH = ("plain", "tweed", "velvet", "boucle", "ribbed", "plain", "tweed")

PRINTED_CLOTH = ("stripes", "check", "plaid", "dots", "diamonds", "herringbone")


def cloth(rng: Sampler) -> Finish:
    """Cloth, sometimes printed or patterned."""
    if rng.chance(0.25):
        return _finish(rng, rng.pick(PRINTED_CLOTH), palettes.PRINTS)
    return plain_cloth(rng)


def plain_cloth(rng: Sampler) -> Finish:
    """Cloth of one colour."""
    return _finish(rng, rng.pick(PLAIN_CLOTH), palettes.FABRICS)


def cover(rng: Sampler) -> Finish:
    """Cover of upholstery: leather or cloth."""
    return leather(rng) if rng.chance(0.3) else cloth(rng)


def cane(rng: Sampler) -> Finish:
    """Cane with holes."""
    return _finish(rng, "cane", palettes.FIBRES, ("natural", "honey", "pale", "black"))


def net(rng: Sampler) -> Finish:
    """Office net with holes."""
    return _finish(rng, "net", palettes.PLASTICS, ("black", "graphite", "light grey", "petrol", "red", "blue"))


def wicker(rng: Sampler) -> Finish:
    """Plaited willow or rattan."""
    names = ("natural", "natural", "honey", "honey", "pale", "white", "white", "grey", "dark", "black")
    return _finish(rng, "wicker", palettes.FIBRES, names)


def cord(rng: Sampler) -> Finish:
    """Paper cord or rush."""
    return _finish(rng, "cord", palettes.FIBRES, ("natural", "pale", "honey", "black", "pale"))


def outdoor(rng: Sampler) -> Finish:
    """Garden wood, oiled or painted."""
    return (
        paint(rng) if rng.chance(0.55) else _finish(rng, "wood", palettes.WOODS, ("teak", "pine", "elm", "white oak"))
    )
