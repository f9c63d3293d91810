"""DC-IGN: a variational autoencoder whose code has one latent for each factor (Kulkarni et al., NIPS 2015)."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from train.config import TrainConfig
from train.data.direction_target import DirectionTarget
from train.data.labels import Labels
from train.data.loader import FactorLoader, Loader, ShuffledLoader
from train.data.schedule import Draw, Schedule
from train.data.source import Arrays, Batch, BatchSource
from train.dcign_options import DcignOptions, network_class
from train.device import to_device
from train.engine.noise import Noise
from train.engine.step_stats import Terms
from train.errors import ConfigError, WrongImages
from train.families.interface import Family, Needs, Tensors
from train.json_fields import field_names
from train.layout import INTRINSIC
from train.networks.interface import Network
from train.objectives import Objective, objective_class
from train.objectives.bound import cross_entropy
from train.objectives.interface import PARTS

SHUFFLED = "shuffled"
"""The name of `active` in shuffled batches whose groups are single rows: everything varies."""


class Dcign(Family[DcignOptions]):
    """The family of DC-IGN; see `Family` for its methods."""

    name = "dcign"
    Options = DcignOptions
    parts = PARTS

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        self._labels = Labels(config.seed, self.options.label_fraction)
        self._targets: DirectionTarget | None = None
        self._scales: NDArray[np.float64] | None = None

    @classmethod
    def options_from_plain(cls, plain: Mapping[str, object]) -> DcignOptions:
        """See `Family`; the network's options are among the keys."""
        return DcignOptions.from_plain(plain)

    @classmethod
    def options_to_plain(cls, options: DcignOptions) -> dict[str, Any]:
        """See `Family`."""
        return options.to_plain()

    @classmethod
    def options_changed(cls, options: DcignOptions, values: Mapping[str, Any]) -> DcignOptions:
        """See `Family`; values may be of the network's options."""
        own = {name: value for name, value in values.items() if name in field_names(DcignOptions) - {"network"}}
        kind = network_class(values.get("network", options.network_class.name))
        if unknown := values.keys() - (field_names(DcignOptions) | field_names(kind.Options)):
            raise ConfigError(f"unknown option: {', '.join(sorted(unknown))}")
        network = options.network if type(options.network) is kind.Options else kind.Options()
        rest = {name: value for name, value in values.items() if name in field_names(kind.Options)}
        return replace(options, network=replace(cast("Any", network), **rest), **own)

    @property
    def factors(self) -> tuple[str, ...]:
        """See `Family`."""
        return (*self.options.layout.names, SHUFFLED)

    @property
    def summary(self) -> str:
        """The network's width and the training rule."""
        return f"{self.options.network.summary}, objective {self.options.rule}"

    @cached_property
    def objective(self) -> Objective:
        """The objective; raises ConfigError for one that does not exist."""
        return objective_class(self.options.objective)(self.options)

    @property
    def axis_aligned(self) -> bool:
        """True where training assigns the layout's latents to its factors, by the objective or by labels."""
        return self.objective.axis_aligned or self.options.label_fraction > 0

    def needs(self) -> Needs:
        """See `Family`."""
        return Needs(self.options.ratio)

    def network(self, *, plain: bool = False) -> Network:
        """See `Family`."""
        options = self.options
        kind = cast("Any", options.network_class)
        made: Network = kind(options.shape, options.network, self.config.seed, self.config.precision, plain=plain)
        return made

    def terms(self, network: nn.Module, batch: Tensors, noise: Noise) -> Terms:
        """See `Family`."""
        return self.objective.terms(cast("Network", network), batch, noise)

    def check_source(self, source: BatchSource) -> None:
        """See `Family`; also refuses images of another shape, and labels without true values."""
        super().check_source(source)
        wanted = self.options.shape.image
        if tuple(source.image_shape) != wanted:
            raise WrongImages(f"the run is for images of shape {wanted}; the batches have {tuple(source.image_shape)}")
        trained = [name for name, share in self.options.ratio if share > 0 and name != INTRINSIC]
        self._labels.check_source(source, trained)

    def loader(self, source: BatchSource) -> Loader:
        """See `Family`: whole batches, or shuffled ones where the objective asks for them."""
        names, ratio = self.options.layout.names, self.options.ratio
        self._targets = DirectionTarget(self.options, source, self._labels, self.check_batch)
        self._scales = _ends(source, names)
        self._columns = {name: column for column, (name, *_) in enumerate(source.factors)}
        schedule = Schedule(self.config.seed, ratio, {name: source.count(name) for name in names})
        whole = FactorLoader(source, schedule, names, (), self._prepare)
        size = self.objective.group_size
        return whole if size is None else ShuffledLoader(whole, self.config.seed, size, len(names))

    def check_batch(self, draw: Draw, batch: Arrays) -> None:
        """Raise WrongImages for images of another shape or type, or a single image."""
        images, wanted = batch["image"], self.options.shape.image
        if images.dtype != np.uint8 or images.shape[1:] != wanted:
            raise WrongImages(
                f"batch {draw.index} of {draw.factor} should hold uint8 images of shape "
                f"(B, {', '.join(map(str, wanted))}); got {images.dtype} {images.shape}"
            )
        if len(images) < 2:
            raise WrongImages(
                f"batch {draw.index} of {draw.factor} holds {len(images)} images; a factor needs 2 to vary"
            )

    def _prepare(self, draw: Draw, batch: Batch) -> None:
        """Check a batch, and add `label`, the active factor's true value, where it is labelled."""
        self.check_batch(draw, batch)
        if self._labels.chosen(draw):
            self._labels.require_values(draw, batch)
            batch["label"] = batch["factors"][:, self._columns[draw.factor]]

    def collate(self, step: int, batch: Arrays) -> dict[str, Tensor]:
        """See `Family`: true values are scaled to -1..1 over their factor's range; direction targets are added."""
        assert self._targets is not None  # `loader` comes first
        names = self.options.layout.names
        tensors = {name: torch.from_numpy(np.ascontiguousarray(batch[name])) for name in ("image", "active")}
        if "factors" in batch:
            extrinsic = [name for name in names if name != INTRINSIC]
            columns = np.array([self._columns[name] for name in extrinsic], np.intp)
            places = np.array([names.index(name) for name in extrinsic], np.intp)
            tensors["factors"] = torch.from_numpy(self._scaled(batch["factors"][:, columns], places))
        if "label" in batch:
            tensors["label"] = torch.from_numpy(self._scaled(batch["label"], batch["active"]))
        if "partner" in batch:
            tensors["partner"] = torch.from_numpy(batch["partner"])
        return tensors | self._targets.tensors(step, batch["image"])

    def _scaled(self, values: NDArray[np.float32], places: NDArray[np.intp]) -> NDArray[np.float32]:
        """Values of factors, scaled; the last axis has one place in the layout each."""
        assert self._scales is not None
        low, high = self._scales[places].T
        scaled: NDArray[np.float32] = (2 * (values - low) / (high - low) - 1).astype(np.float32)
        return scaled

    def extra_metrics(self, network: nn.Module, loader: Loader, step: int) -> dict[str, Any]:
        """The leak gap of a batch near `step`, where latents are assigned to factors."""
        if not self.axis_aligned:
            return {}
        batch, net = loader.scheduled(step), cast("Network", network)
        factor = self.options.layout.names[int(batch["active"][0])]
        images = to_device(torch.from_numpy(np.ascontiguousarray(batch["image"])), net.device)
        return {"leak_gap": {factor: leak_gap(net, self.options, images, factor)}}


@torch.inference_mode()
def leak_gap(network: Network, options: DcignOptions, images: Tensor, factor: str) -> float:
    """Information about a factor in the latents of the other factors, in nats an image; 0 where there is none.

    It is the cross-entropy with the inactive means at their batch mean, less that with the code as it is, without
    noise; NIPS 2015 section 3.1 presumes 0.

    Parameters
    ----------
    images : uint8 (B, H, W[, 3]) of a batch in which the factor varies, on the network's device
    """
    mu, _ = network.encode(images)
    clamped = mu.mean(dim=0).expand_as(mu).clone()
    active = options.layout.slice(factor)
    clamped[:, active] = mu[:, active]
    gap = cross_entropy(network, clamped, images) - cross_entropy(network, mu, images)
    return float(gap.mean())


def _ends(source: BatchSource, names: tuple[str, ...]) -> NDArray[np.float64]:
    """(factors, 2) low and high of every factor of the layout.

    Rows in which everything intrinsic varies have no value; NaN stays NaN in any range.
    """
    ends = {name: (low, high) for name, _, low, high in source.factors}
    return np.array([ends.get(name, (-1.0, 1.0)) for name in names], np.float64).reshape(-1, 2)
