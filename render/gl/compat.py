"""Compatibility of pyrender 0.1.45 and PyOpenGL 3.1.0 with today's numpy and with OSMesa.

pyrender pins that PyOpenGL and has seen no release since 2021; its maintained twin (pyrender2) needs none of this.
Every step looks first, so that nothing is done where nothing is missing. The only place that imports pyrender.
"""

import ctypes
import os
import sys
import types
from typing import Any

import numpy as np

OSMESA_CONSTANTS = {
    "OSMESA_DEPTH_BITS": 0x30,
    "OSMESA_PROFILE": 0x33,
    "OSMESA_CORE_PROFILE": 0x34,
    "OSMESA_CONTEXT_MAJOR_VERSION": 0x36,
    "OSMESA_CONTEXT_MINOR_VERSION": 0x37,
}


def import_pyrender(platform: str) -> Any:
    """The pyrender module, bound to an OpenGL platform: `egl` or `osmesa`.

    PyOpenGL chooses its platform when it is first imported and never again, so a process has one.
    """
    os.environ["PYOPENGL_PLATFORM"] = platform
    if not hasattr(np, "infty"):
        setattr(np, "infty", np.inf)  # noqa: B010 -- an assignment would be rewritten by the linter that bans the name
    if platform == "osmesa":
        _complete_osmesa()
    _leave_out_the_viewer()
    import pyrender

    return pyrender


def _leave_out_the_viewer() -> None:
    """Let pyrender do without its window, whose library (pyglet) wants a display's libraries when it is imported."""
    viewer = types.ModuleType("pyrender.viewer")
    viewer.Viewer = None  # type: ignore[attr-defined]
    sys.modules.setdefault(viewer.__name__, viewer)


def _complete_osmesa() -> None:
    """Give PyOpenGL's OSMesa module what came after it: core profiles, and contexts that can be dictionary keys."""
    from OpenGL import arrays, osmesa
    from OpenGL import platform as gl_platform
    from OpenGL.raw.osmesa import mesa

    context = mesa.OSMesaContext
    if context.__hash__ is None or context.__eq__ is object.__eq__:
        context.__hash__ = lambda self: hash(ctypes.cast(self, ctypes.c_void_p).value)
        context.__eq__ = lambda self, other: (
            ctypes.cast(self, ctypes.c_void_p).value == ctypes.cast(other, ctypes.c_void_p).value
        )
    if hasattr(osmesa, "OSMesaCreateContextAttribs"):
        return
    create = gl_platform.PLATFORM.OSMesa.OSMesaCreateContextAttribs
    create.argtypes = [ctypes.c_void_p, context]
    create.restype = context
    for name, value in OSMESA_CONSTANTS.items():
        if not hasattr(osmesa, name):
            setattr(osmesa, name, value)
    osmesa.OSMesaCreateContextAttribs = lambda attributes, share: create(
        arrays.GLintArray.dataPointer(attributes), share
    )
