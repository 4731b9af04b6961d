"""Which processes live, told apart from later ones that were given the same id."""

from __future__ import annotations

import os
from pathlib import Path


def start_of(pid: int) -> int:
    """When a process started, in the system's own ticks; 0 where the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # the second field is the program's name in brackets, which may hold anything
    return int(stat.rpartition(b")")[2].split()[19])


def lives(pid: int, start: int) -> bool:
    """Whether the process that started then still runs."""
    if start:
        return start_of(pid) == start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
