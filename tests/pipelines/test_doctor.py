"""dcign-doctor: its facts, the rendered mean of a model, and failure where nothing can be rendered."""

import json
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from pipelines.console import limits
from pipelines.doctor import rendering, report
from render.errors import RenderError
from render.gl.devices import Device


@pytest.fixture
def gpu(monkeypatch):
    """OpenGL as on a machine with an NVIDIA GPU and without OSMesa."""

    def probe(platform):
        if platform == "osmesa":
            raise RenderError("no such library")
        return "NVIDIA H200/PCIe/SSE2"

    devices = [Device("NVIDIA", software=False, cuda=1), Device("Mesa", software=True, cuda=None)]
    monkeypatch.setattr(rendering, "probe", probe)
    monkeypatch.setattr(rendering, "egl_devices", lambda: devices)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(rendering, "probe", lambda _: "llvmpipe (LLVM 15.0.6, 256 bits)")
    monkeypatch.setattr(rendering, "egl_devices", lambda: [Device("Mesa", software=True, cuda=None)])


def facts_of(said):
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_model_a_store_and_the_contents_of_a_folder(dcign, toy, tmp_path):
    picture = tmp_path / "head.png"
    call = ("--model", "procedural", "--thumbnail", picture, "--store", toy / "faces.zarr", "--folder", toy, "--json")
    facts = facts_of(dcign("dcign-doctor", *call))
    assert facts["model"]["kind"] == "built in"
    assert facts["model"]["chin"] == "found"
    assert facts["store"]["train/azimuth"] == "6 batches of 20, complete"
    assert set(facts["renderers"]) >= {"in use", "cpu", "pyrender", "egl", "osmesa"}
    assert facts["renderers"]["cpu"].startswith("works (")
    assert facts["here"]["faces.zarr"] == "store, batches of faces, complete"
    assert facts["here"]["sweeps.zarr"] == "store, sweeps of faces, complete"
    assert "run" not in facts["here"]
    assert facts["torch"]["--device auto"] in ("cpu", "cuda")
    with Image.open(picture) as image:
        assert image.size == (256, 256)


@pytest.mark.usefixtures("no_gpu")
def test_a_store_that_lacks_a_shard(dcign, toy, tmp_path):
    shutil.copytree(toy / "faces.zarr", tmp_path / "half.zarr")
    shutil.rmtree(tmp_path / "half.zarr" / "train" / "light" / "digest" / "c")
    facts = facts_of(dcign("dcign-doctor", "--folder", tmp_path, "--json"))
    assert facts["here"]["half.zarr"] == "store, batches of faces, 1 shards missing"


def test_a_real_model_is_named_with_its_kind_unit_and_licence(dcign, ict_path, tmp_path):
    said = dcign("dcign-doctor", "--model", ict_path, "--folder", ict_path.parent, "--thumbnail", tmp_path / "x.png")
    assert "BFM 2017/2019 (HDF5)" in said.out
    assert "14,388" in said.out
    assert "mm (width, height, depth)" in said.out
    assert f"{ict_path.name}" in said.out


@pytest.mark.usefixtures("no_gpu")
def test_an_empty_folder_holds_nothing_and_a_file_of_another_kind_is_no_model(dcign, tmp_path):
    (tmp_path / "weights.npz").write_bytes(b"PK\x03\x04 no archive")
    facts = facts_of(dcign("dcign-doctor", "--folder", tmp_path, "--json"))
    assert list(facts["here"].values()) == ["no face model and no store"]


@pytest.mark.usefixtures("no_gpu")
def test_software_rendering_is_no_gpu(refused, dcign):
    assert "no OpenGL context runs on a GPU" in refused("dcign-doctor", "--require-gpu")
    assert "llvmpipe (LLVM 15.0.6, 256 bits), in software" in dcign("dcign-doctor").out


@pytest.mark.usefixtures("gpu")
def test_a_gpu_is_reported_and_so_is_what_fails(dcign):
    said = dcign("dcign-doctor", "--require-gpu")
    assert said.code == 0
    assert "not here: no such library" in said.out


@pytest.mark.usefixtures("gpu")
def test_devices_of_egl_are_listed_with_their_number_in_cuda(dcign, refused, monkeypatch):
    facts = facts_of(dcign("dcign-doctor", "--json"))["renderers"]
    assert facts["EGL device 0"] == "NVIDIA, CUDA device 1; pyrender renders on it (EGL_DEVICE_ID)"
    assert facts["EGL device 1"] == "Mesa, software"
    monkeypatch.setenv("EGL_DEVICE_ID", "1")
    facts = facts_of(dcign("dcign-doctor", "--json"))["renderers"]
    assert facts["EGL device 1"].endswith("pyrender renders on it (EGL_DEVICE_ID)")
    monkeypatch.setenv("EGL_DEVICE_ID", "first")
    facts = facts_of(dcign("dcign-doctor", "--json"))["renderers"]
    assert facts["EGL devices"] == "none: expected the number of an EGL device in EGL_DEVICE_ID, not 'first'"


@pytest.mark.usefixtures("no_gpu")
def test_cuda_may_be_required(refused, dcign, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert "torch sees no GPU" in refused("dcign-doctor", "--require-cuda")
    monkeypatch.setattr(report, "torch_facts", lambda: {"cuda:0": "NVIDIA H200, 150 GB"})
    assert dcign("dcign-doctor", "--require-cuda").code == 0


@pytest.mark.usefixtures("no_gpu")
def test_a_renderer_with_wrong_pixels_is_an_error(refused, monkeypatch):
    monkeypatch.setattr(rendering, "check_cpu", lambda: f"{report.BAD}a triangle is black")
    assert "cpu does not work: a triangle is black" in refused("dcign-doctor")


def test_kernels_that_cannot_be_cached_are_one_line_that_names_the_variable_to_set(refused, monkeypatch):
    def cannot(name):
        if name == "pipelines.doctor.rendering":
            raise RuntimeError("cannot cache function 'cover': no locator available for file 'raster.py'")
        return whole(name)

    whole = report.importlib.import_module
    monkeypatch.setattr(report.importlib, "import_module", cannot)
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in refused("dcign-doctor")


def test_a_container_may_use_less_than_the_machine_has(tmp_path):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text("1000000\n")
    assert limits.usable_cores(tmp_path) == 0.5
    assert limits.worker_count(tmp_path) == 1
    assert limits.usable_memory(tmp_path) == 1_000_000
    for name in ("cpu.max", "memory.max"):
        (tmp_path / name).write_text("max 100000\n" if name == "cpu.max" else "max\n")
    assert limits.usable_cores(tmp_path) >= 1
    assert limits.usable_memory(tmp_path) > 1_000_000


def test_a_bare_install_has_a_doctor(tmp_path):
    code = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('numba', 'torch', 'PIL', 'matplotlib', 'h5py', 'scipy'):
            raise ModuleNotFoundError(f'No module named {name!r}', name=name)
sys.meta_path.insert(0, Nothing())
sys.argv = ['dcign-doctor']
from pipelines.console.cli import verb
verb()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install 'dcign[render]'" in done.stdout
    assert "pip install 'dcign[train]'" in done.stdout


@pytest.mark.parametrize(("option", "message"), [("--model", "no face model at"), ("--store", "there is no store")])
def test_what_is_not_there_is_one_line(refused, tmp_path, option, message):
    assert message in refused("dcign-doctor", option, tmp_path / "nothing")
