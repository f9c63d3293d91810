import math

import numpy as np
import pytest
import torch
from train.engine.metrics_window import Window

from train.engine.step_stats import StepStats
from train.layout import Layout
from train.objectives import Loss, Pairs

LAYOUT = Layout((("azimuth", 1), ("light", 1), ("intrinsic", 3)))
RANDOM = np.random.Generator(np.random.Philox(5))
NATS, KL = RANDOM.uniform(0, 9, 6).astype(np.float32), RANDOM.uniform(0, 2, (6, 5)).astype(np.float32)
ACTIVE = np.array([0, 2, 2, 0, 2, 2])


def told(active, pairing=None, label=None):
    loss = Loss(torch.tensor(7.0), torch.from_numpy(NATS), torch.from_numpy(KL), label)
    row = StepStats(LAYOUT).row(loss, active, pairing)
    assert row.dtype == torch.float64
    return StepStats(LAYOUT).read(row.tolist())


@pytest.mark.parametrize("active", ["azimuth", "light", "intrinsic", "shuffled"])
def test_a_batch_of_one_factor_is_all_of_it(active):
    numbers = told(active, label=torch.tensor([math.nan, 1.5, 0.5, math.nan, math.nan, 1.0]))
    assert (numbers.total, list(numbers.parts)) == (7.0, [active])
    share, reconstruction, kl, labelled, label = numbers.parts[active]
    assert (share, labelled, label) == (1.0, 0.5, 0.5)
    assert reconstruction == pytest.approx(NATS.mean())
    assert kl == pytest.approx(KL.sum(axis=1).mean())
    assert numbers.kl == pytest.approx(KL.mean(axis=0).tolist())


def test_without_labels_nothing_is_told_of_them():
    window = Window()
    window.add(told("light"))
    assert "label" not in window.line(1)


def test_rows_of_several_factors_are_told_apart():
    pairs = Pairs(torch.from_numpy(ACTIVE), torch.tensor([3, 2, 1, 0, 5, 4]))
    numbers = told("shuffled", pairs, label=torch.tensor([4.0, math.nan, math.nan, 5.0, math.nan, math.nan]))
    assert numbers.parts.keys() == {"azimuth", "intrinsic"}
    window = Window()
    window.add(numbers)
    line = window.line(1)
    for place, name in ((0, "azimuth"), (2, "intrinsic")):
        rows = place == ACTIVE
        assert numbers.parts[name].share == pytest.approx(rows.mean())
        assert line["reconstruction"][name] == pytest.approx(NATS[rows].mean())
        assert line["kl"][name] == pytest.approx(KL[rows].sum(axis=1).mean())
    assert line["label"] == {"azimuth": pytest.approx(4.5)}
    assert line["batches"] == {"azimuth": 0.33, "intrinsic": 0.67}
    assert window.means() == pytest.approx((NATS.mean(), KL.sum(axis=1).mean()))
