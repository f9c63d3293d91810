"""A trained DC-IGN, ready to encode and decode."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from train.config import TrainConfig
from train.dcign_options import DcignOptions
from train.device import resolve_device, resolve_precision
from train.errors import RunUnreadable, WrongImages
from train.families.dcign import Dcign
from train.layout import Layout
from train.networks.interface import Network
from train.runs.checkpoint import Checkpoint, StoreFacts, read_checkpoint
from train.runs.run_directory import RunDirectory


@dataclass(frozen=True)
class TrainedRun:
    """Encoder and decoder of a run, after `step` batches."""

    network: Network
    config: TrainConfig
    store: StoreFacts
    step: int
    """Batches trained on."""

    @cached_property
    def family(self) -> Dcign:
        """The family of the run, with its options."""
        return Dcign(self.config)

    @property
    def options(self) -> DcignOptions:
        """The options of the run's family."""
        return self.family.options

    @property
    def layout(self) -> Layout:
        """The latents of each factor."""
        return self.options.layout

    @property
    def side(self) -> int:
        """Side of the square images in pixels."""
        return self.options.side

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        return self.options.channels

    @property
    def latents(self) -> int:
        """Length of the graphics code."""
        return self.layout.total

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(H, W) or (H, W, 3) of the images that the run takes."""
        return self.options.shape.image

    def encode(self, images: NDArray[np.uint8], *, batch: int = 100) -> NDArray[np.float32]:
        """The mean of every latent: (N, latents) float32; see `posterior`."""
        return self.posterior(images, batch=batch)[0]

    def posterior(
        self, images: NDArray[np.uint8], *, batch: int = 100
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and log variance of every latent.

        Parameters
        ----------
        images : (N, H, W) or (N, H, W, 3) uint8, as in training
        batch : images computed at once; changes memory and speed, and at most the last bits

        Returns
        -------
        mu, logvar : (N, latents) float32

        Raises
        ------
        WrongImages
            Another size, type or channel count.
        """
        mu, logvar = (np.empty((len(images), self.latents), np.float32) for _ in range(2))
        with torch.inference_mode():
            for start in range(0, len(images), batch):
                some = torch.from_numpy(np.ascontiguousarray(images[start : start + batch])).to(self._device)
                for all_, part in zip((mu, logvar), self.network.encode(some), strict=True):
                    all_[start : start + batch] = part.cpu().numpy()
        return mu, logvar

    def decode(self, codes: NDArray[np.float32], *, batch: int = 100) -> NDArray[np.float32]:
        """The images of graphics codes.

        Parameters
        ----------
        codes : (N, latents) of any float type
        batch : codes computed at once

        Returns
        -------
        (N, H, W) or (N, H, W, 3) float32 of 0..1; `to_uint8` rounds as the renderers do

        Raises
        ------
        WrongImages
            Codes of another length.
        """
        side, channels = self.side, self.channels
        if codes.ndim != 2 or codes.shape[1] != self.latents:
            raise WrongImages(f"a code for this run has shape (N, {self.latents}); got {codes.shape}")
        images = np.empty((len(codes), side, side, channels), np.float32)
        with torch.inference_mode():
            for start in range(0, len(codes), batch):
                some = torch.from_numpy(np.array(codes[start : start + batch], np.float32)).to(self._device)
                images[start : start + batch] = self.network.decode(some).permute(0, 2, 3, 1).cpu().numpy()
        return images[..., 0] if channels == 1 else images

    def untrained(self) -> "TrainedRun":
        """The run with its initial weights: a baseline of the architecture alone."""
        return replace(self, network=_ready(self.config, str(self._device)), step=0)

    def identity(self) -> dict[str, str]:
        """Everything that decides the bits of its codes: the weights' SHA-256, kind of device, and precision."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.cpu().numpy().tobytes())
        computed = str(self.network.compute_dtype).removeprefix("torch.")
        return {"weights": digest.hexdigest(), "device": self._device.type, "precision": computed}

    @property
    def _device(self) -> torch.device:
        return self.network.device


def to_uint8(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Floats of 0..1 -> floor(255 x + 0.5), the rounding of the renderers."""
    return np.floor(255 * np.clip(images, 0, 1) + 0.5).astype(np.uint8)


def load_run(path: str | Path, device: str = "auto") -> TrainedRun:
    """The newest readable checkpoint of a run directory, or one `.safetensors` file of it.

    Parameters
    ----------
    path : a run directory, or a checkpoint
    device : "auto", "cpu", "cuda" or "cuda:N"; a bf16 run computes in float32 where bfloat16 would be slow

    Raises
    ------
    RunUnreadable
        No run, no checkpoint yet, or a run of another model family.
    CheckpointUnreadable
        The named file is truncated, corrupt or no checkpoint.
    ConfigError
        No such device.
    """
    path = Path(path)
    checkpoint = read_checkpoint(path) if path.is_file() else _newest(path)
    if checkpoint.config.family != Dcign.name:
        raise RunUnreadable(f"{path} is a run of the family {checkpoint.config.family}; expected one of {Dcign.name}")
    network = _ready(checkpoint.config, resolve_device(device))
    network.load_state_dict(checkpoint.weights)
    return TrainedRun(network, checkpoint.config, checkpoint.store, checkpoint.step)


def _ready(config: TrainConfig, where: str) -> Network:
    """The initial network of a configuration, ready to encode and decode there."""
    fast = resolve_precision("auto", where) == "bf16"
    network = Dcign(config if fast else config.changed(precision="float32")).network()
    return network.to(where).eval().requires_grad_(requires_grad=False)


def _newest(path: Path) -> Checkpoint:
    run = RunDirectory(path)
    run.read_config()
    checkpoint = run.newest()
    if checkpoint is None:
        raise RunUnreadable(f"{path} has no checkpoint yet; train it first")
    return checkpoint
