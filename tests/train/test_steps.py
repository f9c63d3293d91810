"""Steps recorded as CUDA graphs against the same steps taken directly; and the noise that both draw."""

import json

import numpy as np
import pytest
import torch

from train.engine.loop import train
from train.engine.noise import HeldNoise, StepNoise
from train.engine.step import DirectStep, RecordedStep
from train.families.dcign import Dcign
from train.objectives import OBJECTIVES
from train.runs.checkpoint import list_checkpoints, read_checkpoint

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


NAMES = ("azimuth", "elevation", "light", "intrinsic")


def batch_of(source, factor, index):
    """The tensors of a batch of the source, with its scaled true values."""
    batch = source.read(factor, index)
    scaled = torch.from_numpy(batch["factors"] / np.array([86, 23, 80], np.float32))
    active = torch.full((len(scaled),), NAMES.index(factor))
    return {"image": torch.from_numpy(batch["image"]), "active": active, "factors": scaled}


def test_held_noise_is_the_noise_of_the_selected_step():
    held, device, like = HeldNoise(3), torch.device("cpu"), torch.zeros(4, 6)
    first = held.normal(like), held.order(5, device)
    for step in (7, 8):
        held.select(step)
        held.rewind()
        again = held.normal(like), held.order(5, device)
        assert [tensor.data_ptr() for tensor in again] == [tensor.data_ptr() for tensor in first]
        noise = StepNoise(3, step)
        assert torch.equal(again[0], noise.normal(like))
        assert torch.equal(again[1], noise.order(5, device))


@needs_gpu
def test_the_network_on_a_gpu_computes_the_plain_function(make_config, source):
    """Codes, images and every gradient in float64, against the plain form on the CPU."""
    config = make_config(maps=16)
    images, found = torch.from_numpy(source.read("light", 1)["image"]), []
    for plain, device in ((True, "cpu"), (False, "cuda")):
        network = Dcign(config).network(plain=plain).double().to(device)
        network.compute_dtype = torch.float64
        mu, logvar = network.encode(images.to(device))
        logits = network.decode_logits(mu)
        (logits.square().sum() + (mu * logvar).sum()).backward()
        found.append(
            [tensor.detach().cpu() for tensor in (mu, logvar, logits, *(p.grad for p in network.parameters()))]
        )
    for expected, given in zip(*found, strict=True):
        assert (given - expected).abs().max() <= 1e-10 * expected.abs().max()


@needs_gpu
@pytest.mark.parametrize(
    ("name", "optimizer"), [*((name, "adam") for name in OBJECTIVES), ("paper", "muon"), ("exchange-pairs", "muon")]
)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_recorded_steps_are_direct_steps(make_config, source, name, optimizer, precision):
    """Losses and weights of 12 steps, over batches of every factor, some of them labelled."""
    config = make_config(objective=name, optimizer=optimizer, precision=precision, maps=16).changed(device="cuda")
    family = Dcign(config)
    networks = [family.network().cuda() for _ in range(2)]
    made = [kind(network, family) for kind, network in zip((DirectStep, RecordedStep), networks, strict=True)]
    for number in range(12):
        batch = batch_of(source, ("azimuth", "intrinsic", "light", "elevation")[number % 4], number % 3)
        rows = torch.arange(len(batch["image"]))
        if number % 4 == 2 and not OBJECTIVES[name].label_refusal:
            batch["label"] = batch["factors"][:, 2]
        if (OBJECTIVES[name].group_size or 1) > 1:
            batch |= {"active": (rows + number) % 4, "partner": rows.roll(1 + number % 3)}
        if number < 6 and "orient" in OBJECTIVES[name].options:
            strength = torch.tensor(6.0 - number)
            batch |= {"target_latents": torch.arange(3), "target_positions": batch["factors"] * number}
            batch |= {"target_strength": strength}
        found = []
        for step in made:
            found.append(step.gradients(number, batch))
            step.update(1e-3 / (1 + number))
        assert torch.allclose(found[0], found[1], rtol=1e-3, atol=1e-4, equal_nan=True), number
    direct, recorded = (dict(network.named_parameters()) for network in networks)
    for parameter, weights in direct.items():
        assert torch.allclose(weights, recorded[parameter], atol=1e-4), parameter


@needs_gpu
@pytest.mark.parametrize(
    "options", [{}, {"optimizer": "muon"}, {"objective": "exchange-pairs", "orient": 35, "optimizer": "muon"}]
)
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_resumed_run_on_a_gpu_is_the_run_that_never_stopped(make_config, source, tmp_path, precision, options):
    config = make_config(batches=60, maps=16, precision=precision, decay=0.5, **options).changed(device="cuda")
    train(config, source, tmp_path / "whole", tensorboard=False)

    def stop(progress):
        if progress.step >= 25:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(config, source, tmp_path / "parts", stop, tensorboard=False)
    result = train(config, source, tmp_path / "parts", tensorboard=False)
    assert 0 < result.trained < 60
    whole, parts = (
        read_checkpoint(list_checkpoints(tmp_path / run / "checkpoints")[0]).weights for run in ("whole", "parts")
    )
    for name in whole:
        assert torch.equal(whole[name], parts[name]), name
    lines = [(tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "parts")]
    first, second = ([{**json.loads(line), "seconds": 0, "waited": 0} for line in some] for some in lines)
    assert first == second
