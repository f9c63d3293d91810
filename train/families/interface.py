"""The interface of a model family: its options, its network, the batches that it reads, and its loss.

Everything else is shared by all families: the schedule, prefetching, run directories, checkpoints, exact resume,
recorded steps, several processes, optimisers and metrics. `train/testing.py` holds the laws that every
family obeys.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from train.config import TrainConfig
from train.data.loader import FactorLoader, Loader
from train.data.schedule import Schedule
from train.data.source import Arrays, BatchSource
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.errors import ConfigError, MissingArray, MissingFactor, TooFewBatches
from train.json_fields import Options, field_names, read_fields, to_plain
from train.layout import INTRINSIC

O = TypeVar("O", bound=Options)  # noqa: E741
Tensors = Mapping[str, Tensor]


class Needs(NamedTuple):
    """The batches that a step reads."""

    ratio: tuple[tuple[str, float], ...]
    """Factors whose batches are read, each with its relative share of the steps."""
    arrays: tuple[str, ...] = ("image",)
    """Arrays that a batch must hold."""


class Family(ABC, Generic[O]):
    """A family of models, made for one configuration.

    Parameters
    ----------
    config : of the run
    """

    name: ClassVar[str]
    """Its key in `FAMILIES`."""
    Options: ClassVar[type[Any]]
    """Frozen dataclass of its options; the fields are options of the command line and keys of config.json."""
    parts: ClassVar[tuple[str, ...]]
    """Names of the terms of its loss: columns of metrics.jsonl."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.options = cast("O", config.options)

    @classmethod
    def options_from_plain(cls, plain: Mapping[str, object]) -> Any:
        """The options from JSON values; raises ConfigError for unknown or missing keys, and values of another type."""
        known = field_names(cls.Options)
        for word, keys in (("unknown", plain.keys() - known), ("missing", known - plain.keys())):
            if keys:
                raise ConfigError(f"{word} key in the configuration: {', '.join(sorted(keys))}")
        return cls.Options(**read_fields(cls.Options, plain))

    @classmethod
    def options_to_plain(cls, options: Any) -> dict[str, Any]:
        """The inverse of `options_from_plain`."""
        return to_plain(options)

    @classmethod
    def options_changed(cls, options: Any, values: Mapping[str, Any]) -> Any:
        """A copy of the options with some values replaced, checked again."""
        if unknown := values.keys() - field_names(cls.Options):
            raise ConfigError(f"unknown option: {', '.join(sorted(unknown))}")
        return replace(options, **values)

    @property
    def factors(self) -> tuple[str, ...]:
        """Names for the values of the array `active` of a batch, under which metrics.jsonl lists the terms."""
        return tuple(name for name, _ in self.needs().ratio)

    @abstractmethod
    def needs(self) -> Needs:
        """The batches that a step reads."""

    @abstractmethod
    def network(self, *, plain: bool = False) -> nn.Module:
        """The network with its initial weights, a function of the configuration's seed, on the CPU."""

    @abstractmethod
    def terms(self, network: nn.Module, batch: Tensors, noise: Noise) -> Terms:
        """The loss of one batch on the network's device, and its parts, of which `parts` has the names.

        Parameters
        ----------
        batch : the arrays of `collate`, on the network's device
        noise : a function of (seed, step), so that a step is the same after a restart and on any device
        """

    def check_source(self, source: BatchSource) -> None:
        """Refuse batches that the family cannot be trained on, before anything is computed.

        Raises
        ------
        MissingFactor, TooFewBatches, MissingArray
            Expected and actual names, and the command that makes what is missing.
        """
        ratio, arrays = self.needs()
        known = {factor[0] for factor in source.factors} | {INTRINSIC}
        missing = [name for name, _ in ratio if name not in known]
        if missing:
            raise MissingFactor(
                f"the batches have no factor {', '.join(missing)}; they have {', '.join(sorted(known))}"
            )
        trained = [name for name, share in ratio if share > 0]
        if empty := [name for name in trained if source.count(name) < 1]:
            held = ", ".join(f"{name} {source.count(name)}" for name, _ in ratio)
            raise TooFewBatches(f"no batches to train {', '.join(empty)} on; there are: {held}")
        if lacking := [name for name in arrays if name not in source.arrays]:
            raise MissingArray(
                f"the family {self.name} needs {', '.join(lacking)}, and the batches have {', '.join(source.arrays)};"
                f" render-batches --channels {','.join(lacking)} makes batches with them"
            )

    def loader(self, source: BatchSource) -> Loader:
        """The object that gives the batch of each step: by default, whole batches by the ratio of `needs`."""
        ratio, arrays = self.needs()
        counts = {name: source.count(name) for name, _ in ratio}
        return FactorLoader(source, Schedule(self.config.seed, ratio, counts), self.factors, arrays)

    def collate(self, step: int, batch: Arrays) -> dict[str, Tensor]:
        """The arrays of a step's batch as tensors on the CPU."""
        del step
        return {name: torch.from_numpy(array) for name, array in batch.items()}

    def extra_metrics(self, network: nn.Module, loader: Loader, step: int) -> dict[str, Any]:
        """More numbers for the line of metrics.jsonl after `step`; by default none."""
        del network, loader, step
        return {}

    @property
    def summary(self) -> str:
        """The model in a few words, such as "32 maps"."""
        return self.name
