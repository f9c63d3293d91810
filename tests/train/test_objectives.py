import math

import numpy as np
import pytest
import torch

from train.blocks.clamp import clamp_inactive
from train.blocks.gaussian import gaussian_kl, sample_code
from train.engine.noise import StepNoise, step_generator
from train.errors import ConfigError
from train.families.dcign import Dcign
from train.objectives import OBJECTIVES, objective_class
from train.objectives.exchange import random_partners

LIGHT, SHUFFLED = 2, 4
"""Values of `active`: the place of light in the layout, and that of shuffled rows."""


@pytest.fixture
def batch(source):
    return {"image": torch.from_numpy(source.read("light", 1)["image"]), "active": torch.full((4,), LIGHT)}


def terms(network, config, batch, **arrays):
    """The terms of the configuration's objective, with the noise of step 0."""
    return OBJECTIVES[config.options.objective](config.options).terms(network, batch | arrays, StepNoise(0, 0))


def test_kl_in_closed_form():
    """KL(N(m, s^2) || N(0, 1)) = (s^2 + m^2 - 1) / 2 - ln s, and 0 for the prior itself."""
    m, s = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([1.0, 0.5, 3.0])
    expected = [(b**2 + a**2 - 1) / 2 - math.log(b) for a, b in zip(m.tolist(), s.tolist(), strict=True)]
    assert gaussian_kl(m, 2 * s.log()).tolist() == pytest.approx(expected, abs=1e-6)


def test_loss_by_hand(make_config, batch):
    """Every part again in numpy float64 from the network's own outputs."""
    config = make_config()
    network = Dcign(config).network()
    loss = terms(network, config, batch)
    with torch.no_grad():
        mu, logvar = network.encode(batch["image"])
        eps = torch.randn(mu.shape, generator=step_generator(0, 0))
        mu, logvar = (z.clone() for z in (mu, logvar))
        for z in (mu, logvar):
            z[:, :2], z[:, 3:] = z.mean(dim=0)[:2], z.mean(dim=0)[3:]  # light is latent 2
        x = torch.sigmoid(network.decode_logits(mu + torch.exp(logvar / 2) * eps).double()).numpy()[:, 0]
    t = batch["image"].numpy() / 255
    bce = -(t * np.log(x) + (1 - t) * np.log1p(-x)).sum()
    m, v = mu.double().numpy(), np.exp(logvar.double().numpy())
    kl = ((m**2 + v - 1 - np.log(v)) / 2).sum()
    assert loss.total.item() == pytest.approx(bce + kl, rel=1e-6)
    assert loss.parts["reconstruction"].sum().item() == pytest.approx(bce, rel=1e-6)
    assert loss.parts["kl"].sum().item() == pytest.approx(kl, rel=1e-5, abs=1e-6)
    assert (loss.parts["reconstruction"].shape, loss.parts["kl"].shape, loss.latents.shape) == ((4,), (4,), (4, 6))


def cycle(order):
    """For each row the one before it in a random order of all rows."""
    other = torch.empty_like(order)
    other[order] = order.roll(1)
    return other


def by_hand(network, batch, code, mu, logvar):
    """Cross-entropy and KL, both summed, in numpy float64."""
    x = torch.sigmoid(network.decode_logits(code).double()).detach().numpy()[:, 0]
    t = batch["image"].numpy() / 255
    m, v = mu.double().numpy(), np.exp(logvar.double().numpy())
    return -(t * np.log(x) + (1 - t) * np.log1p(-x)).sum(), ((m**2 + v - 1 - np.log(v)) / 2).sum()


def test_random_is_the_plain_bound(make_config, batch):
    config = make_config(objective="random")
    network = Dcign(config).network()
    loss = terms(network, config, batch, active=torch.full((4,), SHUFFLED))
    with torch.no_grad():
        mu, logvar = network.encode(batch["image"])
        code = mu + torch.exp(logvar / 2) * torch.randn(mu.shape, generator=step_generator(0, 0))
        bce, kl = by_hand(network, batch, code, mu, logvar)
    assert loss.total.item() == pytest.approx(bce + kl, rel=1e-6)
    assert loss.parts["reconstruction"].sum().item() == pytest.approx(bce, rel=1e-6)


