"""System, processor and memory: what is there, and how much of it this process may use."""

import os
import platform
from pathlib import Path
from typing import Any

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container or a job may use; other systems have no such folder."""


def look() -> dict[str, Any]:
    """Facts about the machine."""
    cores = os.cpu_count()
    return {
        "system": f"{platform.platform()}, Python {platform.python_version()}",
        "cores": f"{usable_cores():g} of {cores} may be used; --workers is {cores} unless it is given",
        "memory": f"{usable_memory() / 1e9:.1f} GB may be used",
    }


def usable_cores(cgroup: Path = CGROUP) -> float:
    """Cores that this process may use: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _line(cgroup / "cpu.max").partition(" ")
    return min(allowed, int(quota) / int(period)) if quota.isdecimal() and period.isdecimal() else allowed


def usable_memory(cgroup: Path = CGROUP) -> int:
    """Bytes of memory that this process may use."""
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    limit = _line(cgroup / "memory.max")
    return min(there, int(limit)) if limit.isdecimal() else there


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
