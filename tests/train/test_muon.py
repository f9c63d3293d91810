"""Muon against singular values, against PyTorch's own Muon, and as an optimiser of a whole network."""

import numpy as np
import pytest
import torch

from train.config import TrainConfig
from train.errors import ConfigError
from train.families.dcign import Dcign
from train.optim.muon import MOMENTUM, POLYNOMIAL, ROUNDS, Muon, orthogonal
from train.optim.optimizers import make_optimizers

SHAPES = [(5, 5), (8, 60), (60, 8), (12, 300)]


def gradient(shape, seed=0, spread=3.0):
    """Singular values over `spread` orders of magnitude and one far above all others; vectors by chance."""
    rng = np.random.Generator(np.random.Philox(seed))
    u, s, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    s = np.logspace(0, -spread, len(s))
    s[0] *= 30
    return torch.tensor((u * s) @ v)


def plain(matrix):
    """The polynomial on each singular value, without a Gram matrix."""
    u, s, v = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    s = s / np.linalg.norm(s)
    a, b, c = POLYNOMIAL
    for _ in range(sum(ROUNDS)):
        s = a * s + b * s**3 + c * s**5
    return (u * s) @ v


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("kind", "within"), [(torch.float64, 1e-6), (torch.float32, 1e-3)])
def test_it_is_the_polynomial_of_the_singular_values(shape, kind, within):
    matrix = gradient(shape)
    expected = plain(matrix)
    found = orthogonal(matrix.to(kind))
    assert found.dtype == kind
    assert found.shape == shape
    assert np.abs(found.double().numpy() - expected).max() < within


def test_directions_count_alike_down_to_a_five_hundredth():
    values = torch.logspace(-2.7, -0.05, 400, dtype=torch.float64)
    found = torch.cat([orthogonal(torch.diag(torch.stack([s, (1 - s * s).sqrt()]))).diagonal() for s in values])
    assert found.min() > 0.6
    assert found.max() < 1.25


def test_it_does_not_depend_on_the_gradients_scale():
    matrix = gradient((8, 60))
    for scale in (1e-3, 1e4):
        assert torch.allclose(orthogonal(matrix), orthogonal(scale * matrix), rtol=0, atol=1e-4)


@pytest.mark.parametrize("bits", [23, 10])
def test_one_direction_far_above_noise_does_no_harm(bits, monkeypatch):
    """In float32, and with the operands of products rounded as a GPU may be told to (TF32)."""
    rng = np.random.Generator(np.random.Philox(5))
    matrix = torch.tensor(rng.normal(size=(48, 2000)) + 30)
    expected = plain(matrix)
    product = torch.Tensor.__matmul__
    if bits < 23:
        monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: product(rounded(a, bits), rounded(b, bits)))
    found = orthogonal(matrix.float()).double().numpy()
    assert np.linalg.norm(found - expected) < 0.02 * np.linalg.norm(expected)


def rounded(tensor, bits):
    """To so many bits of mantissa."""
    mantissa, exponent = torch.frexp(tensor)
    return torch.ldexp((mantissa * 2 ** (bits + 1)).round() / 2 ** (bits + 1), exponent)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="a PyTorch without Muon")
@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_those_of_pytorchs_muon(shape):
    """PyTorch's iterates in bfloat16, on the matrix itself."""
    start = gradient(shape, 1).float()
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    own = Muon([ours], lr=0.01)
    other = torch.optim.Muon(
        [theirs], lr=0.01, weight_decay=0.0, momentum=MOMENTUM, nesterov=True, adjust_lr_fn="match_rms_adamw"
    )
    for step in range(10):
        ours.grad = gradient(shape, step, spread=1.0).float()
        theirs.grad = ours.grad.clone()
        own.step()
        other.step()
    moved = (theirs - start).norm()
    assert moved > 0.05
    assert (ours - theirs).norm() < 0.03 * moved


def test_a_convolution_is_a_matrix_of_outputs_by_all_else():
    generator = torch.Generator().manual_seed(0)
    start, slope = torch.randn(2, 6, 4, 3, 3, generator=generator)
    kernel, matrix = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.flatten(1).clone())
    kernel.grad, matrix.grad = slope, slope.flatten(1)
    for parameter in (kernel, matrix):
        Muon([parameter], lr=0.1).step()
    assert torch.equal(kernel.flatten(1), matrix)
    assert not torch.equal(kernel, start)


def test_no_gradient_moves_nothing():
    parameter = torch.nn.Parameter(torch.ones(4, 4))
    muon = Muon([parameter], lr=0.1)
    muon.step()
    parameter.grad = torch.zeros(4, 4)
    muon.step()
    assert torch.equal(parameter, torch.ones(4, 4))


@pytest.mark.parametrize("optimizer", ["adam", "muon", "rmsprop"])
def test_every_parameter_has_one_optimiser(make_config, optimizer):
    config = make_config(optimizer=optimizer)
    network = Dcign(config).network()
    made = make_optimizers(network, config)
    owned = [p for one in made.values() for group in one.param_groups for p in group["params"]]
    assert sorted(map(id, owned)) == sorted(map(id, network.parameters()))
    assert {group["lr"] for one in made.values() for group in one.param_groups} == {config.learning_rate}
    assert set(made) == ({"optimizer", "muon"} if optimizer == "muon" else {"optimizer"})


def test_rmsprop_is_the_papers_words(make_config):
    """RMSprop of 0.0005 with momentum 0.1 and weight decay 0.01, in float64 by hand."""
    config = make_config(optimizer="rmsprop")
    network = Dcign(config).network()
    (optimizer,) = make_optimizers(network, config).values()
    parameter = max(network.parameters(), key=torch.numel)
    x = parameter.detach().double().clone()
    square, momentum = torch.zeros_like(x), torch.zeros_like(x)
    for seed in range(3):
        gradient = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed))
        parameter.grad = gradient.clone()
        optimizer.step()
        g = gradient.double() + 0.01 * x
        square = 0.99 * square + 0.01 * g**2
        momentum = 0.1 * momentum + g / (square.sqrt() + 1e-8)
        x -= 5e-4 * momentum
    torch.testing.assert_close(parameter.detach().double(), x, rtol=0, atol=1e-6)


def test_the_image_and_the_biases_stay_with_adam(make_config):
    config = make_config(optimizer="muon", maps=16)
    network = Dcign(config).network()
    chosen = {id(p) for group in make_optimizers(network, config)["muon"].param_groups for p in group["params"]}
    names = {name for name, p in network.named_parameters() if id(p) in chosen}
    inner = {"encoder.1", "encoder.2", "mu", "logvar", "expand", "decoder.0", "decoder.1", "decoder.2"}
    assert names == {f"{name}.weight" for name in inner}


def test_the_learning_rate_is_the_optimisers_own_unless_given(make_config):
    assert make_config().learning_rate == 5e-4
    assert make_config(optimizer="muon").learning_rate == 2e-3
    assert make_config(optimizer="muon", learning_rate=1e-3).learning_rate == 1e-3


def test_runs_of_before_were_adams_and_others_are_refused(make_config):
    config = make_config()
    before = {name: value for name, value in config.to_plain().items() if name != "optimizer"}
    assert TrainConfig.from_plain(before) == config
    with pytest.raises(ConfigError, match="optimizer must be one of adam, muon, rmsprop; got sgd"):
        make_config(optimizer="sgd")
