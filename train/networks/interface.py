"""The interface of a DC-IGN network: images to the posterior of a graphics code, and a code back to an image."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from train.errors import ConfigError, WrongImages
from train.json_fields import Options

DTYPES: dict[str, torch.dtype] = {"float32": torch.float32, "bf16": torch.bfloat16, "float64": torch.float64}
"""Name of a precision -> the type that convolutions compute in. float64 is for tests, on a network made `double()`."""
STORED = (torch.float32, torch.float16)
"""Types that weights may be stored as; float16 in a packed run (train/runs/export.py)."""


@dataclass(frozen=True)
class CodeShape:
    """Size of the images and length of the graphics code.

    Raises
    ------
    ConfigError
        No image has so many channels, or no code so few latents.
    """

    side: int
    """Side of the square images in pixels."""
    channels: int
    """1 (grey) or 3 (RGB)."""
    latents: int
    """Length of the graphics code."""

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ConfigError(f"images have 1 or 3 channels; got {self.channels}")
        if self.latents < 1:
            raise ConfigError(f"a code needs 1 latent or more; got {self.latents}")

    @property
    def image(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3)."""
        return (self.side, self.side) if self.channels == 1 else (self.side, self.side, self.channels)


class NetworkOptions(Options, Protocol):
    """The options of one kind of network: a frozen dataclass. Its fields are stored in config.json and checkpoints."""

    @property
    def summary(self) -> str:
        """The network in a few words, such as "32 maps"."""
        ...


class Network(nn.Module, ABC):
    """Encoder and decoder. Parameters are float32; convolutions compute in `precision`, the code in float32.

    A subclass has a frozen dataclass of options, takes the arguments below, and is listed in `NETWORKS`. It reads the
    batch size from a tensor's `shape`, never by `len`, so that an exported graph takes any.

    Parameters
    ----------
    shape : of the images and of the code
    options : of this kind of network
    seed : of the initial parameters
    precision : "float32" or "bf16"
    plain : compute with plain operations instead of fast ones: the same function, for tests, timing and export

    Raises
    ------
    ConfigError
        The precision is unknown, or the network cannot have this shape.
    """

    name: ClassVar[str]
    """Its key in `NETWORKS`."""
    Options: ClassVar[type[Any]]
    """The frozen dataclass of its options, of this network alone: a configuration knows its network by it."""

    def __init__(self, shape: CodeShape, precision: str = "float32", *, plain: bool = False) -> None:
        super().__init__()
        if precision not in DTYPES:
            raise ConfigError(f"precision must be one of {', '.join(DTYPES)}; got {precision!r}")
        self.check_shape(shape)
        self.shape, self.plain = shape, plain
        self.compute_dtype = DTYPES[precision]

    @classmethod
    def check_shape(cls, shape: CodeShape) -> None:
        """Raise ConfigError unless a network of this kind can have the shape."""

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(self.parameters()).device

    def check_images(self, images: Tensor) -> None:
        """Raise WrongImages unless the images are uint8 of the network's shape."""
        wanted = self.shape.image
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != wanted or images.shape[0] == 0:
            raise WrongImages(
                f"this network takes uint8 images of shape (B, {', '.join(map(str, wanted))});"
                f" got {str(images.dtype).removeprefix('torch.')} of shape {tuple(images.shape)}"
            )

    def check_code(self, code: Tensor) -> None:
        """Raise WrongImages unless the code is (B, latents)."""
        if code.ndim != 2 or code.shape[1] != self.shape.latents:
            raise WrongImages(f"a code for this network has shape (B, {self.shape.latents}); got {tuple(code.shape)}")

    def targets(self, images: Tensor) -> Tensor:
        """uint8 (B, H, W) or (B, H, W, 3) -> float (B, C, H, W) of 0..1, the decoder's targets."""
        self.check_images(images)
        dtype = next(self.parameters()).dtype
        scaled = images.to(dtype).div_(255).reshape(*images.shape[:3], self.shape.channels)
        return scaled.permute(0, 3, 1, 2)

    @abstractmethod
    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the posterior of every latent.

        Parameters
        ----------
        images : uint8 (B, H, W) or (B, H, W, 3)

        Returns
        -------
        mu, logvar : float32 (B, latents)

        Raises
        ------
        WrongImages
            Another type, size or channel count.
        """

    @abstractmethod
    def decode_logits(self, code: Tensor) -> Tensor:
        """float32 (B, latents) -> float32 (B, C, H, W): the decoder before its sigmoid.

        Raises
        ------
        WrongImages
            A code of another length.
        """

    def decode(self, code: Tensor) -> Tensor:
        """float32 (B, latents) -> float32 (B, C, H, W) of 0..1."""
        return torch.sigmoid(self.decode_logits(code))


def weight_mismatch(wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """A few words on how `weights` differ from a network's in names, shapes or types; "" where they do not.

    `wanted` may lie on the meta device, where tensors take no memory.
    """
    if names := sorted(wanted.keys() ^ weights.keys()):
        return f"{names[0]} is {'missing' if names[0] in wanted else 'no weight of the network'}"
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            return f"{name} has shape {tuple(tensor.shape)}, the network {tuple(wanted[name].shape)}"
        if tensor.dtype not in STORED:
            return f"{name} is {tensor.dtype}, not {' or '.join(map(str, STORED))}"
    return ""
