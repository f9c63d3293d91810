"""Tasks in threads: all are done, or the first error ends the rest."""

import signal
import threading

import pytest

from pipelines.rendering.workers import Stopped, in_threads


def test_every_task_is_done():
    done = set()
    in_threads(3, range(50), lambda task, _: done.add(task))
    assert done == set(range(50))


def patient(check_cancelled):
    """As long as nobody says stop."""
    while True:
        check_cancelled()
        threading.Event().wait(0.01)


def test_the_first_error_stops_the_others_and_is_raised():
    begun, ended = [], []

    def work(task, check_cancelled):
        begun.append(task)
        if task == 1:
            raise OSError("no room")
        try:
            patient(check_cancelled)
        except Stopped:
            ended.append(task)
            raise

    with pytest.raises(OSError, match="no room"):
        in_threads(2, range(50), work)
    assert 1 in begun
    assert sorted([1, *ended]) == sorted(begun)
    assert len(begun) < 50


def test_an_interrupt_stops_all_at_their_next_step():
    def work(task, check_cancelled):
        if task == 1:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        patient(check_cancelled)

    with pytest.raises(KeyboardInterrupt):
        in_threads(2, range(4), work)


def test_an_interrupt_that_another_thread_gets_is_heard():
    """The kernel may hand a signal to any thread; Python's handler runs in the main one, once that wakes."""
    heard = []

    def work(task, check_cancelled):
        if task == 1:
            threading.Event().wait(0.3)  # until the main thread sleeps; if it does not yet, the test shows less
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        try:
            for _ in range(300):
                check_cancelled()
                threading.Event().wait(0.01)
        except Stopped:
            heard.append(task)

    with pytest.raises(KeyboardInterrupt):
        in_threads(2, range(2), work)
    assert sorted(heard) == [0, 1]
