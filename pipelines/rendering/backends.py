"""The renderers that a store can name. A new one is a module in `render/` and an entry of `BACKENDS`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataset.errors import StoreError
from dataset.store import Store
from render import CpuRenderer, Renderer
from render.cpu.truth import check_channels
from render.errors import RenderError
from render.gl.context import PYRENDER_CHANNELS, describe_platform
from render.scene import Color


@dataclass(frozen=True)
class Backend:
    """One way to draw, as stores know it by its name."""

    make: Callable[[Color, int, Sequence[str], Mapping[str, Any]], Renderer]
    """A function of color, samples, channels and what the store says of its renderer."""
    describe: Callable[[Color, int, Sequence[str]], dict[str, Any]]
    """What a new store says of it: exactly what `describe` of the renderer will say. It is called in a process that may
    yet fork, and raises RenderError where it cannot draw those channels, or not on this machine."""
    most_samples: int
    """Samples a side that it draws."""
    threads: bool
    """Whether threads may share it; else every worker is a process."""


def _pyrender(color: Color, samples: int, channels: Sequence[str], facts: Mapping[str, Any]) -> Renderer:
    from render.gl.backend import PyrenderRenderer

    return PyrenderRenderer(color, samples, channels, facts["platform"])


def _describe_pyrender(_color: Color, _samples: int, channels: Sequence[str]) -> dict[str, Any]:
    """OpenGL is asked in another process: a fork after a context hangs."""
    check_channels(channels, PYRENDER_CHANNELS, "pyrender")
    return describe_platform()


BACKENDS = {
    "cpu": Backend(
        make=lambda color, samples, channels, _: CpuRenderer(color, samples, channels),
        describe=lambda color, samples, channels: CpuRenderer(color, samples, channels).describe(),
        most_samples=8192,  # for the sake of memory
        threads=True,
    ),
    # The largest framebuffer; and a context belongs to one thread of one process.
    "pyrender": Backend(make=_pyrender, describe=_describe_pyrender, most_samples=4096, threads=False),
}


def describe_backend(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a new store says of its renderer.

    `options` names backend, color, samples, channels and size.

    Raises
    ------
    RenderError
        When the backend cannot draw that, or not on this machine.
    """
    name, look = options["backend"], (options["color"], options["samples"], options["channels"])
    CpuRenderer(*look)  # refuses impossible settings for all backends
    side = options["size"] * math.isqrt(options["samples"])
    if side > BACKENDS[name].most_samples:
        raise RenderError(
            f"{options['size']} pixels with {options['samples']} samples are {side} samples a side; "
            f"the {name} backend draws up to {BACKENDS[name].most_samples}"
        )
    return BACKENDS[name].describe(*look)


def store_renderer(store: Store) -> Renderer:
    """The renderer that a store was made with.

    Raises
    ------
    StoreError
        When it is unknown here, or this machine's would draw other pixels.
    """
    image, facts = store.spec.image, dict(store.spec.renderer)
    backend = BACKENDS.get(str(facts.get("backend")))
    if backend is None:
        raise StoreError(f"{store.url} was drawn by {facts}; the renderers known here are {', '.join(BACKENDS)}")
    renderer = backend.make(image["color"], image["samples"], store.spec.channels, facts)
    if renderer.describe() != facts:
        raise StoreError(
            f"{store.url} was drawn by {facts}, this is {renderer.describe()}; "
            "a store has one renderer: choose another --store"
        )
    return renderer


def needs_no_process(store: Store) -> bool:
    """Whether threads may share the renderer."""
    backend = BACKENDS.get(str(store.spec.renderer.get("backend")))
    return backend is not None and backend.threads
