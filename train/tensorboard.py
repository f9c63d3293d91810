"""TensorBoard events where the package is installed; the same numbers as metrics.jsonl, which is the record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol


class MetricsWriter(Protocol):
    """Takes lines of metrics."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Add one line."""
        ...


class _Nothing:
    def write(self, line: Mapping[str, Any]) -> None:
        """Leave it at metrics.jsonl."""


class _Events:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, line: Mapping[str, Any]) -> None:
        """One scalar for every number, those by factor as "reconstruction/azimuth"."""
        for name, value in line.items():
            scalars = {f"{name}/{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
            for tag, scalar in scalars.items():
                self._writer.add_scalar(tag, scalar, line["step"])


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
