"""TensorBoard events where the package is installed; the same numbers as metrics.jsonl, which is the record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class MetricsWriter(Protocol):
    """Takes lines of metrics."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Add one line."""
        ...

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Add an (H, W) or (H, W, 3) picture."""
        ...


class _Nothing:
    def write(self, line: Mapping[str, Any]) -> None:
        """Leave it at metrics.jsonl."""

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Nowhere to show it."""


class _Events:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, line: Mapping[str, Any]) -> None:
        """One scalar for every number, those by factor as "reconstruction/azimuth"."""
        for name, value in line.items():
            scalars = {f"{name}/{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
            for tag, scalar in scalars.items():
                if scalar is not None:
                    self._writer.add_scalar(tag, scalar, line["step"])

    def picture(self, name: str, pixels: NDArray[np.uint8], step: int) -> None:
        """One image."""
        self._writer.add_image(name, pixels, step, dataformats="HW" if pixels.ndim == 2 else "HWC")


@contextmanager
def open_writer(directory: Path, first: int, *, enabled: bool) -> Iterator[MetricsWriter]:
    """A writer of events into `directory`, which hides older events of steps from `first` on."""
    writer = _summary_writer(directory, first) if enabled else None
    if writer is None:
        yield _Nothing()
        return
    try:
        yield _Events(writer)
    finally:
        writer.close()


def _summary_writer(directory: Path, first: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(directory), purge_step=first)
