"""The devices of EGL, in its own order, with their numbers in CUDA. No context is made.

EGL and CUDA count GPUs in orders of their own: where there are several, the first of one may be the third of the other.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from render.errors import RenderError

VENDOR, EXTENSIONS, RENDERER = 0x3053, 0x3055, 0x335F
CUDA_DEVICE = 0x323A
MOST_DEVICES = 64
ASK_SECONDS = 60
CHOSEN_BY = "EGL_DEVICE_ID"
"""Environment variable with the number of the device that pyrender renders on; 0 where it is not set."""


@dataclass(frozen=True)
class Device:
    """One device, as its driver describes it."""

    name: str
    """Name given by the driver, or its vendor, or `device`."""
    software: bool
    """True for Mesa's renderer on the CPU."""
    cuda: int | None
    """Its number among CUDA's devices, or None where it is none of them."""


def egl_devices() -> list[Device]:
    """Every device, in the order of `EGL_DEVICE_ID`. Queried in a process of its own, which a driver may crash.

    Raises
    ------
    RenderError
        When there is no EGL, or it cannot list devices; the message is the last line of the process's error output.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "render.gl.devices"],
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RenderError(f"EGL does not list its devices within {ASK_SECONDS} s") from None
    if done.returncode:
        errors = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RenderError(errors[-1])
    return [Device(**fields) for fields in json.loads(done.stdout)]


def chosen_device() -> int:
    """Number of the device that pyrender renders on.

    Raises
    ------
    RenderError
        When the environment names no number.
    """
    value = os.environ.get(CHOSEN_BY, "0")
    if not value.isdecimal():
        raise RenderError(f"expected the number of an EGL device in {CHOSEN_BY}, not {value!r}")
    return int(value)


def query_devices(egl: Any) -> list[Device]:
    """The devices of an EGL library.

    Parameters
    ----------
    egl : ctypes.CDLL
        With `eglGetProcAddress`, as every EGL has it.

    Raises
    ------
    RenderError
        When it lacks the extension that lists devices.
    """
    list_devices = _function(egl, "eglQueryDevicesEXT", ctypes.c_uint)
    if list_devices is None:
        raise RenderError("this EGL cannot list its devices (no EGL_EXT_device_enumeration)")
    handles, count = (ctypes.c_void_p * MOST_DEVICES)(), ctypes.c_int(0)
    if not list_devices(MOST_DEVICES, handles, ctypes.byref(count)):
        return []
    text = _function(egl, "eglQueryDeviceStringEXT", ctypes.c_char_p)
    number = _function(egl, "eglQueryDeviceAttribEXT", ctypes.c_uint)
    return [_describe(ctypes.c_void_p(handles[k]), text, number) for k in range(count.value)]


def _describe(handle: ctypes.c_void_p, text: Any, number: Any) -> Device:
    """One device. Properties that its extensions do not list are not queried: some drivers crash on them."""

    def string(attribute: int) -> str:
        answer = text(handle, attribute) if text is not None else None
        return answer.decode(errors="replace") if answer else ""

    has = string(EXTENSIONS).split()
    named = "EGL_EXT_device_query_name" in has
    name = (string(RENDERER) or string(VENDOR)) if named else ""
    cuda: int | None = None
    if "EGL_NV_device_cuda" in has and number is not None:
        value = ctypes.c_ssize_t(-1)
        if number(handle, CUDA_DEVICE, ctypes.byref(value)) and value.value >= 0:
            cuda, name = value.value, name or "NVIDIA"
    software = "EGL_MESA_device_software" in has
    return Device(name or ("Mesa" if software else "device"), software, cuda)


def _function(egl: Any, name: str, result: Any) -> Any:
    """An extension's function, or None."""
    find = egl.eglGetProcAddress
    find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    address = find(name.encode())
    # All arguments are pointers or integers: ctypes passes them as they come, handles as c_void_p.
    return ctypes.CFUNCTYPE(result)(address) if address else None


def main() -> None:
    """Print the devices as JSON; for `egl_devices`."""
    try:
        found = query_devices(ctypes.CDLL("libEGL.so.1"))
    except (OSError, RenderError) as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps([asdict(device) for device in found]))


if __name__ == "__main__":
    main()
