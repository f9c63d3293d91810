"""The direction target against a plain search and closed forms; and latents that are trained with it."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from train.data.direction_target import (
    ANGLES,
    ROWS,
    SPREAD,
    STRENGTH,
    DirectionTarget,
    scaled,
    shortest,
    target_latents,
)
from train.data.labels import Labels
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.errors import ConfigError, WrongImages
from train.families.dcign import Dcign
from train.objectives import OBJECTIVES
from train.objectives.exchange import random_partners
from train.runs.trained_run import load_run

EXTRINSIC = ("azimuth", "elevation", "light")


def target(config, source):
    labels = Labels(config.seed, config.options.label_fraction)
    return DirectionTarget(config.options, source, labels, Dcign(config).check_batch)


def directions(config, source):
    return target(config, source)._directions


def rows_of(source, factor):
    """float64: the images of all batches of a factor, each batch without its mean."""
    batches = [source.read(factor, k)["image"].reshape(source.rows, -1) / 255 for k in range(source.count(factor))]
    return np.concatenate([images - images.mean(axis=0) for images in batches])


def order_of(source, along, factor):
    """Mean rank correlation of where the images of ten batches lie along a direction with their true values."""
    batches = [source.read(factor, 1000 + number) for number in range(10)]
    true = [batch["factors"][:, EXTRINSIC.index(factor)] for batch in batches]
    return np.mean([spearmanr(scaled(b["image"]) @ along, t)[0] for b, t in zip(batches, true, strict=True)])


def plain_shortest(batches):
    """In float64 and plain loops: the length of the shortest way in the plane of two singular vectors."""
    first, second = np.linalg.svd(np.concatenate(batches), full_matrices=False)[2][:2]
    shortest_way = np.inf
    for turn in np.arange(ANGLES) * np.pi / ANGLES:
        along, way = np.cos(turn) * first + np.sin(turn) * second, 0.0
        for batch in batches:
            order = np.argsort(batch @ along)
            way += sum(np.linalg.norm(batch[i] - batch[j]) for i, j in itertools.pairwise(order))
        shortest_way = min(shortest_way, way)
    return shortest_way


@pytest.mark.parametrize("channels", [1, 3])
def test_directions_are_those_of_a_plain_search(source, make_config, channels):
    source = replace(source, channels=channels, rows=9)
    found = directions(make_config(source), source)
    assert found.shape == (3, 48 * 48 * channels)
    assert found.dtype == np.float32
    for along, factor in zip(found, EXTRINSIC, strict=True):
        rows = rows_of(source, factor)
        way = plain_shortest(np.split(rows, source.count(factor)))
        order = sum(
            np.linalg.norm(np.diff(batch[np.argsort(batch @ along)], axis=0), axis=1).sum()
            for batch in np.split(rows, source.count(factor))
        )
        assert order == pytest.approx(way, rel=1e-6)  # the plane's second vector has a sign of its own, and ties
        plane = np.linalg.svd(rows, full_matrices=False)[2][:2]
        assert np.linalg.norm(plane @ along) == pytest.approx(np.linalg.norm(along), rel=1e-4)
        assert (rows @ along).std() == pytest.approx(SPREAD, rel=1e-4)
        assert along[np.abs(along).argmax()] > 0


def test_the_direction_is_the_order_where_an_even_component_is_as_strong():
    """Points of a horseshoe, odd in one direction and even in another; the first singular vector says less."""
    rng = np.random.Generator(np.random.Philox(3))
    odd, even = np.linalg.qr(rng.standard_normal((50, 2)))[0].T
    values = rng.uniform(-1, 1, (40, 12))
    rows = values[..., None] * odd + 2 * (values[..., None] ** 2 - 1 / 3) * even
    batches = [(batch - batch.mean(axis=0)).astype(np.float32) for batch in rows]
    stacked = np.concatenate(batches)
    along = shortest(stacked, [12] * 40) @ stacked
    first = np.linalg.svd(stacked, full_matrices=False)[2][0]

    def orders(direction):
        return abs(
            np.mean([spearmanr(batch @ direction, value)[0] for batch, value in zip(batches, values, strict=True)])
        )

    assert orders(along) > 0.97
    assert orders(first) < 0.7


def test_what_varies_in_one_way_only_has_that_direction():
    rows = np.outer(np.array([-3, 1, 2, -5, 5], np.float32), np.array([1, 0, -2, 4], np.float32))
    along = shortest(rows, [3, 2]) @ rows
    np.testing.assert_allclose(np.abs(along / along[0]), [1, 0, 2, 4], atol=1e-5)


def test_each_follows_its_factor(source, make_config):
    source = replace(source, rows=10, counts=dict.fromkeys(source.counts, 30))
    for along, factor in zip(directions(make_config(), source), EXTRINSIC, strict=True):
        assert abs(order_of(source, along, factor)) > 0.9, factor


def test_labels_decide_the_sign(source, make_config):
    """The labels of the first labelled batch do; without labels, true values have no effect."""

    class Mirrored(type(source)):
        def read(self, factor, index, arrays=()):
            batch = super().read(factor, index)
            return batch | {"factors": -batch["factors"]}

    some, none = (make_config(objective="exchange", label_fraction=fraction) for fraction in (0.5, 0))
    labelled = directions(some, source)
    np.testing.assert_array_equal(labelled, -directions(some, Mirrored()))
    assert all(order_of(source, along, factor) > 0 for along, factor in zip(labelled, EXTRINSIC, strict=True))
    np.testing.assert_array_equal(directions(none, source), directions(none, Mirrored()))


def test_latents_with_a_target(source, make_config):
    everything = [(n.factor, n.latent, n.column) for n in target_latents(make_config().options, source)]
    assert everything == [("azimuth", 0, 0), ("elevation", 1, 1), ("light", 2, 2)]
    shares = {"azimuth": 1, "elevation": 0, "light": 1, "intrinsic": 1}
    two = make_config(sizes={"azimuth": 2}, latents=7, ratio=shares)
    assert [(n.factor, n.latent, n.column) for n in target_latents(two.options, source)] == [("light", 3, 2)]


@pytest.mark.parametrize(
    ("unit", "high", "pulled"),
    [("degrees", 360, False), ("degrees", 345, False), ("degrees", 180, True), ("as given", 345, True)],
)
def test_a_factor_that_turns_by_more_than_half_a_circle_has_none(source, make_config, unit, high, pulled):
    class Turned(type(source)):
        @property
        def factors(self):
            return (("azimuth", unit, 0.0, float(high)), *super().factors[1:])

    found = [one.factor for one in target_latents(make_config().options, Turned())]
    assert found == [*(["azimuth"] * pulled), "elevation", "light"]


def test_without_such_a_latent_there_is_no_target(tmp_path, source, make_config):
    sizes = {"azimuth": 2, "elevation": 2, "light": 3}
    config = make_config(objective="exchange-pairs", sizes=sizes, latents=9)
    assert target(config, source).tensors(0, source.read("light", 0)["image"]) == {}
    train(config, source, tmp_path, tensorboard=False)
    assert load_run(tmp_path).step == 12


def test_of_many_and_large_batches_some_are_read_evenly(source, make_config):
    class Thinned(type(source)):
        def read(self, factor, index, arrays=()):
            batch = super().read(factor, index)
            return batch | {"image": batch["image"][np.linspace(0, 49, ROWS).round().astype(int)]}

    large = {"rows": 50, "counts": dict.fromkeys(source.counts, 400)}
    many = replace(source, **large)
    config = make_config(ratio={"azimuth": 0, "elevation": 0, "light": 1, "intrinsic": 1})  # light alone has a target
    found = directions(config, many)
    assert {factor for factor, _ in many.reads} == {"light"}
    indices = [index for _, index in many.reads]
    assert len(indices) == 60
    assert (indices[0], indices[-1]) == (0, 399)
    assert set(np.diff(indices)) == {6, 7}
    np.testing.assert_array_equal(directions(config, Thinned(**large)), found)


def test_where_nothing_varies_there_is_no_direction(source, make_config):
    class Still(type(source)):
        def read(self, factor, index, arrays=()):
            batch = super().read(factor, index)
            still = np.repeat(batch["image"][:1], self.rows, axis=0)
            return batch | {"image": still} if factor == "light" else batch

    assert [row.any() for row in directions(make_config(), Still())] == [True, True, False]


def test_a_batch_of_another_shape_is_refused_by_name(source, make_config):
    class Odd(type(source)):
        def read(self, factor, index, arrays=()):
            batch = super().read(factor, index)
            narrow = batch | {"image": batch["image"][:, 1:]}
            return narrow if (factor, index) == ("light", 2) else batch

    with pytest.raises(WrongImages, match="batch 2 of light should hold"):
        directions(make_config(), Odd())


def test_the_strength_falls_linearly_to_the_end(source, make_config):
    guide = target(make_config(objective="exchange", orient=40), source)
    images = source.read("light", 0)["image"]
    strengths = [guide.tensors(number, images)["target_strength"].item() for number in (0, 10, 39)]
    assert strengths == pytest.approx([STRENGTH, 0.75 * STRENGTH, STRENGTH / 40])
    found = guide.tensors(3, images)
    expected = scaled(images) @ directions(make_config(), source).T
    np.testing.assert_allclose(found["target_positions"], expected, atol=1e-5)
    assert found["target_latents"].tolist() == [0, 1, 2]
    assert guide.tensors(40, images) == {}


@pytest.mark.parametrize("orient", [0, 40])
def test_a_run_past_its_targets_reads_nothing_for_them(source, make_config, orient):
    guide = target(make_config(objective="exchange", orient=orient), source)
    assert guide.tensors(40, np.zeros((4, 48, 48), np.uint8)) == {}
    assert source.reads == []


# --- what it adds to the loss ---


@pytest.fixture
def batch(source):
    return {"image": torch.from_numpy(source.read("light", 1)["image"]), "active": torch.full((4,), 2)}


def targets(positions, strength, latents=3):
    return {
        "target_latents": torch.arange(latents),
        "target_positions": positions,
        "target_strength": torch.tensor(strength),
    }


TARGET = targets(torch.linspace(-2, 3, 12).reshape(4, 3) ** 3, 7.0)


def total(network, config, batch, target):
    """The loss with a direction target, with the noise of step 0."""
    rule = OBJECTIVES[config.options.objective](config.options)
    return rule.terms(network, batch | target, StepNoise(0, 0)).total


@pytest.mark.parametrize("name", ["exchange", "exchange-pairs"])
def test_the_cost_by_hand(make_config, batch, name):
    """Half the squared error of the difference between a pair's active latents, times the strength."""
    config = make_config(objective=name)
    network = Dcign(config).network()
    if name == "exchange":
        noise = StepNoise(0, 0)
        noise.normal(torch.zeros(4, 6))  # sampled before, for the code
        active, partner = torch.full((4,), 2), random_partners(noise, 4, torch.device("cpu"))
    else:
        active, partner = torch.tensor([2, 2, 0, 3]), torch.tensor([1, 0, 3, 2])
        batch = batch | {"active": active, "partner": partner}
    added = (total(network, config, batch, TARGET) - total(network, config, batch, {})).item()
    mu = network.encode(batch["image"])[0].detach().double().numpy()
    along, expected = TARGET["target_positions"].double().numpy(), 0.0
    for row, (factor, other) in enumerate(zip(active.tolist(), partner.tolist(), strict=True)):
        if factor < 3:
            error = (mu[row, factor] - mu[other, factor]) - (along[row, factor] - along[other, factor])
            expected += 7.0 * error**2 / 2
    assert expected > 100
    assert added == pytest.approx(expected, rel=1e-4)


