"""Objectives of later work: common posteriors by hand in numpy, and what they teach."""

import numpy as np
import pytest
import torch

from train.blocks.gaussian import LABEL_SIGMA, gaussian_kl, sample_code
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.errors import ConfigError
from train.families.dcign import Dcign
from train.objectives import OBJECTIVES
from train.runs.trained_run import load_run

LIGHT = 2
ROWS, LATENTS = 4, 6


@pytest.fixture
def batch(source):
    found = source.read("light", 1)
    factors = torch.from_numpy(found["factors"] / np.array([86, 23, 80], np.float32))
    return {"image": torch.from_numpy(found["image"]), "active": torch.full((ROWS,), LIGHT), "factors": factors}


@pytest.fixture
def posteriors():
    rng = np.random.Generator(np.random.Philox(3))
    return rng.normal(size=(ROWS, LATENTS)), rng.normal(-1, 0.7, size=(ROWS, LATENTS))


def objective(name, make_config, **options):
    return OBJECTIVES[name](make_config(objective=name, **options).options)


def common(name, make_config, mu, logvar, batch):
    return objective(name, make_config).common(mu, logvar, batch, StepNoise(0, 0))


def network_and_terms(name, make_config, batch, **options):
    """The initial network, and the terms of a batch with the noise of step 0."""
    network = Dcign(make_config(objective=name, **options)).network()
    return network, objective(name, make_config, **options).terms(network, batch, StepNoise(0, 0))


def test_gvae_averages_means_and_variances_of_shared_latents(make_config, batch, posteriors):
    mu, logvar = posteriors
    found = common("gvae-labels", make_config, torch.tensor(mu), torch.tensor(logvar), batch)
    expected = np.tile(mu.mean(0), (ROWS, 1)), np.tile(np.exp(logvar).mean(0), (ROWS, 1))
    for got, want, own in zip((found[0], found[1].exp()), expected, (mu, np.exp(logvar)), strict=True):
        want[:, LIGHT] = own[:, LIGHT]
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_mlvae_multiplies_the_posteriors(make_config, batch, posteriors):
    """The product of normal densities, on a grid: its mean and variance."""
    mu, logvar = posteriors
    found = common("mlvae-labels", make_config, torch.tensor(mu), torch.tensor(logvar), batch)
    z = np.linspace(-8, 8, 20_001)
    log_density = sum(-((z - mu[k, 0]) ** 2) / (2 * np.exp(logvar[k, 0])) for k in range(ROWS))
    density = np.exp(log_density - log_density.max())
    mean = (z * density).sum() / density.sum()
    variance = ((z - mean) ** 2 * density).sum() / density.sum()
    np.testing.assert_allclose(found[0][:, 0], mean, atol=1e-6)
    np.testing.assert_allclose(found[1][:, 0].exp(), variance, rtol=1e-5)
    np.testing.assert_array_equal(found[0][:, LIGHT], mu[:, LIGHT])


def test_ada_gvae_shares_the_latents_that_are_close_in_a_pair(make_config, batch):
    """Two rows that agree in all latents but the second and fourth."""
    mu = torch.zeros(2, LATENTS, dtype=torch.float64)
    mu[:, 0] = torch.tensor([0.1, 0.12])
    mu[:, 1] = torch.tensor([-2.0, 3.0])
    mu[:, 3] = torch.tensor([4.0, -1.0])
    logvar = torch.zeros_like(mu)
    logvar[1, 0] = 0.2
    found = common("ada-gvae", make_config, mu, logvar, batch)
    np.testing.assert_allclose(found[0][:, 0], [0.11, 0.11])
    np.testing.assert_allclose(found[1][:, 0].exp(), (1 + np.exp(0.2)) / 2)
    np.testing.assert_array_equal(found[0][:, [1, 3]], mu[:, [1, 3]])


def test_ada_gvae_pairs_every_row_once(make_config, batch, posteriors):
    mu, logvar = (torch.tensor(z)[:, :1].expand(ROWS, LATENTS).clone() for z in posteriors)
    mu[:, 1:] *= 5  # so that the first latent is shared by every pair
    found, _ = common("ada-gvae", make_config, mu, logvar, batch)
    values, counts = np.unique(found[:, 0].numpy(), return_counts=True)
    assert counts.tolist() == [2] * (ROWS // 2)
    assert values.mean() == pytest.approx(mu[:, 0].mean().item())
    odd, _ = common("ada-gvae", make_config, mu[:3], logvar[:3], batch)
    assert sorted(np.unique(odd[:, 0].numpy(), return_counts=True)[1].tolist()) == [1, 2]


@pytest.mark.parametrize("name", ["gvae-labels", "mlvae-labels"])
def test_gradients_flow_through_the_common_posterior(make_config, batch, name):
    network, loss = network_and_terms(name, make_config, batch)
    loss.total.backward()
    assert (network.mu.weight.grad.abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize(("name", "plain"), [("beta-vae", "random"), ("exchange", "exchange")])
def test_beta_weighs_the_kl(make_config, batch, name, plain):
    _, heavy = network_and_terms(name, make_config, batch, beta=1e6)
    _, light = network_and_terms(plain, make_config, batch)
    assert heavy.total.item() - light.total.item() == pytest.approx((1e6 - 1) * light.latents.sum().item(), rel=1e-3)
    assert torch.equal(heavy.latents, light.latents)


def test_supervised_by_hand(make_config, batch):
    network, loss = network_and_terms("supervised", make_config, batch)
    with torch.no_grad():
        mu, logvar = network.encode(batch["image"])
        noise = StepNoise(0, 0)
        code = sample_code(mu, logvar, noise)
        order = noise.order(ROWS, mu.device)
        mixed = torch.empty_like(code)
        for k in range(ROWS):
            mixed[order[k]] = code[order[k - 1]]
        mixed[:, :3] = batch["factors"]
        logits = network.decode_logits(mixed)
        targets = network.targets(batch["image"])
        bce = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
        error = (((mu[:, :3] - batch["factors"]) / LABEL_SIGMA) ** 2).sum() / 2
        expected = bce + gaussian_kl(mu, logvar)[:, 3:].sum() + error
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-6)
    assert (loss.latents[:, :3] == 0).all()
    assert (loss.latents[:, 3:] > 0).all()


def test_supervised_predicts_the_angles_and_needs_them(make_config, source, tmp_path, batch):
    config = make_config(objective="supervised", batches=150, checkpoint_every=150)
    train(config, source, tmp_path / "run", tensorboard=False)
    held = source.read("light", 3)
    code = load_run(tmp_path / "run").encode(held["image"])
    assert np.corrcoef(code[:, LIGHT], held["factors"][:, LIGHT])[0, 1] > 0.9
    with pytest.raises(ConfigError, match="needs the true values"):
        network_and_terms("supervised", make_config, {name: batch[name] for name in ("image", "active")})


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_trains(make_config, source, tmp_path, name):
    result = train(make_config(objective=name, batches=6), source, tmp_path / "run", tensorboard=False)
    assert result.step == 6
