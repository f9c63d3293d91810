"""Export of a trained network: ONNX graphs of encoder and decoder, described weights, or a small run directory."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from train.errors import ExportFailed
from train.families.dcign import Dcign
from train.json_fields import to_plain
from train.networks.interface import Network
from train.runs.checkpoint import RESUME, Checkpoint, write_weights
from train.runs.run_directory import RunDirectory
from train.runs.trained_run import TrainedRun

ENCODER, DECODER, WEIGHTS = "encoder.onnx", "decoder.onnx", "weights.safetensors"
TOLERANCE = 1e-3
"""Largest difference from torch that is rounding: of a code relative to its largest value, of a picture in 0..1."""


class Encoder(nn.Module):
    """images (batch, H, W[, 3]) uint8 to mu and logvar (batch, latents) float32."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        return self.network.encode(images)


class Decoder(nn.Module):
    """code (batch, latents) float32 to images (batch, H, W[, 3]) float32 of 0..1."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, code: Tensor) -> Tensor:
        """See the class."""
        images = self.network.decode(code)
        return images[:, 0] if self.network.shape.channels == 1 else images.permute(0, 2, 3, 1)


def export(run: TrainedRun, out: Path) -> dict[str, float]:
    """Write encoder.onnx, decoder.onnx and weights.safetensors into `out`, and compare the graphs with torch.

    Returns
    -------
    Largest differences of mu, logvar and images from torch's in float32, mu and logvar relative to their largest value

    Raises
    ------
    ExportFailed
        A graph computes something else.
    """
    out.mkdir(parents=True, exist_ok=True)
    network = Dcign(run.config.changed(precision="float32", device="cpu")).network(plain=True)
    network.load_state_dict({name: tensor.cpu() for name, tensor in run.network.state_dict().items()})
    network.eval().requires_grad_(requires_grad=False)
    shape = (2, *run.image_shape)
    images = torch.from_numpy(np.random.Generator(np.random.Philox(0)).integers(0, 256, shape, dtype=np.uint8))
    encoder, decoder = Encoder(network), Decoder(network)
    mu, logvar = encoder(images)
    meaning = {name: json.dumps(value) for name, value in describe(run).items()}
    _write(encoder, images, "images", ["mu", "logvar"], out / ENCODER, meaning)
    _write(decoder, mu, "code", ["images"], out / DECODER, meaning)
    save_file(network.state_dict(), out / WEIGHTS, meaning)
    said = _run(out / ENCODER, "images", torch.cat([images, images]))
    drawn = _run(out / DECODER, "code", torch.cat([mu, mu]))
    found = {
        "mu": _apart(said[0][2:], mu, relative=True),
        "logvar": _apart(said[1][2:], logvar, relative=True),
        "images": _apart(drawn[0][2:], decoder(mu), relative=False),
    }
    if worst := {name: value for name, value in found.items() if not value <= TOLERANCE}:
        raise ExportFailed(f"the exported graph differs from torch by {worst}, more than {TOLERANCE}")
    return found


def describe(run: TrainedRun) -> dict[str, Any]:
    """The meaning of the latents and the origin of the network, as JSON-able values."""
    return {
        "format": "dcign-export 1",
        "layout": run.layout.to_json(),
        "factors": [dict(zip(("name", "unit", "low", "high"), factor, strict=True)) for factor in run.store.factors],
        "image": {"side": run.side, "channels": run.channels, "background": "white"},
        "objective": run.options.objective,
        "label_fraction": run.options.label_fraction,
        "batches": run.step,
        "network": run.options.network_class.name,
        **to_plain(run.options.network),
        "seed": run.config.seed,
        "store": run.store.digest,
        "weights": run.identity()["weights"],
    }


def _write(
    module: nn.Module, example: Tensor, name: str, outputs: list[str], path: Path, meaning: dict[str, str]
) -> None:
    import onnx

    with warnings.catch_warnings(), _silenced("torch.onnx"):
        warnings.simplefilter("ignore")  # of torch about itself, and about torchvision, which is not there
        torch.onnx.export(
            module.eval(),
            (example,),
            path,
            input_names=[name],
            output_names=outputs,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, meaning)
    onnx.checker.check_model(model)
    onnx.save(model, path)


@contextmanager
def _silenced(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _run(path: Path, name: str, values: Tensor) -> list[Tensor]:
    """The outputs of the graph, computed by ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [torch.from_numpy(found) for found in session.run(None, {name: values.numpy()})]


def _apart(found: Tensor, expected: Tensor, *, relative: bool) -> float:
    scale = float(expected.abs().max()) if relative else 1.0
    return float((found - expected).abs().max()) / max(scale, 1e-12)


def pack(run: TrainedRun, out: Path) -> int:
    """Write a run directory of float16 weights, without optimiser or history, to `out`; it cannot be trained further.

    Rounding to float16 changes a weight by at most 0.05% of its size (or 3e-8); calibrations are measured again.

    Returns
    -------
    Bytes of the weights

    Raises
    ------
    ExportFailed
        A weight is too large for float16, or `out` holds a run that can be trained further, such as this one.
    RunMismatch
        `out` holds another run.
    """
    weights = {name: tensor.cpu().to(torch.float16) for name, tensor in run.network.state_dict().items()}
    if wrong := [name for name, tensor in weights.items() if not bool(torch.isfinite(tensor).all())]:
        raise ExportFailed(f"{', '.join(wrong)} has values beyond 65,504, which float16 cannot hold")
    directory = RunDirectory(out)
    directory.check(run.config, run.store)
    if any(directory.checkpoints.glob(f"*{RESUME}")):
        raise ExportFailed(f"{out} holds a run that can be trained further; give another folder")
    directory.prepare(run.config, run.store)
    path = write_weights(directory.checkpoints, Checkpoint(run.step, run.config, run.store, weights))
    return path.stat().st_size
