"""The configuration of one training run: what every model family shares, and the options of the run's own family."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from train.device import PRECISIONS
from train.errors import ConfigError
from train.json_fields import Options, check, check_types, field_names, read_fields, to_plain

if TYPE_CHECKING:
    from train.families.interface import Family

LEARNING_RATES = {"adam": 5e-4, "muon": 2e-3, "rmsprop": 5e-4}
"""Optimisers, each with its default learning rate."""
EARLIER = {"family": "dcign", "decay": 0.0, "ranks": 1, "optimizer": "adam"}
"""Fields that the runs of earlier versions lack, and the values that describe what those runs did."""
REMOVED = ("warm_up",)
"""Fields that only runs of earlier versions have. They do not change what the weights compute, so such runs can be
read; where the value is not 0, training cannot be resumed."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run's weights, given the batches. `device` and `precision` are resolved values.

    Raises
    ------
    ConfigError
        A value is impossible or of another type than its field.
    """

    family: str
    """Model family, a key of train.families.FAMILIES."""
    options: Options
    """The family's own options, an instance of its `Options`."""
    preset: str = "paper"
    """Name of the preset that these values started from; a label."""
    batches: int
    """Length of the run; the only value (with the two cadences) that may change when a run is resumed."""
    optimizer: str = "adam"
    """A key of `LEARNING_RATES`: "adam", the authors' update; "muon" for matrices with Adam for the rest; "rmsprop",
    the paper's words taken literally (train.optim)."""
    learning_rate: float = LEARNING_RATES["adam"]
    """Learning rate of all optimisers; the paper's "meta learning rate"."""
    decay: float = 0.0
    """Share of the run, at its end, over which the learning rate falls linearly to 0; the paper's: 0."""
    betas: tuple[float, float] = (0.9, 0.99)
    """Decay rates of Adam: 1 - "momentum decay" and 1 - "weight decay" of the paper, read as the authors' code does."""
    ranks: int = 1
    """Number of processes that train together; a step averages the gradients of one batch each."""
    seed: int = 0
    """Seed of the initial weights, the order of batches and the noise; 0 to 2^63 - 1."""
    device: str = "cpu"
    """A torch device, "cpu", "cuda" or "cuda:N"."""
    precision: str = "float32"
    """Type that convolutions compute in: "float32" (TF32 on a GPU, as PyTorch has it) or "bf16".

    Weights and optimiser states are float32 in any case.
    """
    checkpoint_every: int = 500
    """Batches between checkpoints."""
    metrics_every: int = 50
    """Batches between lines of metrics.jsonl."""

    def __post_init__(self) -> None:
        own = _family(self.family).Options
        check("options", repr(self.options), isinstance(self.options, own), f"of type {own.__name__}")
        check_types(self)
        for name in ("batches", "checkpoint_every", "metrics_every", "ranks"):
            check(name, getattr(self, name), getattr(self, name) >= 1, "1 or more")
        check("batches", self.batches, self.batches % self.ranks == 0, f"a multiple of the {self.ranks} processes")
        check("seed", self.seed, 0 <= self.seed < 2**63, "0 or more and below 2^63")
        check("learning_rate", self.learning_rate, 0 < self.learning_rate < float("inf"), "positive and finite")
        check("decay", self.decay, 0 <= self.decay <= 1, "in 0 to 1")
        check("betas", self.betas, 0 <= self.betas[0] < 1 and 0 < self.betas[1] < 1, "in [0, 1) and (0, 1)")
        check("optimizer", self.optimizer, self.optimizer in LEARNING_RATES, f"one of {', '.join(LEARNING_RATES)}")
        check("precision", self.precision, self.precision in PRECISIONS, f"one of {', '.join(PRECISIONS)}")

    def rate(self, step: int) -> float:
        """The learning rate of a step, which counts from 0."""
        falling = self.decay * self.batches
        left = (self.batches - step) / falling if falling else 1.0
        return self.learning_rate * min(1.0, left)

    def to_plain(self) -> dict[str, Any]:
        """The configuration as one flat object of JSON-able values: the run's fields, then the family's."""
        run = to_plain(self)
        del run["options"]
        return run | _family(self.family).options_to_plain(self.options)

    @classmethod
    def from_plain(cls, plain: object) -> "TrainConfig":
        """Read what `to_plain` wrote, also where an earlier version of this package wrote it.

        Raises
        ------
        ConfigError
            An unknown or missing key, or a value of the wrong type; the key is named.
        """
        if not isinstance(plain, Mapping):
            raise ConfigError(f"a configuration is an object; got {type(plain).__name__}")
        values = EARLIER | {str(name): value for name, value in plain.items() if name not in REMOVED}
        name, run = values.pop("family"), RUN_FIELDS - {"family"}
        kind = _family(name)
        options = kind.options_from_plain({key: value for key, value in values.items() if key not in run})
        if missing := sorted(run - values.keys()):
            raise ConfigError(f"missing key in the configuration: {', '.join(missing)}")
        return cls(family=kind.name, options=options, **read_fields(cls, {key: values[key] for key in run}))

    def to_json(self) -> str:
        """JSON text, indented, one key a line."""
        return json.dumps(self.to_plain(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> "TrainConfig":
        """Read what `to_json` wrote; raises `ConfigError` on text that is no JSON."""
        try:
            plain = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the configuration is not JSON: {error}") from error
        return cls.from_plain(plain)

    def changed(self, **values: object) -> "TrainConfig":
        """A copy with some values replaced, checked again. Names may be of the run's fields or of the family's."""
        run = {name: value for name, value in values.items() if name in RUN_FIELDS}
        own = {name: value for name, value in values.items() if name not in RUN_FIELDS}
        options = _family(self.family).options_changed(self.options, own) if own else self.options
        return replace(self, **cast("dict[str, Any]", {"options": options} | run))


RUN_FIELDS = field_names(TrainConfig) - {"options"}
"""Names of the fields that every family's runs have."""


def _family(name: object) -> "type[Family[Any]]":
    # Here, because families import this module.
    from train.families import family_class

    return family_class(name)
