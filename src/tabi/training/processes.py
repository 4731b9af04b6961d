"""Whether the process that began something is still the one that runs under its number."""

from __future__ import annotations

import subprocess
from pathlib import Path


def start_of(pid: int) -> str:
    """When the process began, in the words of its system; empty if there is none. A zombie counts as none."""
    if not Path("/proc/self/stat").exists():
        return _start_by_ps(pid)
    try:
        # the name of the program stands in brackets and may hold anything, so count from behind it
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _start_by_ps(pid: int) -> str:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    state, _, started = subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition(" ")
    return "" if state.startswith("Z") else started.strip()
