"""Labels for a share of the batches: which are chosen, what they add to a loss, and what they teach."""

import json
import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from train.engine.metrics_window import Window
from train.networks.build_network import make_network
from train.objectives.regression import SIGMA, UNIT

from train.data.labels import is_labelled
from train.data.source import Draw
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.engine.step_stats import Part, StepNumbers
from train.errors import ConfigError, TooFewBatches
from train.objectives import OBJECTIVES, Pairs, TrainBatch, assigned
from train.objectives.bound import gaussian_kl
from train.runs.trained_run import load_run

EXTRINSIC = ("azimuth", "elevation", "light")
TAKE_LABELS = [name for name, kind in OBJECTIVES.items() if kind.unlabelled is None]
LIGHT, ROWS = 2, 4
EVEN = dict.fromkeys((*EXTRINSIC, "intrinsic"), 1)
HALF_RANGE = np.array([86, 23, 80], np.float32)


def chosen(config, factor="azimuth", among=4000):
    return {index for index in range(among) if is_labelled(config, Draw(factor, index))}


class Retold:
    """A source whose true values are another function of (values, draw)."""

    def __init__(self, source, tell):
        self.source, self.tell = source, tell

    def __getattr__(self, name):
        return getattr(self.source, name)

    def read(self, factor, index):
        batch = self.source.read(factor, index)
        return replace(batch, factors=self.tell(batch.factors, Draw(factor, index)))


# --- the choice ---


@pytest.mark.parametrize("share", [0.03, 0.3])
@pytest.mark.parametrize("factor", EXTRINSIC)
def test_as_many_batches_are_chosen_as_asked_for(make_config, share, factor):
    found = len(chosen(make_config(label_fraction=share), factor))
    assert abs(found - 4000 * share) < 4 * math.sqrt(4000 * share * (1 - share))


def test_nothing_is_none_and_everything_all(make_config):
    assert chosen(make_config(label_fraction=0)) == set()
    assert chosen(make_config(label_fraction=1), among=50) == set(range(50))
    assert chosen(make_config(label_fraction=1), "intrinsic") == set()


def test_a_larger_share_holds_the_batches_of_a_smaller_one(make_config):
    nested = [chosen(make_config(label_fraction=share)) for share in (0.01, 0.05, 0.2, 0.9)]
    assert all(small < large for small, large in pairwise(nested))


def test_only_the_seed_and_the_address_choose(make_config):
    """Two factors, as two seeds, share no more than chance would: half of half, of 4,000."""
    config = make_config(label_fraction=0.5)
    others = {"batches": 99, "objective": "exchange", "latents": 9, "ratio": EVEN}
    assert chosen(make_config(label_fraction=0.5, **others)) == chosen(config)
    for other in (chosen(config, "light"), chosen(config.changed(seed=1))):
        assert abs(len(other & chosen(config)) - 1000) < 4 * math.sqrt(4000 * 3 / 16)


def test_the_choice_is_for_ever(make_config):
    """Runs that were begun are continued: these must never change."""
    config = make_config(label_fraction=0.1)
    assert {factor: sorted(chosen(config, factor, 40)) for factor in EXTRINSIC} == {
        "azimuth": [1, 2, 6, 23, 28, 39],
        "elevation": [3, 6, 16, 17, 21, 32],
        "light": [14, 26, 27],
    }


# --- the loss ---


@pytest.fixture
def batch(source):
    found = source.read("light", 1)
    label = torch.from_numpy(found.factors[:, LIGHT] / HALF_RANGE[LIGHT])
    return TrainBatch(torch.from_numpy(found.images), "light", StepNoise(0, 0), label=label)


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_a_label_adds_its_squared_error_and_teaches_the_neuron_alone(make_config, batch, name):
    network = make_network(config := make_config(objective=name))
    rule = OBJECTIVES[name](network, config)
    if (rule.together or 1) > 1:
        batch = replace(batch, active="shuffled", pairing=Pairs(torch.full((ROWS,), LIGHT), torch.arange(ROWS).roll(1)))

    def loss_and_gradient(seen):
        network.zero_grad()
        loss = rule.loss(replace(seen, noise=StepNoise(0, 0)))
        loss.total.backward()
        return loss, network.mu.bias.grad.double(), network.logvar.bias.grad.clone()

    told, mean, spread = loss_and_gradient(batch)
    untold, mean_before, spread_before = loss_and_gradient(replace(batch, label=None))
    with torch.no_grad():
        neuron = network.encode(batch.images)[0][:, LIGHT].double()
    missed = neuron / math.sqrt(3) - batch.label
    expected = (missed**2).sum() / (2 * 0.02**2)
    assert (told.total - untold.total).item() == pytest.approx(expected.item(), rel=1e-3)
    assert told.label.double().numpy() == pytest.approx((missed**2 / (2 * 0.02**2)).numpy(), rel=1e-4)
    assert untold.label is None
    assert torch.equal(told.reconstruction, untold.reconstruction)
    assert torch.equal(told.kl, untold.kl)
    slope = torch.zeros(6, dtype=torch.float64)
    slope[LIGHT] = missed.sum() / math.sqrt(3) / 0.02**2
    torch.testing.assert_close(mean - mean_before, slope, rtol=1e-4, atol=1e-6)
    assert torch.equal(spread, spread_before)


