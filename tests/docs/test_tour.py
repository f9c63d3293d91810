"""The guided script goes from nothing to a GIF, says why, and goes on where it was stopped."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tour():
    spec = importlib.util.spec_from_file_location("turning_head", ROOT / "examples" / "turning_head.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_from_nothing_to_a_turning_head(tour, tmp_path):
    words = ["--out", str(tmp_path / "tour"), "--n", "2", "--size", "48", "--batches", "6", "--maps", "8"]
    said = CliRunner().invoke(tour.tour, words, catch_exceptions=False)
    for line in ("$ render-batches --store", "$ render-sweeps", "$ train-dcign", "Nobody tells it an angle"):
        assert line in said.output
    assert "  blurred" not in said.output  # the indentation of the source is not that of the text
    with Image.open(tmp_path / "tour" / "turn.gif") as gif:
        assert gif.size == (3 * 2 * 48, 3 * 48)
        assert gif.n_frames > tour.STEPS  # there and back; equal neighbours may be merged
    again = CliRunner().invoke(tour.tour, words, catch_exceptions=False)
    assert "nothing to render" in again.output
    assert "is finished" in again.output


def test_the_true_half_turns_from_left_to_right(tour, tmp_path, monkeypatch):
    class Net:
        def encode(self, images):
            return images.mean(axis=(1, 2))[:, None] * np.ones(3)

        def decode(self, codes):
            return np.repeat(codes[:, :1, None], 48, axis=1) * np.ones((1, 1, 48)) / 255

    class Sweeps:
        def read(self, split, group, index):
            ramp = np.arange(61, dtype=np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
            return type("Batch", (), {"images": ramp + (100 if split == "test" else 0)})

    monkeypatch.setattr(tour, "load_run", lambda _: Net())
    monkeypatch.setattr(tour, "open_store", lambda _: Sweeps())
    turn = tour.turn_somebody(Path("run"), Path("sweeps"))
    assert [true[0, 0] for _, true in turn] == [100 + round(60 * k / 23) for k in range(24)]
    # The neuron is set to what the training people have at each angle, whatever the test person's own is.
    np.testing.assert_allclose([imagined[0, 0] * 255 for imagined, _ in turn], [round(60 * k / 23) for k in range(24)])
