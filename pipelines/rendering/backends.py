"""The renderers that a store can name. A new one is a module in `render/` and an entry of `BACKENDS`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataset.errors import StoreError
from dataset.store import Store
from pipelines.rendering.settings import RenderSettings
from render import CpuRenderer, Renderer
from render.cpu.truth import check_channels
from render.errors import RenderError
from render.gl.context import PYRENDER_CHANNELS, describe_platform
from render.scene import Color


@dataclass(frozen=True)
class Backend:
    """One renderer that stores name."""

    make: Callable[[Color, int, Sequence[str], Mapping[str, Any]], Renderer]
    """A function of color, samples, channels and the `renderer` attribute of the store."""
    describe: Callable[[Color, int, Sequence[str]], dict[str, Any]]
    """The `renderer` attribute of a new store: exactly what `describe` of the renderer returns.

    It is called in a process that may yet fork, and raises RenderError where it cannot render those channels, or not on
    this machine."""
    most_samples: int
    """Most samples a side."""
    threads: bool
    """True where threads may share it; else every worker is a process."""


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


def describe_backend(settings: RenderSettings) -> dict[str, Any]:
    """The `renderer` attribute of a new store with these settings.

    Raises
    ------
    RenderError
        When the backend cannot render them, or not on this machine.
    """
    image = (settings.color, settings.samples, settings.channels)
    CpuRenderer(*image)  # refuses impossible settings for all backends
    backend, side = BACKENDS[settings.backend], settings.size * math.isqrt(settings.samples)
    if side > backend.most_samples:
        raise RenderError(
            f"{settings.size} pixels with {settings.samples} samples are {side} samples a side; "
            f"the {settings.backend} backend renders up to {backend.most_samples}"
        )
    return backend.describe(*image)


def store_renderer(store: Store) -> Renderer:
    """Make the renderer that a store was made with.

    Raises
    ------
    StoreError
        When it is unknown here, or this machine's would render other pixels.
    """
    image, facts = store.spec.image, dict(store.spec.renderer)
    backend = BACKENDS.get(str(facts.get("backend")))
    if backend is None:
        raise StoreError(f"{store.url} was rendered by {facts}; the renderers known here are {', '.join(BACKENDS)}")
    renderer = backend.make(image["color"], image["samples"], store.spec.channels, facts)
    if renderer.describe() != facts:
        raise StoreError(
            f"{store.url} was rendered by {facts}, this is {renderer.describe()}; "
            "a store has one renderer: choose another --store"
        )
    return renderer


def needs_no_process(store: Store) -> bool:
    """True where threads may share the renderer of a store."""
    backend = BACKENDS.get(str(store.spec.renderer.get("backend")))
    return backend is not None and backend.threads