def test_the_neuron_of_a_factor_with_two_latents_is_the_first(make_config, batch):
    network = make_network(config := make_config(latents=8, sizes={"azimuth": 2, "light": 2}))
    mu = torch.zeros(ROWS, 8)
    mu[:, 3] = UNIT * batch.label  # azimuth has two, elevation one
    network.encode = lambda images: (mu, torch.zeros(ROWS, 8))
    assert OBJECTIVES["paper"](network, config).loss(batch).label.tolist() == pytest.approx([0] * ROWS, abs=1e-9)


def test_rows_that_are_not_told_are_not_missed(make_config, batch):
    """Of pairs from several batches each row has its own neuron, and only some have a label."""
    network = make_network(config := make_config(objective="exchange-pairs"))
    rule = OBJECTIVES["exchange-pairs"](network, config)
    active, nan = torch.tensor([LIGHT, LIGHT, 0, 3]), math.nan
    pairs = Pairs(active, torch.tensor([1, 0, 3, 2]))
    seen = replace(batch, active="shuffled", pairing=pairs, label=torch.tensor([0.5, nan, -0.25, nan]))
    told = rule.loss(replace(seen, noise=StepNoise(0, 0)))
    untold = rule.loss(replace(seen, noise=StepNoise(0, 0), label=None))
    mu = network.encode(batch.images)[0].detach().double() / math.sqrt(3)
    expected = [(mu[0, LIGHT] - 0.5).item() ** 2 / 0.0008, nan, (mu[2, 0] + 0.25).item() ** 2 / 0.0008, nan]
    assert told.label.tolist() == pytest.approx(expected, rel=1e-4, nan_ok=True)
    assert (told.total - untold.total).item() == pytest.approx(expected[0] + expected[2], rel=1e-3)
    told.total.backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


# --- training ---


def told_run(make_config, source, path, **options):
    config = make_config(batches=17, **options)
    train(config, source, path, tensorboard=False)
    return load_run(path).network.state_dict(), (path / "metrics.jsonl").read_text()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("objective", ["paper", "exchange-pairs"])
def test_true_values_of_batches_that_are_not_chosen_are_never_looked_at(make_config, source, tmp_path, objective):
    make_config = partial(make_config, objective=objective)
    config = make_config(label_fraction=0.5)
    nothing = Retold(source, lambda values, draw: None)
    half = Retold(source, lambda values, draw: values if is_labelled(config, draw) else None)
    wrong = Retold(source, lambda values, draw: -values)
    assert same(
        told_run(make_config, source, tmp_path / "0", label_fraction=0.0)[0],
        told_run(make_config, nothing, tmp_path / "0 of nothing", label_fraction=0.0)[0],
    )
    told = told_run(make_config, source, tmp_path / "half", label_fraction=0.5)[0]
    assert same(told, told_run(make_config, half, tmp_path / "half of half", label_fraction=0.5)[0])
    assert not same(told, told_run(make_config, wrong, tmp_path / "wrong", label_fraction=0.5)[0])


@pytest.mark.parametrize("objective", ["paper", "exchange-pairs"])
def test_metrics_say_what_labels_cost(make_config, source, tmp_path, objective):
    """With a learning rate next to 0 every batch costs what it costs the first network."""
    options = {"objective": objective, "ratio": EVEN}
    config = make_config(label_fraction=0.5, learning_rate=1e-30, **options)
    train(config.changed(batches=40, metrics_every=40), source, tmp_path, tensorboard=False)
    (line,) = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    (index,) = chosen(config, "light", source.count("light"))
    light = source.read("light", index)
    said = load_run(tmp_path).encode(light.images)[:, LIGHT] / UNIT
    missed = (said - light.factors[:, LIGHT] / HALF_RANGE[LIGHT]) / SIGMA
    assert line["label"].keys() == set(EXTRINSIC)
    assert line["label"]["light"] == pytest.approx(np.square(missed).sum() / 2 / ROWS, rel=1e-4)
    assert "label" not in told_run(make_config, source, tmp_path / "none", label_fraction=0.0)[1]


