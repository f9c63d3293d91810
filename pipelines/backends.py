"""The renderers that a store can name. A new one is a module in `render/` and a line in `BACKENDS`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dataset.errors import StoreError
from dataset.store import Store
from render import CpuRenderer, Renderer
from render.errors import RenderError
from render.gl.context import PYRENDER_CHANNELS, describe_platform
from render.scene import Color
from render.truth import check_channels


def _pyrender(color: Color, samples: int, channels: Sequence[str], facts: dict[str, Any]) -> Renderer:
    from render.gl.backend import PyrenderRenderer

    return PyrenderRenderer(color, samples, channels, facts["platform"])


BACKENDS: dict[str, Callable[[Color, int, Sequence[str], dict[str, Any]], Renderer]] = {
    "cpu": lambda color, samples, channels, _: CpuRenderer(color, samples, channels),
    "pyrender": _pyrender,
}
"""Name to a function of color, samples, channels and the store's `renderer` attribute."""


MOST_SAMPLES = {"cpu": 8192, "pyrender": 4096}
"""Samples a side that a backend draws: memory for the CPU, the largest framebuffer for OpenGL."""


def describe_backend(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a new store says of its renderer. OpenGL is asked in another process: this one may yet fork.

    `options` names backend, color, samples, channels and size.

    Raises
    ------
    RenderError
        When the backend cannot draw that, or not on this machine.
    """
    name, channels = options["backend"], options["channels"]
    cpu = CpuRenderer(options["color"], options["samples"], channels)  # refuses impossible settings for all backends
    side = options["size"] * math.isqrt(options["samples"])
    if side > MOST_SAMPLES[name]:
        raise RenderError(
            f"{options['size']} pixels with {options['samples']} samples are {side} samples a side; "
            f"the {name} backend draws up to {MOST_SAMPLES[name]}"
        )
    if name == "cpu":
        return cpu.describe()
    check_channels(channels, PYRENDER_CHANNELS, name)
    return describe_platform()


def store_renderer(store: Store) -> Renderer:
    """The renderer that a store was made with.

    Raises
    ------
    StoreError
        When it is unknown here, or this machine's would draw other pixels.
    """
    image, facts = store.spec.image, dict(store.spec.renderer)
    make = BACKENDS.get(str(facts.get("backend")))
    if make is None:
        raise StoreError(f"{store.url} was drawn by {facts}; the renderers known here are {', '.join(BACKENDS)}")
    renderer = make(image["color"], image["samples"], store.spec.channels, facts)
    if renderer.describe() != facts:
        raise StoreError(
            f"{store.url} was drawn by {facts}, this is {renderer.describe()}; "
            "a store has one renderer: choose another --store"
        )
    return renderer


def needs_no_process(store: Store) -> bool:
    """Whether threads may share the renderer; an OpenGL context belongs to one thread of one process."""
    return store.spec.renderer.get("backend") == "cpu"
