"""The options of a DC-IGN: its graphics code, its network, and its objective."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from train.blocks.clamp import CLAMP_MODES, ClampMode
from train.errors import ConfigError
from train.json_fields import check, check_types, field_names, is_number, option, read_fields, read_float, to_plain
from train.layout import INTRINSIC, Layout
from train.networks import NETWORKS
from train.networks.interface import CodeShape, Network, NetworkOptions

INTRINSIC_RATIO = 10.0
"""NIPS 2015 section 3.1: azimuth, elevation, light, intrinsic batches come as 1:1:1:10."""
EARLIER = {
    "beta": 1.0,
    "agreement": 0.0,
    "label_fraction": 0.0,
    "orient": 0,
}
"""Fields that the runs of earlier versions lack, and the values that describe what those runs did."""
EARLIER_NETWORK = {"network": "authors", "widest": "fine"}
"""The same for runs from before there were several networks."""


def paper_ratio(layout: Layout, intrinsic: float = INTRINSIC_RATIO) -> tuple[tuple[str, float], ...]:
    """The paper's ratio for any layout: 1 for every extrinsic factor, 10 for the intrinsic one."""
    return tuple((name, intrinsic if name == INTRINSIC else 1.0) for name in layout.names)


@dataclass(frozen=True, kw_only=True)
class DcignOptions:
    """Everything that decides a DC-IGN and its loss.

    Raises
    ------
    ConfigError
        A value is impossible or of another type than its field, or the ratio's factors are not the layout's.
    """

    layout: Layout
    """Factors and latents of the graphics code."""
    side: int
    """Side of the square images in pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""
    ratio: tuple[tuple[str, float], ...]
    """Factor and its relative share of the batches, in the layout's order."""
    network: NetworkOptions
    """Options of the network; their class belongs to one class in train.networks.NETWORKS."""
    objective: str = "paper"
    """A key of train.objectives.OBJECTIVES."""
    clamp: ClampMode = option("Inactive latents are set to this of the batch.", choices=CLAMP_MODES, default="mean")
    """Value of inactive latents: the batch "mean" (NIPS) or the "first" row (arXiv v1)."""
    invariance: float = option("Strength of the pull of inactive latents to their batch mean.", low=0, default=0.01)
    """Strength of the pull on inactive latents; NIPS section 3.2: 1/100."""
    beta: float = option("Weight of the KL.", low=0, default=1.0)
    """Weight of the KL; the paper's bound has 1."""
    agreement: float = option("Weight of the KL between a pair's inactive posteriors.", low=0, default=0.0)
    """Weight of the KL between the inactive posteriors of paired rows, in exchange (not in the paper)."""
    orient: int = option(
        "Batches at the start in which a factor's latent is pulled along a direction of the images, so that the "
        "latent is monotone in the factor. Needs no labels.",
        low=0,
        default=0,
    )
    """Batches at the start with a direction target, in exchange (train.data.direction_target; not in the paper)."""
    label_fraction: float = option(
        "Share of the batches of each extrinsic factor that are labelled, chosen by the seed: there the factor's "
        "latent is regressed to the true value.",
        low=0,
        high=1,
        default=0.0,
    )
    """Share of the batches of each extrinsic factor that are labelled with true values (not in the paper)."""

    def __post_init__(self) -> None:
        check_types(self)
        self.network_class.check_shape(self.shape)
        check("orient", self.orient, self.orient >= 0, "0 or more")
        for name in ("invariance", "beta", "agreement"):
            check(name, getattr(self, name), 0 <= getattr(self, name) < float("inf"), "0 or more and finite")
        check("label_fraction", self.label_fraction, 0 <= self.label_fraction <= 1, "in 0 to 1")
        check("clamp", self.clamp, self.clamp in CLAMP_MODES, f"one of {', '.join(CLAMP_MODES)}")
        pairs = isinstance(self.ratio, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 and is_number(pair[1]) for pair in self.ratio
        )
        check("ratio", self.ratio, pairs, "a tuple of pairs of a factor and a number")
        named = tuple(name for name, _ in self.ratio)
        check("ratio", named, named == self.layout.names, f"given for the factors {', '.join(self.layout.names)}")
        shares = [share for _, share in self.ratio]
        possible = all(0 <= share < float("inf") for share in shares) and sum(shares) > 0
        check("ratio", shares, possible, "finite, 0 or more, and not all 0")

    @property
    def shape(self) -> CodeShape:
        """Shape of the images and of the code."""
        return CodeShape(self.side, self.channels, self.layout.total)

    @property
    def network_class(self) -> type[Network]:
        """The class that these network options belong to."""
        # By the exact type: the options of one network may inherit from those of another.
        own = type(self.network)
        return network_class(next((key for key, kind in NETWORKS.items() if kind.Options is own), own.__name__))

    @property
    def rule(self) -> str:
        """The training rule in a few words: `paper`, or `paper with labels for 10%` of the extrinsic batches."""
        return self.objective + (f" with labels for {100 * self.label_fraction:g}%" if self.label_fraction else "")

    def to_plain(self) -> dict[str, Any]:
        """JSON-able values: these fields, with the network's name and options among them."""
        plain = to_plain(self)
        plain["ratio"] = dict(self.ratio)
        plain["network"] = self.network_class.name
        return plain | to_plain(self.network)

    @classmethod
    def from_plain(cls, plain: Mapping[str, object]) -> "DcignOptions":
        """Read what `to_plain` wrote, also where an earlier version wrote it.

        Raises
        ------
        ConfigError
            An unknown or missing key, an unknown network, or a value of the wrong type; the key is named.
        """
        plain = EARLIER | ({} if "network" in plain else EARLIER_NETWORK) | dict(plain)
        network = network_class(plain["network"])
        known = field_names(cls) | field_names(network.Options)
        for word, keys in (("unknown", plain.keys() - known), ("missing", known - plain.keys())):
            if keys:
                raise ConfigError(f"{word} key in the configuration: {', '.join(sorted(keys))}")
        chosen = network.Options(**read_fields(network.Options, plain))
        special = {"ratio": _read_ratio(plain["ratio"]), "network": chosen}
        own = {name: value for name, value in plain.items() if name not in special}
        return cls(**special, **read_fields(cls, own))


def network_class(name: object) -> type[Network]:
    """The class of a network.

    Raises
    ------
    ConfigError
        There is no network of this name; or its class has another name or shares its options with another network, so
        that a configuration would be recorded as the other's.
    """
    if name not in NETWORKS:
        raise ConfigError(f"network must be one of {', '.join(NETWORKS)}; got {name!r}")
    found = NETWORKS[str(name)]
    if (own := getattr(found, "name", None)) != name:
        raise ConfigError(f"the class of the network {name} must have this name; got {own}: set `name` in it")
    if len(shared := [key for key, kind in NETWORKS.items() if kind.Options is found.Options]) > 1:
        raise ConfigError(
            f"each network must have options of its own; got {found.Options.__name__} for {', '.join(shared)}:"
            " make another dataclass, which may inherit from it"
        )
    return found


def _read_ratio(value: object) -> tuple[tuple[str, float], ...]:
    if isinstance(value, Mapping) and all(map(is_number, value.values())):
        return tuple((str(factor), read_float("ratio", share)) for factor, share in value.items())
    raise ConfigError(f"ratio must be an object of factors and numbers; got {value!r}")
