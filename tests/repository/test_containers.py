"""What can be said of the images without building one; `make images` builds and runs them."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from pipelines.console.cli import BY_NAME, load

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
each_image = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)


def test_there_are_four_images():
    assert {path.stem for path in DOCKERFILES} == {"render", "render-gpu", "train", "train-gpu"}


@each_image
def test_the_linter_has_nothing_to_say(path):
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@each_image
def test_an_image_is_pinned_and_runs_as_nobody_in_particular(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert {line.split()[1] for line in lines if line.startswith("FROM ")} == {"python:3.11-slim-bookworm"}
    for line in ("USER 1000:1000", "WORKDIR /data", "VOLUME /data", "STOPSIGNAL SIGINT", 'ENTRYPOINT ["start"]'):
        assert line in lines
    (health,) = [line for line in lines if line.startswith("HEALTHCHECK ")]
    words = re.findall(r'"([^"]+)"', health)
    load(words[0]).make_context(words[0], words[1:])


def test_gpu_images_have_no_way_to_software():
    render, train = (
        (ROOT / "docker" / f"{name}-gpu.Dockerfile").read_text(encoding="utf-8") for name in ("render", "train")
    )
    assert {"libegl-mesa0", "libglx-mesa0", "libgl1-mesa-dri"} <= set(render.partition("dpkg --purge ")[2].split())
    assert "osmesa" not in render
    assert "--require-gpu" in render
    assert "DCIGN_BACKEND=pyrender" in render
    assert "--require-cuda" in train
    assert "DCIGN_DEVICE=cuda" in train


@each_image
def test_what_is_copied_is_there_and_not_ignored(path):
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"}
    copies = re.findall(r"^COPY (?!--from)(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    for name in (word for copy in copies for word in copy.split()[:-1]):
        assert (ROOT / name).exists(), name
        assert name in let_in


def compose():
    return yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_the_commands_of_the_compose_file_are_ours():
    for service in compose().values():
        verb, *words = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", service["command"]).split()
        assert verb in BY_NAME
        load(verb).make_context(verb, words)  # which fails on an option that is not there


def test_every_step_of_the_compose_file_is_sealed_and_waits_for_what_it_reads():
    services = compose()
    for name, service in services.items():
        assert service["read_only"]
        assert service["network_mode"] == ("bridge" if name == "explore" else "none")
        assert all(
            wait["condition"] == "service_completed_successfully" for wait in service.get("depends_on", {}).values()
        )
    assert all(port.startswith("127.0.0.1:") for port in services["explore"]["ports"])

    def before(name):
        return {name}.union(*(before(other) for other in services[name].get("depends_on", {})))

    assert before("explore") == set(services)


def start(tmp_path, *words, **changes):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "WARM": str(tmp_path / "warm"), **changes}
    return subprocess.run(
        ["sh", ROOT / "docker" / "start", *words], env=environment, capture_output=True, text=True, check=False
    )


def test_caches_of_the_image_are_links_that_can_be_replaced(tmp_path):
    (tmp_path / "warm" / "numba").mkdir(parents=True)
    (tmp_path / "warm" / "numba" / "kernel").write_text("compiled with the image")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "newer").write_text("of this container")
    (tmp_path / "warm" / "newer").write_text("of the image")
    assert start(tmp_path, "echo", "a  b").stdout == "a  b\n"
    kernel = tmp_path / "cache" / "numba" / "kernel"
    assert kernel.is_symlink()
    assert kernel.read_text() == "compiled with the image"
    assert (tmp_path / "cache" / "newer").read_text() == "of this container"
    assert start(tmp_path, "true").returncode == 0  # again, where all of it is there


def test_an_image_without_caches_starts_all_the_same(tmp_path):
    assert start(tmp_path, "false").returncode == 1
    assert start(tmp_path, "echo", "here").stdout == "here\n"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("no folder")
    said = start(tmp_path, "echo", "here", XDG_CACHE_HOME=str(tmp_path / "file" / "cache"))
    assert said.returncode == 1
    assert (
        said.stderr == f"Error: {tmp_path}/file/cache must be writable for caches; with --read-only, add --tmpfs /tmp\n"
    )


def test_a_signal_reaches_the_command_itself(tmp_path):
    code = """
import signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(7))
print('on', flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "WARM": str(tmp_path / "warm")}
    process = subprocess.Popen(
        ["sh", ROOT / "docker" / "start", sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "on\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 7
    process.stdout.close()


@pytest.mark.parametrize("name", ["start", "warm", "sealed", "check-images"])
def test_scripts_are_shell_that_can_be_run(name):
    path = ROOT / "docker" / name
    assert os.access(path, os.X_OK)
    shell = path.read_text(encoding="utf-8").splitlines()[0].rpartition("/")[2].split()[-1]
    assert subprocess.run([shell, "-n", path], check=False).returncode == 0
