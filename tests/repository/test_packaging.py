"""What a user gets: names that are ours, light imports, whole wheels, help without extras, a linted container."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipelines.console.cli import BY_NAME, VERBS

ROOT = Path(__file__).parents[2]
PACKAGES = ("render", "dataset", "train", "pipelines", "dcign")


def python(code, cwd):
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("dataset", {"torch", "OpenGL", "pyrender", "numba", "scipy", "h5py", "render", "train", "pipelines"}),
        ("render", {"torch", "zarr", "OpenGL", "pyrender", "dataset", "train", "pipelines"}),
        ("train", {"OpenGL", "pyrender", "zarr", "numba", "h5py", "render", "dataset", "pipelines"}),
        ("pipelines.console.cli", {"torch", "numba", "scipy", "matplotlib", "OpenGL"}),
    ],
)
def test_an_import_brings_no_more_than_it_needs(package, forbidden, tmp_path):
    loaded = python(f"import {package}, sys; print(*{{m.split('.')[0] for m in sys.modules}})", tmp_path)
    assert forbidden.isdisjoint(loaded)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_names_are_ours_from_anywhere(package, tmp_path):
    (path,) = python(f"import {package}; print({package}.__file__)", tmp_path)
    assert Path(path).parent == ROOT / package


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS if verb.extras])
def test_a_missing_extra_is_named_in_one_line(verb, tmp_path):
    code = f"""
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('numba', 'torch', 'PIL', 'matplotlib', 'h5py', 'scipy'):
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Nothing())
sys.argv = ['{verb}']
from pipelines.console.cli import verb
verb()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"pip install 'dcign[{BY_NAME[verb].extras}]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("by", ["sys.argv = ['train-dcign']; verb()", "sys.argv[1:] = ['train-dcign']; main()"])
def test_an_interrupt_while_libraries_are_imported_leaves_no_traceback(by, tmp_path):
    code = f"""
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == 'torch':
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from pipelines.console.cli import main, verb
{by}
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == "Interrupted. Nothing is lost: run the same command to resume."


def test_help_of_everything():
    """One process for all commands, since each imports torch."""
    code = """
import sys
from pipelines.console import cli
for words in ([], *([verb] for verb in cli.BY_NAME)):
    sys.argv = ["dcign", *words, "--help"]
    try:
        cli.main()
    except SystemExit as stop:
        assert not stop.code, (words, stop.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("Usage: dcign") == 1 + len(BY_NAME)
    assert all(f"Usage: dcign {verb} " in done.stdout for verb in BY_NAME)
    assert "\\" not in done.stdout  # a docstring's marks for click, such as \b, are not text


def test_the_wheel_holds_every_tracked_file_of_the_packages(tmp_path):
    source = tmp_path / "source"  # a copy: setuptools leaves its build folder where it builds
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
    ]
    subprocess.run([*command, str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("dcign-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert set(tracked(*PACKAGES)) <= held
    top = {name.split("/")[0] for name in held}
    assert {t for t in top if not t.endswith(".dist-info")} == set(PACKAGES)


def tracked(*folders):
    """Files under version control that are there."""
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
