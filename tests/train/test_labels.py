"""Labels for a share of the batches: which are chosen, what they add to a loss, and what they teach."""

import json
import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from train.blocks.gaussian import LABEL_SIGMA, LATENT_UNIT, gaussian_kl
from train.data.labels import Labels
from train.data.schedule import Draw
from train.engine.loop import train
from train.engine.noise import StepNoise
from train.engine.step_stats import MetricsWindow, PartSum, StepNumbers
from train.errors import ConfigError, TooFewBatches
from train.families.dcign import Dcign
from train.objectives import OBJECTIVES
from train.runs.trained_run import load_run

EXTRINSIC = ("azimuth", "elevation", "light")
TAKE_LABELS = [name for name, kind in OBJECTIVES.items() if kind.label_refusal is None]
LIGHT, ROWS = 2, 4
EVEN = dict.fromkeys((*EXTRINSIC, "intrinsic"), 1)
HALF_RANGE = np.array([86, 23, 80], np.float32)


def labels(config):
    return Labels(config.seed, config.options.label_fraction)


def chosen(config, factor="azimuth", among=4000):
    return {index for index in range(among) if labels(config).chosen(Draw(factor, index))}


class Relabelled:
    """A source whose true values are another function of (values, draw); None removes them."""

    def __init__(self, source, change):
        self.source, self.change = source, change

    def __getattr__(self, name):
        return getattr(self.source, name)

    def read(self, factor, index, arrays=()):
        batch = self.source.read(factor, index)
        values = self.change(batch.pop("factors"), Draw(factor, index))
        return batch if values is None else batch | {"factors": values}


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


def test_the_choice_never_changes(make_config):
    """Runs are resumed with it: these must never change."""
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
    label = torch.from_numpy(found["factors"][:, LIGHT] / HALF_RANGE[LIGHT])
    return {"image": torch.from_numpy(found["image"]), "active": torch.full((ROWS,), LIGHT), "label": label}


def unlabelled(batch):
    return {name: tensor for name, tensor in batch.items() if name != "label"}


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_a_label_adds_its_squared_error_and_trains_its_latent_alone(make_config, batch, name):
    config = make_config(objective=name)
    network, rule = Dcign(config).network(), OBJECTIVES[name](config.options)
    if (rule.group_size or 1) > 1:
        batch = batch | {"partner": torch.arange(ROWS).roll(1)}

    def loss_and_gradient(arrays):
        network.zero_grad()
        loss = rule.terms(network, arrays, StepNoise(0, 0))
        loss.total.backward()
        return loss, network.mu.bias.grad.double(), network.logvar.bias.grad.clone()

    supervised, mean, spread = loss_and_gradient(batch)
    plain, mean_before, spread_before = loss_and_gradient(unlabelled(batch))
    with torch.no_grad():
        latent = network.encode(batch["image"])[0][:, LIGHT].double()
    error = latent / math.sqrt(3) - batch["label"]
    expected = (error**2).sum() / (2 * 0.02**2)
    assert (supervised.total - plain.total).item() == pytest.approx(expected.item(), rel=1e-3)
    assert supervised.parts["label"].double().numpy() == pytest.approx((error**2 / (2 * 0.02**2)).numpy(), rel=1e-4)
    assert "label" not in plain.parts
    assert torch.equal(supervised.parts["reconstruction"], plain.parts["reconstruction"])
    assert torch.equal(supervised.latents, plain.latents)
    slope = torch.zeros(6, dtype=torch.float64)
    slope[LIGHT] = error.sum() / math.sqrt(3) / 0.02**2
    torch.testing.assert_close(mean - mean_before, slope, rtol=1e-4, atol=1e-6)
    assert torch.equal(spread, spread_before)


def test_the_labelled_latent_of_a_factor_with_two_is_the_first(make_config, batch):
    config = make_config(latents=8, sizes={"azimuth": 2, "light": 2})
    network = Dcign(config).network()
    mu = torch.zeros(ROWS, 8)
    mu[:, 3] = LATENT_UNIT * batch["label"]  # azimuth has two, elevation one
    network.encode = lambda images: (mu, torch.zeros(ROWS, 8))
    loss = OBJECTIVES["paper"](config.options).terms(network, batch, StepNoise(0, 0))
    assert loss.parts["label"].tolist() == pytest.approx([0] * ROWS, abs=1e-9)


