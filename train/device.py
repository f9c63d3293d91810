"""Device and precision: "auto" is resolved once, and the result is stored in the configuration."""

import ctypes
import platform
from pathlib import Path

import torch
from torch import Tensor

from train.errors import ConfigError

PRECISIONS = ("float32", "bf16")
"""Types that convolutions can compute in."""
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""CPU flags with which bfloat16 convolutions are faster than float32; without them they are slower."""
_CPUINFO = Path("/proc/cpuinfo")


def cpu_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """The flags of the first CPU as Linux lists them; empty where there is no such list."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def resolve_device(device: str = "auto") -> str:
    """Resolve "auto" to "cuda" where torch finds a GPU, else to "cpu"; any other device is checked and returned.

    Raises
    ------
    ConfigError
        No such device here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N; got {device!r}") from error
    if wanted.type not in ("cpu", "cuda"):
        raise ConfigError(f"device must be auto, cpu, cuda or cuda:N; got {device!r}")
    if wanted.type == "cuda" and (wanted.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {device!r} is not available; torch finds {torch.cuda.device_count()} GPUs")
    return device


def resolve_precision(precision: str, device: str, cpuinfo: Path = _CPUINFO) -> str:
    """Resolve "auto" to "bf16" on a GPU and on CPUs with avx512_bf16 or amx_bf16, else to "float32".

    Raises
    ------
    ConfigError
        A precision other than auto, float32, bf16.
    """
    if precision == "auto":
        fast = torch.device(device).type == "cuda" or bool(BF16_FLAGS & cpu_flags(cpuinfo))
        return "bf16" if fast else "float32"
    if precision not in PRECISIONS:
        raise ConfigError(f"precision must be auto, {' or '.join(PRECISIONS)}; got {precision!r}")
    return precision


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device, without waiting for a GPU that is still busy with earlier work."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def copy_to(held: Tensor, tensor: Tensor) -> None:
    """Copy a tensor of the CPU into one on a device, without waiting."""
    held.copy_(tensor.pin_memory() if held.is_cuda else tensor, non_blocking=True)


def prepare(device: torch.device) -> None:
    """Prepare this process to train on a device; call it once, before anything is computed.

    A GPU becomes the current one and uses only kernels that give the same bits every time, so that a resumed run ends
    as a run without interruption. That costs a seventh of the speed (measured on an H200).
    """
    keep_freed_memory()
    if device.type == "cuda":
        torch.cuda.set_device(device.index or 0)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def keep_freed_memory() -> bool:
    """Make glibc reuse large freed blocks instead of returning them to the kernel; False where there is no glibc.

    Every step allocates the same few hundred megabytes. By default glibc maps and unmaps each large block, and the
    kernel zeroes every page again. Elsewhere (musl, macOS, Windows) nothing is done.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    no_mapped_blocks, trim_threshold = -4, -1
    return bool(mallopt(no_mapped_blocks, 0) and mallopt(trim_threshold, 2**31 - 1))
