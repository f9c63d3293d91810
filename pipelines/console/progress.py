"""Progress with counts, rate and remaining time: bars on a terminal, a line every minute elsewhere, as in log files."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Note(ProgressColumn):
    """Column with the `note` of a task, where it has one."""

    def render(self, task: Task) -> Text:
        return Text(str(task.fields.get("note", "")))


class _Rate(ProgressColumn):
    """Column with units a second, counting only what this run has done and not what it resumed from."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} {self.unit}/s" if speed else f"- {self.unit}/s", style="progress.data.speed")


class PlainProgress(Progress):
    """Writes a line on a task to standard error at most every `SECONDS`: what a log file shows instead of a bar."""

    SECONDS = 60.0

    def __init__(self, unit: str) -> None:
        super().__init__(disable=True)
        self._unit = unit
        self._begun: dict[TaskID, tuple[float, float]] = {}
        self._written = time.monotonic()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count, and write a line where the last one is old enough."""
        super().advance(task_id, advance)
        self._write(task_id)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Change a task, and write a line where the last one is old enough."""
        super().update(task_id, **changes)
        self._write(task_id)

    def _write(self, task_id: TaskID) -> None:
        task, now = self._tasks[task_id], time.monotonic()
        begun, before = self._begun.setdefault(task_id, (now, task.completed))
        if now - self._written < self.SECONDS:
            return
        self._written = now
        done, rate = task.completed, (task.completed - before) / max(now - begun, 1e-9)
        total = "" if task.total is None else f" of {task.total:,.0f}"
        left = f", {_minutes((task.total - done) / rate)} left" if task.total is not None and rate > 0 else ""
        click.echo(f"{task.description}: {done:,.0f}{total} {self._unit}, {rate:,.1f}/s{left}", err=True)


def _minutes(seconds: float) -> str:
    """A duration in words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


@contextmanager
def progress_bar(unit: str, *, shown: bool = True) -> Iterator[Progress]:
    """Show progress on standard error: a bar on a terminal, otherwise lines (`PlainProgress`).

    Parameters
    ----------
    unit : plural name of what is counted, for the rate: `images`
    shown : False for no progress at all
    """
    if shown and not sys.stderr.isatty():
        with PlainProgress(unit) as plain:
            yield plain
        return
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
    with Progress(*columns, console=console, disable=not shown) as progress:
        yield progress
