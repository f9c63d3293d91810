"""Which way neurons start, against numpy's SVD and closed forms; and that the trap it keeps them from is there."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from train.errors import ConfigError
from train.layout import Layout
from train.loop import train
from train.making import make_network
from train.noise import StepNoise
from train.objectives import OBJECTIVES, Heading, Pairs, TrainBatch
from train.objectives.exchange import partners
from train.orientation import SPREAD, STRENGTH, Orientation, directions, scaled
from train.trained import load_run

EXTRINSIC = ("azimuth", "elevation", "light")


@pytest.fixture
def batch(source):
    return TrainBatch(torch.from_numpy(source.read("light", 1).images), "light", StepNoise(0, 0))


def rows_of(source, factor):
    """float64: the images of all batches of a factor, each batch without its mean."""
    batches = [source.read(factor, k).images.reshape(source.rows, -1) / 255 for k in range(source.count(factor))]
    return np.concatenate([images - images.mean(axis=0) for images in batches])


def test_directions_are_the_first_singular_vectors(source, make_config):
    found = directions(make_config(), source)
    assert found.shape == (3, 48 * 48)
    assert found.dtype == np.float32
    for direction, factor in zip(found, EXTRINSIC, strict=True):
        rows = rows_of(source, factor)
        first = np.linalg.svd(rows, full_matrices=False)[2][0]
        assert abs(direction @ first) == pytest.approx(np.linalg.norm(direction), rel=1e-5)
        assert (rows @ direction).std() == pytest.approx(SPREAD, rel=1e-4)
        assert direction[np.abs(direction).argmax()] > 0


def test_each_follows_its_factor(source, make_config):
    source = replace(source, rows=10, counts=dict.fromkeys(source.counts, 30))
    for k, (direction, factor) in enumerate(zip(directions(make_config(), source), EXTRINSIC, strict=True)):
        unseen = [source.read(factor, 1000 + number) for number in range(10)]
        orders = [spearmanr(scaled(batch.images) @ direction, batch.factors[:, k])[0] for batch in unseen]
        assert abs(np.mean(orders)) > 0.9, factor


def test_a_factor_with_two_latents_goes_round_a_circle_and_is_left_alone(source, make_config, batch):
    config = make_config(objective="exchange", sizes={"light": 2}, latents=7)
    assert config.layout.single == ("azimuth", "elevation")
    assert directions(config, source).shape == (2, 48 * 48)
    rule = OBJECTIVES["exchange"](make_network(config), config)
    heading = Heading(torch.linspace(-2, 3, 8).reshape(4, 2), torch.tensor(1e4))
    told, plain = (rule.loss(replace(batch, noise=StepNoise(0, 0), heading=one)).total for one in (heading, None))
    assert torch.equal(told, plain)  # light varies in this batch


def test_more_batches_than_are_looked_at_are_taken_evenly(source, make_config):
    many = replace(source, counts=dict.fromkeys(source.counts, 400))
    directions(make_config(), many)
    indices = [index for factor, index in many.reads if factor == "light"]
    assert len(indices) == 30
    assert (indices[0], indices[-1]) == (0, 399)
    assert set(np.diff(indices)) == {13, 14}


def test_where_nothing_varies_there_is_no_direction(source, make_config):
    class Still(type(source)):
        def read(self, factor, index):
            batch = super().read(factor, index)
            return replace(batch, images=np.repeat(batch.images[:1], self.rows, axis=0)) if factor == "light" else batch

    none = {"azimuth": 0, "elevation": 3, "light": 4, "intrinsic": 7}
    found = directions(make_config(), Still(counts=none))
    assert not found[0].any()
    assert found[1].any()
    assert not found[2].any()
    alone = make_config().changed(layout=Layout((("intrinsic", 4),)), ratio=(("intrinsic", 1.0),))
    assert directions(alone, source).shape == (0, 48 * 48)


def test_the_pull_falls_in_a_straight_line_and_ends(source, make_config):
    source = replace(source, reads=[])
    guide = Orientation(make_config(objective="exchange", orient=40), source)
    images = source.read("light", 0).images
    assert [guide.heading(step, images).strength.item() for step in (0, 10, 39)] == pytest.approx(
        [STRENGTH, 0.75 * STRENGTH, STRENGTH / 40]
    )
    found = directions(make_config(), source)
    np.testing.assert_allclose(guide.heading(3, images).along, scaled(images) @ found.T, atol=1e-5)
    assert guide.heading(40, images) is None


def test_a_run_that_is_past_it_reads_nothing_for_it(source, make_config):
    reads = len(source.reads)
    for orient in (0, 40):
        guide = Orientation(make_config(objective="exchange", orient=orient), source)
        assert guide.heading(40, np.zeros((4, 48, 48), np.uint8)) is None
    assert len(source.reads) == reads


# --- what it adds to the loss ---


HEADING = Heading(torch.linspace(-2, 3, 12).reshape(4, 3) ** 3, torch.tensor(7.0))


@pytest.mark.parametrize("name", ["exchange", "exchange-pairs"])
def test_the_cost_by_hand(make_config, batch, name):
    """Half the squared difference between what a pair's neurons are apart and what they should be, for active ones."""
    config = make_config(objective=name)
    network = make_network(config)
    active, partner = torch.tensor([2, 2, 0, 3]), torch.tensor([1, 0, 3, 2])
    if name == "exchange":
        noise = StepNoise(0, 0)
        noise.normal(torch.zeros(4, 6))  # drawn before, for the code
        active, partner = torch.full((4,), 2), partners(noise.order(4, torch.device("cpu")))
    else:
        batch = replace(batch, active="shuffled", pairing=Pairs(active, partner))
    rule = OBJECTIVES[name](network, config)
    plain = rule.loss(replace(batch, noise=StepNoise(0, 0)))
    led = rule.loss(replace(batch, noise=StepNoise(0, 0), heading=HEADING))
    mu = network.encode(batch.images)[0].detach().double().numpy()
    along, expected = HEADING.along.double().numpy(), 0.0
    for row, (factor, other) in enumerate(zip(active.tolist(), partner.tolist(), strict=True)):
        if factor < 3:
            apart = (mu[row, factor] - mu[other, factor]) - (along[row, factor] - along[other, factor])
            expected += 7.0 * apart**2 / 2
    assert expected > 100
    assert (led.total - plain.total).item() == pytest.approx(expected, rel=1e-4)
    assert torch.equal(led.reconstruction, plain.reconstruction)


