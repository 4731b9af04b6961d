"""The thread that answers has short turns; what it starts has not."""

from __future__ import annotations

import subprocess
import sys

from tabi.serving.scheduling import TURN_NS

# in a process of its own: a thread keeps what it asked for
PROGRAM = """
import subprocess, sys
from tabi.serving.scheduling import ask_for_short_turns, turn_ns
before = turn_ns()
granted = ask_for_short_turns()
code = "from tabi.serving.scheduling import turn_ns; print(turn_ns())"
child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
print(granted, before, turn_ns(), child.stdout.strip())
"""


def test_turns_are_short_where_they_are_granted_and_as_before_where_not() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    granted, before, after, of_child = done.stdout.split()
    assert after == (str(TURN_NS) if granted == "True" else before)
    assert of_child == before
