"""The DC-IGN: an encoder from images to a graphics code, a decoder back (NIPS 2015 section 3, Figure 1).

Sizes follow the authors' code, which differs from the figure (docs/deviations.md): three stages of 5 x 5
convolution, 2 x 2 max-pooling and Threshold(0, 1e-6) with m, m/2, m/4 maps; two linear heads; a linear layer
back to m/4 maps; four stages of unpooling and 7 x 7 convolution with m/2, m, m maps and the image's channels.
At m = 96, 150 pixels and 200 latents: 4,131,137 parameters. The option `widest` can set the widths of the figure, or
(not in the paper) most maps where the image is coarse.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from train.blocks.conv_pool import conv_pool, conv_pool_gpu, conv_pool_plain, image_patches, stem
from train.blocks.unpool_conv import THRESHOLD_FLOOR, unpool_conv, unpool_conv_plain
from train.errors import ConfigError
from train.json_fields import check_types, option
from train.networks.interface import CodeShape, Network

SMALLEST_SIDE = 48
WIDEST = ("fine", "coarse", "figure")
"""Where a network has most maps: "fine" is the authors' code, "figure" is the paper's Figure 1."""


@dataclass(frozen=True)
class AuthorsOptions:
    """Widths of the authors' network.

    Raises
    ------
    ConfigError
        An impossible number of maps, an unknown `widest`, or a value of another type than its field.
    """

    maps: int = option("Feature maps m, a multiple of 4.", default=96)
    """Feature maps m of the widest stage; the authors' is 96."""
    widest: str = option(
        "Where the network has most maps: fine, as in the authors' code; figure, as in the paper's Figure 1 (m, 2m/3, "
        "m/3); or coarse, where the image is small, which predicts angles better and, with muon, takes a third longer.",
        choices=WIDEST,
        default="fine",
    )
    """"fine", "coarse" or "figure" (see `Widths`)."""

    def __post_init__(self) -> None:
        check_types(self)
        if self.widest not in WIDEST:
            raise ConfigError(f"widest must be one of {', '.join(WIDEST)}; got {self.widest!r}")
        step = 3 if self.widest == "figure" else 4
        if self.maps < step or self.maps % step:
            raise ConfigError(f"maps must be a multiple of {step}, {step} or more; got {self.maps}")

    @property
    def summary(self) -> str:
        """`32 maps`, `32 maps, most where coarse` or `96 maps as in Figure 1`."""
        return (
            f"{self.maps} maps"
            + {"fine": "", "coarse": ", most where coarse", "figure": " as in Figure 1"}[self.widest]
        )


@dataclass(frozen=True)
class Geometry:
    """Sides in pixels between the stages, from the image's side.

    Raises
    ------
    ConfigError
        The side is below 48.
    """

    side: int
    """Side of the image."""

    def __post_init__(self) -> None:
        if self.side < SMALLEST_SIDE:
            raise ConfigError(f"images need a side of {SMALLEST_SIDE} pixels or more; got {self.side}")

    @property
    def encoded(self) -> int:
        """Side of the encoder's last maps: three times (s - 4) // 2."""
        side = self.side
        for _ in range(3):
            side = (side - 4) // 2
        return side

    @property
    def used(self) -> int:
        """Side of the top left part of the image that reaches the code: pooling drops an odd last row and column."""
        return 8 * self.encoded + 28

    @property
    def decoded(self) -> int:
        """Side of the decoder's first maps, ceil((s + 90) / 16): its 16 h - 90 output is cropped to s."""
        return math.ceil((self.side + 90) / 16)

    @property
    def crop(self) -> int:
        """Rows (and columns) dropped before the image's own, of the 16 h - 90 - s too many."""
        return (16 * self.decoded - 90 - self.side) // 2


