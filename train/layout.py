"""The layout of the graphics code: the latents that are assigned to each factor.

NIPS 2015 section 3 and Figure 2: z1 is the azimuth, z2 the elevation, z3 the light, z[4..n] everything
intrinsic. A layout is that table with names, kept in every checkpoint.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from train.errors import ConfigError

INTRINSIC = "intrinsic"
"""The factor that takes the latents the extrinsic factors leave."""


@dataclass(frozen=True)
class Layout:
    """Ordered factor names and the number of latents of each; slices follow one another without gaps.

    Raises
    ------
    ConfigError
        No factor, a name twice, or fewer than one latent.
    """

    sizes: tuple[tuple[str, int], ...]
    """Pairs (factor, number of latents), in the order of the code."""

    def __post_init__(self) -> None:
        if not self.sizes:
            raise ConfigError("a layout needs at least one factor; it has none")
        for name, size in self.sizes:
            if not isinstance(name, str) or not name:
                raise ConfigError(f"a factor's name must be a non-empty text; got {name!r}")
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ConfigError(f"factor {name!r} needs 1 latent or more; got {size!r}")
        if len(set(self.names)) < len(self.sizes):
            raise ConfigError(f"a layout names each factor once; got {', '.join(self.names)}")

    @classmethod
    def for_factors(cls, factors: Iterable[str], latents: int, sizes: Mapping[str, int] | None = None) -> "Layout":
        """One latent for each extrinsic factor, or the number in `sizes`; the rest of `latents` for `intrinsic`.

        Raises
        ------
        ConfigError
            Fewer latents than factors, or latents left over and no intrinsic factor to take them.
        """
        names, given = tuple(factors), dict(sizes or {})
        if strange := given.keys() - (set(names) - {INTRINSIC}):
            raise ConfigError(f"the number of latents of {', '.join(sorted(strange))} cannot be given")
        own = {name: given.get(name, 1) for name in names if name != INTRINSIC}
        rest = latents - sum(own.values())
        needed = sum(own.values()) + (INTRINSIC in names)
        if latents < needed:
            raise ConfigError(f"{len(names)} factors need at least {needed} latents; got {latents}")
        if INTRINSIC not in names and rest:
            raise ConfigError(
                f"without the factor {INTRINSIC!r} there are {needed} latents in all, one for each factor unless "
                f"given otherwise; got {latents}"
            )
        return cls(tuple((name, rest if name == INTRINSIC else own[name]) for name in names))

    @classmethod
    def from_json(cls, sizes: object) -> "Layout":
        """Read what `to_json` wrote, e.g. ``{"azimuth": 1, "intrinsic": 199}``."""
        if not isinstance(sizes, Mapping):
            raise ConfigError(f"a layout is an object of factor names and latent counts; got {sizes!r}")
        return cls(tuple(sizes.items()))

    def to_json(self) -> dict[str, int]:
        """Name -> number of latents; the order of the keys is the order of the code."""
        return dict(self.sizes)

    @property
    def names(self) -> tuple[str, ...]:
        """The factors, in the order of the code."""
        return tuple(name for name, _ in self.sizes)

    @property
    def total(self) -> int:
        """The number of latents of the whole code."""
        return sum(size for _, size in self.sizes)

    @property
    def owners(self) -> tuple[int, ...]:
        """The place, among `names`, of each latent's factor."""
        return tuple(place for place, (_, size) in enumerate(self.sizes) for _ in range(size))

    def slice(self, factor: str) -> slice:
        """The latents of `factor` in the code, a half-open range.

        Raises
        ------
        ConfigError
            The layout has no such factor.
        """
        start = 0
        for name, size in self.sizes:
            if name == factor:
                return slice(start, start + size)
            start += size
        raise ConfigError(f"the layout has no factor {factor!r}; it has {', '.join(self.names)}")
