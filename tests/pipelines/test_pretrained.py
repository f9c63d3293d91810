"""The network that comes with the package: what its card says, and that it turns a face without any option."""

import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image

from pipelines.evaluation.calibration import read_calibrations
from pipelines.explorer.engine import Engine
from pipelines.pretrained import FACES
from render import open_model
from train.runs.trained_run import load_run

CARD = FACES / "CARD.md"
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def run():
    return load_run(FACES, "cpu")


def test_the_card_is_of_this_network(run):
    (checkpoint,) = (FACES / "checkpoints").iterdir()
    card = CARD.read_text()
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() in card
    assert run.store.digest in card
    assert f"{run.step:,} batches" in card
    assert run.options.objective in card


def test_it_is_small():
    shipped = (CARD, FACES / "config.json", FACES / "calibration.json", *(FACES / "checkpoints").iterdir())
    assert sum(path.stat().st_size for path in shipped) <= MOST_BYTES


def test_it_has_learned_the_built_in_head(run):
    assert run.store.scene["model"] == open_model("procedural").sha256


def test_it_reads_the_angles_of_people_it_has_not_seen(run):
    """On the offered faces, within what the card says of the error."""
    engine = Engine(run, read_calibrations(FACES, run), open_model("procedural"))
    images, angles = engine.offered
    codes = engine.encode(images)
    for which, c in enumerate(engine.calibrations):
        read = np.array([c.angle(float(value)) for value in codes[:, c.latent]])
        half_range = np.ptp(c.angles) / 2
        assert np.median(np.abs(read - angles[:, which])) < 0.15 * half_range, c.factor


def test_rerender_needs_no_run(dcign, tmp_path, run):
    engine = Engine(run, read_calibrations(FACES, run), open_model("procedural"))
    face = engine.truth(((3, 1.0),), {"azimuth": 45.0, "elevation": 0.0, "light": -40.0})
    Image.fromarray(face).save(tmp_path / "face.png")
    said = dcign("rerender", tmp_path / "face.png", "--out", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["read"]["azimuth"] == pytest.approx(45, abs=20)
    assert (tmp_path / "out/azimuth.gif").exists()


def test_the_card_names_data_command_measures_and_limits():
    card = CARD.read_text()
    for section in ("Data", "Command", "Measures", "Limits"):
        assert f"## {section}" in card
    assert re.search(r"skill", card)