def test_one_row_that_is_off_by_one_costs_the_strength(make_config, batch):
    network = Dcign(config := make_config(objective="exchange")).network()
    right = network.encode(batch["image"])[0].detach()[:, :3] + torch.tensor([5.0, -1.0, 3.0])
    off = right.clone()
    off[1, 2] += 1
    plain, at_target, wrong = (
        total(network, config, batch, target) for target in ({}, *(targets(a, 1e3) for a in (right, off)))
    )
    assert at_target.item() == pytest.approx(plain.item(), rel=1e-6)
    assert (wrong - plain).item() == pytest.approx(1e3, rel=1e-3)


def test_only_the_active_latent_is_pulled(make_config, batch):
    config = make_config(objective="exchange", beta=0.0, agreement=0.0)
    network, found = Dcign(config).network(), []
    for target in ({}, TARGET):
        network.zero_grad()
        total(network, config, batch, target).backward()
        found.append((network.mu.weight.grad.clone(), network.mu.bias.grad.clone()))
    (weights, bias), (pulled_weights, pulled_bias) = found
    changed = (pulled_weights - weights).abs().amax(dim=1)
    assert changed[2] > 1
    assert changed[[0, 1, 3, 4, 5]].max() < 1e-3 * changed[2]
    assert torch.allclose(pulled_bias, bias, atol=1e-2)  # their common offset is left to the bound