def test_unlabelled_rows_have_no_label_loss(make_config, batch):
    """Of pairs from several batches each row has its own latent, and only some rows have a label."""
    config = make_config(objective="exchange-pairs")
    network, rule = Dcign(config).network(), OBJECTIVES["exchange-pairs"](config.options)
    active, nan = torch.tensor([LIGHT, LIGHT, 0, 3]), math.nan
    pairs = batch | {"active": active, "partner": torch.tensor([1, 0, 3, 2])}
    label = torch.tensor([0.5, nan, -0.25, nan])
    supervised = rule.terms(network, pairs | {"label": label}, StepNoise(0, 0))
    plain = rule.terms(network, unlabelled(pairs), StepNoise(0, 0))
    mu = network.encode(batch["image"])[0].detach().double() / math.sqrt(3)
    expected = [(mu[0, LIGHT] - 0.5).item() ** 2 / 0.0008, nan, (mu[2, 0] + 0.25).item() ** 2 / 0.0008, nan]
    assert supervised.parts["label"].tolist() == pytest.approx(expected, rel=1e-4, nan_ok=True)
    assert (supervised.total - plain.total).item() == pytest.approx(expected[0] + expected[2], rel=1e-3)
    supervised.total.backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


# --- training ---


def labelled_run(make_config, source, path, **options):
    config = make_config(batches=17, **options)
    train(config, source, path, tensorboard=False)
    return load_run(path).network.state_dict(), (path / "metrics.jsonl").read_text()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("objective", ["paper", "exchange-pairs"])
def test_true_values_of_unlabelled_batches_are_never_used(make_config, source, tmp_path, objective):
    make_config = partial(make_config, objective=objective)
    config = make_config(label_fraction=0.5)
    nothing = Relabelled(source, lambda values, draw: None)
    half = Relabelled(source, lambda values, draw: values if labels(config).chosen(draw) else None)
    wrong = Relabelled(source, lambda values, draw: -values)
    assert same(
        labelled_run(make_config, source, tmp_path / "0", label_fraction=0.0)[0],
        labelled_run(make_config, nothing, tmp_path / "0 of nothing", label_fraction=0.0)[0],
    )
    supervised = labelled_run(make_config, source, tmp_path / "half", label_fraction=0.5)[0]
    assert same(supervised, labelled_run(make_config, half, tmp_path / "half of half", label_fraction=0.5)[0])
    assert not same(supervised, labelled_run(make_config, wrong, tmp_path / "wrong", label_fraction=0.5)[0])


@pytest.mark.parametrize("objective", ["paper", "exchange-pairs"])
def test_metrics_have_the_label_loss(make_config, source, tmp_path, objective):
    """With a learning rate next to 0 every batch costs what it costs the first network."""
    options = {"objective": objective, "ratio": EVEN}
    config = make_config(label_fraction=0.5, learning_rate=1e-30, **options)
    train(config.changed(batches=40, metrics_every=40), source, tmp_path, tensorboard=False)
    (line,) = (json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines())
    (index,) = chosen(config, "light", source.count("light"))
    light = source.read("light", index)
    predicted = load_run(tmp_path).encode(light["image"])[:, LIGHT] / LATENT_UNIT
    error = (predicted - light["factors"][:, LIGHT] / HALF_RANGE[LIGHT]) / LABEL_SIGMA
    assert line["label"].keys() == set(EXTRINSIC)
    assert line["label"]["light"] == pytest.approx(np.square(error).sum() / 2 / ROWS, rel=1e-4)
    assert "label" not in labelled_run(make_config, source, tmp_path / "none", label_fraction=0.0)[1]


def test_the_window_of_an_earlier_version_is_resumed():
    old = {"count": {"light": 1}, "reconstruction": {"light": 3.0}, "kl": {"light": 0.5}, "kl_by_latent": [0.5]}
    window = MetricsWindow.from_state(old | {"waited": 0.0, "seconds": 1.0})
    parts = {"reconstruction": PartSum(1.0, 5.0), "kl": PartSum(1.0, 0.5), "label": PartSum(0.25, 1.75)}
    by_factor = {name: {"light": part} for name, part in parts.items()}
    window.add(StepNumbers(5.5, {"light": 1.0}, by_factor, [0.5]))
    line = window.line(2)
    assert (line["label"], line["reconstruction"], line["kl"]) == ({"light": 7.0}, {"light": 4.0}, {"light": 0.5})
    assert (line["batches"], line["active_latents"], line["seconds"]) == ({"light": 2}, 1, 1.0)


