"""System, processor and memory: what is there, and how much of it this process may use."""

import os
import platform
from typing import Any

from pipelines.console.limits import usable_cores, usable_memory, worker_count


def look() -> dict[str, Any]:
    """Facts about the machine."""
    cores, workers = f"{usable_cores():g} of {os.cpu_count()}", worker_count()
    return {
        "system": f"{platform.platform()}, Python {platform.python_version()}",
        "cores": f"{cores} may be used; --workers is {workers} unless it is given",
        "memory": f"{usable_memory() / 1e9:.1f} GB may be used",
    }
