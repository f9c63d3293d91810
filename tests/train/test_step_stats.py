import math

import numpy as np
import pytest
import torch

from train.engine.step_stats import MetricsWindow, StepStats, Terms

FACTORS = ("azimuth", "light", "intrinsic", "shuffled")
PARTS = ("reconstruction", "kl", "label")
RANDOM = np.random.Generator(np.random.Philox(5))
NATS, KL = RANDOM.uniform(0, 9, 6).astype(np.float32), RANDOM.uniform(0, 2, (6, 5)).astype(np.float32)
ACTIVE = np.array([0, 2, 2, 0, 2, 2])


def numbers_of(active, label=None):
    """The numbers of a step whose rows have these places of active factors."""
    kl = torch.from_numpy(KL)
    parts = {"reconstruction": torch.from_numpy(NATS), "kl": kl.sum(dim=1)}
    parts |= {} if label is None else {"label": label}
    stats = StepStats(FACTORS, PARTS)
    row = stats.row(Terms(torch.tensor(7.0), parts, kl), torch.as_tensor(active))
    assert row.dtype == torch.float64
    return stats.read(row.tolist())


@pytest.mark.parametrize("active", FACTORS)
def test_a_batch_of_one_factor_counts_for_it_alone(active):
    label = torch.tensor([math.nan, 1.5, 0.5, math.nan, math.nan, 1.0])
    numbers = numbers_of([FACTORS.index(active)] * 6, label=label)
    assert (numbers.total, numbers.shares) == (7.0, {active: 1.0})
    assert numbers.parts["label"] == {active: (0.5, 0.5)}
    share, nats = numbers.parts["reconstruction"][active]
    assert (share, nats) == (1.0, pytest.approx(NATS.mean()))
    assert numbers.parts["kl"][active].nats == pytest.approx(KL.sum(axis=1).mean())
    assert numbers.latents == pytest.approx(KL.mean(axis=0).tolist())


def test_without_labels_metrics_have_none():
    window = MetricsWindow()
    window.add(numbers_of([1] * 6))
    assert "label" not in window.line(1)


def test_rows_of_several_factors_are_counted_apart():
    label = torch.tensor([4.0, math.nan, math.nan, 5.0, math.nan, math.nan])
    numbers = numbers_of(ACTIVE, label)
    assert numbers.shares.keys() == {"azimuth", "intrinsic"}
    window = MetricsWindow()
    window.add(numbers)
    line = window.line(1)
    for place, name in ((0, "azimuth"), (2, "intrinsic")):
        rows = place == ACTIVE
        assert numbers.shares[name] == pytest.approx(rows.mean())
        assert line["reconstruction"][name] == pytest.approx(NATS[rows].mean())
        assert line["kl"][name] == pytest.approx(KL[rows].sum(axis=1).mean())
    assert line["label"] == {"azimuth": pytest.approx(4.5)}
    assert line["batches"] == {"azimuth": 0.33, "intrinsic": 0.67}
    means = window.means()
    assert (means["reconstruction"], means["kl"]) == pytest.approx((NATS.mean(), KL.sum(axis=1).mean()))
