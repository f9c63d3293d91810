"""Cores and memory that this process may use; its container or its job may have less than the machine."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Folder in which Linux reports the limits of a container or a job; other systems have none."""


def usable_cores(cgroup: Path = CGROUP) -> float:
    """Number of cores that this process may use, by its affinity and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _line(cgroup / "cpu.max").partition(" ")
    return min(allowed, int(quota) / int(period)) if quota.isdecimal() and period.isdecimal() else allowed


def worker_count(cgroup: Path = CGROUP) -> int:
    """Number of threads for the usable cores: one a core, a fraction of a core counted whole."""
    return max(1, math.ceil(usable_cores(cgroup)))


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
