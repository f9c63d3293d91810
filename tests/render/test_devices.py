"""EGL's devices, asked of a library that answers as drivers do."""

import ctypes

import pytest

from render.errors import RenderError
from render.gl.devices import CUDA_DEVICE, EXTENSIONS, RENDERER, Device, egl_devices, query_devices


class FakeEgl:
    """Functions behind `eglGetProcAddress`, over a table of devices: extensions, name, number in CUDA."""

    def __init__(self, devices, without=()):
        self.devices, self.kept = devices, []
        pointer = ctypes.c_void_p
        makers = {
            "eglQueryDevicesEXT": ((ctypes.c_int, ctypes.POINTER(pointer), pointer), ctypes.c_uint, self.list),
            "eglQueryDeviceStringEXT": ((pointer, ctypes.c_int), ctypes.c_void_p, self.text),
            "eglQueryDeviceAttribEXT": ((pointer, ctypes.c_int, pointer), ctypes.c_uint, self.number),
        }
        self.functions = {
            name: ctypes.CFUNCTYPE(result, *arguments)(does)
            for name, (arguments, result, does) in makers.items()
            if name not in without
        }
        self.eglGetProcAddress = lambda name: self.address(name.decode())

    def address(self, name):
        function = self.functions.get(name)
        return function and ctypes.cast(function, ctypes.c_void_p).value

    def list(self, most, handles, count):
        for k in range(len(self.devices)):
            handles[k] = k + 1
        ctypes.c_int.from_address(count).value = len(self.devices)
        return 1

    def text(self, handle, what):
        extensions, name, _ = self.devices[handle - 1]
        said = extensions if what == EXTENSIONS else name if what == RENDERER else None
        if said is None:
            return None
        self.kept.append(ctypes.create_string_buffer(said.encode()))
        return ctypes.addressof(self.kept[-1])

    def number(self, handle, what, value):
        assert what == CUDA_DEVICE
        ctypes.c_ssize_t.from_address(value).value = self.devices[handle - 1][2]
        return 1


NVIDIA = "EGL_NV_device_cuda EGL_EXT_device_query_name"


def test_egl_and_cuda_count_in_orders_of_their_own():
    found = query_devices(
        FakeEgl([(NVIDIA, "NVIDIA H200", 1), ("EGL_NV_device_cuda", None, 0), ("EGL_MESA_device_software", None, 7)])
    )
    assert found == [
        Device("NVIDIA H200", software=False, cuda=1),
        Device("NVIDIA", software=False, cuda=0),
        Device("Mesa", software=True, cuda=None),
    ]


def test_no_device_is_no_error_and_no_extension_is_one():
    assert query_devices(FakeEgl([])) == []
    with pytest.raises(RenderError, match="cannot list its devices"):
        query_devices(FakeEgl([], without=["eglQueryDevicesEXT"]))


def test_a_driver_that_cannot_be_asked_for_numbers_still_has_names():
    (found,) = query_devices(FakeEgl([(NVIDIA, "NVIDIA H200", 0)], without=["eglQueryDeviceAttribEXT"]))
    assert found == Device("NVIDIA H200", software=False, cuda=None)


def test_the_egl_of_this_machine(missing):
    try:
        found = egl_devices()
    except RenderError as error:
        missing(f"an EGL that lists its devices ({error})")
    assert found
    assert all(device.name for device in found)
