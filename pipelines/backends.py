"""The renderers that a store can name. A new one is a module in `render/` and a line in `BACKENDS`."""

from collections.abc import Callable, Sequence
from typing import Any

from dataset.errors import StoreError
from dataset.store import Store
from render import CpuRenderer, Renderer
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


def describe_backend(name: str, color: Color, samples: int, channels: Sequence[str]) -> dict[str, Any]:
    """What a new store says of its renderer. OpenGL is asked in another process: this one may yet fork.

    Raises
    ------
    RenderError
        When the backend cannot draw that, or not on this machine.
    """
    cpu = CpuRenderer(color, samples, channels)  # refuses impossible settings whatever the backend
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
