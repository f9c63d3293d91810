"""Every model family under its contract; and a new family, which is one class and one line."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from train.config import TrainConfig
from train.engine.loop import train
from train.engine.step_stats import Terms
from train.errors import ConfigError, RunMismatch, RunUnreadable
from train.families import FAMILIES
from train.families.interface import Family, Needs
from train.json_fields import option
from train.runs.trained_run import load_run
from train.testing import FamilyContract


class TestDcign(FamilyContract):
    changes: ClassVar = {"invariance": 0.5}

    @pytest.fixture
    def config(self, make_config):
        return make_config()

    @pytest.fixture
    def data(self, source):
        return source


class TestDcignOnShuffledPairs(TestDcign):
    @pytest.fixture
    def config(self, make_config):
        return make_config(objective="exchange-pairs", orient=5, label_fraction=1.0)


# --- a new family: everything below is what one file in train/families/ would hold ---


@dataclass(frozen=True)
class FillOptions:
    """Options of the toy family."""

    width: int = option("Hidden units.", low=1, default=8)
    share: float = option("Weight of the visible pixels in the loss.", low=0, default=0.1)


class Fill(Family[FillOptions]):
    """Predicts an image from its visible half: a conditional model that reads a channel beside the image."""

    name = "fill"
    Options = FillOptions
    parts = ("hidden", "visible")

    def needs(self):
        return Needs((("intrinsic", 1.0), ("light", 1.0)), ("image", "mask"))

    def network(self, *, plain=False):
        torch.manual_seed(self.config.seed)
        return nn.Sequential(nn.Linear(48 * 48, self.options.width), nn.Tanh(), nn.Linear(self.options.width, 48 * 48))

    def terms(self, network, batch, noise):
        images = batch["image"].flatten(1) / 255
        visible = batch["mask"].flatten(1) > 0
        noisy = images * visible + 0.01 * noise.normal(images)
        error = (network(noisy) - images).square()
        hidden, shown = ((error * where).sum(dim=1) for where in (~visible, visible))
        total = hidden.sum() + self.options.share * shown.sum()
        return Terms(total, {"hidden": hidden.detach(), "visible": shown.detach()})


@pytest.fixture
def masked(source):
    """The blobs, with a mask whose left half is visible."""

    class MaskedSource(type(source)):
        arrays = ("image", "factors", "identity", "mask")

        def read(self, factor, index, arrays=()):
            batch = super().read(factor, index)
            if "mask" in arrays:
                batch["mask"] = np.zeros(batch["image"].shape, np.uint8)
                batch["mask"][:, :, :24] = 255
            return batch

    return MaskedSource()


class TestFill(FamilyContract):
    changes: ClassVar = {"width": 9}

    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch):
        monkeypatch.setitem(FAMILIES, "fill", Fill)

    @pytest.fixture
    def config(self):
        return TrainConfig(family="fill", options=FillOptions(), batches=12, checkpoint_every=4, metrics_every=5)

    @pytest.fixture
    def data(self, masked):
        return masked

    @pytest.mark.parametrize(
        ("options", "message"),
        [(FillOptions(width=9.0), "width must be of type int; got 9.0"), (None, "options must be of type FillOptions")],
    )
    def test_options_of_another_type_are_refused(self, options, message):
        with pytest.raises(ConfigError, match=message):
            TrainConfig(family="fill", options=options, batches=12)

    def test_metrics_have_its_terms_by_factor(self, config, data, tmp_path):
        result = train(config, data, tmp_path, tensorboard=False)
        assert set(result.metrics["hidden"]) <= {"intrinsic", "light"}
        assert math.isfinite(sum(result.metrics["visible"].values()))
        assert "kl" not in result.metrics


def test_another_family_cannot_be_opened_as_a_dcign(tmp_path, monkeypatch, masked):
    monkeypatch.setitem(FAMILIES, "fill", Fill)
    config = TrainConfig(family="fill", options=FillOptions(), batches=2)
    train(config, masked, tmp_path, tensorboard=False)
    with pytest.raises(RunUnreadable, match="is a run of the family fill; expected one of dcign"):
        load_run(tmp_path)


@pytest.mark.parametrize("back", [False, True])
def test_a_run_of_another_family_is_not_resumed(tmp_path, monkeypatch, masked, make_config, back):
    monkeypatch.setitem(FAMILIES, "fill", Fill)
    fill = TrainConfig(family="fill", options=FillOptions(), batches=2)
    first, second = (fill, make_config(batches=2)) if back else (make_config(batches=2), fill)
    train(first, masked, tmp_path, tensorboard=False)
    with pytest.raises(RunMismatch, match=f"family was {first.family}, now {second.family}") as refusal:
        train(second, masked, tmp_path, tensorboard=False)
    width, maps = ("8, now absent", "absent, now 8") if back else ("absent, now 8", "8, now absent")
    assert f"width was {width}" in str(refusal.value)
    assert f"maps was {maps}" in str(refusal.value)