def test_a_latent_without_target_is_not_pulled(make_config, batch):
    network = Dcign(config := make_config(objective="exchange")).network()
    others = targets(TARGET["target_positions"][:, :2], 1e4, latents=2)
    assert torch.equal(total(network, config, batch, others), total(network, config, batch, {}))  # light varies


# --- training ---


@pytest.mark.parametrize("seed", [0, 1])
def test_latents_follow_their_target(tmp_path, source, make_config, seed):
    """Without targets, the latents of seed 0 encode nothing by then, and azimuth of seed 1 the opposite."""
    ratio = dict.fromkeys((*EXTRINSIC, "intrinsic"), 1)
    source = replace(source, rows=10, counts=dict.fromkeys(ratio, 40))
    options = {"objective": "exchange-pairs", "optimizer": "muon", "maps": 16, "batches": 100, "orient": 200}
    config = make_config(ratio=ratio, seed=seed, **options)
    train(config, source, tmp_path, tensorboard=False)
    run, orders = load_run(tmp_path), []
    for k, along in enumerate(directions(config, source)):
        unseen = [source.read(EXTRINSIC[k], 1000 + number)["image"] for number in range(20)]
        each = [spearmanr(run.encode(images)[:, k], scaled(images) @ along)[0] for images in unseen]
        orders.append(np.mean(each))
    assert min(orders) > 0.4
    assert np.mean(orders) > 0.7