def test_neurons_that_differ_as_they_should_cost_nothing(make_config, batch):
    config = make_config(objective="exchange")
    network = make_network(config)
    rule = OBJECTIVES["exchange"](network, config)
    mu = network.encode(batch.images)[0].detach()
    heading = Heading(mu[:, :3] + torch.tensor([5.0, -1.0, 3.0]), torch.tensor(1e4))
    plain = rule.loss(replace(batch, noise=StepNoise(0, 0)))
    led = rule.loss(replace(batch, noise=StepNoise(0, 0), heading=heading))
    assert led.total.item() == pytest.approx(plain.total.item(), rel=1e-6)


def test_only_the_active_neuron_is_pulled(make_config, batch):
    config = make_config(objective="exchange", beta=0.0, agreement=0.0)
    network = make_network(config)
    rule = OBJECTIVES["exchange"](network, config)
    found = []
    for heading in (None, HEADING):
        network.zero_grad()
        rule.loss(replace(batch, noise=StepNoise(0, 0), heading=heading)).total.backward()
        found.append((network.mu.weight.grad.clone(), network.mu.bias.grad.clone()))
    (weights, bias), (led_weights, led_bias) = found
    changed = (led_weights - weights).abs().amax(dim=1)
    assert changed[2] > 1
    assert changed[[0, 1, 3, 4, 5]].max() < 1e-3 * changed[2]
    assert torch.allclose(led_bias, bias, atol=1e-2)  # where they lie altogether is left to the bound


# --- training ---


def test_neurons_lie_along_their_components_after_it(tmp_path, source, make_config):
    ratio = dict.fromkeys((*EXTRINSIC, "intrinsic"), 1)
    source = replace(source, rows=10, counts=dict.fromkeys(ratio, 40))
    config = make_config(objective="exchange-pairs", optimizer="muon", maps=16, batches=100, orient=100, ratio=ratio)
    train(config, source, tmp_path, tensorboard=False)
    run, found = load_run(tmp_path), directions(config, source)
    for k, factor in enumerate(EXTRINSIC):
        unseen = [source.read(factor, 1000 + k).images for k in range(8)]
        orders = [spearmanr(run.encode(images)[:, k], scaled(images) @ found[k])[0] for images in unseen]
        assert np.mean(orders) > 0.85, factor


def test_true_values_are_not_looked_at(tmp_path, source, make_config):
    """A source that knows of no angle gives the same bits."""

    class Silent(type(source)):
        def read(self, factor, index):
            return replace(super().read(factor, index), factors=None)

    config = make_config(objective="exchange-pairs")
    for name, kind in (("told", source), ("untold", Silent())):
        train(config, kind, tmp_path / name, tensorboard=False)
    told, untold = (load_run(tmp_path / name).network.state_dict() for name in ("told", "untold"))
    assert all(torch.equal(told[name], untold[name]) for name in told)
    plain = make_config(objective="exchange-pairs", orient=0)
    train(plain, source, tmp_path / "plain", tensorboard=False)
    assert not torch.equal(load_run(tmp_path / "plain").network.state_dict()["mu.weight"], told["mu.weight"])


def test_who_has_it(make_config):
    assert {name for name in OBJECTIVES if make_config(objective=name).orient} == {"exchange", "exchange-pairs"}
    assert make_config(objective="exchange").orient == 500
    assert make_config(objective="exchange", label_fraction=0.1).orient == 0
    with pytest.raises(ConfigError, match="orient must be 0 with labels, which tell it all; got 20"):
        make_config(objective="exchange", label_fraction=0.1, orient=20)
    with pytest.raises(
        ConfigError, match="orient is an option of exchange, exchange-pairs, not of the objective paper"
    ):
        make_config(orient=20)
    with pytest.raises(ConfigError, match="orient must be 0 or more; got -1"):
        make_config(objective="exchange", orient=-1)


def test_the_configuration_says_it(tmp_path, source, make_config):
    train(make_config(objective="exchange", orient=7), source, tmp_path, tensorboard=False)
    assert json.loads((tmp_path / "config.json").read_text())["config"]["orient"] == 7
