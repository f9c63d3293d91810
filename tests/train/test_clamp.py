import numpy as np
import pytest
import torch

from train.blocks.clamp import clamp_inactive
from train.blocks.gaussian import gaussian_kl
from train.networks.authors import AuthorsNetwork, AuthorsOptions
from train.networks.interface import CodeShape


def by_hand(z, upstream, active, mode, strength):
    """Forward and backward of the rule, latent by latent, in numpy float64."""
    clamped, grad = z.copy(), upstream.copy()
    for latent in range(z.shape[1]):
        if latent in range(z.shape[1])[active]:
            continue
        mean = sum(z[:, latent]) / len(z)
        for row in range(len(z)):
            clamped[row, latent] = mean if mode == "mean" else z[0, latent]
            grad[row, latent] = strength * (z[row, latent] - mean)
    return clamped, grad


def mask(active, latents):
    """bool (latents,): a slice as a mask."""
    chosen = torch.zeros(latents, dtype=torch.bool)
    chosen[active] = True
    return chosen


@pytest.mark.parametrize("mode", ["mean", "first"])
@pytest.mark.parametrize("strength", [0.0, 0.01, 3.0])
@pytest.mark.parametrize("active", [slice(0, 1), slice(2, 3), slice(3, 8)])
def test_forward_and_backward_by_hand(mode, strength, active):
    rng = np.random.Generator(np.random.Philox(5))
    z, upstream = rng.normal(size=(20, 8)), rng.normal(size=(20, 8))
    clamped, grad = by_hand(z, upstream, active, mode, strength)
    tensor = torch.tensor(z, requires_grad=True)
    out = clamp_inactive(tensor, mask(active, 8), mode, strength)
    out.backward(torch.tensor(upstream))
    np.testing.assert_allclose(out.detach().numpy(), clamped, rtol=0, atol=1e-14)
    np.testing.assert_allclose(tensor.grad.numpy(), grad, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(tensor.grad.numpy()[:, active], upstream[:, active])
    if strength == 0:
        assert np.count_nonzero(np.delete(tensor.grad.numpy(), np.arange(8)[active], axis=1)) == 0
    np.testing.assert_array_equal(tensor.detach().numpy(), z)  # the input is not edited in place


def test_each_row_may_have_its_own_active_latents():
    """Rows of several factors in one batch; the mean is that of all rows."""
    rng = np.random.Generator(np.random.Philox(7))
    z, upstream = rng.normal(size=(6, 5)), rng.normal(size=(6, 5))
    active = rng.uniform(size=(6, 5)) < 0.5
    tensor = torch.tensor(z, requires_grad=True)
    out = clamp_inactive(tensor, torch.tensor(active), "mean", 0.5)
    out.backward(torch.tensor(upstream))
    mean = z.mean(axis=0)
    np.testing.assert_allclose(out.detach().numpy(), np.where(active, z, mean), rtol=0, atol=1e-14)
    np.testing.assert_allclose(tensor.grad.numpy(), np.where(active, upstream, 0.5 * (z - mean)), rtol=0, atol=1e-14)


@pytest.mark.parametrize("mode", ["mean", "first"])
def test_kl_of_mu_and_logvar_through_the_filter_by_hand(mode):
    """d KL / d mu = mu and d KL / d logvar = (exp(logvar) - 1) / 2 at the clamped values; inactive: the pull alone."""
    rng = np.random.Generator(np.random.Philox(6))
    active, strength = slice(1, 2), 0.01
    raw = {name: rng.normal(size=(7, 4)) for name in ("mu", "logvar")}
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in raw.items()}
    mu, logvar = (clamp_inactive(leaves[name], mask(active, 4), mode, strength) for name in ("mu", "logvar"))
    gaussian_kl(mu, logvar).sum().backward()
    clamped = {name: by_hand(raw[name], raw[name], active, mode, strength)[0] for name in raw}
    slopes = {"mu": clamped["mu"], "logvar": (np.exp(clamped["logvar"]) - 1) / 2}
    for name, leaf in leaves.items():
        _, expected = by_hand(raw[name], slopes[name], active, mode, strength)
        np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("sign", "shrinks"), [(1, True), (-1, False)])
def test_spread_of_inactive_latents_over_200_steps_of_invariance_alone(source, sign, shrinks):
    """Descent pulls them together; the released code's sign pushes them apart. mu and logvar each."""
    network = AuthorsNetwork(CodeShape(48, 1, 6), AuthorsOptions(8), seed=0)
    images = torch.from_numpy(source.read("azimuth", 0)["image"])
    parameters = [p for name, p in network.named_parameters() if not name.startswith(("decoder", "expand"))]
    optimizer = torch.optim.Adam(parameters, lr=5e-4, betas=(0.9, 0.99))

    def spread():
        with torch.no_grad():
            return torch.stack([z.std(dim=0)[1:].mean() for z in network.encode(images)])

    before = spread()
    assert torch.all(before > 1e-6)
    for _ in range(200):
        optimizer.zero_grad()
        codes = [clamp_inactive(z, mask(slice(0, 1), 6), "mean", 0.01) for z in network.encode(images)]
        torch.autograd.backward(codes, [torch.zeros_like(z) for z in codes])
        for parameter in parameters:
            parameter.grad *= sign
        optimizer.step()
    assert torch.all(spread() < 0.2 * before) if shrinks else torch.all(spread() > 5 * before)


@pytest.mark.parametrize(
    ("z", "mode", "strength", "message"),
    [
        (torch.zeros(2, 3), "median", 0.01, "mean, first; got 'median'"),
        (torch.zeros(2, 3), "mean", -0.01, "0 or more; got -0.01"),
        (torch.zeros(2, 3), "mean", float("nan"), "0 or more; got nan"),
        (torch.zeros(0, 3), "mean", 0.01, r"got \(0, 3\)"),
        (torch.zeros(3), "mean", 0.01, r"got \(3,\)"),
    ],
)
def test_refusals(z, mode, strength, message):
    with pytest.raises(ValueError, match=message):
        clamp_inactive(z, mask(slice(0, 1), 3), mode, strength)
