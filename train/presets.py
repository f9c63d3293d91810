"""Named starting points, and the one way from a preset, a source and explicit options to a configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train.config import INTRINSIC_RATIO, LEARNING_RATES, TrainConfig, paper_ratio
from train.device import resolve_device, resolve_precision
from train.errors import ConfigError
from train.layout import Layout
from train.objectives import OBJECTIVES


@dataclass(frozen=True)
class Preset:
    """A network's width, a run's length, and what else a name stands for."""

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
    "quick": Preset(32, 8000, 200, 500, "about 15 minutes on 2 cores"),
    "paper": Preset(96, 12_000, 200, 500, "the paper's data set seen once"),
    "authors": Preset(96, 120_000, 200, 2000, "what the authors' logs show; for a GPU"),
}
DEFAULT_PRESET = "paper"
_OWN_OPTIONS = frozenset(name for objective in OBJECTIVES.values() for name in objective.options)
"""What only some objectives look at."""


def configure(
    preset: str = DEFAULT_PRESET,
    *,
    factors: Sequence[str],
    image_shape: Sequence[int],
    latents: int | None = None,
    sizes: Mapping[str, int] | None = None,
    ratio: Mapping[str, float] | None = None,
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
    device, precision : "auto" or explicit, see train.device
    options : any other field of `TrainConfig` (batches, maps, objective, clamp, invariance, seed, ...); None is
        "not given". The learning rate is that of the optimiser unless given

    Raises
    ------
    ConfigError
        An unknown preset, objective or option, images that are not square, or anything `TrainConfig` refuses.
    """
    if preset not in PRESETS:
        raise ConfigError(f"preset must be one of {', '.join(PRESETS)}; got {preset!r}")
    if len(image_shape) not in (2, 3) or image_shape[0] != image_shape[1]:
        raise ConfigError(f"images must be square, (side, side) or (side, side, 3); got {tuple(image_shape)}")
    start = PRESETS[preset]
    given = {name: value for name, value in options.items() if value is not None}
    objective = given.get("objective", "paper")
    if objective not in OBJECTIVES:
        raise ConfigError(f"objective must be one of {', '.join(OBJECTIVES)}; got {objective!r}")
    kind = OBJECTIVES[objective]
    if foreign := sorted(given.keys() & (_OWN_OPTIONS - kind.options.keys())):
        having = sorted(name for name, kind in OBJECTIVES.items() if foreign[0] in kind.options)
        raise ConfigError(f"{foreign[0]} is an option of {', '.join(having)}, not of the objective {objective}")
    if given.get("label_fraction") and kind.unlabelled:
        raise ConfigError(f"label_fraction must be 0 with the objective {objective}, which {kind.unlabelled}")
    if unknown := given.keys() - TrainConfig.__dataclass_fields__.keys():
        raise ConfigError(f"unknown option: {', '.join(sorted(unknown))}")
    if latents is None:
        own = sum((sizes or {}).get(name, 1) for name in factors)
        latents = start.latents if "intrinsic" in factors else own
    layout = Layout.for_factors(factors, latents, sizes)
    resolved = resolve_device(device)
    # Time between checkpoints is what matters; an H200 takes a hundred steps in the time that two cores take one.
    every = start.checkpoint_every * (10 if resolved.startswith("cuda") else 1)
    values: dict[str, Any] = {"maps": start.maps, "batches": start.batches, "checkpoint_every": every}
    if given.get("optimizer") in LEARNING_RATES:
        values["learning_rate"] = LEARNING_RATES[str(given["optimizer"])]
    return TrainConfig(
        layout=layout,
        side=image_shape[0],
        channels=image_shape[2] if len(image_shape) == 3 else 1,
        preset=preset,
        ratio=paper_ratio(layout, kind.intrinsic or start.intrinsic) if ratio is None else _ordered(ratio, layout),
        device=resolved,
        precision=resolve_precision(precision, resolved),
        **(values | dict(kind.options) | given),
    )


def _ordered(ratio: Mapping[str, float], layout: Layout) -> tuple[tuple[str, float], ...]:
    if set(ratio) != set(layout.names):
        raise ConfigError(f"ratio needs a share for each of {', '.join(layout.names)}; got {', '.join(ratio)}")
    return tuple((name, float(ratio[name])) for name in layout.names)
