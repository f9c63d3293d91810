"""Tasks in threads, which stop between two steps when one fails or the run is interrupted."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
WAKE_S = 0.2
"""Seconds after which the main thread looks up from waiting."""
CancelCheck = Callable[[], None]
"""Called between two steps of a task; raises `Stopped` where it should not go on."""


class Stopped(Exception):  # noqa: N818 -- an event, not an error
    """The run was interrupted, or has failed elsewhere, while this task was being done; it is not complete."""


def in_threads(workers: int, tasks: Sequence[T], do: Callable[[T, CancelCheck], None]) -> None:
    """Do every task in one of so many threads.

    After an interrupt or a failed task, what has not begun is let go, and the rest is left at its next step; the
    first error is raised.
    """
    stop = threading.Event()

    def check_cancelled() -> None:
        if stop.is_set():
            raise Stopped

    futures: list[Future[None]] = []
    with ThreadPoolExecutor(workers) as pool:
        try:
            futures += [pool.submit(do, task, check_cancelled) for task in tasks]
            any(future.exception() for future in as_done(futures))
        finally:
            if len(futures) < len(tasks) or not all(future.done() for future in futures):
                stop.set()
                pool.shutdown(cancel_futures=True)
    for future in futures:
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, Stopped):
            raise error


def as_done(futures: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """All futures, soon after they are done, one that failed at once.

    An interrupt that another thread gets, or that comes just before the main thread falls asleep, does not wake it:
    so it wakes by itself.
    """
    left = set(futures)
    while left:
        done, left = wait(left, timeout=WAKE_S, return_when=FIRST_EXCEPTION)
        yield from done
