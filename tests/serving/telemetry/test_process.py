"""A process lives until it ends, and no later one of the same id is taken for it."""

from __future__ import annotations

import os
import subprocess
import sys

from tabi.serving.telemetry.process import lives, start_of


def test_a_process_lives_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        start = start_of(process.pid)
        assert start > 0
        assert lives(process.pid, start)
        assert lives(process.pid, 0), "where the system tells no start, the id has to do"
        process.kill()
        process.wait()
        assert not lives(process.pid, start)
        assert not lives(process.pid, 0)


def test_another_process_of_the_same_id_is_not_taken_for_it() -> None:
    assert lives(os.getpid(), start_of(os.getpid()))
    assert not lives(os.getpid(), start_of(os.getpid()) - 1)


def test_a_process_of_somebody_else_lives_too() -> None:
    assert lives(1, start_of(1))
    assert lives(1, 0)