def test_true_values_are_not_used(tmp_path, source, make_config):
    """A source that knows of no angle gives the same bits; without orientation they are others."""

    class Silent(type(source)):
        def read(self, factor, index, arrays=()):
            batch = super().read(factor, index)
            return {name: batch[name] for name in ("image", "identity")}

    found = []
    for name, kind, options in (("known", source, {}), ("unknown", Silent(), {}), ("plain", source, {"orient": 0})):
        train(make_config(objective="exchange-pairs", **options), kind, tmp_path / name, tensorboard=False)
        found.append(load_run(tmp_path / name).network.state_dict())
    known, unknown, plain = found
    assert all(torch.equal(known[name], unknown[name]) for name in known)
    assert not torch.equal(known["mu.weight"], plain["mu.weight"])


def test_objectives_that_have_it(make_config):
    assert {name for name in OBJECTIVES if make_config(objective=name).options.orient} == {"exchange", "exchange-pairs"}
    assert make_config(objective="exchange", label_fraction=0.1).options.orient == 500
    with pytest.raises(ConfigError, match="orient is an option of exchange, exchange-pairs, not of the objective pap"):
        make_config(orient=20)
    with pytest.raises(ConfigError, match="orient must be 0 or more; got -1"):
        make_config(objective="exchange", orient=-1)


def test_the_configuration_holds_it(tmp_path, source, make_config):
    train(make_config(objective="exchange", orient=7), source, tmp_path, tensorboard=False)
    assert json.loads((tmp_path / "config.json").read_text())["config"]["orient"] == 7
