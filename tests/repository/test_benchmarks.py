"""Tests of the benchmarks, which otherwise run only by hand: one runs here, and the imports of all are checked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def output_of(*words):
    done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_training_step_is_compared_with_its_twin():
    printed = output_of(BENCHMARKS / "train_step.py", "--maps", 4, "--side", 48, "--repeats", 1)
    numbers = {line.split()[0]: line for line in printed.splitlines()}
    milliseconds = [float(re.search(r"([\d.]+) ms a step", numbers[name])[1]) for name in ("plain", "this")]
    assert all(0 < one < 60_000 for one in milliseconds)
    assert float(numbers["ratio"].split()[1]) == pytest.approx(milliseconds[0] / milliseconds[1], rel=0.5)
    assert re.search(r"waiting for the loader: [\d.]+% of the loop's time \(batches from memory\)", printed)


@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_every_benchmark_finds_what_it_imports(script):
    output_of("-c", f"import runpy, sys; sys.path.insert(0, {str(BENCHMARKS)!r}); runpy.run_path({str(script)!r})")
