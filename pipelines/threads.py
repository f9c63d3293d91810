"""Tasks in threads, which stop between two steps when one fails or the run is interrupted."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
GoOn = Callable[[], None]
"""Called between two steps of a task; raises `Stopped` where it should not go on."""


class Stopped(Exception):  # noqa: N818 -- an event, not an error
    """The run was interrupted, or has failed elsewhere, while this task was being done; it is not complete."""


def in_threads(workers: int, tasks: Sequence[T], do: Callable[[T, GoOn], None]) -> None:
    """Do every task in one of so many threads.

    After an interrupt or a failed task, what has not begun is let go, and the rest is left at its next step; the
    first error is raised.
    """
    stop = threading.Event()

    def go_on() -> None:
        if stop.is_set():
            raise Stopped

    futures: list[Future[None]] = []
    with ThreadPoolExecutor(workers) as pool:
        try:
            futures += [pool.submit(do, task, go_on) for task in tasks]
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            if len(futures) < len(tasks) or not all(future.done() for future in futures):
                stop.set()
                pool.shutdown(cancel_futures=True)
    for future in futures:
        error = None if future.cancelled() else future.exception()
        if error is not None and not isinstance(error, Stopped):
            raise error
