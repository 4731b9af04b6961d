"""Connections are no more than the operating system has descriptors for, beside what the server itself opens."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = "from tabi.serving.http.descriptors import room_for; print(room_for(8192))"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
@pytest.mark.parametrize(("allowed", "room"), [(64, 32), (256, 128), (1024, 896)])
def test_what_is_left_is_for_connections_and_never_nothing(allowed: int, room: int) -> None:
    command = ["bash", "-c", f'ulimit -n {allowed}; exec "$@"', "bash", sys.executable, "-c", PROGRAM]
    assert int(subprocess.run(command, capture_output=True, check=True).stdout) == room
