"""torch: its threads, the GPUs that it sees in its own order, and what `auto` stands for here."""

from typing import Any

import torch

from train.device import resolve_device, resolve_precision


def look() -> dict[str, Any]:
    """Facts about torch."""
    device = resolve_device("auto")
    return {
        "--device auto": device,
        "--precision auto": resolve_precision("auto", device),
        "threads": torch.get_num_threads(),
        "CUDA": torch.version.cuda or "not in this torch",
        **{f"cuda:{k}": _describe(k) for k in range(torch.cuda.device_count())},
    }


def _describe(index: int) -> str:
    found = torch.cuda.get_device_properties(index)
    return f"{found.name}, {found.total_memory / 1e9:.0f} GB"
