"""Measure the time to build the built-in head, and check that it has the same bytes whatever instructions build it.

    python benchmarks/head_builds.py

Each setting has a cache directory and a directory of compiled code of its own, both empty: the first process (cold)
compiles and builds, the second (warm) reads the caches of the first. The seconds are those of importing and opening
the model. "as found" is this shell's environment. Exits 1 when two hashes differ.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SETTINGS: dict[str, dict[str, str]] = {
    "as found": {},
    "NUMBA_CPU_NAME=generic": {"NUMBA_CPU_NAME": "generic"},
    "OPENBLAS_CORETYPE=Prescott": {"OPENBLAS_CORETYPE": "Prescott"},
    "OPENBLAS_CORETYPE=Haswell": {"OPENBLAS_CORETYPE": "Haswell"},
}
CHILD = """
import time
begun = time.perf_counter()
from render.content.head import procedural
model = procedural()
print(time.perf_counter() - begun, model.sha256, model.labels_sha256)
"""
# Landmarks and regions are not part of the model's hash, but they are stored with renders: both hashes have to agree.


def opened(setting: dict[str, str], folder: Path) -> tuple[float, tuple[str, str]]:
    """Seconds and hashes of the model, opened in a process of its own with all its caches under `folder`."""
    caches = {"XDG_CACHE_HOME": str(folder / "cache"), "NUMBA_CACHE_DIR": str(folder / "numba")}
    environment = {**os.environ, **caches, **setting, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    seconds, model, labels = done.stdout.split()
    return float(seconds), (model, labels)


def main() -> int:
    """Print one line for each setting; returns 1 if the hashes are not all the same."""
    for name in ("NUMBA_CPU_NAME", "OPENBLAS_CORETYPE"):
        print(f"{name} as found: {os.environ.get(name, 'not set')}")
    print(f"{'setting':28} {'model':12} {'cold':>7} {'warm':>7}")
    hashes = set()
    for name, setting in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            cold, built = opened(setting, Path(folder))
            if not list(Path(folder).glob("cache/dcign/head-*.bin")):
                raise SystemExit("the first process left no head in the cache directory; set a writable TMPDIR")
            warm, read = opened(setting, Path(folder))
        hashes |= {built, read}
        print(f"{name:28} {built[0][:12]} {cold:5.1f} s {warm:5.1f} s", flush=True)
    print("all the same" if len(hashes) == 1 else f"{len(hashes)} different models")
    return int(len(hashes) > 1)


if __name__ == "__main__":
    sys.exit(main())
