"""Worker processes: interrupts are none of theirs, and they can be ended."""

import signal
import time
from concurrent.futures import BrokenExecutor

import pytest

from pipelines.rendering.workers import SpawnedPool


def test_a_worker_is_not_interrupted_and_its_parent_still_is():
    with SpawnedPool(1) as pool:
        assert signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
        assert pool.submit(signal.raise_signal, signal.SIGINT).result() is None
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_workers_can_be_ended_in_the_middle_of_something():
    with SpawnedPool(2) as pool:
        assert pool.submit(abs, -1).result() == 1
        long = [pool.submit(time.sleep, 200) for _ in range(9)]
        asked = time.monotonic()
        pool.end()
    assert time.monotonic() - asked < 100
    assert all(isinstance(future.exception(), BrokenExecutor) for future in long)
