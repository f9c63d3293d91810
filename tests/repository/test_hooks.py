"""The hooks before a commit are local, pass what is right, and stop what is wrong."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = [
    hook
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    for hook in repository["hooks"]
]


def run(hook, *files):
    program, *words = shlex.split(hook["entry"])
    here = Path(sys.executable).with_name(Path(program).name)  # whichever environment the tests run in
    return subprocess.run([here, *words, *files], cwd=ROOT, capture_output=True, text=True, check=False)


def test_nothing_is_fetched():
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in configuration["repos"]] == ["local"]
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_they_are_what_make_lint_runs():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    programs = {Path(shlex.split(hook["entry"])[0]).name for hook in HOOKS}
    assert programs == {line.split()[0].removeprefix("$(BIN)/") for line in recipe.splitlines()[1:]}


WRONG = {
    "ruff": ("wrong.py", "import os\n"),
    "format": ("wrong.py", "x = {  'a':1 }\n"),
    "hadolint": ("wrong.Dockerfile", "FROM debian\nRUN cd /tmp\n"),
}


@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook["id"] in WRONG], ids=lambda hook: hook["id"])
def test_what_is_wrong_is_stopped(hook, tmp_path):
    name, text = WRONG[hook["id"]]
    (tmp_path / name).write_text(text)
    assert run(hook, tmp_path / name).returncode != 0
    right = ROOT / ("docker/render.Dockerfile" if hook["id"] == "hadolint" else "pipelines/console/cli.py")
    assert run(hook, right).returncode == 0
