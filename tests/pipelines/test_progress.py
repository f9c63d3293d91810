"""Progress where there is no terminal: lines with counts, rate and the time left, at most one a minute."""

import pytest

from pipelines.console import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that each test moves."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(clock, capsys):
    """The lines that 500 of 1,000 images give, at ten seconds for every 20."""
    with progress.progress_bar("images") as bar:
        task = bar.add_task("Rendering", total=1000)
        for _ in range(25):
            bar.advance(task, 20)
            clock[0] += 10
    return capsys.readouterr().err.splitlines()


def test_a_log_gets_a_line_a_minute(lines):
    assert len(lines) == 4


def test_a_line_tells_count_rate_and_the_time_left(lines):
    assert lines[0] == "Rendering: 140 of 1,000 images, 2.0/s, 7 min left"
    assert lines[-1] == "Rendering: 500 of 1,000 images, 2.0/s, 4 min left"


def test_nothing_is_written_where_progress_is_not_shown(clock, capsys):
    with progress.progress_bar("images", shown=False) as bar:
        task = bar.add_task("Rendering", total=2)
        clock[0] += 1000
        bar.advance(task)
    assert capsys.readouterr().err == ""