def test_exchange_decodes_each_row_with_the_shared_part_of_another(make_config, batch):
    config = make_config(objective="exchange", agreement=0.0)
    network = Dcign(config).network()
    loss = terms(network, config, batch)
    with torch.no_grad():
        mu, logvar = network.encode(batch["image"])
        noise = step_generator(0, 0)
        code = mu + torch.exp(logvar / 2) * torch.randn(mu.shape, generator=noise)
        other = cycle(torch.randperm(4, generator=noise))
        mixed = code[other].clone()
        mixed[:, 2] = code[:, 2]  # light is latent 2
        bce, kl = by_hand(network, batch, mixed, mu, logvar)
    assert loss.total.item() == pytest.approx(bce + kl, rel=1e-6)


def test_exchange_pulls_the_posteriors_of_a_pair_together(make_config, batch):
    """`agreement` times the KL of torch.distributions, over pairs and all latents but the active one."""
    config = make_config(objective="exchange", agreement=3.0)
    network = Dcign(config).network()
    mu, logvar = 3 * torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(1))
    network.encode = lambda images: (mu, logvar)
    plain = terms(network, config.changed(agreement=0.0), batch)
    loss = terms(network, config, batch)
    noise = step_generator(0, 0)
    torch.randn(mu.shape, generator=noise)
    other = cycle(torch.randperm(4, generator=noise))
    rows = torch.distributions.Normal(mu.double(), (logvar.double() / 2).exp())
    pairs = torch.distributions.Normal(mu[other].double(), (logvar[other].double() / 2).exp())
    apart = torch.distributions.kl_divergence(rows, pairs)
    apart[:, 2] = 0  # light
    assert (loss.total - plain.total).item() == pytest.approx(3 * apart.sum().item(), rel=1e-4)
    assert torch.equal(loss.parts["reconstruction"], plain.parts["reconstruction"])


PAIRS = {"active": torch.tensor([0, 0, 3, 3]), "partner": torch.tensor([1, 0, 3, 2])}
"""Two rows in which the azimuth varies, and two in which everything intrinsic does."""


def test_pairs_decode_each_row_with_the_shared_part_of_its_partner(make_config, batch):
    """Own: azimuth (latent 0) of the first two rows, intrinsic (3 to 5) of the last two; `agreement` on the others."""
    config = make_config(objective="exchange-pairs", agreement=2.0)
    network = Dcign(config).network()
    loss = terms(network, config, batch, **PAIRS)
    with torch.no_grad():
        mu, logvar = network.encode(batch["image"])
        code = mu + torch.exp(logvar / 2) * torch.randn(mu.shape, generator=step_generator(0, 0))
        mixed = code[[1, 0, 3, 2]]
        mixed[:2, 0], mixed[2:, 3:] = code[:2, 0], code[2:, 3:]
        bce, kl = by_hand(network, batch, mixed, mu, logvar)
    rows, others = (
        torch.distributions.Normal(mu[which].double(), (logvar[which].double() / 2).exp())
        for which in ([0, 1, 2, 3], [1, 0, 3, 2])
    )
    apart = torch.distributions.kl_divergence(rows, others)
    apart[:2, 0], apart[2:, 3:] = 0, 0
    assert loss.total.item() == pytest.approx(bce + kl + 2 * apart.sum().item(), rel=1e-6)
    assert loss.parts["reconstruction"].sum().item() == pytest.approx(bce, rel=1e-6)