def unexplained(run, source, factor):
    """Root mean square of what the best line through a neuron leaves of the true values, in units of half a range.

    Of batches that were not trained on; a constant neuron leaves 0.58.
    """
    k = EXTRINSIC.index(factor)
    batches = [source.read(factor, source.count(factor) + index) for index in range(15)]
    predicted = np.concatenate([run.encode(batch["image"])[:, k] for batch in batches]).astype(float)
    true = np.concatenate([batch["factors"][:, k] for batch in batches]) / HALF_RANGE[k]
    line = np.stack([predicted, np.ones_like(predicted)], axis=1)
    return math.sqrt(np.square(line @ np.linalg.lstsq(line, true)[0] - true).mean())


def test_labels_train_the_latents_to_their_values(make_config, source, tmp_path):
    many = replace(source, counts=dict.fromkeys((*EXTRINSIC, "intrinsic"), 40))
    errors = {}
    for share in (0.0, 0.7):
        config = make_config(batches=300, checkpoint_every=300, label_fraction=share, ratio=EVEN)
        train(config, many, tmp_path / str(share), tensorboard=False)
        run = load_run(tmp_path / str(share))
        errors[share] = [unexplained(run, many, factor) for factor in EXTRINSIC]
    assert all(
        supervised < 0.85 * unsupervised for supervised, unsupervised in zip(errors[0.7], errors[0.0], strict=True)
    )


# --- refusals ---


@pytest.mark.parametrize("name", sorted(OBJECTIVES.keys() - set(TAKE_LABELS)))
def test_objectives_that_take_no_labels_refuse_them(make_config, name):
    with pytest.raises(ConfigError, match=f"label_fraction must be 0 with the objective {name}, which (uses|shuffles)"):
        make_config(objective=name, label_fraction=0.1)
    assert make_config(objective=name, label_fraction=0.0).options.label_fraction == 0


def test_which_objectives_take_labels():
    assert set(TAKE_LABELS) == OBJECTIVES.keys() - {"random", "beta-vae", "supervised"}


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_shares_outside_0_to_1_are_refused(make_config, share):
    with pytest.raises(ConfigError, match="label_fraction must be in 0 to 1"):
        make_config(label_fraction=share)


def test_data_that_cannot_serve_are_refused_before_anything_is_written(make_config, source, tmp_path):
    nothing = Relabelled(source, lambda values, draw: None)
    message = "a label_fraction of 0.5 needs the true values of the factors, and batch 1 of azimuth has none"
    with pytest.raises(ConfigError, match=message):
        train(make_config(label_fraction=0.5), nothing, tmp_path / "run")
    with pytest.raises(TooFewBatches, match=r"0.01 chooses none of the 5 batches of azimuth; give a larger one"):
        train(make_config(label_fraction=0.01), source, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    without = make_config(label_fraction=0.5, ratio={**EVEN, "azimuth": 0})
    train(without, replace(source, counts={**source.counts, "azimuth": 0}), tmp_path / "run", tensorboard=False)


def test_labels_assign_latents_to_factors(make_config):
    assert not Dcign(make_config(objective="ada-gvae")).axis_aligned
    assert Dcign(make_config(objective="ada-gvae", label_fraction=0.1)).axis_aligned
    assert Dcign(make_config()).axis_aligned


def test_the_unit_is_what_the_kl_asks_of_uniform_values():
    """Of values uniform over ±u with noise of a hundredth of it, the KL is least where their variance is 1."""
    uniform = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    scales = torch.arange(1.0, 3.0, 0.01, dtype=torch.float64)
    kl = [gaussian_kl(u * uniform, 2 * (0.01 * u).log().expand(2001)).mean().item() for u in scales]
    assert scales[int(np.argmin(kl))].item() == pytest.approx(LATENT_UNIT, abs=0.01)
