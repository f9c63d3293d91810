"""The OpenGL of this machine: every candidate is tried in a process of its own, and every failure is reported.

PyOpenGL can be bound to one platform a process, so a candidate that fails would spoil the next: hence the probes.
"""

import os
import subprocess
import sys
from typing import Any

from render.errors import RenderError

CANDIDATES = {
    "egl": "a GPU's driver, or Mesa in software; on Debian: libegl1 libgl1 libgl1-mesa-dri",
    "osmesa": "Mesa in software without EGL; on Debian: libosmesa6",
}
"""OpenGL platform to what it needs, in the order of trial."""
PYRENDER_CHANNELS = ("mask", "depth")
"""Channels that the pyrender backend can render beside the image."""
PROBE = """
import sys
from render.gl.backend import OffscreenContext
print("renderer:", OffscreenContext(sys.argv[1]).renderer)
"""
PROBE_SECONDS = 60


def probe(platform: str) -> str:
    """The OpenGL renderer string of a platform, found in a fresh process.

    Raises
    ------
    RenderError
        When no context can be made; the message is the last line of the process's error output.
    """
    environment = {**os.environ, "PYOPENGL_PLATFORM": platform}
    try:
        done = subprocess.run(  # noqa: S603 -- this interpreter, a constant program, a name from the table above
            [sys.executable, "-P", "-c", PROBE, platform],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"expected an OpenGL context within {PROBE_SECONDS} s; the driver did not answer") from None
    for line in done.stdout.splitlines():
        if line.startswith("renderer: "):
            return line.removeprefix("renderer: ")
    errors = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    raise RenderError(errors[-1])


def describe_platform() -> dict[str, Any]:
    """The result of `PyrenderRenderer.describe`, without a context in this process.

    Raises
    ------
    RenderError
        When no platform works.
    """
    platform, renderer = choose_platform()
    return {"backend": "pyrender", "platform": platform, "gl_renderer": renderer}


def choose_platform() -> tuple[str, str]:
    """The first platform that works, and what its OpenGL calls itself.

    Raises
    ------
    RenderError
        When none does; every candidate is named with its reason.
    """
    failed = {}
    for platform in CANDIDATES:
        try:
            return platform, probe(platform)
        except RenderError as error:
            failed[platform] = error
    reasons = "; ".join(f"{name} ({CANDIDATES[name]}): {error}" for name, error in failed.items())
    raise RenderError(f"no OpenGL context could be made. {reasons}. The cpu backend needs none of them.")
