"""The configuration of one training run: plain, frozen, resolved, and strict about its JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from train.blocks.clamp import CLAMP_MODES, ClampMode
from train.errors import ConfigError
from train.layout import INTRINSIC, Layout
from train.networks.authors import Geometry, check_sizes

PRECISIONS = ("float32", "bf16")
NEWER = {
    "beta": 1.0,
    "decay": 0.0,
    "ranks": 1,
    "agreement": 0.0,
    "label_fraction": 0.0,
    "orient": 0,
    "optimizer": "adam",
    "widest": "fine",
}
"""Fields that runs of earlier versions do not have, and the values that say what those runs did."""
GONE = ("warm_up",)
"""Fields that only runs of earlier versions have. They say how weights came about, not what they compute: such runs
can be read; where the value is not 0 they cannot be trained on."""
LEARNING_RATES = {"adam": 5e-4, "muon": 2e-3}
"""Optimisers, each with the learning rate that runs have by default."""
INTRINSIC_RATIO = 10.0
"""NIPS 2015 section 3.1: azimuth, elevation, light, intrinsic batches come as 1:1:1:10."""


def paper_ratio(layout: Layout, intrinsic: float = INTRINSIC_RATIO) -> tuple[tuple[str, float], ...]:
    """The paper's ratio for any layout: 1 for every extrinsic factor, 10 for the intrinsic one."""
    return tuple((name, intrinsic if name == INTRINSIC else 1.0) for name in layout.names)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run's weights, given the batches. `device` and `precision` are resolved values.

    Raises
    ------
    ConfigError
        A value that is impossible, or a ratio whose factors are not the layout's.
    """

    layout: Layout
    """Factors and latents of the graphics code."""
    side: int
    """Side of the square images in pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""
    batches: int
    """Length of the run; the only value (with the two cadences) that may change when a run is continued."""
    maps: int
    """Feature maps m of the network; the authors' is 96."""
    widest: str = "fine"
    """Where the network has most maps: "fine", as the authors', or "coarse" (train.networks.authors.Widths)."""
    ratio: tuple[tuple[str, float], ...]
    """Factor and its relative share of the batches, in the layout's order."""
    preset: str = "paper"
    """The preset these values started from; a label."""
    objective: str = "paper"
    """A key of train.objectives.OBJECTIVES."""
    clamp: ClampMode = "mean"
    """What inactive latents are set to: the batch "mean" (NIPS) or the "first" row (arXiv v1)."""
    invariance: float = 0.01
    """Strength of the pull on inactive latents; NIPS section 3.2: 1/100."""
    beta: float = 1.0
    """How often the KL counts; the paper's bound has 1."""
    agreement: float = 0.0
    """How often the KL between the inactive posteriors of paired rows counts, in exchange (not in the paper)."""
    orient: int = 0
    """Batches at the start in which neurons are pulled one way, in exchange (train.data.direction_target; not in the paper)."""
    label_fraction: float = 0.0
    """Share of the batches of each extrinsic factor whose true values are told (not in the paper)."""
    optimizer: str = "adam"
    """A key of `LEARNING_RATES`: "adam", the paper's, or "muon" for matrices with Adam for the rest (train.optim.muon)."""
    learning_rate: float = LEARNING_RATES["adam"]
    """Of all optimisers; the paper's "meta learning rate". `configure` takes that of the optimiser."""
    decay: float = 0.0
    """Share of the run, at its end, over which the learning rate falls to 0 in a straight line; the paper's: 0."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Of Adam: 1 - "momentum decay" and 1 - "weight decay" of the paper, read as the authors' code does."""
    ranks: int = 1
    """Processes that train together; a step averages the gradients of one batch each."""
    seed: int = 0
    """Of the initial weights, the order of batches and the noise."""
    device: str = "cpu"
    """A torch device, "cpu", "cuda" or "cuda:N"."""
    precision: str = "float32"
    """What convolutions compute in: "float32" (TF32 on a GPU, as PyTorch has it) or "bf16".

    Weights and the optimiser are float32 in any case.
    """
    checkpoint_every: int = 500
    """Batches between checkpoints."""
    metrics_every: int = 50
    """Batches between lines of metrics.jsonl."""

    def __post_init__(self) -> None:
        Geometry(self.side)
        check_sizes(channels=self.channels, maps=self.maps, latents=self.layout.total, widest=self.widest)
        for name in ("batches", "checkpoint_every", "metrics_every", "ranks"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        _check("batches", self.batches, self.batches % self.ranks == 0, f"a multiple of the {self.ranks} processes")
        _check("orient", self.orient, self.orient >= 0, "0 or more")
        _check("seed", self.seed, 0 <= self.seed < 2**63, "0 or more and below 2^63")
        _check("learning_rate", self.learning_rate, 0 < self.learning_rate < float("inf"), "positive and finite")
        _check("invariance", self.invariance, 0 <= self.invariance < float("inf"), "0 or more and finite")
        _check("beta", self.beta, 0 <= self.beta < float("inf"), "0 or more and finite")
        _check("agreement", self.agreement, 0 <= self.agreement < float("inf"), "0 or more and finite")
        _check("label_fraction", self.label_fraction, 0 <= self.label_fraction <= 1, "in 0 to 1")
        _check("decay", self.decay, 0 <= self.decay <= 1, "in 0 to 1")
        _check("betas", self.betas, all(0 <= beta < 1 for beta in self.betas), "in [0, 1)")
        _check("clamp", self.clamp, self.clamp in CLAMP_MODES, f"one of {', '.join(CLAMP_MODES)}")
        _check("optimizer", self.optimizer, self.optimizer in LEARNING_RATES, f"one of {', '.join(LEARNING_RATES)}")
        _check("precision", self.precision, self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
        self._check_ratio()

    def _check_ratio(self) -> None:
        named = tuple(name for name, _ in self.ratio)
        _check("ratio", named, named == self.layout.names, f"given for the factors {', '.join(self.layout.names)}")
        shares = [share for _, share in self.ratio]
        possible = all(0 <= share < float("inf") for share in shares) and sum(shares) > 0
        _check("ratio", shares, possible, "finite, 0 or more, and not all 0")

    def rate(self, step: int) -> float:
        """The learning rate of a step, which counts from 0."""
        falling = self.decay * self.batches
        left = (self.batches - step) / falling if falling else 1.0
        return self.learning_rate * min(1.0, left)

    @property
    def latents(self) -> int:
        """Length of the graphics code."""
        return self.layout.total

    @property
    def width(self) -> str:
        """Of the network, for people: `32 maps`, or `32 maps, most where coarse`."""
        return f"{self.maps} maps" + (", most where coarse" if self.widest == "coarse" else "")

    @property
    def rule(self) -> str:
        """What is minimised, for people: `paper`, or `paper with labels for 10%` of the extrinsic batches."""
        return self.objective + (f" with labels for {100 * self.label_fraction:g}%" if self.label_fraction else "")

    def to_plain(self) -> dict[str, Any]:
        """The configuration as JSON-able values, keys in the order of the fields."""
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {"layout": self.layout.to_json(), "ratio": dict(self.ratio), "betas": list(self.betas)}

    @classmethod
    def from_plain(cls, plain: object) -> "TrainConfig":
        """Read what `to_plain` wrote.

        Raises
        ------
        ConfigError
            An unknown or missing key, or a value of the wrong type; the key is named.
        """
        if not isinstance(plain, Mapping):
            raise ConfigError(f"a configuration is an object; got {type(plain).__name__}")
        plain = NEWER | {name: value for name, value in plain.items() if name not in GONE}
        known = {field.name for field in fields(cls)}
        for word, keys in (("unknown", plain.keys() - known), ("missing", known - plain.keys())):
            if keys:
                raise ConfigError(f"{word} key in the configuration: {', '.join(sorted(map(str, keys)))}")
        values: dict[str, Any] = {name: _read(name, plain[name]) for name in known}
        return cls(**values)

    def to_json(self) -> str:
        """JSON text, indented, one key a line."""
        return json.dumps(self.to_plain(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "TrainConfig":
        """The inverse of `to_json`; raises `ConfigError` on text that is no JSON."""
        try:
            plain = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the configuration is not JSON: {error}") from error
        return cls.from_plain(plain)

    def changed(self, **values: object) -> "TrainConfig":
        """A copy with some values replaced, checked anew."""
        return replace(self, **cast("dict[str, Any]", values))


_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("side", "channels", "batches", "maps", "ranks", "seed", "orient", "checkpoint_every", "metrics_every"), (int,)
    ),
    **dict.fromkeys(("preset", "objective", "optimizer", "clamp", "device", "precision", "widest"), (str,)),
    **dict.fromkeys(("invariance", "beta", "agreement", "label_fraction", "learning_rate", "decay"), (int, float)),
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _float(name: str, value: Any) -> float:
    try:
        return float(value)
    except OverflowError as error:
        digits = len(str(value))
        raise ConfigError(f"{name} must be a number that a float can hold; got one of {digits} digits") from error


def _read(name: str, value: object) -> object:
    """One field from its JSON value, checked for type."""
    if name == "layout":
        return Layout.from_json(value)
    if name == "ratio":
        if isinstance(value, Mapping) and all(map(_is_number, value.values())):
            return tuple((str(factor), _float(name, share)) for factor, share in value.items())
        raise ConfigError(f"ratio must be an object of factors and numbers; got {value!r}")
    if name == "betas":
        if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
            return (_float(name, value[0]), _float(name, value[1]))
        raise ConfigError(f"betas must be a list of two numbers; got {value!r}")
    kinds = _TYPES[name]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ConfigError(f"{name} must be of type {kinds[-1].__name__}; got {value!r}")
    return _float(name, value) if float in kinds else value


def _check(name: str, value: object, holds: bool, wanted: str) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {wanted}; got {value}")
