"""dcign-doctor: it says what is there, and draws the model that it was given."""

import json

import pytest
from PIL import Image

from pipelines import doctor
from render.errors import RenderError


def test_the_built_in_head_and_a_store(dcign, toy, tmp_path):
    picture = tmp_path / "head.png"
    said = dcign(
        "dcign-doctor", "--model", "procedural", "--thumbnail", picture, "--store", toy / "faces.zarr", "--json"
    )
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert facts["model"]["kind"] == "built in"
    assert facts["model"]["chin"] == "found"
    assert facts["store"]["train/azimuth"] == "6 batches of 20, complete"
    assert set(facts["opengl"]) == {"egl", "osmesa"}
    with Image.open(picture) as image:
        assert image.size == (256, 256)


def test_a_real_model_is_named_with_its_kind_unit_and_licence(dcign, ict_path, tmp_path):
    said = dcign("dcign-doctor", "--model", ict_path, "--thumbnail", tmp_path / "x.png")
    assert "BFM 2017/2019 (HDF5)" in said.out
    assert "14,388" in said.out
    assert "mm (width, height, depth)" in said.out


def test_software_rendering_is_no_gpu(refused, monkeypatch):
    monkeypatch.setattr(doctor, "probe", lambda _: "llvmpipe (LLVM 15.0.6, 256 bits)")
    assert "no OpenGL context runs on a GPU" in refused("dcign-doctor", "--require-gpu")


def test_a_gpu_is_a_gpu_and_what_fails_is_told(dcign, monkeypatch):
    def probe(platform):
        if platform == "osmesa":
            raise RenderError("no such library")
        return "NVIDIA H200/PCIe/SSE2"

    monkeypatch.setattr(doctor, "probe", probe)
    said = dcign("dcign-doctor", "--require-gpu")
    assert said.code == 0
    assert "does not work: no such library" in said.out


@pytest.mark.parametrize(("option", "message"), [("--model", "no face model at"), ("--store", "there is no store")])
def test_what_is_not_there_is_one_line(refused, tmp_path, option, message):
    assert message in refused("dcign-doctor", option, tmp_path / "nothing")
