"""The package itself: what importing it costs, its names, and what a type checker makes of them."""

import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path

import pytest

import dcign

MOST_MODULES = 3
"""That `import dcign` may load beyond those of the bare interpreter; the package itself is one."""
HEAVY = {"numpy", "torch", "click", "zarr", "numba", "scipy", "matplotlib", "dataset", "render", "train", "pipelines"}
ROOT = Path(dcign.__file__).parents[1]


def python(*words, cwd, code=0):
    done = subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_importing_it_loads_nothing_else(tmp_path):
    def loaded(code):
        lines = python("-X", "importtime", "-c", code, cwd=tmp_path).stderr.splitlines()[1:]
        return {line.rsplit("|", 1)[1].strip() for line in lines}

    added = loaded("import dcign") - loaded("pass")
    assert "dcign" in added
    assert len(added) <= MOST_MODULES, added
    assert HEAVY.isdisjoint({name.split(".")[0] for name in added})


@pytest.mark.parametrize("name", dcign.__all__)
def test_every_name_resolves_and_is_documented(name):
    value = getattr(dcign, name)
    assert name in dir(dcign)
    assert name == "__version__" or value.__doc__.split("\n")[0].endswith((".", "`."))


def test_a_store_opens_where_there_is_no_torch_and_no_renderer(tmp_path):
    code = """
import sys
sys.modules |= {name: None for name in ("torch", "numba", "scipy", "matplotlib")}
import dcign
assert dcign.open_store.__module__ == "dataset.store"
for name, extra in (("open_model", "render"), ("fit", "train"), ("torch_dataset", "train")):
    try:
        getattr(dcign, name)
    except ModuleNotFoundError as error:
        assert f"dcign.{name} needs" in str(error) and f"pip install 'dcign[{extra}]'" in str(error), error
    else:
        raise AssertionError(name)
assert not hasattr(dcign, "nothing")
"""
    python("-c", code, cwd=tmp_path)


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    names = ", ".join(dcign.__all__)
    for name, hint in (("opn_store", "; did you mean 'open_store'?"), ("zzz", ".")):
        with pytest.raises(AttributeError) as refused:
            getattr(dcign, name)
        assert str(refused.value) == f"dcign has no {name!r}{hint} It has {names}."


def test_the_version_is_that_of_the_distribution():
    assert dcign.__version__ == version("dcign")


def test_every_package_carries_its_type_marker():
    for name in ("dcign", "render", "dataset", "train", "pipelines"):
        assert (ROOT / name / "py.typed").exists(), name


@pytest.mark.timeout(300)
def test_a_type_checker_knows_what_users_write(tmp_path):
    good = tmp_path / "good.py"
    good.write_text(
        textwrap.dedent(
            """
            import numpy as np
            from numpy.typing import NDArray

            import dcign

            face = dcign.open_model("procedural").identity(seed=3)
            image: NDArray[np.uint8] = face.render(azimuth=30, light=-40, size=150)
            depth = face.render(channels=["depth"]).channel("depth")
            run: dcign.Run = dcign.load_run("run")
            turned: NDArray[np.uint8] = run.decode(run.encode(image).at(azimuth=30))
            latents: NDArray[np.float32] = run.encode(image)["azimuth"]
            text: str = dcign.evaluate(run, "sweeps.zarr").table()
            count: int = len(dcign.torch_dataset("faces.zarr", factor="azimuth"))
            dcign.open_store("faces.zarr").read("train", "azimuth", 0)["image"]
            version: str = dcign.__version__
            """
        )
    )
    bad = tmp_path / "bad.py"
    bad.write_text('import dcign\ndcign.open_modle("x")\nimage: str = dcign.open_model().identity(seed="3").render()\n')
    # As an installed package is found, without the settings of this repository.
    words = ["-m", "mypy", "--strict", "--ignore-missing-imports", "--cache-dir", str(tmp_path / "cache")]
    python(*words, str(good), cwd=tmp_path)
    said = python(*words, str(bad), cwd=tmp_path, code=1).stdout
    assert 'Module has no attribute "open_modle"' in said
    assert 'has incompatible type "str"; expected "int"' in said
    assert "Incompatible types in assignment" in said