def test_a_batch_in_one_piece_is_the_same_to_both_exchanges(make_config, batch):
    """Pairs that are the partners which exchange would draw, all of one factor."""
    noise = step_generator(0, 0)
    torch.randn(4, 6, generator=noise)
    pairs = {"partner": cycle(torch.randperm(4, generator=noise))}
    losses = []
    for name, arrays in (("exchange", {}), ("exchange-pairs", pairs)):
        config = make_config(objective=name)
        losses.append(terms(Dcign(config).network(), config, batch, **arrays))
    assert torch.equal(losses[0].total, losses[1].total)
    assert torch.equal(losses[0].parts["reconstruction"], losses[1].parts["reconstruction"])


def test_pairs_without_partners_are_refused(make_config, batch):
    config = make_config(objective="exchange-pairs")
    with pytest.raises(ConfigError, match="needs batches of pairs, with the array 'partner'"):
        terms(Dcign(config).network(), config, batch)


def test_exchange_teaches_both_parts_of_the_code(make_config, batch):
    config = make_config(objective="exchange")
    network = Dcign(config).network()
    mu, _ = network.encode(batch["image"])
    mu.retain_grad()
    network.encode = lambda images: (mu, torch.full_like(mu, -20))
    terms(network, config, batch).total.backward()
    assert (mu.grad.abs() > 0).all()


@pytest.mark.parametrize("rows", [2, 3, 20])
def test_no_row_is_its_own_partner(rows):
    other = random_partners(StepNoise(0, rows), rows, torch.device("cpu"))
    assert sorted(other.tolist()) == list(range(rows))
    assert not (other == torch.arange(rows)).any()


def test_every_row_and_latent_has_its_own_noise():
    """Clamped latents too: science's "per-sample noise on clamped dims"."""
    mu = torch.zeros(20, 6)
    z = sample_code(mu, torch.zeros(20, 6), StepNoise(0, 3))
    assert len(z.flatten().unique()) == z.numel()
    assert torch.equal(z, sample_code(mu, torch.zeros(20, 6), StepNoise(0, 3)))
    for other in (StepNoise(0, 4), StepNoise(1, 3)):
        assert not torch.equal(z, sample_code(mu, torch.zeros(20, 6), other))


def test_a_batch_shown_twice_doubles_the_loss_and_its_pull(make_config, source):
    """Sums, not means: the 1/100 has its meaning only against summed gradients."""
    config = make_config(invariance=5.0)
    images = torch.from_numpy(source.read("azimuth", 0)["image"])

    def losses(images):
        network = Dcign(config).network()
        mu, logvar = (clamp_inactive(z, torch.arange(6) < 1, "mean", 5.0) for z in network.encode(images))
        logits = network.decode_logits(mu)  # without noise, so that both halves are the same
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, network.targets(images), reduction="sum")
        (loss + gaussian_kl(mu, logvar).sum()).backward()
        return loss.item(), torch.cat([p.grad.flatten() for p in (network.mu.weight, network.decoder[3].weight)])

    once, grad_once = losses(images)
    twice, grad_twice = losses(torch.cat([images, images]))
    assert twice == pytest.approx(2 * once, rel=1e-6)
    assert (grad_twice - 2 * grad_once).abs().max() <= 1e-4 * grad_twice.abs().max()


def test_inactive_heads_learn_only_from_the_pull(make_config, batch):
    """With strength 0, the rows of both heads for inactive latents get exactly no gradient; light's row does."""
    config = make_config(invariance=0)
    network = Dcign(config).network()
    terms(network, config, batch).total.backward()
    for head in (network.mu, network.logvar):
        moved = head.weight.grad.abs().sum(dim=1) > 0
        assert moved.tolist() == [False, False, True, False, False, False]


def test_an_objective_that_does_not_exist_is_refused_by_name(make_config):
    for use in (objective_class, lambda name: Dcign(make_config().changed(objective=name)).objective):
        with pytest.raises(ConfigError, match=r"objective must be one of paper, arxiv-v1, .*; got 'newer'"):
            use("newer")
