"""Workers of a run: threads that stop between two steps, and processes whose parent alone handles interrupts."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
WAKE_S = 0.2
"""Seconds after which the waiting main thread wakes, so that it handles an interrupt."""
CancelCheck = Callable[[], None]
"""Called between two steps of a task; raises `Stopped` where the task should end."""


class Stopped(Exception):  # noqa: N818 -- an event, not an error
    """The run was interrupted, or has failed elsewhere, while this task was being done; it is not complete."""


def in_threads(workers: int, tasks: Sequence[T], do: Callable[[T, CancelCheck], None]) -> None:
    """Run every task in one of so many threads.

    After an interrupt or a failed task, tasks that have not begun are dropped, and the others end at their next step;
    the first error is raised.
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
    """Yield all futures soon after they are done; one that failed at once.

    An interrupt that another thread gets, or that comes just before the main thread falls asleep, does not wake it:
    therefore it wakes by itself.
    """
    left = set(futures)
    while left:
        done, left = wait(left, timeout=WAKE_S, return_when=FIRST_EXCEPTION)
        yield from done


class SpawnedPool(ProcessPoolExecutor):
    """Spawned processes that ignore Ctrl-C, which a terminal sends to every process."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, get_context("spawn"), initializer=_ignore_interrupts)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Submit a call; a worker process that starts here gets no interrupt, not even while it is starting."""
        with _interrupts_blocked():
            return super().submit(fn, *args, **kwargs)

    def end(self) -> None:
        """End the workers at once; calls that are not done fail.

        Cancel nothing before: the pool of Python 3.11 trips over cancelled futures when its workers die.
        """
        for process in [*(self._processes or {}).values()]:
            process.terminate()


def _ignore_interrupts() -> None:
    """Ignore interrupts, in a worker; for Windows, where no signal can be blocked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block interrupts until the end; a process that starts meanwhile inherits the block for good."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
