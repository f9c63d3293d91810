"""export-dcign: what another runtime makes of the graphs, on pictures that the export has not seen."""

import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
from safetensors import safe_open

from dataset.store import open_store
from train.errors import ExportFailed
from train.runs.export import export, pack
from train.runs.trained_run import load_run


@pytest.fixture(scope="module")
def exported(toy, tmp_path_factory):
    out = tmp_path_factory.mktemp("export")
    export(load_run(toy / "run"), out)
    return out


def run(path, name, values):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {name: values})


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_the_graphs_agree_with_torch_in_any_batch(exported, toy, batch):
    trained = load_run(toy / "run")
    images = open_store(str(toy / "faces.zarr")).read("train", "azimuth", 1)["image"][:batch]
    mu, logvar = run(exported / "encoder.onnx", "images", images)
    expected = trained.posterior(images)
    for got, want in zip((mu, logvar), expected, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-4 * np.abs(want).max())
    (drawn,) = run(exported / "decoder.onnx", "code", mu)
    np.testing.assert_allclose(drawn, trained.decode(mu), atol=1e-4)


def test_the_files_say_what_the_latents_mean(exported, toy):
    for name in ("encoder.onnx", "decoder.onnx"):
        model = onnx.load(exported / name)
        said = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
        assert said["layout"] == {"azimuth": 1, "elevation": 1, "light": 1, "intrinsic": 5}
        assert said["factors"][0] == {"name": "azimuth", "unit": "degrees", "low": -86, "high": 86}
    with safe_open(exported / "weights.safetensors", "pt") as file:
        assert json.loads(file.metadata()["layout"]) == said["layout"]
        assert sorted(file.keys()) == sorted(load_run(toy / "run").network.state_dict())


def test_a_graph_that_computes_something_else_is_refused(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("train.runs.export.TOLERANCE", -1.0)
    with pytest.raises(ExportFailed, match="differs from torch"):
        export(load_run(toy / "run"), tmp_path)


def test_the_command(dcign, refused, toy, tmp_path):
    said = dcign("export-dcign", "--run", toy / "run", "--out", tmp_path / "e", "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["differences"]["mu"] < 1e-3
    assert sorted(p.name for p in (tmp_path / "e").iterdir()) == ["decoder.onnx", "encoder.onnx", "weights.safetensors"]
    assert "is no run directory" in refused("export-dcign", "--run", tmp_path)


def test_a_packed_run_is_a_run_of_half_the_size(dcign, toy, tmp_path):
    said = dcign("export-dcign", "--run", toy / "run", "--packed", "--out", tmp_path / "small", "--json")
    assert said.code == 0, said.err
    whole, small = load_run(toy / "run"), load_run(tmp_path / "small")
    assert (small.step, small.store, small.config) == (whole.step, whole.store, whole.config)
    packed, kept = small.network.state_dict(), whole.network.state_dict()
    for name, tensor in kept.items():
        np.testing.assert_array_equal(packed[name].numpy(), tensor.numpy().astype(np.float16).astype(np.float32))
    (weights,) = (tmp_path / "small/checkpoints").iterdir()
    assert weights.stat().st_size < 0.6 * (toy / "run/checkpoints/00000012.safetensors").stat().st_size


def test_a_network_with_most_maps_where_it_is_coarse(dcign, toy, tmp_path):
    """From training to a picture: the same way as any other, and its files say what it is."""
    words = ("--store", toy / "faces.zarr", "--widest", "coarse", "--maps", 8, "--latents", 8, "--batches", 2)
    said = dcign("train-dcign", *words, "--run", tmp_path / "run")
    assert said.code == 0, said.err
    assert "8 maps, most where coarse" in said.err
    assert dcign("export-dcign", "--run", tmp_path / "run", "--out", tmp_path / "e").code == 0  # compares with torch
    with safe_open(tmp_path / "e/weights.safetensors", "pt") as file:
        assert json.loads(file.metadata()["widest"]) == "coarse"
    assert dcign("export-dcign", "--run", tmp_path / "run", "--packed", "--out", tmp_path / "small").code == 0
    images = open_store(str(toy / "faces.zarr")).read("train", "azimuth", 0)["image"]
    whole, small = load_run(tmp_path / "run"), load_run(tmp_path / "small")
    np.testing.assert_allclose(small.decode(small.encode(images)), whole.decode(whole.encode(images)), atol=1e-2)


def test_a_packed_run_can_not_be_trained_on(dcign, refused, toy, tmp_path):
    dcign("export-dcign", "--run", toy / "run", "--packed", "--out", tmp_path / "small")
    words = ("--maps", 8, "--latents", 8, "--precision", "float32", "--batches", 14)
    said = refused("train-dcign", "--store", toy / "faces.zarr", "--run", tmp_path / "small", *words)
    assert "has weights but no state to resume from" in said
    assert "delete" not in said
    assert json.loads((tmp_path / "small/config.json").read_text())["config"]["batches"] == 12


def test_packing_never_writes_over_a_run_that_can_be_trained_on(refused, toy, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(toy / "run", run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    said = refused("export-dcign", "--run", run, "--packed", "--out", run)
    assert "can be trained further; give another folder" in said
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_packing_the_folder_that_one_stands_in(dcign, toy, tmp_path, monkeypatch):
    shutil.copytree(toy / "run", tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    for _ in range(2):  # a packed run may be packed anew
        said = dcign("export-dcign", "--run", ".", "--packed")
        assert said.code == 0, said.err
    assert load_run(tmp_path / "run-packed").step == 12


def test_a_weight_that_float16_cannot_hold_is_refused(toy, tmp_path):
    run = load_run(toy / "run")
    run.network.mu.bias.data[0] = 1e6
    with pytest.raises(ExportFailed, match=r"mu.bias has values beyond 65,504"):
        pack(run, tmp_path / "small")
    assert not (tmp_path / "small").exists()
