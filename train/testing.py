"""The contract of every model family, as a test class to inherit.

    class TestFill(FamilyContract):
        changes = {"width": 9}

        @pytest.fixture
        def config(self): return TrainConfig(family="fill", options=FillOptions(), batches=12, ...)

        @pytest.fixture
        def data(self) -> Any: return SomeSource()

Each test states a law; none knows how a family works.
"""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from train.config import RUN_FIELDS, TrainConfig
from train.engine.loop import Progress, train
from train.engine.noise import StepNoise
from train.engine.step import DirectStep, RecordedStep, Step, on_device
from train.errors import ConfigError, MissingArray
from train.families import FAMILIES, family_class
from train.runs.checkpoint import list_checkpoints, read_checkpoint, read_resume


class Killed(Exception):  # noqa: N818
    """A run that was stopped at some batch."""


def kill_after(step: int) -> Callable[[Progress], None]:
    """A progress function that stops the run after `step` batches."""

    def on_progress(progress: Progress) -> None:
        if progress.step == step:
            raise Killed

    return on_progress


def state_of(run_dir: Path) -> tuple[Any, Any, Any]:
    """Weights and resume state of the newest checkpoint, and the metrics, all without times."""
    newest = list_checkpoints(run_dir / "checkpoints")[0]
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    resume = read_resume(newest)
    for record in (*lines, resume["window"]):
        del record["seconds"], record["waited"]
    return read_checkpoint(newest).weights, resume, lines


def assert_same(a: Any, b: Any) -> None:
    """Equal to the last bit, tensors included."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


class FamilyContract:
    """Subclasses give a configuration and a source that fits it."""

    changes: ClassVar[dict[str, Any]] = {}
    """A family option and another value for it."""

    @pytest.fixture
    def config(self) -> TrainConfig:
        """A run of 12 batches with checkpoints every 4 and metrics every 5, on the CPU in float32."""
        raise NotImplementedError

    @pytest.fixture
    def data(self) -> Any:
        """A source that the configuration can be trained on."""
        raise NotImplementedError

    def test_it_is_found_by_its_name(self, config: TrainConfig) -> None:
        assert family_class(config.family) is FAMILIES[config.family]
        assert FAMILIES[config.family].name == config.family
        with pytest.raises(ConfigError, match=f"family must be one of .*{config.family}.*; got 'other'"):
            family_class("other")

    def test_options_survive_a_round_trip(self, config: TrainConfig) -> None:
        assert TrainConfig.from_json(config.to_json()) == config
        assert not {field.name for field in fields(config.options)} & RUN_FIELDS

    def test_options_that_are_foreign_or_missing_are_refused_by_name(self, config: TrainConfig) -> None:
        with pytest.raises(ConfigError, match="unknown key in the configuration: colour"):
            TrainConfig.from_plain(config.to_plain() | {"colour": 1})
        (name,) = self.changes
        plain = config.to_plain()
        del plain[name]
        with pytest.raises(ConfigError, match=f"missing key in the configuration: {name}"):
            TrainConfig.from_plain(plain)
        assert config.changed(**self.changes) != config

    def test_an_array_that_is_missing_is_refused_with_the_command_that_makes_it(
        self, config: TrainConfig, data: Any
    ) -> None:
        family = family_class(config.family)(config)
        family.check_source(data)
        extra = [name for name in family.needs().arrays if name != "image"]
        data.arrays = ("image",)
        if not extra:
            family.check_source(data)
            return
        with pytest.raises(MissingArray, match=rf"needs {extra[0]}.*render-batches --channels {extra[0]}"):
            family.check_source(data)

    def test_the_initial_network_is_a_function_of_the_seed(self, config: TrainConfig) -> None:
        one, same, other = (
            family_class(made.family)(made).network().state_dict() for made in (config, config, config.changed(seed=5))
        )
        assert_same(one, same)
        assert not all(torch.equal(one[name], other[name]) for name in one)

    def test_the_terms_have_their_names_and_a_value_for_each_row(self, config: TrainConfig, data: Any) -> None:
        family = family_class(config.family)(config)
        network, loader = family.network(), family.loader(data)
        batch = family.collate(0, loader.read(0))
        terms = family.terms(network, on_device(batch, torch.device("cpu")), StepNoise(0, 0))
        assert set(terms.parts) <= set(family.parts)
        assert {part.shape for part in terms.parts.values()} == {(len(batch["image"]),)}
        assert not any(part.requires_grad for part in terms.parts.values())
        assert (batch["active"] < len(family.factors)).all()

    def test_a_run_that_was_killed_ends_as_one_that_never_stopped(
        self, config: TrainConfig, data: Any, tmp_path: Path
    ) -> None:
        train(config, data, tmp_path / "whole", tensorboard=False)
        for stop in (3, 7, 9):
            with pytest.raises(Killed):
                train(config, data, tmp_path / "killed", kill_after(stop), tensorboard=False)
        assert train(config, data, tmp_path / "killed", tensorboard=False).trained == config.batches - 8
        assert_same(state_of(tmp_path / "killed"), state_of(tmp_path / "whole"))

    def test_the_loss_falls_on_twenty_samples(self, config: TrainConfig, data: Any, tmp_path: Path) -> None:
        data.counts = dict.fromkeys(data.counts, 1)
        data.rows = 5
        long = config.changed(batches=80, metrics_every=40, checkpoint_every=80, learning_rate=2e-3)
        train(long, data, tmp_path, tensorboard=False)
        lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
        (first, last) = (sum(line[family_class(config.family).parts[0]].values()) for line in lines)
        assert last < 0.9 * first

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    def test_recorded_steps_are_direct_steps(self, config: TrainConfig, data: Any) -> None:
        """Rows of losses and all weights after 6 steps on a GPU."""
        family = family_class(config.family)(config.changed(device="cuda"))
        loader, networks = family.loader(data), [family.network().cuda() for _ in range(2)]
        steps: list[Step] = [DirectStep(networks[0], family), RecordedStep(networks[1], family)]
        for number in range(6):
            batch, rows = family.collate(number, loader.read(number)), []
            for step in steps:
                rows.append(step.gradients(number, batch))
                step.update(1e-3)
            assert torch.allclose(rows[0], rows[1], rtol=1e-3, atol=1e-4, equal_nan=True)
        for one, other in zip(*(network.parameters() for network in networks), strict=True):
            assert torch.allclose(one, other, atol=1e-4)
