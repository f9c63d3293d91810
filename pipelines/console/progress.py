"""Progress bars: counts with units, rate and time left. On a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Note(ProgressColumn):
    """What the task says of itself, where it says anything."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("note", "")))


class _Rate(ProgressColumn):
    """Units a second, over what this run has done (a resumed run starts from what was there)."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.unit}/s" if speed else f"- {self.unit}/s", style="progress.data.speed")


@contextmanager
def progress_bar(unit: str, *, shown: bool = True) -> Iterator[Progress]:
    """A bar on standard error; silent where that is not a terminal, or where it is not to be shown."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        _Note(),
    )
    with Progress(*columns, console=console, disable=not (shown and sys.stderr.isatty())) as progress:
        yield progress
