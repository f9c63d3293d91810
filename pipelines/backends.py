"""The renderers that a store can name. A new one is a module in `render/` and a line in `BACKENDS`."""

from collections.abc import Callable
from typing import Any

from dataset.errors import StoreError
from dataset.store import Store
from render import CpuRenderer, Renderer
from render.gl.context import describe_platform
from render.scene import Color


def _pyrender(color: Color, samples: int, facts: dict[str, Any]) -> Renderer:
    from render.gl.backend import PyrenderRenderer

    return PyrenderRenderer(color, samples, facts["platform"])


BACKENDS: dict[str, Callable[[Color, int, dict[str, Any]], Renderer]] = {
    "cpu": lambda color, samples, _: CpuRenderer(color, samples),
    "pyrender": _pyrender,
}
"""Name to a function of color, samples and the store's `renderer` attribute."""


def describe_backend(name: str, color: Color, samples: int) -> dict[str, Any]:
    """What a new store says of its renderer. OpenGL is asked in another process: this one may yet fork."""
    cpu = CpuRenderer(color, samples)  # refuses impossible settings whatever the backend
    return describe_platform() if name == "pyrender" else cpu.describe()


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
    renderer = make(image["color"], image["samples"], facts)
    if renderer.describe() != facts:
        raise StoreError(
            f"{store.url} was drawn by {facts}, this is {renderer.describe()}; "
            "a store has one renderer: choose another --store"
        )
    return renderer


def needs_no_process(store: Store) -> bool:
    """Whether threads may share the renderer; an OpenGL context belongs to one thread of one process."""
    return store.spec.renderer.get("backend") == "cpu"