@dataclass(frozen=True)
class Widths:
    """Feature maps by stage, in the order in which an image passes them; the image's own channels are left out."""

    encoder: tuple[int, int, int]
    decoder: tuple[int, int, int, int]
    """Maps of the linear layer's output, then of all convolutions but the last."""

    @classmethod
    def of(cls, maps: int, widest: str) -> "Widths":
        """The widths of a network of m maps.

        Steps of "fine" and "coarse" need about the same number of multiplications. Figure 1 shows three stages of the
        decoder; 150 pixels need a fourth, which is as wide as the third, as in the authors' code.
        """
        if widest == "fine":
            return cls((maps, maps // 2, maps // 4), (maps // 4, maps // 2, maps, maps))
        if widest == "figure":
            return cls((maps, maps * 2 // 3, maps // 3), (maps // 3, maps * 2 // 3, maps, maps))
        return cls((maps // 2, maps, maps), (maps, maps * 3 // 2, maps, maps // 2))


class Conv(nn.Module):
    """A convolution's parameters, with Torch7's initial values: uniform within 1 / sqrt(fan-in), bias alike."""

    def __init__(self, inputs: int, outputs: int, taps: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs * taps * taps)
        self.weight = nn.Parameter(
            torch.empty(outputs, inputs, taps, taps).uniform_(-bound, bound, generator=generator)
        )
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound, generator=generator))


def _convs(stages: nn.ModuleList) -> Sequence[Conv]:
    """A module list as what it holds; `nn.ModuleList` is not generic."""
    return cast("Sequence[Conv]", stages)


class Linear(nn.Module):
    """A linear layer's parameters, with the authors' LinearCR initial values: weights and biases N(0, 0.01^2)."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs).normal_(0, 0.01, generator=generator))
        self.bias = nn.Parameter(torch.empty(outputs).normal_(0, 0.01, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) float32 -> (B, outputs) float32."""
        return functional.linear(x, self.weight, self.bias)


class AuthorsNetwork(Network):
    """The authors' encoder and decoder; see `Network` for its parameters.

    Raises
    ------
    ConfigError
        The images are too small, or have 2 channels or more than 3.
    """

    name = "authors"
    Options = AuthorsOptions

    def __init__(
        self,
        shape: CodeShape,
        options: AuthorsOptions,
        seed: int,
        precision: str = "float32",
        *,
        plain: bool = False,
    ) -> None:
        super().__init__(shape, precision, plain=plain)
        self.geometry = Geometry(shape.side)
        self.widths = Widths.of(options.maps, options.widest)
        draw = torch.Generator().manual_seed(seed)
        down = (shape.channels, *self.widths.encoder)
        self.encoder = nn.ModuleList(Conv(i, o, 5, draw) for i, o in pairwise(down))
        flat = down[-1] * self.geometry.encoded**2
        self.mu = Linear(flat, shape.latents, draw)
        self.logvar = Linear(flat, shape.latents, draw)
        up = (*self.widths.decoder, shape.channels)
        self.expand = Linear(shape.latents, up[0] * self.geometry.decoded**2, draw)
        self.decoder = nn.ModuleList(Conv(i, o, 7, draw) for i, o in pairwise(up))

    @classmethod
    def check_shape(cls, shape: CodeShape) -> None:
        """See `Network`."""
        Geometry(shape.side)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Equations 1 and 2 of arXiv v1; see `Network`."""
        used = self.geometry.used
        x = self.targets(images)[:, :, :used, :used]
        fast_stem = x.device.type == "cpu" and not self.plain
        x = self._stem(x) if fast_stem else self._stage(x.to(self.compute_dtype), 0)
        for stage in (1, 2):
            x = self._stage(x, stage)
        flat = x.to(self.mu.weight.dtype).flatten(1)
        return self.mu(flat), self.logvar(flat)

    def _stem(self, x: Tensor) -> Tensor:
        patches = image_patches(x.permute(0, 2, 3, 1)).to(self.compute_dtype)
        first = _convs(self.encoder)[0]
        return stem(patches, first.weight, first.bias, (self.geometry.used - 4) // 2)

    def _stage(self, x: Tensor, stage: int) -> Tensor:
        fast = conv_pool if x.device.type == "cpu" else conv_pool_gpu
        form = conv_pool_plain if self.plain else fast
        conv = _convs(self.encoder)[stage]
        return form(x, conv.weight, conv.bias)

    def decode_logits(self, code: Tensor) -> Tensor:
        """See `Network`."""
        self.check_code(code)
        h = self.geometry.decoded
        x = functional.threshold(self.expand(code), 0, THRESHOLD_FLOOR)
        x = x.view(code.shape[0], self.widths.decoder[0], h, h).to(self.compute_dtype)
        if not self.plain:
            x = x.contiguous(memory_format=torch.channels_last)
        form = unpool_conv_plain if self.plain else unpool_conv
        last = len(self.decoder) - 1
        for stage, conv in enumerate(_convs(self.decoder)):
            x = form(x, conv.weight, conv.bias, threshold=stage < last)
        start, side = self.geometry.crop, self.geometry.side
        return x[:, :, start : start + side, start : start + side].to(code.dtype)
