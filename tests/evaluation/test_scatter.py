import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from pipelines.evaluation.figures.scatter import FACES, draw_scatter
from pipelines.evaluation.metrics.equivariance import NeuronSweep, equivariance_report


@pytest.fixture
def sweeps():
    rng = np.random.Generator(np.random.Philox(2))
    found = []
    for factor, half, steps in (("azimuth", 86, 61), ("elevation", 23, 17), ("light", 80, 81)):
        angles = np.linspace(-half, half, steps)
        codes = angles / half * 10 + rng.normal(size=(45, 1)) + rng.normal(size=(45, steps)) * 0.3
        found.append(NeuronSweep(factor, "degrees", angles, codes[:20], codes[20:]))
    return found


def test_the_figure_says_its_numbers(tmp_path, sweeps):
    report = equivariance_report(sweeps)
    draw_scatter(sweeps, report, tmp_path / "figure.svg", title="faces")
    texts = [element.text for element in ET.parse(tmp_path / "figure.svg").iter() if element.tag.endswith("text")]
    for factor, sizes in report["factors"].items():
        numbers = {name: found["value"] for name, found in sizes["equivariance"].items()}
        assert f"true {factor} (degrees)" in texts
        assert f"inferred {factor} neuron" in texts
        pooled, rmse = numbers["spearman_pooled"], numbers["isotonic_rmse"]
        assert f"|ρ| per face {numbers['spearman_per_face']:.2f}, pooled {pooled:.2f}" in texts
        assert f"linear R² {numbers['linear_r2']:.2f}, calibrated RMSE {rmse:.1f}°" in texts
    assert any("20 of 25 test faces" in text for text in texts)


def test_every_face_shown_has_its_points(tmp_path, sweeps):
    draw_scatter(sweeps, equivariance_report(sweeps), tmp_path / "figure.svg")
    marks = [
        e
        for e in ET.parse(tmp_path / "figure.svg").iter()
        if e.tag.endswith("}g") and "PathCollection" in e.get("id", "")
    ]
    assert len(marks) == 3 * FACES
    uses = [sum(element.tag.endswith("}use") for element in mark.iter()) for mark in marks]
    assert uses == [61] * FACES + [17] * FACES + [81] * FACES


def test_png_and_the_same_file_twice(tmp_path, sweeps):
    report = equivariance_report(sweeps)
    for suffix in ("png", "svg"):
        for name in ("a", "b"):
            draw_scatter(sweeps, report, tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (1890, 645)


def test_one_drawing_is_written_in_several_formats(tmp_path, sweeps):
    paths = [tmp_path / "figure.png", tmp_path / "figure.svg"]
    draw_scatter(sweeps, equivariance_report(sweeps, resamples=20), paths, title="faces")
    with Image.open(paths[0]) as figure:
        assert figure.size[0] > 1000
    texts = [element.text for element in ET.parse(paths[1]).iter() if element.tag.endswith("text")]
    assert "faces" in texts
    assert any("20 of 25 test faces" in text for text in texts)


def test_a_suffix_that_is_no_picture(tmp_path, sweeps):
    with pytest.raises(ValueError, match="is not supported"):
        draw_scatter(sweeps, equivariance_report(sweeps), tmp_path / "figure.xyz")
