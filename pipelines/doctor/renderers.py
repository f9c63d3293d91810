"""The renderers: whether they draw, and on what."""

import time
from typing import Any

import numpy as np

from pipelines.doctor import BAD
from pipelines.rendering.settings import RenderSettings
from render import Camera, CpuRenderer, Mesh, SceneBatch
from render.errors import RenderError
from render.gl.context import CANDIDATES, probe
from render.gl.devices import CHOSEN_BY, Device, chosen_device, egl_devices

SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swr ", "software")
"""Words in the names that OpenGL without a GPU gives itself."""


def look() -> dict[str, Any]:
    """What draws here: the CPU renderer, every OpenGL platform, and the devices that EGL could draw on."""
    facts = {"in use": f"{RenderSettings.backend}, unless --backend or a store says otherwise", "cpu": _draw()}
    platforms = {name: _opengl(name, needs) for name, needs in CANDIDATES.items()}
    working = [name for name, text in platforms.items() if not text.startswith("not here")]
    facts["pyrender"] = f"through {working[0]}" if working else "not here: it needs one of the OpenGL platforms below"
    return facts | platforms | _devices()


def _draw() -> str:
    """Draw a lit triangle, and look at a pixel of it and at one beside it."""
    corners = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], np.float32)
    facing, grey = np.tile(np.array([[0, 0, 1]], np.float32), (3, 1)), np.full((3, 3), 0.4, np.float32)
    triangle = Mesh(corners, facing, grey, np.array([[0, 1, 2]], np.int32))
    still = np.zeros(1, np.float32)
    views = SceneBatch((triangle,), np.zeros(1, np.int64), still, still, still, Camera(32, 32, (0, 0, 0), 8.0), 0.0)
    begun = time.perf_counter()
    image = CpuRenderer("grey").render(views).image[0]
    if (image[16, 16], image[0, 0]) != (102, 255):  # 0.4 of 255, and the background
        return f"{BAD}a triangle of grey 102 before 255 comes out as {image[16, 16]} before {image[0, 0]}"
    return f"draws (a triangle after {time.perf_counter() - begun:.1f} s, compiling included)"


def _opengl(platform: str, needs: str) -> str:
    """The renderer's own name, and whether that is a GPU; or why there is none."""
    try:
        name = probe(platform)
    except RenderError as error:
        return f"not here: {error} (needs {needs})"
    return f"{name}, {'in software' if is_software(name) else 'on a GPU'}"


def is_software(renderer: str) -> bool:
    """Whether an OpenGL renderer of this name draws without a GPU."""
    return any(word in renderer.lower() for word in SOFTWARE)


def _devices() -> dict[str, Any]:
    try:
        devices, chosen = egl_devices(), chosen_device()
    except RenderError as error:
        return {"EGL devices": f"none: {error}"}
    return {f"EGL device {k}": _describe(device, k == chosen) for k, device in enumerate(devices)}


def _describe(device: Device, chosen: bool) -> str:
    what = "software" if device.software else "no CUDA device" if device.cuda is None else f"CUDA device {device.cuda}"
    return f"{device.name}, {what}{f'; pyrender draws on it ({CHOSEN_BY})' if chosen else ''}"
