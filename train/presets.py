"""Named starting points, and the configuration that results from a preset, a source and explicit options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train.config import LEARNING_RATES, RUN_FIELDS, TrainConfig
from train.dcign_options import INTRINSIC_RATIO, DcignOptions, network_class, paper_ratio
from train.device import resolve_device, resolve_precision
from train.errors import ConfigError
from train.json_fields import field_names, read_value
from train.layout import INTRINSIC, Layout
from train.objectives import OBJECTIVES, Objective, objective_class


@dataclass(frozen=True)
class Preset:
    """A network's width, a run's length, and other defaults under one name."""

    maps: int
    batches: int
    latents: int
    checkpoint_every: int
    note: str
    intrinsic: float = INTRINSIC_RATIO
    """Share of intrinsic batches against 1 of each other factor."""


PRESETS: dict[str, Preset] = {
    # A run this short would see too little of every pose at 1:1:1:10.
    "demo": Preset(32, 5000, 60, 1000, "about 3 minutes on 2 cores at 64 pixels; ratio 1:1:1:3", intrinsic=3.0),
    "quick": Preset(32, 8000, 200, 500, "11 to 22 minutes on 2 cores at 150 pixels"),
    "paper": Preset(96, 12_000, 200, 500, "the paper's data set seen once"),
    "authors": Preset(96, 120_000, 200, 2000, "what the authors' logs show; for a GPU"),
}
DEFAULT_PRESET = "paper"
_OWN_OPTIONS = frozenset(name for objective in OBJECTIVES.values() for name in objective.options)
"""Options that only some objectives read."""


def configure(
    preset: str = DEFAULT_PRESET,
    *,
    factors: Sequence[str],
    image_shape: Sequence[int],
    latents: int | None = None,
    sizes: Mapping[str, int] | None = None,
    ratio: Mapping[str, float] | None = None,
    shape_bias: float | None = None,
    device: str = "auto",
    precision: str = "auto",
    **options: object,
) -> TrainConfig:
    """A resolved configuration.

    Parameters
    ----------
    preset : a key of `PRESETS`
    factors : to train on, in the order of the code; "intrinsic" takes the latents the others leave
    image_shape : (H, W) or (H, W, 3) of the source's images
    latents : length of the code; default the preset's, or one a factor where there is no intrinsic one
    sizes : latents of factors that have more than one, such as {"azimuth": 2}
    ratio : shares of the batches by factor; default 1 each and 10 for "intrinsic" (the demo: 3;
        exchange, exchange-pairs and supervised: 1)
    shape_bias : A of the ratio 1:1:1:(1 + A), as arXiv v1 names it; its authors' code has 15. Instead of `ratio`
    device, precision : "auto" or explicit, see train.device
    options : any other field of `TrainConfig`, of `DcignOptions` or of the network's options (batches, maps, objective,
        clamp, invariance, seed, ...); None is "not given". The learning rate is that of the optimiser unless given

    Raises
    ------
    ConfigError
        An unknown preset, objective, network or option, images that are not square, an impossible value, or one of
        another type than its field.
    """
    given = {name: value for name, value in options.items() if value is not None}
    _check_types(
        {"preset": preset, "device": device, "precision": precision} | given,
        {name: size for name, size in {"latents": latents, **(sizes or {})}.items() if size is not None},
    )
    if preset not in PRESETS:
        raise ConfigError(f"preset must be one of {', '.join(PRESETS)}; got {preset!r}")
    if len(image_shape) not in (2, 3) or image_shape[0] != image_shape[1]:
        raise ConfigError(f"images must be square, (side, side) or (side, side, 3); got {tuple(image_shape)}")
    start = PRESETS[preset]
    rule = objective_class(given.get("objective", "paper"))
    _check_objective_options(rule, given)
    network = network_class(given.pop("network", "authors"))
    run_names, network_names = RUN_FIELDS - {"family"}, field_names(network.Options)
    own_names = field_names(DcignOptions) - {"network"}
    if unknown := given.keys() - (run_names | network_names | own_names):
        raise ConfigError(f"unknown option: {', '.join(sorted(unknown))}")
    if latents is None:
        own = sum((sizes or {}).get(name, 1) for name in factors)
        latents = start.latents if "intrinsic" in factors else own
    layout = Layout.for_factors(factors, latents, sizes)
    resolved = resolve_device(device)
    # Time between checkpoints is what matters; an H200 takes a hundred steps in the time that two cores take one.
    every = start.checkpoint_every * (10 if resolved.startswith("cuda") else 1)
    defaults: dict[str, Any] = {"maps": start.maps, "batches": start.batches, "checkpoint_every": every}
    if given.get("optimizer") in LEARNING_RATES:
        defaults["learning_rate"] = LEARNING_RATES[str(given["optimizer"])]
    shape = {"side": image_shape[0], "channels": image_shape[2] if len(image_shape) == 3 else 1}
    values = defaults | shape | dict(rule.options) | given

    def of(names: frozenset[str]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name in names}

    chosen = DcignOptions(
        layout=layout,
        ratio=_ratio(layout, ratio, shape_bias, rule.intrinsic or start.intrinsic),
        network=network.Options(**of(network_names)),
        **of(own_names),
    )
    return TrainConfig(
        family="dcign",
        options=chosen,
        preset=preset,
        device=resolved,
        precision=resolve_precision(precision, resolved),
        **of(run_names),
    )


def _check_types(given: Mapping[str, Any], latents: Mapping[str, Any]) -> None:
    """Refuse a name that is no text or a number of latents that is no integer; the dataclasses check all else."""
    for name in ("preset", "device", "precision", "objective", "network", "optimizer"):
        read_value(name, str, given.get(name, ""))
    for name, size in latents.items():
        read_value(name if name == "latents" else f"latents of {name}", int, size)


def _check_objective_options(rule: type[Objective], given: Mapping[str, Any]) -> None:
    """Refuse options that the objective does not read."""
    name = next(name for name, kind in OBJECTIVES.items() if kind is rule)
    if foreign := sorted(given.keys() & (_OWN_OPTIONS - rule.options.keys())):
        having = sorted(other for other, kind in OBJECTIVES.items() if foreign[0] in kind.options)
        raise ConfigError(f"{foreign[0]} is an option of {', '.join(having)}, not of the objective {name}")
    if given.get("label_fraction") and rule.label_refusal:
        raise ConfigError(f"label_fraction must be 0 with the objective {name}, which {rule.label_refusal}")


def _ratio(
    layout: Layout, ratio: Mapping[str, float] | None, shape_bias: object, intrinsic: float
) -> tuple[tuple[str, float], ...]:
    if shape_bias is None:
        return paper_ratio(layout, intrinsic) if ratio is None else _ordered(ratio, layout)
    if ratio is not None:
        raise ConfigError("ratio and shape_bias both set the share of intrinsic batches: give one of them")
    if INTRINSIC not in layout.names:
        raise ConfigError(f"shape_bias needs the factor {INTRINSIC}; the factors are {', '.join(layout.names)}")
    bias = read_value("shape_bias", float, shape_bias)
    if not 0 <= bias < float("inf"):
        raise ConfigError(f"shape_bias must be 0 or more and finite; got {bias}")
    return paper_ratio(layout, 1 + bias)


def _ordered(ratio: Mapping[str, float], layout: Layout) -> tuple[tuple[str, float], ...]:
    if not isinstance(ratio, Mapping) or set(ratio) != set(layout.names):
        got = ", ".join(map(str, ratio)) if isinstance(ratio, Mapping) else repr(ratio)
        raise ConfigError(f"ratio needs a share for each of {', '.join(layout.names)}; got {got}")
    return tuple((name, read_value("ratio", float, ratio[name])) for name in layout.names)
