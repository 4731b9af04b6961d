from __future__ import annotations

import os
from pathlib import Path

from tabi.deploy.process import Process, start

ENVIRON = {"PATH": "/usr/bin:/bin"}


def is_alive(process: Process) -> bool:
    return process.alive


def test_a_process_is_started_alone_says_into_its_log_and_is_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    begun = start(["/bin/sh", "-c", "echo said; echo wrong >&2; exec sleep 60"], ENVIRON, log)
    try:
        assert begun.alive
        assert os.getsid(begun.pid) == begun.pid
        while log.read_text() != "said\nwrong\n":
            assert begun.alive
    finally:
        begun.kill(10)
    assert not is_alive(begun)
    assert log.stat().st_mode & 0o077 == 0


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    begun = start(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], ENVIRON, tmp_path / "log")
    while (tmp_path / "log").read_text() != "ready\n":
        assert begun.alive
    begun.kill(0.2)
    while begun.alive:
        pass


def test_a_number_that_another_process_has_by_now_is_not_it(tmp_path: Path) -> None:
    ourselves = Process(os.getpid(), 1)
    assert not ourselves.alive
    ourselves.kill(0)
