"""Tests of the guided tour: it makes a GIF from no data, explains each step, and resumes."""

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
    first = CliRunner().invoke(tour.tour, words, catch_exceptions=False)
    for line in ("$ render-batches --store", "$ render-sweeps", "$ train-dcign", "not given any angle"):
        assert line in first.output
    assert "  blurred" not in first.output  # the indentation of the source is not that of the text
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
            return {"image": ramp + (100 if split == "test" else 0)}

    monkeypatch.setattr(tour, "load_run", lambda _: Net())
    monkeypatch.setattr(tour, "open_store", lambda _: Sweeps())
    turn = tour.turn_new_identity(Path("run"), Path("sweeps"))
    assert [true[0, 0] for _, true in turn] == [100 + round(60 * k / 23) for k in range(24)]
    # The latent is set to its mean over training identities at each angle, whatever the test identity's value is.
    np.testing.assert_allclose([decoded[0, 0] * 255 for decoded, _ in turn], [round(60 * k / 23) for k in range(24)])