def test_a_window_from_before_labels_goes_on():
    old = {"count": {"light": 1}, "reconstruction": {"light": 3.0}, "kl": {"light": 0.5}, "kl_by_latent": [0.5]}
    window = Window(**old, waited=0.0, seconds=1.0)
    window.add(StepNumbers(5.5, {"light": Part(1.0, 5.0, 0.5, 0.25, 1.75)}, [0.5]))
    assert window.line(2)["label"] == {"light": 7.0}


def unexplained(run, source, factor):
    """Root mean square of what the best line through a neuron leaves of the true values, in units of half a range.

    Of batches that were not trained on; a constant neuron leaves 0.58.
    """
    k = EXTRINSIC.index(factor)
    batches = [source.read(factor, source.count(factor) + index) for index in range(15)]
    said = np.concatenate([run.encode(batch.images)[:, k] for batch in batches]).astype(float)
    true = np.concatenate([batch.factors[:, k] for batch in batches]) / HALF_RANGE[k]
    line = np.stack([said, np.ones_like(said)], axis=1)
    return math.sqrt(np.square(line @ np.linalg.lstsq(line, true)[0] - true).mean())


def test_labels_teach_the_neurons_their_values(make_config, source, tmp_path):
    many = replace(source, counts=dict.fromkeys((*EXTRINSIC, "intrinsic"), 40))
    errors = {}
    for share in (0.0, 0.7):
        config = make_config(batches=300, checkpoint_every=300, label_fraction=share, ratio=EVEN)
        train(config, many, tmp_path / str(share), tensorboard=False)
        run = load_run(tmp_path / str(share))
        errors[share] = [unexplained(run, many, factor) for factor in EXTRINSIC]
    assert all(told < 0.85 * untold for told, untold in zip(errors[0.7], errors[0.0], strict=True))


# --- refusals ---


@pytest.mark.parametrize("name", sorted(OBJECTIVES.keys() - set(TAKE_LABELS)))
def test_objectives_that_can_make_nothing_of_labels_say_so(make_config, name):
    with pytest.raises(ConfigError, match=f"label_fraction must be 0 with the objective {name}, which (is|shuffles)"):
        make_config(objective=name, label_fraction=0.1)
    assert make_config(objective=name, label_fraction=0.0).label_fraction == 0


def test_which_objectives_take_labels():
    assert set(TAKE_LABELS) == OBJECTIVES.keys() - {"random", "beta-vae", "supervised"}


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_no_share(make_config, share):
    with pytest.raises(ConfigError, match="label_fraction must be in 0 to 1"):
        make_config(label_fraction=share)


def test_data_that_cannot_serve_are_refused_before_anything_is_written(make_config, source, tmp_path):
    nothing = Retold(source, lambda values, draw: None)
    message = "a label_fraction of 0.5 needs the true values of the factors, and batch 1 of azimuth has none"
    with pytest.raises(ConfigError, match=message):
        train(make_config(label_fraction=0.5), nothing, tmp_path / "run")
    with pytest.raises(TooFewBatches, match=r"0.01 chooses none of the 5 batches of azimuth; give a larger one"):
        train(make_config(label_fraction=0.01), source, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    without = make_config(label_fraction=0.5, ratio={**EVEN, "azimuth": 0})
    train(without, replace(source, counts={**source.counts, "azimuth": 0}), tmp_path / "run", tensorboard=False)


def test_labels_assign_latents_where_the_objective_does_not(make_config):
    assert not assigned(make_config(objective="ada-gvae"))
    assert assigned(make_config(objective="ada-gvae", label_fraction=0.1))
    assert assigned(make_config())


def test_the_unit_is_what_the_kl_asks_of_uniform_values():
    """Of values uniform over ±u with noise of a hundredth of it, the KL is least where their variance is 1."""
    uniform = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    scales = torch.arange(1.0, 3.0, 0.01, dtype=torch.float64)
    kl = [gaussian_kl(u * uniform, 2 * (0.01 * u).log().expand(2001)).mean().item() for u in scales]
    assert scales[int(np.argmin(kl))].item() == pytest.approx(UNIT, abs=0.01)
