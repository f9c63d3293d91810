"""A pool of worker processes that leaves it to the parent to speak of an interrupt."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class SpawnedPool(ProcessPoolExecutor):
    """Processes that begin afresh, and which Ctrl-C does not reach: a terminal sends it to every process."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers, get_context("spawn"), initializer=_ignore_interrupts)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As in the standard library; a worker that begins here gets no interrupt, not even while it is starting."""
        with _interrupts_held():
            return super().submit(fn, *args, **kwargs)

    def end(self) -> None:
        """End the workers, whatever they are at; what is not done fails.

        Cancel nothing before: the pool of Python 3.11 trips over cancelled futures when its workers die.
        """
        for process in [*(self._processes or {}).values()]:
            process.terminate()


def _ignore_interrupts() -> None:
    """In a worker, for Windows, where no signal can be held."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """An interrupt waits until the end; a process that begins meanwhile inherits the hold, and never lets go."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
