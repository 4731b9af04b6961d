"""Processes that do something to a state database at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# the parent imports once what all of them need, and opens nothing; the children begin when the pipe is closed
FORK = """
import os, sys, traceback
begin, hold = os.pipe()
children = []
for index in range({count}):
    child = os.fork()
    if child == 0:
        os.close(hold)
        os.read(begin, 1)
        status = 1
        try:
            work(index)
            sys.stdout.flush()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    children.append(child)
os.close(hold)
sys.exit(max(os.waitpid(child, 0)[1] for child in children) and 1)
"""


def at_once(script: str, count: int, *arguments: str, cwd: Path) -> list[str]:
    """Run `work(index)`, which `script` defines, in `count` processes at once; each must end well. What they said."""
    done = subprocess.run(
        [sys.executable, "-c", script + FORK.format(count=count), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()
